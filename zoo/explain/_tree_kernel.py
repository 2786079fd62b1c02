"""Interventional Shapley values of a decision tree, for many rows and many background rows at once.

For a row x, a background row z and a leaf, let V be the columns of the leaf's path whose conditions x breaks and N
those that z breaks. The leaf counts only if V and N have no column in common; then every column of N gets
``(|N|-1)! |V|! / (|N|+|V|)!`` of the leaf's value, every column of V minus ``|N|! (|V|-1)! / (|N|+|V|)!``.

So rows with the same V share one sum. The walk below goes down a tree with rows in groups of the same V, each with the
set (bits) of background rows that still count for it; a group without any is dropped, and so is everything below.

References
----------
Lundberg et al., Nat. Mach. Intell. 2, 56 (2020): the values of one pair of rows and one leaf. Nadel & Wettenstein,
arXiv:2511.09376 (2025): sums over whole backgrounds by patterns of conditions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

MOST_COLUMNS = 64
"""Different columns on one path: one bit of a mask each."""

SHARES = np.array(
    [
        [math.factorial(max(n - 1, 0)) * math.factorial(m) / math.factorial(n + m) for m in range(MOST_COLUMNS + 1)]
        for n in range(MOST_COLUMNS + 1)
    ]
)
"""``[n, m]``: share of a leaf's value for a column that only the row fulfils, of n such columns beside m others."""


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _count(context: Any, bits: Any) -> Any:
    """How many bits are set."""
    return types.int64(types.uint64), lambda context, builder, signature, given: builder.ctpop(given[0])


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _lowest(context: Any, bits: Any) -> Any:
    """Place of the lowest bit that is set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def add_tree(left, feature, threshold, right, value, depth, x, background, shares, phi):  # type: ignore[no-untyped-def]
    """Add the values of one tree.

    Parameters
    ----------
    left, right : (n_nodes,) int32, negative at a leaf
    feature : (n_nodes,) int32
    threshold : (n_nodes,) float64
        A row goes left if its value is not above.
    value : (n_nodes,) float64
        Of leaves; subtrees with zeros only are skipped.
    depth : int
    x : (n_columns, n_rows) float64, background : (n_columns, n_background) float64
    shares : ``SHARES``
    phi : (n_columns, n_rows) float64
        Is added to.

    Returns
    -------
    bool
        False if a path has more than 64 different columns; ``phi`` is then not to be used.
    """
    one = np.uint64(1)
    n, n_background = x.shape[1], background.shape[1]
    n_words = (n_background + 63) // 64
    levels = depth + 2
    rows = np.empty((levels, n), np.int32)
    start = np.empty((levels, n + 1), np.int32)
    broken = np.empty((levels, n), np.uint64)  # V of each group
    alive = np.empty((levels, n, n_words), np.uint64)
    n_groups = np.zeros(levels, np.int64)
    needed = np.zeros((levels, n_background), np.uint64)  # N of each background row
    path = np.empty(MOST_COLUMNS, np.int32)
    n_path = np.zeros(levels, np.int64)
    fulfil = np.empty(n_words, np.uint64)
    aside = np.empty(n, np.int32)
    times = np.empty(n_background, np.float64)
    first = np.empty(n_words, np.uint64)
    share = np.empty(MOST_COLUMNS, np.float64)
    useful = _useful_nodes(left, right, value)

    rows[0] = np.arange(n)
    start[0, 0], start[0, 1] = 0, n
    broken[0, 0] = 0
    n_groups[0] = 1
    for word in range(n_words):
        in_word = min(64, n_background - 64 * word)
        alive[0, 0, word] = ~np.uint64(0) >> np.uint64(64 - in_word)

    stack_node = np.empty(2 * levels + 2, np.int32)
    stack_level = np.empty(2 * levels + 2, np.int32)
    stack_parent = np.empty(2 * levels + 2, np.int32)
    stack_node[0], stack_level[0], stack_parent[0] = 0, 0, -1
    top = 1
    while top:
        top -= 1
        node, level, parent = stack_node[top], stack_level[top], stack_parent[top]
        if not useful[node]:
            continue
        if parent >= 0:
            column, border, goes_left = feature[parent], threshold[parent], node == left[parent]
            above = level - 1
            bit = -1
            for k in range(n_path[above]):
                if path[k] == column:
                    bit = k
            n_path[level] = n_path[above]
            if bit < 0:
                bit = n_path[above]
                if bit == MOST_COLUMNS:
                    return False
                path[bit] = column
                n_path[level] += 1
            mask = one << np.uint64(bit)
            fulfil[:] = 0
            for z in range(n_background):
                needs = needed[above, z]
                if (background[column, z] <= border) != goes_left:
                    needs |= mask
                needed[level, z] = needs
                if not needs & mask:
                    fulfil[z >> 6] |= one << np.uint64(z & 63)
            at, groups = 0, 0
            for group in range(n_groups[above]):
                begin, end = start[above, group], start[above, group + 1]
                some = False
                for word in range(n_words):
                    some |= (alive[above, group, word] & fulfil[word]) != 0
                if broken[above, group] & mask:
                    if not some:
                        continue
                    rows[level, at : at + end - begin] = rows[above, begin:end]
                    at += end - begin
                    broken[level, groups] = broken[above, group]
                    for word in range(n_words):
                        alive[level, groups, word] = alive[above, group, word] & fulfil[word]
                    groups += 1
                    start[level, groups] = at
                    continue
                others, before = 0, at
                for place in range(begin, end):
                    row = rows[above, place]
                    if (x[column, row] <= border) == goes_left:
                        rows[level, at] = row
                        at += 1
                    else:
                        aside[others] = row
                        others += 1
                if at > before:
                    broken[level, groups] = broken[above, group]
                    for word in range(n_words):
                        alive[level, groups, word] = alive[above, group, word]
                    start[level, groups] = before
                    groups += 1
                    start[level, groups] = at
                if others and some:
                    rows[level, at : at + others] = aside[:others]
                    broken[level, groups] = broken[above, group] | mask
                    for word in range(n_words):
                        alive[level, groups, word] = alive[above, group, word] & fulfil[word]
                    start[level, groups] = at
                    at += others
                    groups += 1
                    start[level, groups] = at
            start[level, 0] = 0
            n_groups[level] = groups
            if groups == 0:
                continue
        if left[node] >= 0:
            stack_node[top], stack_level[top], stack_parent[top] = right[node], level + 1, node
            stack_node[top + 1], stack_level[top + 1], stack_parent[top + 1] = left[node], level + 1, node
            top += 2
            continue
        _count_alike(needed[level], times, first)
        for group in range(n_groups[level]):
            v = broken[level, group]
            m = _count(v)
            n_columns = n_path[level]
            share[:n_columns] = 0.0
            against = 0.0
            for word in range(n_words):
                left_over = alive[level, group, word] & first[word]
                while left_over:
                    z = 64 * word + _lowest(left_over)
                    left_over &= left_over - one
                    needs = needed[level, z]
                    n_needs = _count(needs)
                    if n_needs:
                        part = times[z] * shares[n_needs, m]
                        while needs:
                            share[_lowest(needs)] += part
                            needs &= needs - one
                    if m:
                        against += times[z] * shares[m, n_needs]
            while v:
                share[_lowest(v)] = -against
                v &= v - one
            begin, end = start[level, group], start[level, group + 1]
            for k in range(n_columns):
                part = share[k] * value[node] / n_background
                if part != 0.0:
                    for place in range(begin, end):
                        phi[path[k], rows[level, place]] += part
    return True


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _useful_nodes(left, right, value):  # type: ignore[no-untyped-def]
    """Nodes with a leaf below them whose value is not zero; children come after their parents."""
    useful = np.zeros(len(left), np.bool_)
    for node in range(len(left) - 1, -1, -1):
        useful[node] = value[node] != 0.0 if left[node] < 0 else useful[left[node]] or useful[right[node]]
    return useful


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count_alike(needed, times, first):  # type: ignore[no-untyped-def]
    """Background rows that need the same columns: marked is the first of them, with their number."""
    size = 64
    while size < 2 * len(needed):
        size *= 2
    table = np.full(size, -1, np.int32)
    first[:] = 0
    for z in range(len(needed)):
        key = needed[z]
        place = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & (size - 1)
        while table[place] >= 0 and needed[table[place]] != key:
            place = (place + 1) & (size - 1)
        if table[place] < 0:
            table[place] = z
            times[z] = 1.0
            first[z >> 6] |= np.uint64(1) << np.uint64(z & 63)
        else:
            times[table[place]] += 1.0


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def sum_of_leaves(left, right, feature, threshold, value, x, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (n_rows,) the value of the leaf that each row of ``x`` (n_columns, n_rows) falls into."""
    for row in range(x.shape[1]):
        node = 0
        while left[node] >= 0:
            node = left[node] if x[feature[node], row] <= threshold[node] else right[node]
        out[row] += value[node]
