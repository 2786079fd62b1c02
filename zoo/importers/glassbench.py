"""A user's own copy of GlassBench (Zenodo 10118191, 6 GB, CC-BY-4.0), read without unpacking it.

What is documented, by the archive's own scripts and by people who read its arrays:

- ``KA_models/T0.44.tar.gz`` (also 0.50, 0.56, 0.64) and ``KA2D_models/T0.23.tar.gz`` (also 0.30) hold one npz for each
  structure, ``T0.44/train/N4096T0.44_1.npz`` and so on, ``train`` and ``test``; 4,096 or 1,290 particles;
- keys ``types``, ``initial_positions``, ``initial_positions_inherent``, ``initial_positions_cage`` (of some of them),
  ``md_prop`` and ``bb_prop`` of shape (times, particles): propensities of displacement and of bond breaking;
- the box is not in these files: 3D (N/1.2)^(1/3), 2D 32.8962, in σ; positions run from -L/2 to L/2.

What is inferred: that the smallest number among ``types`` is that of species A (3,277 of 4,096; 600 of 1,290), that
``bb_prop`` is the part of the neighbours that stay, between 0 and 1, and that propensities of all particles are given.
Each is checked when a file is read. This reader was written without a copy of the archive at hand and has not been run
on the real files.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.card import ColumnCard
from zoo.datasets.readers import KOB_ANDERSEN_DENSITY, Arrays, array_of, require_within
from zoo.errors import FileFormatError
from zoo.formats.npz import BROKEN
from zoo.glass import Glass
from zoo.importers.folder import Import, Target

EDGE_2D = 32.8962
"""σ; of the 1,290 particles in 2D, as the archive's README states."""

MEMBER = re.compile(r"(?:.*/)?(train|test)/N(\d+)T([\d.]+)_(\d+)\.npz")
SYSTEMS = {4096: ("KA", 3, "AB", 3277), 1290: ("KA2D", 2, "ABC", 600)}
"""Of each number of particles: name of the system, dimension, species, number of A particles."""

LARGEST_MEMBER = 2**26
"""Bytes; a structure has about 1 MB."""

LICENSE = "CC-BY-4.0"
CITATIONS = {
    "KA": "Jung et al., Roadmap on machine learning glassy dynamics, arXiv:2311.14752 (2023), data set GlassBench; "
    "Shiba, Hanai, Suzumura & Shimokawabe, J. Chem. Phys. 158, 084503 (2023)",
    "KA2D": "Jung et al., Roadmap on machine learning glassy dynamics, arXiv:2311.14752 (2023), data set GlassBench; "
    "Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023)",
}

Positions = Literal["inherent", "thermal"]
KEYS: dict[str, str] = {"inherent": "initial_positions_inherent", "thermal": "initial_positions"}


def import_glassbench(
    source: Path, positions: Positions = "inherent", most: int = 20, length_scale: float = 2.5
) -> Import:
    """Read structures of one temperature.

    Parameters
    ----------
    source : Path
        ``T0.44.tar.gz`` as it is in the archive, or the folder that it unpacks to.
    positions : {"inherent", "thermal"}
        Minimised positions, or those of the liquid.
    most : int
        Structures to take, in the order of their numbers.
    length_scale : float, Å
        For σ: descriptors have grids in Å. Propensities stay in σ.

    Returns
    -------
    Import
        Targets ``propensity_k`` (σ) and ``bond_breaking_k`` for each time index k.

    Raises
    ------
    FileFormatError
        The source is missing or damaged, or a structure is not laid out as documented.
    """
    glasses: dict[str, Glass] = {}
    systems: set[tuple[str, str, int]] = set()
    for where, (split, n_atoms, temperature, number), arrays in _structures(source, most):
        glass, n_times = _read(where, arrays, n_atoms, positions, length_scale)
        systems.add((SYSTEMS[n_atoms][0], temperature, n_times))
        glasses[f"{split}-{number}"] = glass
    if not glasses:
        raise FileFormatError(
            f"{source} must hold train/N4096T0.44_1.npz and the like: give one T*.tar.gz of KA_models or KA2D_models "
            "of GlassBench, or the folder that it unpacks to"
        )
    if len(systems) > 1:
        raise FileFormatError(
            f"{source} must hold one system at one temperature and set of times, got {sorted(systems)}"
        )
    ((system, temperature, n_times),) = systems
    middle = f"propensity_{n_times // 2}"
    return Import(
        columns=_columns(n_times),
        glasses=glasses,
        strata=dict.fromkeys(glasses, f"T{temperature}"),
        targets=[Target(middle, "value", f"How far will a particle move by time {n_times // 2} of {n_times}?")],
        made={"source": source.name, "system": system, "temperature": f"{temperature} ε", "positions": positions},
        notes=[
            f"Propensities are in σ; positions are multiplied by {length_scale:g} Å for σ. The times of the indices "
            "are in the files times_*.dat of the archive's results.",
            "Species differ in how far they move: published scores are for A particles only, scores here are for all.",
            "The configurations are independent samples of a liquid in equilibrium, so no quench rate applies.",
        ],
        remarks=["The reader of GlassBench was tested on files made after its description, not on the archive itself."],
        license=LICENSE,
        citation=CITATIONS[system],
    )


