"""Named declarations: the feature sets and model families a user can ask for by name."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Generic, Protocol, TypeVar

from zoo.errors import MissingSoftwareError, RegistrationError, UnknownNameError


class Declaration(Protocol):
    """What every registered entry states about itself."""

    @property
    def name(self) -> str: ...
    @property
    def citation(self) -> str: ...


D = TypeVar("D", bound=Declaration)


def require_modules(kind: str, name: str, requires: Iterable[tuple[str, str]]) -> None:
    """Refuse to go on without modules, each given with what ``pip install`` installs it with.

    Raises
    ------
    MissingSoftwareError
    """
    for module, package in requires:
        if find_spec(module) is None:
            raise MissingSoftwareError(f"{kind} {name!r} needs {module}: pip install '{package}'")


class Registry(Generic[D]):
    """Declarations of one kind, collected from the modules of one package.

    Each module of ``package`` registers its entries when it is imported; the modules are imported at the first
    question, so they must not import anything heavy at their top.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, D] = {}
        self._places: dict[str, str] = {}
        self._loaded = False

    def register(self, entry: D) -> D:
        """Add ``entry``; a taken name or a missing citation fails here, naming the places."""
        frame = sys._getframe(1)  # inspect.stack reads the source of every caller: 20 ms for each entry
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if not entry.name or not entry.citation:
            raise RegistrationError(
                f"a {self.kind} must state a name and a citation, got {entry.name!r} and {entry.citation!r} at {place}"
            )
        if entry.name in self._entries:
            raise RegistrationError(
                f"two {self.kind}s are called {entry.name!r}: {self._places[entry.name]} and {place}; rename one"
            )
        self._entries[entry.name] = entry
        self._places[entry.name] = place
        return entry

    def remove(self, name: str) -> None:
        """Forget an entry that was registered for a while."""
        del self._entries[name], self._places[name]

    def __getitem__(self, name: str) -> D:
        self._load()
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def __iter__(self) -> Iterator[D]:
        self._load()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def names(self) -> list[str]:
        """Sorted names of all entries."""
        return [entry.name for entry in self]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg and not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
