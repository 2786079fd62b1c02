"""What a feature set states about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import RegistrationError
from zoo.registry import Registry, require_modules

if TYPE_CHECKING:
    from zoo.glass import Glass

Need = Literal["positions", "potential", "dynamics", "radii", "inherent-structures"]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """One column of a feature set.

    Attributes
    ----------
    name : str
    unit : str
        ``"1"`` for a dimensionless quantity.
    family : str
        Physical family, such as ``"density"`` or ``"symmetry"``; explanations are summed over it.
    length : float or None, Å
        Length scale or distance that the column looks at, where it has one.
    """

    name: str
    unit: str
    family: str
    length: float | None = None

    def __post_init__(self) -> None:
        if not (self.name and self.unit and self.family):
            raise RegistrationError(f"a column must state name, unit and physical family, got {self!r}")


@dataclass(frozen=True)
class FeatureSet:
    """Declaration of a descriptor.

    Attributes
    ----------
    name, title, citation : str
    version : int
        Raise it when values change: caches and results of the old version are then not reused.
    columns : callable of (kinds,) returning a tuple of Column
        ``kinds`` are all species of the data set in alphabetical order, so that every glass gets the same columns; for
        ``rows="pairs"`` the columns of the table that may be learnt from.
    compute : callable of (glass, kinds) returning an ndarray of shape (n_atoms, n_columns), float32
        For ``rows="pairs"`` it takes the table of pairs (a DataFrame) instead of a glass.
    needs : frozenset of str
        What must be at hand besides species.
    fields : tuple of str
        Stored fields of a glass that it reads where they are there; it is given no others. Results are cached by these
        too. Where one of them is a label of the data set, the set is declined.
    rows : {"atoms", "pairs"}
    declines : callable of (glass,) returning None or the reason why the set is not defined for it
    null_control : bool
        A set that must not predict much; always on the board.
    smooth : bool
        Whether every column changes without a jump while an atom moves; sets that count neighbours or faces do not.
    exempt : mapping of str to str
        Trials of :mod:`zoo.conformance` that the set need not pass, each with the reason.
    requires : tuple of (str, str)
        Modules beyond those of this package, and what ``pip install`` installs each with.
    image : tuple of int
        Points along each axis if the columns are images, one for each species; empty if they are not.
    """

    name: str
    title: str
    citation: str
    version: int
    columns: Callable[[tuple[str, ...]], tuple[Column, ...]]
    compute: Callable[[Any, tuple[str, ...]], FloatArray]
    needs: frozenset[Need] = frozenset({"positions"})
    fields: tuple[str, ...] = ()
    rows: Literal["atoms", "pairs"] = "atoms"
    declines: Callable[[Glass], str | None] = lambda glass: None
    null_control: bool = False
    smooth: bool = True
    exempt: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[tuple[str, str], ...] = ()
    image: tuple[int, ...] = ()

    def require_software(self) -> None:
        """Refuse to go on without the modules that the set requires.

        Raises
        ------
        MissingSoftwareError
        """
        require_modules("feature set", self.name, self.requires)


class FeatureSets(Registry[FeatureSet]):
    """Registered sets, and those that expressions such as ``radial+voronoi@cg`` make of them."""

    def __getitem__(self, name: str) -> FeatureSet:
        if "+" not in name and "@" not in name:
            return super().__getitem__(name)
        from zoo.features.combinations import resolve

        return resolve(name)


feature_sets = FeatureSets("feature set", "zoo.features")
