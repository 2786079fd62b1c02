"""Submissions: what others send, run without trust."""
