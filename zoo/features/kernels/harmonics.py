"""Spherical harmonics summed over the bonds of every atom, and their rotation invariants; compiled by numba.

A sum of harmonics is kept for m >= 0 only, as two real numbers, at place ``l (l + 1) / 2 + m``: for real weights, the
ones with negative m are their complex conjugates times (-1)^m.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit

Floats = NDArray[np.float64]
SMALLEST = 1e-12
"""Sum of squares of harmonics below which they are 0 by symmetry, and their normalised cube is noise."""


class Recurrence(NamedTuple):
    """Factors of the recurrence over l of normalised Legendre functions, at the place of (l, m)."""

    diagonal: Floats  # (largest + 1,): value at l = m over sin^m
    ahead: Floats  # (places,): factor of z times the one before
    back: Floats  # (places,): factor of the one before that


@cache
def recurrence(largest: int) -> Recurrence:
    """For l up to ``largest``, with the Condon-Shortley phase.

    References
    ----------
    Press et al., Numerical Recipes, 3rd ed., section 6.7.1.
    """
    diagonal = np.empty(largest + 1)
    diagonal[0] = math.sqrt(0.25 / math.pi)
    for m in range(1, largest + 1):
        diagonal[m] = -diagonal[m - 1] * math.sqrt((2 * m + 1) / (2 * m))
    places = (largest + 1) * (largest + 2) // 2
    ahead, back = np.zeros(places), np.zeros(places)
    for m in range(largest + 1):
        for degree in range(m + 1, largest + 1):
            at = degree * (degree + 1) // 2 + m
            square = degree * degree - m * m
            ahead[at] = math.sqrt((4 * degree * degree - 1) / square)
            back[at] = math.sqrt((2 * degree + 1) * ((degree - 1) ** 2 - m * m) / (max(2 * degree - 3, 1) * square))
    return Recurrence(diagonal, ahead, back)


@njit(cache=True)
def sum_harmonics(start, vector, weight, table: Recurrence):
    """Weighted mean of the spherical harmonics of every atom's bonds.

    Parameters
    ----------
    start : (n + 1,), vector : (m, 3), weight : (m,), in compressed rows
    table : factors up to the largest l

    Returns
    -------
    (n, places, 2) float64: real and imaginary parts; zeros for an atom without bonds
    """
    n, largest = len(start) - 1, len(table.diagonal) - 1
    sums = np.zeros((n, len(table.ahead), 2))
    diagonal, ahead, back = table.diagonal, table.ahead, table.back
    for i in range(n):
        total = 0.0
        for q in range(start[i], start[i + 1]):
            total += weight[q]
        for q in range(start[i], start[i + 1]):
            x, y, z = vector[q, 0], vector[q, 1], vector[q, 2]
            per_r = 1.0 / math.sqrt(x * x + y * y + z * z)
            x, y, z = x * per_r, y * per_r, z * per_r
            real, imaginary = weight[q] / total, 0.0
            for m in range(largest + 1):
                before, legendre = 0.0, diagonal[m]
                for degree in range(m, largest + 1):
                    at = degree * (degree + 1) // 2 + m
                    if degree > m:
                        before, legendre = legendre, ahead[at] * z * legendre - back[at] * before
                    sums[i, at, 0] += legendre * real
                    sums[i, at, 1] += legendre * imaginary
                real, imaginary = real * x - imaginary * y, real * y + imaginary * x
    return sums


@njit(cache=True)
def average_over_neighbors(start, index, sums):
    """Mean of each atom's own sums and those of its neighbours, same shape."""
    averaged = sums.copy()
    n, places, _ = sums.shape
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            j = index[q]
            for at in range(places):
                averaged[i, at, 0] += sums[j, at, 0]
                averaged[i, at, 1] += sums[j, at, 1]
        averaged[i] /= start[i + 1] - start[i] + 1
    return averaged


@njit(cache=True)
def second_order(sums, degrees):
    """``q_l = sqrt(4π / (2 l + 1) Σ_m |q_lm|²)`` for each of ``degrees``, shape (n, n_degrees)."""
    n = len(sums)
    invariants = np.empty((n, len(degrees)))
    for k in range(len(degrees)):
        degree = degrees[k]
        first = degree * (degree + 1) // 2
        for i in range(n):
            invariants[i, k] = math.sqrt(4 * math.pi / (2 * degree + 1) * _squared(sums, i, first, degree))
    return invariants


@njit(cache=True)
def _squared(sums, i, first, degree):
    """Sum over all m of the squared moduli."""
    total = sums[i, first, 0] ** 2
    for m in range(1, degree + 1):
        total += 2.0 * (sums[i, first + m, 0] ** 2 + sums[i, first + m, 1] ** 2)
    return total


class Triples(NamedTuple):
    """Terms of the third-order invariant of one l: m1 >= m2 >= m3 adding up to 0, each once."""

    m: NDArray[np.int64]  # (terms, 3)
    factor: Floats  # (terms,): Wigner 3j symbol times the number of orders of the three


@cache
def triples(degree: int) -> Triples:
    """For one even l; the invariant of an odd one is 0."""
    m, factor = [], []
    for a in range(degree, -1, -1):
        for b in range(a, -degree - 1, -1):
            c = -a - b
            if not -degree <= c <= b:
                continue
            orders = 6 if a != b != c else 1 if a == b == c else 3
            m.append((a, b, c))
            factor.append(orders * wigner_3j(degree, a, b))
    return Triples(np.array(m, np.int64), np.array(factor))


def wigner_3j(degree: int, m1: int, m2: int) -> float:
    """Symbol (l l l; m1 m2 -m1-m2) by Racah's formula, its alternating sum in exact fractions."""
    f, m3 = math.factorial, -m1 - m2
    total = sum(
        Fraction((-1) ** k, f(k) * f(degree - k) * f(degree - m1 - k) * f(degree + m2 - k) * f(m1 + k) * f(k - m2))
        for k in range(max(0, -m1, m2), min(degree, degree - m1, degree + m2) + 1)
    )
    squared = Fraction(f(degree) ** 3, f(3 * degree + 1))
    for m in (m1, m2, m3):
        squared *= f(degree - m) * f(degree + m)
    sign = -1.0 if m3 % 2 else 1.0
    return sign * float(total) * math.sqrt(squared)


@njit(cache=True)
def third_order(sums, degree, table: Triples):
    """``w_l = Σ (3j) q_lm1 q_lm2 q_lm3 / (Σ_m |q_lm|²)^(3/2)``, shape (n,); 0 where q_l is 0."""
    n = len(sums)
    first = degree * (degree + 1) // 2
    invariant = np.zeros(n)
    real, imaginary = np.empty(2 * degree + 1), np.empty(2 * degree + 1)
    for i in range(n):
        squared = _squared(sums, i, first, degree)
        if squared < SMALLEST:
            continue
        for m in range(degree + 1):
            sign = 1 - 2 * (m & 1)
            real[degree + m], imaginary[degree + m] = sums[i, first + m, 0], sums[i, first + m, 1]
            real[degree - m], imaginary[degree - m] = sign * sums[i, first + m, 0], -sign * sums[i, first + m, 1]
        total = 0.0
        for k in range(len(table.factor)):
            a, b, c = table.m[k, 0] + degree, table.m[k, 1] + degree, table.m[k, 2] + degree
            x = real[a] * real[b] - imaginary[a] * imaginary[b]
            y = real[a] * imaginary[b] + imaginary[a] * real[b]
            total += table.factor[k] * (x * real[c] - y * imaginary[c])
        invariant[i] = total / squared**1.5
    return invariant
