"""Scores that come with the project: a board is there before anything is fitted.

One file of JSON lines for each suite, a line for each cell, without its predictions. What needs predictions (optimism,
other cuts of a label, a glass coloured by a model) is there once the suite has been run.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from zoo._files import atomic_write, storage_error
from zoo.benchmark.store import Result, Store, keys_of, latest_results
from zoo.benchmark.suite import Suite
from zoo.errors import StoreError
from zoo.paths import content_root, portable


def published_path(suite: Suite) -> Path:
    """Where the scores of a suite are kept."""
    return content_root() / "leaderboard" / "published" / f"{suite.name}.jsonl"


def published_results(suite: Suite) -> list[Result]:
    """Results of the cells of a suite, as it is declared now, that come with the project; none if nothing does.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = published_path(suite)
    if not path.exists():
        return []
    try:
        results = msgspec.json.Decoder(Result).decode_lines(path.read_bytes())
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} holds a line that is no result ({error}): restore the file") from None
    keys = keys_of(suite)
    return [result for result in results if result.key in keys]


def publish(store: Store, suite: Suite) -> Path:
    """Keep the results of a suite with the project; those that it had before and that still count stay.

    Raises
    ------
    StoreError
        There is no result, or the file cannot be written.
    """
    results = with_published(latest_results(store, suite), published_results(suite))
    if not results:
        raise StoreError(f"there are no results of {suite.name} in {store.folder}: run zoo run {suite.name} first")
    results.sort(key=lambda r: (r.task, r.features, r.family, r.mode, r.split, r.fold))
    results = [replace(result, reason=portable(result.reason)) for result in results]
    path = published_path(suite)
    try:
        with atomic_write(path) as stream:
            stream.write(msgspec.json.Encoder().encode_lines(results))
    except OSError as error:
        raise storage_error(f"folder {path.parent}", error, "ZOO_ROOT") from None
    return path


def with_published(own: Iterable[Result], published: Iterable[Result]) -> list[Result]:
    """Own results, and the published ones of cells that are not among them."""
    results = {result.key: result for result in published} | {result.key: result for result in own}
    return list(results.values())


def note(suite: Suite, published: list[Result]) -> str:
    """When and where published scores were made, and how to make one's own."""
    dates = sorted({result.finished[:10] for result in published})
    machines = ", ".join(sorted({result.hardware for result in published}))
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return f"scores that come with the project ({when}, {machines}); zoo run {suite.name} makes them here"
