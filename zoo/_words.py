"""Counts, quantities and lists in words."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """``3 glasses``, ``1 row``."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def quantity(value: float, unit: str) -> str:
    """``0.014 ε``; a dimensionless one without its 1."""
    return f"{value:.3g}" if unit == "1" else f"{value:.3g} {unit}"


def some(names: list[str], shown: int = 3) -> str:
    """The first few names and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
