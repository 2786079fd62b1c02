"""Coded checks of data sets: leaks, repeated rows, noisy labels, structures that are no glass, gaps in the card."""
