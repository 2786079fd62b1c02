"""Errors a user can meet. Each message states the rule, then the value, then what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Base of every error that the command line prints as one sentence instead of a traceback."""


class UnknownNameError(ZooError):
    """A data set, feature set, model family, task or suite that is not registered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        self._arguments = kind, name, names
        hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names) or 'none'}"
        super().__init__(f"no {kind} is called {name!r}: {hint}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        return type(self), self._arguments  # an exception is sent between processes as its arguments


class MissingSoftwareError(ZooError):
    """A package outside of the core is not installed."""


class RegistrationError(ZooError):
    """A declaration is incomplete, or its name is taken."""


class DeclarationError(ZooError):
    """A TOML file does not follow its schema."""


class GlassError(ZooError):
    """A configuration of atoms is not usable: shape, non-finite values, degenerate cell."""


class GlassMismatchError(GlassError):
    """Two configurations that must describe the same atoms do not."""


class CutoffError(GlassError):
    """A cutoff is larger than half of the smallest height of the periodic cell."""


class FileFormatError(ZooError):
    """A file cannot be read as the format it claims to have."""


class DatasetError(ZooError):
    """A data set lacks files or columns, or its content breaks its card."""


class ChecksumError(DatasetError):
    """A file differs from the sha256 that its card states."""


class RecipeError(ZooError):
    """A recipe asks for something that cannot be built."""


class SplitError(ZooError):
    """A split would leak, or cannot be made from the groups at hand."""


class TuningError(ZooError):
    """Settings cannot be searched for: too few glasses, or every trial has failed."""


class TransferError(ZooError):
    """A model cannot be carried from one group of glasses to another: groups too small, columns that differ."""


class PaperError(ZooError):
    """A published protocol cannot be repeated with the data at hand."""


class ModelError(ZooError):
    """A saved model is missing or damaged, or does not know what it is asked about."""


class ExplainError(ZooError):
    """A model cannot be explained, or not as it is asked for."""


class ScorecardError(ZooError):
    """The physics of a model cannot be looked at as it is asked for."""


class ClusterError(ZooError):
    """The cluster that is to do the work cannot be reached."""


class TrackingError(ZooError):
    """The tracking store cannot be reached or written to."""


class TaskError(ZooError):
    """A task cannot be scored: labels of one class, missing targets."""


class StoreError(ZooError):
    """A folder for results or caches cannot be read or written."""


class SubmissionError(ZooError):
    """A submission breaks a rule: its card, its files, its table of predictions."""


class SandboxError(ZooError):
    """Contributed code cannot be confined here, or it did what it must not do, or took more than it may."""
