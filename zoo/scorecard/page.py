"""The folder of a scorecard: one page, its figures, a table of all rows and every number."""

from __future__ import annotations

import base64
import datetime
import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from zoo._files import atomic_write, storage_error
from zoo.benchmark.metrics import HEADLINE, TITLES
from zoo.explain.plots import Picture
from zoo.features.declaration import feature_sets
from zoo.scorecard import words
from zoo.scorecard.card import Scorecard
from zoo.scorecard.fields import place_of_rows
from zoo.scorecard.plots import pictures_of
from zoo.scorecard.species import Part, species_of_rows

if TYPE_CHECKING:
    import pandas as pd


def write_folder(card: Scorecard, folder: Path, command: str) -> list[Path]:
    """Write ``index.html``, ``scorecard.json``, ``scores.parquet`` and ``figures/``; the first three paths.

    Raises
    ------
    StoreError
        The folder is read-only or full.
    """
    pictures = pictures_of(card)
    paths = [folder / name for name in ("index.html", "scorecard.json", "scores.parquet")]
    buffer = io.BytesIO()
    table_of(card).to_parquet(buffer, index=False, compression="zstd")
    numbers = msgspec.json.format(msgspec.json.encode(numbers_of(card)), indent=1)
    try:
        for picture in pictures:
            with atomic_write(folder / "figures" / f"{picture.name}.{picture.kind}") as stream:
                stream.write(picture.content)
        for path, content in zip(
            paths, (page_of(card, pictures, command).encode(), numbers, buffer.getvalue()), strict=True
        ):
            with atomic_write(path) as stream:
                stream.write(content)
    except OSError as error:
        raise storage_error(f"folder {folder}", error, "--output") from None
    return paths


def table_of(card: Scorecard) -> pd.DataFrame:
    """One line for each row of the task.

    ``row`` of the task, ``glass``, ``atom`` from 0 (of a table of pairs: its row), ``species``, ``fold``, ``target``,
    ``score`` as the model gives it, ``softness`` standardised, ``softness_swapped``, ``anisotropy``.
    """
    import pandas as pd

    held = card.held
    rows, place = held.rows, place_of_rows(held.plan.task)
    columns: dict[str, Any] = {
        "row": np.arange(len(rows)),
        "glass": np.array(rows.glass_names)[rows.glass],
        "atom": place,
        "fold": held.fold,
        "target": rows.target,
        "score": held.score,
        "softness": held.softness,
    }
    if card.chemistry is not None:
        columns["species"] = species_of_rows(held)
        swapped = np.full(len(rows), np.nan)
        for number, values in held.swapped.items():
            here = rows.glass == number
            swapped[here] = values[place[here]]
        columns["softness_swapped"] = swapped
        columns["anisotropy"] = card.anisotropy
    return pd.DataFrame(columns)


def numbers_of(card: Scorecard) -> dict[str, Any]:
    """Every number of the page, for JSON: NaN becomes null."""
    plan = card.held.plan
    numbers: dict[str, Any] = _plain(
        {
            "plan": msgspec.structs.asdict(plan),
            "score": card.held.space,
            "cut": card.held.cut,
            "n_rows": len(card.held.rows),
            "n_glasses": len(card.held.rows.glass_names),
            "warnings": words.warnings_of(card),
            "declined": card.declined,
            "response": [{"title": c.title, "unit": c.unit, **asdict(c.found)} for c in card.curves],
            "arrhenius": None if card.arrhenius is None else asdict(card.arrhenius),
            "correlation": {"unit": card.length, "fields": [asdict(decay) for decay in card.decays]},
            "anisotropy": {"measure": card.measure, "fields": [asdict(link) for link in card.links]},
            "species": None if card.chemistry is None else asdict(card.chemistry),
        }
    )
    return numbers


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not np.isfinite(value) else value


def page_of(card: Scorecard, pictures: list[Picture], command: str) -> str:
    """The page, self-contained; every name in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.scorecard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["address"] = _address
    held = card.held
    rows = held.rows
    return environment.get_template("scorecard.html.j2").render(
        card=card,
        plan=held.plan,
        task=rows.task,
        dataset=rows.dataset.card,
        features=feature_sets[held.plan.features],
        pictures={picture.name: picture for picture in pictures},
        caveat=words.CAVEAT,
        warnings=words.warnings_of(card),
        response=words.response_words(card),
        arrhenius=words.arrhenius_words(card),
        correlation=words.correlation_words(card),
        links=[words.link_words(link) for link in card.links],
        chemistry=[] if card.chemistry is None else words.chemistry_words(card, card.chemistry),
        parts=parts_of(card),
        titles=[TITLES[name] for name in (parts_of(card)[0][1].scores if parts_of(card) else ())],
        headline=TITLES[HEADLINE[rows.task.kind]],
        n_rows=len(rows),
        n_glasses=len(rows.glass_names),
        command=command,
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def parts_of(card: Scorecard) -> list[tuple[str, Part]]:
    """Lines of the table on species, with what each is."""
    found = card.chemistry
    if found is None:
        return []
    n, base = found.whole.n, found.whole.base
    lines = [("the score, all rows", found.whole), ("species alone, all rows", found.alone)]
    lines += [(f"the score, {part.name} only", part) for part in found.within]
    lines.append(("the score, mean over species", Part("mean", n, found.mean, base)))
    if found.swap is not None:
        lines.append(("the score with species swapped, true labels", Part("swapped", n, found.swap.scores, base)))
    return lines


def _address(picture: Picture) -> str:
    kind = "svg+xml" if picture.kind == "svg" else picture.kind
    return f"data:image/{kind};base64,{base64.b64encode(picture.content).decode()}"
