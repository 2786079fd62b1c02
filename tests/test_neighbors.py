"""The neighbour list against vesin, against brute force, and what it refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import vesin
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import CutoffError, GlassError
from zoo.glass import Glass
from zoo.neighbors import NeighborList, build_pairs, embed_in_3d, find_neighbors, neighbor_batches, require_cutoff_fits

Pair = tuple[int, ...]


@st.composite
def gases(draw: st.DrawFn) -> Glass:
    """Random atoms, some outside the cell and some on its faces, in a random cell, periodic or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cell = np.diag(rng.uniform(6, 15, 3)) + draw(st.sampled_from([0.0, 1.0, 4.0])) * rng.uniform(-1, 1, (3, 3))
    fractional = rng.uniform(-1.5, 2.5, (draw(st.integers(1, 150)), 3))
    fractional[rng.random(fractional.shape) < 0.1] = 1.0
    periodic = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return Glass(fractional @ cell, ["A"] * len(fractional), cell, periodic)


def as_set(neighbors: NeighborList) -> set[Pair]:
    """(atom, neighbour, three cell shifts) of all pairs, none of which may be there twice."""
    rows = np.column_stack([neighbors.center, neighbors.index, neighbors.image]).tolist()
    pairs = {tuple(row) for row in rows}
    assert len(pairs) == len(rows)
    return pairs


def pairs_of(glass: Glass, cutoff: float, half: bool = False) -> NeighborList:
    """Without the checks of ``find_neighbors``, so that atoms of a gas may overlap."""
    positions, cell, periodic = embed_in_3d(glass)
    return build_pairs(positions, np.zeros(len(glass), np.int32), cell, periodic, np.full((1, 1), cutoff), half)


def brute_force(glass: Glass, cutoff: float) -> set[Pair]:
    """All pairs of images up to three cells away from the wrapped positions."""
    positions, cell, periodic = embed_in_3d(glass)
    home = np.where(periodic, np.floor(positions @ np.linalg.inv(cell)), 0).astype(int)
    wrapped = positions - home @ cell
    found = set()
    for turn in itertools.product(*[range(-3, 4) if p else (0,) for p in periodic]):
        apart = wrapped + np.array(turn) @ cell - wrapped[:, None]
        for i, j in zip(*np.nonzero((apart**2).sum(axis=-1) < cutoff**2), strict=True):
            if i != j or any(turn):
                found.add((int(i), int(j), *(np.array(turn) + home[i] - home[j]).tolist()))
    return found


@given(gases(), st.floats(0.5, 6.0))
def test_pairs_are_those_of_brute_force_whatever_is_periodic(glass: Glass, cutoff: float) -> None:
    assert as_set(pairs_of(glass, cutoff)) == brute_force(glass, cutoff)


@given(gases(), st.floats(0.5, 6.0))
def test_vectors_lead_to_the_image_that_is_named(glass: Glass, cutoff: float) -> None:
    neighbors = pairs_of(glass, cutoff)
    there = glass.positions[neighbors.index] + neighbors.image @ glass.cell
    np.testing.assert_allclose(neighbors.vector, there - glass.positions[neighbors.center], atol=1e-12)
    assert (neighbors.distance < cutoff).all()


@given(gases(), st.floats(0.5, 6.0))
def test_a_half_list_has_each_pair_from_one_side(glass: Glass, cutoff: float) -> None:
    whole, half = as_set(pairs_of(glass, cutoff)), as_set(pairs_of(glass, cutoff, half=True))
    mirrored = {(j, i, -a, -b, -c) for i, j, a, b, c in half}
    assert half | mirrored == whole
    assert not half & mirrored


@given(gases(), st.floats(1.0, 5.0))
def test_vesin_finds_the_same_in_periodic_cells(glass: Glass, cutoff: float) -> None:
    glass = Glass(glass.positions, glass.species, glass.cell)
    other = vesin.NeighborList(cutoff=cutoff, full_list=True)
    i, j, shift = other.compute(points=glass.positions, box=glass.cell, periodic=True, quantities="ijS")
    assert as_set(pairs_of(glass, cutoff)) == {
        tuple(row) for row in np.column_stack([i, j, shift]).astype(int).tolist()
    }


@pytest.mark.parametrize("cutoff", [3.8, 8.0])
@pytest.mark.parametrize("which", ["glass", "triclinic"])
def test_vesin_finds_the_same_in_a_glass(which: str, cutoff: float, request: pytest.FixtureRequest) -> None:
    glass: Glass = request.getfixturevalue(which)
    other = vesin.NeighborList(cutoff=cutoff, full_list=True)
    i, j, distance = other.compute(points=glass.positions, box=glass.cell, periodic=True, quantities="ijd")
    neighbors = find_neighbors(glass, cutoff)
    one, two = np.lexsort((neighbors.index, neighbors.center)), np.lexsort((j, i))
    np.testing.assert_array_equal(neighbors.center[one], i[two])
    np.testing.assert_array_equal(neighbors.index[one], j[two])
    np.testing.assert_allclose(neighbors.distance[one], distance[two], atol=1e-12)


