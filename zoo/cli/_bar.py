"""The progress bar of commands that work fold by fold."""

from __future__ import annotations

from typing import Any


class FoldBar:
    """A bar over the folds, then what is drawn; nothing where there is no terminal."""

    def __init__(self, out: Any, what: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._what = what
        columns = TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._bar = Progress(*columns, console=out, disable=not out.is_terminal)
        self._task = self._bar.add_task("features", total=None)

    def __enter__(self) -> FoldBar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, total: int) -> None:
        """Begin: so many folds are to be done."""
        self._bar.update(self._task, description=self._what, total=total)

    def advance(self) -> None:
        """Count one fold."""
        self._bar.advance(self._task)

    def say(self, text: str) -> None:
        """What is done now."""
        self._bar.update(self._task, description=text)
