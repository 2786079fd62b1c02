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
from numba import types
from numba.extending import intrinsic

from zoo._compiled import njit

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
    phi : (n_rows, n_columns) float64
        Is added to. The numbers of a row lie together: a leaf adds to several columns of a few rows.

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
    share = np.zeros(MOST_COLUMNS, np.float64)
    amount = np.empty(MOST_COLUMNS, np.float64)
    used = np.empty(MOST_COLUMNS, np.uint32)
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
            goes_left = node == left[parent]
            column, border, above = feature[parent], threshold[parent], level - 1
            bit = _bit_of(column, path, n_path, level)
            if bit < 0:
                return False
            mask = one << np.uint64(bit)
            _ask_background(background[column], border, goes_left, mask, needed[above], needed[level], fulfil)
            from_above = rows[above], start[above], broken[above], alive[above]
            into = rows[level], start[level], broken[level], alive[level]
            n_groups[level] = _split_groups(
                x[column], border, goes_left, mask, fulfil, n_groups[above], from_above, into, aside
            )
            if n_groups[level] == 0:
                continue
        if left[node] >= 0:
            stack_node[top], stack_level[top], stack_parent[top] = right[node], level + 1, node
            stack_node[top + 1], stack_level[top + 1], stack_parent[top + 1] = left[node], level + 1, node
            top += 2
            continue
        _count_alike(needed[level], times, first)
        leaf = value[node] / n_background
        for group in range(n_groups[level]):
            touched = _share_out(broken[level, group], alive[level, group], needed[level], times, first, shares, share)
            n_used = 0
            while touched:
                k = _lowest(touched)
                touched &= touched - one
                used[n_used] = path[k]
                amount[n_used] = leaf * share[k]
                share[k] = 0.0
                n_used += 1
            for place in range(start[level, group], start[level, group + 1]):
                row = np.uint32(rows[level, place])
                for k in range(n_used):
                    phi[row, used[k]] += amount[k]
    return True


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _bit_of(column, path, n_path, level):  # type: ignore[no-untyped-def]
    """Place of a column among those of the path, which it joins if it is new; -1 if there is no room."""
    n_path[level] = n_path[level - 1]
    for k in range(n_path[level]):
        if path[k] == column:
            return k
    if n_path[level] == len(path):
        return -1
    path[n_path[level]] = column
    n_path[level] += 1
    return n_path[level] - 1


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _ask_background(values, border, goes_left, mask, before, needed, fulfil):  # type: ignore[no-untyped-def]
    """N of each background row after one more condition; ``fulfil``: bits of the rows that do not break its column."""
    fulfil[:] = 0
    for z in range(len(values)):
        needed[z] = before[z]
        if (values[z] <= border) != goes_left:
            needed[z] |= mask
        if not needed[z] & mask:
            fulfil[z >> 6] |= np.uint64(1) << np.uint64(z & 63)


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _split_groups(values, border, goes_left, mask, fulfil, n_above, above, below, aside):  # type: ignore[no-untyped-def]
    """Groups after one more condition, their number; those for which no background row counts any more are dropped."""
    rows_above, start_above, broken_above, alive_above = above
    rows, start, broken, alive = below
    at, groups = 0, 0
    start[0] = 0
    for group in range(n_above):
        some, others = False, 0
        for word in range(len(fulfil)):
            some |= (alive_above[group, word] & fulfil[word]) != 0
        if broken_above[group] & mask:  # it stays one group, which has broken the column before
            if not some:
                continue
            for place in range(start_above[group], start_above[group + 1]):
                aside[others] = rows_above[place]
                others += 1
        else:
            before = at
            for place in range(start_above[group], start_above[group + 1]):
                row = np.uint32(rows_above[place])
                if (values[row] <= border) == goes_left:
                    rows[at] = row
                    at += 1
                else:
                    aside[others] = row
                    others += 1
            if at > before:
                broken[groups] = broken_above[group]
                for word in range(len(fulfil)):
                    alive[groups, word] = alive_above[group, word]
                groups += 1
                start[groups] = at
        if others and some:
            for place in range(others):
                rows[at + place] = aside[place]
            at += others
            broken[groups] = broken_above[group] | mask
            for word in range(len(fulfil)):
                alive[groups, word] = alive_above[group, word] & fulfil[word]
            groups += 1
            start[groups] = at
    return groups


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _share_out(broken, alive, needed, times, first, shares, share):  # type: ignore[no-untyped-def]
    """Add to ``share``, which is zero, those of the columns of a path in the value of its leaf, over the background
    rows that count; the set of these columns.
    """
    one = np.uint64(1)
    touched = broken
    against, m = 0.0, _count(broken)
    for word in range(len(alive)):
        left_over = alive[word] & first[word]
        while left_over:
            z = np.uint64(64 * word + _lowest(left_over))
            left_over &= left_over - one
            needs = needed[z]
            n_needs = _count(needs)
            if m:
                against += times[z] * shares[m, n_needs]
            part = times[z] * shares[n_needs, m] if n_needs else 0.0
            touched |= needs
            while needs:
                share[_lowest(needs)] += part
                needs &= needs - one
    while broken:
        share[_lowest(broken)] = -against
        broken &= broken - one
    return touched


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
