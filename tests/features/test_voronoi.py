"""Facts about Voronoi and radical polyhedra, and agreement with independent codes."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import freud
import multivoro
import numpy as np
import pytest
from ase.build import bulk
from lattices import KINDS, TILT, alloy, crystal
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.spatial.transform import Rotation

from zoo.errors import GlassError
from zoo.features import voronoi
from zoo.features.declaration import FloatArray, feature_sets
from zoo.features.kernels.tessellation import Tessellation, tessellate
from zoo.features.radii import RADII, radii_of
from zoo.glass import Glass

Compute = Callable[[Glass, tuple[str, ...]], FloatArray]


def with_void(glass: Glass) -> Glass:
    """Without the atoms within 3.2 Å of the middle of the cell: the cells around it need a longer search."""
    keep = np.linalg.norm(glass.positions - glass.cell.sum(axis=0) / 2, axis=1) > 3.2
    return Glass(glass.positions[keep], glass.species[keep], glass.cell)


def face_pairs(cells: Tessellation) -> tuple[np.ndarray, np.ndarray]:
    """Area and distance of all faces, sorted by the pair they belong to, seen from one side and the other."""
    distance = cells.distance.round(9)
    one = np.lexsort((distance, cells.neighbor, cells.center))
    other = np.lexsort((distance, cells.center, cells.neighbor))
    columns = np.column_stack([cells.area, cells.distance])
    return columns[one], columns[other]


def face_orders(cell: Any) -> list[int]:
    """Number of corners of each face, from the flat list (n, corner 1 ... corner n, n, ...)."""
    flat, orders = list(cell.get_face_vertices()), []
    while flat:
        orders.append(int(flat[0]))
        flat = flat[orders[-1] + 1 :]
    return orders


@pytest.mark.parametrize(("lattice", "index"), [("fcc", (0, 12, 0, 0)), ("bcc", (0, 6, 0, 8))])
def test_crystals_have_the_indices_of_the_textbook(lattice: str, index: tuple[int, ...]) -> None:
    assert (voronoi.voronoi_indices(tessellate(crystal(lattice))) == index).all()


@pytest.mark.parametrize(("lattice", "index"), [("fcc", (0, 12, 0, 0)), ("bcc", (0, 6, 0, 8))])
def test_displaced_crystals_keep_their_indices_without_tiny_faces_and_edges(
    lattice: str, index: tuple[int, ...]
) -> None:
    cells = tessellate(crystal(lattice, displacement=0.02), shortest_edge=0.3)
    assert (voronoi.voronoi_indices(cells) == index).all()


def test_an_fcc_corner_of_four_faces_splits_into_tiny_edges_or_tiny_faces() -> None:
    """Dropping the faces leaves 12 of them, but not with four edges each."""
    index = voronoi.voronoi_indices(tessellate(crystal("fcc", displacement=0.02)))
    assert (index[:, 1] < 12).all()
    assert (voronoi.describe_cells(tessellate(crystal("fcc", displacement=0.02)))[:, 4] == 12).all()


def test_a15_is_made_of_icosahedra_and_of_14_neighbour_polyhedra() -> None:
    """The Weaire-Phelan foam: 2 cells <0 0 12 0> and 6 cells <0 0 12 2>, both almost all five-fold."""
    quarter = np.array([[0, 0, 0], [2, 2, 2], [1, 0, 2], [3, 0, 2], [2, 1, 0], [2, 3, 0], [0, 2, 1], [0, 2, 3]])
    steps = np.array(list(itertools.product(range(3), repeat=3)))
    positions = (quarter / 4 + steps[:, None]).reshape(-1, 3) * 4.6
    glass = Glass(positions, ["Cu", "Cu", *["Zr"] * 6] * 27, np.eye(3) * 3 * 4.6)
    index = voronoi.voronoi_indices(tessellate(glass))
    small = glass.species == "Cu"
    assert (index[small] == (0, 0, 12, 0)).all()
    assert (index[~small] == (0, 0, 12, 2)).all()
    names = [column.name for column in voronoi.columns(KINDS)]
    table = voronoi.compute(glass, KINDS)
    np.testing.assert_array_equal(table[:, names.index("is_icosahedron")], small)
    assert table[:, names.index("is_icosahedron_like")].all()
    np.testing.assert_allclose(table[~small, names.index("five_fold_fraction")], 12 / 14, rtol=1e-6)


def test_the_fcc_cell_is_a_rhombic_dodecahedron() -> None:
    table = voronoi.compute(crystal("fcc"), KINDS)
    values = dict(zip((column.name for column in voronoi.columns(KINDS)), table[0], strict=True))
    edge = 3.6 * np.sqrt(3) / 4
    assert values["volume"] == pytest.approx(3.6**3 / 4, rel=1e-6)
    assert values["surface_area"] == pytest.approx(8 * np.sqrt(2) * edge**2, rel=1e-6)
    assert values["face_area_mean"] == pytest.approx(values["surface_area"] / 12, rel=1e-6)
    assert values["face_area_std"] == pytest.approx(0, abs=1e-5)
    assert values["sphericity"] == pytest.approx((np.pi / (3 * np.sqrt(2))) ** (1 / 3), rel=1e-6)
    assert values["coordination"] == 12
    assert values["five_fold_fraction"] == 0


@pytest.mark.parametrize("void", [False, True], ids=["dense", "void"])
@pytest.mark.parametrize("tilt", [None, TILT], ids=["orthogonal", "triclinic"])
@pytest.mark.parametrize("radical", [False, True], ids=["plain", "radical"])
def test_cells_fill_space_and_share_their_faces(radical: bool, tilt: np.ndarray | None, void: bool) -> None:
    glass = with_void(alloy(tilt)) if void else alloy(tilt)
    cells = tessellate(glass, radii_of(glass) if radical else None)
    assert cells.volume.sum() == pytest.approx(glass.volume, rel=1e-12)
    seen, seen_from_behind = face_pairs(cells)
    np.testing.assert_allclose(seen, seen_from_behind, atol=1e-9)


def test_large_spheres_far_away_cut_into_small_cells() -> None:
    """Radii so different that farther neighbours cut more than nearer ones, and some cells are empty."""
    glass = alloy()
    cells = tessellate(glass, np.random.default_rng(5).choice([0.0, 2.8], len(glass), p=[0.9, 0.1]))
    assert 0 < (cells.volume == 0).sum() < 250
    assert cells.volume.sum() == pytest.approx(glass.volume, rel=1e-12)
    seen, seen_from_behind = face_pairs(cells)
    np.testing.assert_allclose(seen, seen_from_behind, atol=1e-9)


def test_corners_of_many_faces_are_no_obstacle() -> None:
    """A simple cubic lattice with a third of its sites empty, and two radii."""
    rng = np.random.default_rng(6)
    sites = np.array(list(itertools.product(range(12), repeat=3)))
    positions = 2.5 * rng.permutation(sites)[: 2 * len(sites) // 3]
    glass = Glass(positions, ["Cu"] * len(positions), [30.0] * 3)
    for radii in (None, rng.choice([0.5, 1.0], len(glass))):
        cells = tessellate(glass, radii)
        assert cells.volume.sum() == pytest.approx(glass.volume, rel=1e-12)
        seen, seen_from_behind = face_pairs(cells)
        np.testing.assert_allclose(seen, seen_from_behind, atol=1e-9)


def test_equal_radii_give_the_plain_tessellation() -> None:
    glass = alloy()
    plain, radical = tessellate(glass), tessellate(glass, np.full(len(glass), 1.3))
    np.testing.assert_array_equal(plain.neighbor, radical.neighbor)
    np.testing.assert_array_equal(plain.n_edges, radical.n_edges)
    np.testing.assert_allclose(plain.area, radical.area, atol=1e-12)
    np.testing.assert_allclose(plain.volume, radical.volume, rtol=1e-12)


def test_a_larger_radius_gives_a_larger_cell() -> None:
    glass = alloy()
    large = glass.species == "Zr"
    change = tessellate(glass, radii_of(glass)).volume - tessellate(glass).volume
    assert change[large].min() > 0 > change[~large].max()


@pytest.mark.parametrize("compute", [voronoi.compute, voronoi.compute_radical], ids=["plain", "radical"])
def test_rotation_translation_and_order_change_nothing(compute: Compute) -> None:
    glass = alloy(TILT)
    table = compute(glass, KINDS)
    turn = Rotation.random(random_state=3).as_matrix()
    order = np.random.default_rng(4).permutation(len(glass))
    moved = Glass((glass.positions @ turn + [7.0, -30.0, 2.5])[order], glass.species[order], glass.cell @ turn)
    np.testing.assert_allclose(compute(moved, KINDS), table[order], rtol=1e-5, atol=1e-5)


def test_freud_finds_the_same_cells() -> None:
    """freud works in single precision: only faces that it can resolve are compared."""
    glass = alloy()
    cells = tessellate(glass)
    box = freud.box.Box.from_matrix(glass.cell.T)
    other = freud.locality.Voronoi()
    other.compute((box, box.wrap(glass.positions - glass.cell.sum(axis=0) / 2)))
    np.testing.assert_allclose(other.volumes, cells.volume, rtol=1e-5)
    neighbors = np.asarray(other.nlist)
    clear, clear_in_other = cells.area > 0.01, other.nlist.weights > 0.01
    one = np.lexsort((cells.neighbor[clear], cells.center[clear]))
    two = np.lexsort((neighbors[clear_in_other, 1], neighbors[clear_in_other, 0]))
    np.testing.assert_array_equal(cells.center[clear][one], neighbors[clear_in_other][two, 0])
    np.testing.assert_array_equal(cells.neighbor[clear][one], neighbors[clear_in_other][two, 1])
    np.testing.assert_allclose(cells.area[clear][one], other.nlist.weights[clear_in_other][two], atol=1e-4)


@pytest.mark.parametrize("kind", ["plain", "radical"])
def test_ovito_finds_the_same_indices_and_volumes(kind: str) -> None:
    stored = json.loads((Path(__file__).parent / "reference" / "ovito_voronoi.json").read_text())
    species = [{"C": "Cu", "Z": "Zr"}[letter] for letter in stored["species"]]
    glass = Glass(stored["positions"], species, [stored["cell"]] * 3)
    assert stored["radii"] == {name: RADII[name] for name in ("Cu", "Zr")}
    cells = tessellate(glass, radii_of(glass) if kind == "radical" else None)
    np.testing.assert_array_equal(voronoi.voronoi_indices(cells, 0.0), stored[kind])
    np.testing.assert_array_equal(voronoi.voronoi_indices(cells), stored[f"{kind}_large"])
    np.testing.assert_allclose(cells.volume, stored[f"volume_{kind}"], atol=1e-5)


@pytest.mark.parametrize("void", [False, True], ids=["dense", "void"])
@pytest.mark.parametrize("radical", [False, True], ids=["plain", "radical"])
def test_multivoro_finds_the_same_faces_edges_and_volumes(radical: bool, void: bool) -> None:
    glass = with_void(alloy()) if void else alloy()
    radii = radii_of(glass) if radical else np.ones(len(glass))
    cells = tessellate(glass, radii)
    size = np.diag(glass.cell)
    others = multivoro.compute_voronoi(
        glass.positions % size,
        limits=np.array([np.zeros(3), size]),
        periodic_boundaries=(True, True, True),
        radii=radii,
    )
    for i, other in enumerate(others):
        row = slice(cells.start[i], cells.start[i + 1])
        assert sorted(zip(cells.neighbor[row], cells.n_edges[row], strict=True)) == sorted(
            zip(other.get_neighbors(), face_orders(other), strict=True)
        )
        assert cells.volume[i] == pytest.approx(ConvexHull(other.get_vertices()).volume, rel=1e-9)


@pytest.mark.parametrize("tilt", [None, TILT], ids=["orthogonal", "triclinic"])
def test_radical_volumes_are_those_of_intersected_half_spaces(tilt: np.ndarray | None) -> None:
    glass = alloy(tilt)
    radii = radii_of(glass)
    cells = tessellate(glass, radii)
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ glass.cell
    images = (glass.positions + shifts[:, None]).reshape(-1, 3)
    image_radii = np.tile(radii, len(shifts))
    for i in range(0, len(glass), 25):
        vector = images - glass.positions[i]
        squared = (vector**2).sum(axis=1)
        near = (squared > 0) & (squared < 8.0**2)
        offset = (squared[near] + radii[i] ** 2 - image_radii[near] ** 2) / 2
        corners = HalfspaceIntersection(np.column_stack([vector[near], -offset]), np.zeros(3)).intersections
        hull = ConvexHull(corners)
        row = slice(cells.start[i], cells.start[i + 1])
        assert cells.volume[i] == pytest.approx(hull.volume, rel=1e-9)
        assert cells.area[row].sum() == pytest.approx(hull.area, rel=1e-9)


def test_an_atom_swallowed_by_a_large_one_has_an_empty_cell() -> None:
    host = crystal("fcc")
    glass = Glass(np.vstack([host.positions, [0.3, 0.0, 0.0]]), [*host.species, "Cu"], host.cell)
    radii = np.array([*[1.28] * len(host), 0.1])
    cells = tessellate(glass, radii)
    assert cells.volume[-1] == 0
    assert cells.start[-1] == cells.start[-2]
    np.testing.assert_allclose(cells.volume[:-1], 3.6**3 / 4, rtol=1e-9)
    assert (voronoi.describe_cells(cells)[-1] == 0).all()


def test_small_faces_are_dropped_from_the_counts_only() -> None:
    cells = tessellate(alloy())
    table = voronoi.describe_cells(cells)
    names = [column.name for column in voronoi.columns(KINDS)]
    surface = np.bincount(cells.center, cells.area)
    large = np.bincount(cells.center, cells.area >= 0.01 * surface[cells.center])
    assert large.sum() < len(cells.area)
    np.testing.assert_array_equal(table[:, names.index("coordination")], large)
    np.testing.assert_allclose(table[:, names.index("surface_area")], surface, rtol=1e-6)
    np.testing.assert_array_equal(
        voronoi.voronoi_indices(cells, 0.0).sum(axis=1), np.bincount(cells.center, cells.n_edges <= 6)
    )


@pytest.mark.parametrize("name", ["voronoi", "voronoi-radical"])
def test_the_table_has_a_finite_float_per_declared_column(name: str) -> None:
    declared = feature_sets[name]
    glass = alloy()
    assert declared.declines(glass) is None
    table = cast(Compute, declared.compute)(glass, KINDS)
    assert table.dtype == np.float32
    assert table.shape == (len(glass), len(declared.columns(KINDS)))
    assert np.isfinite(table).all()


def test_what_has_no_cells_is_declined_with_a_reason() -> None:
    flat = Glass(np.random.default_rng(0).random((20, 2)) * 10, ["A"] * 20, [10, 10])
    dimer = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    surface = Glass(dimer, ["Cu", "Cu"], [9, 9, 9], periodic=[True, True, False])
    model = Glass(dimer, ["A", "B"], [9, 9, 9])
    assert "3D" in (feature_sets["voronoi"].declines(flat) or "")
    assert "periodic" in (feature_sets["voronoi"].declines(surface) or "")
    assert feature_sets["voronoi"].declines(model) is None
    radical = feature_sets["voronoi-radical"]
    assert "radius is known for A, B: give chemical symbols" in (radical.declines(model) or "")  # B is no boron there
    assert "radius is known for He: give" in (radical.declines(Glass(dimer, ["Cu", "He"], [9, 9, 9])) or "")
    assert "3D" in (radical.declines(flat) or "")
    with pytest.raises(GlassError, match="3D glass, got 2D"):
        tessellate(flat)
    with pytest.raises(GlassError, match="periodic in all directions"):
        tessellate(surface)


def test_an_atom_may_share_faces_with_its_own_images() -> None:
    cells = tessellate(Glass.from_ase(bulk("Cu", a=3.6)))
    assert (cells.neighbor == 0).all()
    assert len(cells.neighbor) == 12
    assert cells.volume[0] == pytest.approx(3.6**3 / 4, rel=1e-12)


def test_radii_that_do_not_fit_are_refused() -> None:
    glass = crystal("fcc")
    with pytest.raises(GlassError, match=r"each of the 500 atoms, got shape \(2,\)"):
        tessellate(glass, np.array([1.28, 1.6]))
    with pytest.raises(GlassError, match=r"atom 7 .* nan Å"):
        tessellate(glass, np.where(np.arange(500) == 7, np.nan, 1.28))


def atoms_of(species: list[str], **fields: Any) -> Glass:
    return Glass(np.arange(3.0 * len(species)).reshape(-1, 3), species, [90, 90, 90], fields=fields)


def test_radii_order_species_as_chemists_do() -> None:
    small_to_large = ["C", "B", "P", "Si", "Be", "Cu", "Al", "Nb", "Mg", "Sm", "La"]
    assert (np.diff(radii_of(atoms_of(small_to_large))) > 0).all()
    np.testing.assert_array_equal(radii_of(atoms_of(["Zr", "Cu", "Zr"])), [1.58, 1.26, 1.58])
    with pytest.raises(GlassError, match="A, Cu, Xx has none: give chemical symbols as species, --radius"):
        radii_of(atoms_of(["Xx", "Cu", "A"]))


def test_a_glass_may_bring_its_own_radii() -> None:
    model = atoms_of(["A", "B"], radius=([1.0, 0.88], "Å"))
    np.testing.assert_array_equal(radii_of(model), [1.0, 0.88])
    assert feature_sets["voronoi-radical"].declines(model) is None
    with pytest.raises(GlassError, match="positive radius in Å"):
        radii_of(atoms_of(["A", "B"], radius=([1.0, 0.88], "nm")))


def test_declaring_voronoi_needs_no_compiler() -> None:
    code = "import sys, zoo.features.voronoi; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