def test_a_triangular_lattice_in_2d_has_six_neighbours() -> None:
    n = 8
    cell = np.array([[n, 0.0], [n / 2, n * np.sqrt(3) / 2]])
    grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).reshape(-1, 2) / n
    neighbors = find_neighbors(Glass(grid @ cell, ["A"] * n * n, cell), 1.1)
    assert (neighbors.counts == 6).all()
    np.testing.assert_allclose(neighbors.distance, 1)
    assert (neighbors.vector[:, 2] == 0).all()


def test_a_cutoff_per_pair_of_species_keeps_only_those_pairs(glass: Glass) -> None:
    kind = glass.species_index(("Cu", "Zr"))
    cutoffs = np.array([[2.5, 3.0], [3.0, 3.5]])
    pairs = build_pairs(glass.positions, kind, glass.cell, glass.periodic, cutoffs, half=False)
    whole = find_neighbors(glass, 3.5)
    keep = whole.distance < cutoffs[kind[whole.center], kind[whole.index]]
    assert as_set(pairs) == {
        tuple(row) for row in np.column_stack([whole.center, whole.index, whole.image])[keep].tolist()
    }


def test_an_open_glass_is_as_good_as_one_in_a_huge_cell(glass: Glass) -> None:
    opened = Glass(glass.positions, glass.species, glass.cell, periodic=False)
    lonely = Glass(glass.positions, glass.species, glass.cell + 100 * np.eye(3))
    one, two = find_neighbors(opened, 5.0), find_neighbors(lonely, 5.0)
    np.testing.assert_array_equal(one.counts, two.counts)
    assert one.counts.sum() < find_neighbors(glass, 5.0).counts.sum()


@pytest.mark.parametrize("shape", ["plane", "line"])
def test_open_atoms_may_lie_in_one_plane_or_line(shape: str) -> None:
    positions = np.random.default_rng(0).random((60, 3)) * 10
    positions[:, 2] = 4.0
    if shape == "line":
        positions[:, 1] = -7.0
    glass = Glass(positions, ["A"] * 60, [10, 10, 10], periodic=False)
    assert as_set(pairs_of(glass, 2.0)) == brute_force(glass, 2.0)


def test_a_dense_corner_of_a_large_empty_cell_is_searched_whole() -> None:
    """Far more pairs than the density of the cell lets expect."""
    positions = np.random.default_rng(0).random((120, 3)) * 3
    glass = Glass(positions, ["A"] * 120, [400.0] * 3)
    assert as_set(pairs_of(glass, 2.9)) == brute_force(glass, 2.9)


def test_the_same_glass_gives_the_same_order(glass: Glass) -> None:
    one, two = find_neighbors(glass, 5.0), find_neighbors(glass, 5.0)
    np.testing.assert_array_equal(one.vector, two.vector)
    assert (np.diff(one.center) >= 0).all()


@pytest.mark.parametrize(
    ("cutoff", "sentence"),
    [
        (
            30.0,
            r"one of 30 Å holds 6,5\d\d and reaches over 1: check the unit .* an atom is far",
        ),
        (0.0, "positive number of Å, got 0"),
        (-1.0, "positive number of Å, got -1"),
        (float("nan"), "positive number of Å, got nan"),
        (float("inf"), "positive number of Å, got inf"),
    ],
)
def test_a_cutoff_that_makes_no_sense_is_refused(glass: Glass, cutoff: float, sentence: str) -> None:
    with pytest.raises(CutoffError, match=sentence):
        find_neighbors(glass, cutoff)


def test_the_height_counts_not_the_length_of_the_cell_vectors() -> None:
    """A cell of 12 Å sheared by 60°: its vectors are long, its layers 6 Å apart along x."""
    cell = np.array([[12.0, 0, 0], [12 * np.sqrt(3), 12.0, 0], [0, 0, 12.0]])
    glass = Glass([[1.0, 1.0, 1.0]], ["A"], cell)
    with pytest.raises(CutoffError, match=r"got 3.1 Å in a cell that allows 3.00 Å: use a larger glass"):
        require_cutoff_fits(glass, 3.1)
    opened = Glass(glass.positions, ["A"], cell, periodic=[False, True, True])
    require_cutoff_fits(opened, 5.9)
    assert find_neighbors(opened, 5.9).counts.sum() == 0


def test_atoms_on_top_of_each_other_are_named() -> None:
    positions = [[0.0, 0.0, 0.0], [5.0, 5.0, 5.0], [3.0, 0.0, 0.0], [5.0, 5.0, 15.01]]
    glass = Glass(positions, ["Cu"] * 4, [10.0, 10.0, 10.0])
    with pytest.raises(GlassError, match=r"atoms 1 and 3 \(counted from 0\) are 0.01 Å .* remove the duplicate"):
        find_neighbors(glass, 3.0)


def test_batches_are_rows_of_the_whole_list() -> None:
    rng = np.random.default_rng(0)
    glass = Glass(rng.uniform(0, 12, (60, 3)), ["A"] * 60, np.eye(3) * 12)
    whole = find_neighbors(glass, 4.0)
    seen: list[int] = []
    for batch, near in neighbor_batches(glass, 4.0, size=7):
        for row, atom in enumerate(batch):
            part = slice(near.start[row], near.start[row + 1])
            of_atom = slice(whole.start[atom], whole.start[atom + 1])
            np.testing.assert_array_equal(near.index[part], whole.index[of_atom])
            np.testing.assert_array_equal(near.vector[part], whole.vector[of_atom])
        seen += batch.tolist()
    assert sorted(seen) == list(range(60))