def _columns(n_times: int) -> list[ColumnCard]:
    return [
        *(
            ColumnCard(f"propensity_{k}", "σ", "target", f"mean length of the displacement at time index {k}")
            for k in range(n_times)
        ),
        *(
            ColumnCard(
                f"bond_breaking_{k}", "1", "target", f"mean part of neighbours that are still there at index {k}"
            )
            for k in range(n_times)
        ),
    ]


Name = tuple[str, int, str, int]


def _structures(source: Path, most: int) -> Iterator[tuple[str, Name, dict[str, NDArray[Any]]]]:
    """The first structures by number: where each is from, what its name says, and its arrays."""
    if source.is_dir():
        files = {path.relative_to(source.parent).as_posix(): path for path in source.rglob("*.npz")}
        for member, name in _chosen(files, most):
            yield str(files[member]), name, _arrays(str(files[member]), files[member].read_bytes())
        return
    if not source.is_file():
        raise FileFormatError(f"{source} does not exist")
    try:
        with tarfile.open(source) as archive:
            members = {member.name: member for member in archive.getmembers() if member.isfile()}
            for member, name in _chosen(members, most):
                where = f"{source}, {member}"
                if members[member].size > LARGEST_MEMBER:
                    raise FileFormatError(f"{where}: a structure must have less than 64 MB")
                stream = archive.extractfile(members[member])
                yield where, name, _arrays(where, stream.read() if stream else b"")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FileFormatError(f"{source} is no readable tar file ({error}): is it truncated?") from None


def _chosen(names: Any, most: int) -> list[tuple[str, Name]]:
    matches = [(name, match) for name in names if (match := MEMBER.fullmatch(name))]
    found = [(name, (match[1], int(match[2]), match[3], int(match[4]))) for name, match in matches]
    return sorted(found, key=lambda entry: (entry[1][3], entry[1][0]))[:most]


def _arrays(where: str, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except BROKEN as error:
        raise FileFormatError(f"{where} is no readable npz file ({error})") from None


def _read(where: str, arrays: Arrays, n_atoms: int, positions: Positions, length_scale: float) -> tuple[Glass, int]:
    """One structure and its number of times."""
    if n_atoms not in SYSTEMS:
        raise FileFormatError(f"{where}: structures have {' or '.join(map(str, SYSTEMS))} particles, got {n_atoms}")
    _, dimension, kinds, n_first = SYSTEMS[n_atoms]
    place = array_of(where, arrays, KEYS[positions], (n_atoms, dimension)).astype(np.float64)
    edge = EDGE_2D if dimension == 2 else (n_atoms / KOB_ANDERSEN_DENSITY) ** (1 / 3)
    extent = place.max(axis=0) - place.min(axis=0)
    if (extent > 1.001 * edge).any() or (extent < 0.95 * edge).any():
        raise FileFormatError(
            f"{where}: positions must fill a box of {edge:.4f} σ, but they extend over {extent.round(3).tolist()}"
        )
    displaced = array_of(where, arrays, "md_prop", (None, n_atoms))
    kept = array_of(where, arrays, "bb_prop", (len(displaced), n_atoms))
    require_within(where, "md_prop", displaced, 0, edge, "σ")
    require_within(where, "bb_prop", kept, 0, 1, "")
    fields = {f"propensity_{k}": (values, "σ") for k, values in enumerate(displaced)}
    fields |= {f"bond_breaking_{k}": (values, "1") for k, values in enumerate(kept)}
    species = _species(where, array_of(where, arrays, "types", (n_atoms,)), kinds, n_first)
    return Glass(place * length_scale, species, [edge * length_scale] * dimension, fields=fields), len(displaced)


def _species(where: str, types: NDArray[Any], kinds: str, n_first: int) -> NDArray[np.str_]:
    found, index, numbers = np.unique(types, return_inverse=True, return_counts=True)
    if len(found) != len(kinds) or numbers[0] != n_first:
        raise FileFormatError(
            f"{where}: types must be {len(kinds)} numbers, of which the smallest is that of {n_first} particles A, "
            f"got {dict(zip(found.tolist(), numbers.tolist(), strict=True))}"
        )
    return np.array(list(kinds))[index]
