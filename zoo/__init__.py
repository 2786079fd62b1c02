"""Benchmarks of descriptors and models that predict atomic rearrangements in glasses."""
