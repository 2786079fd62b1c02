"""The last step of a build: data files, quality figure and card."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import tomli_w
from numpy.typing import NDArray

from zoo._files import atomic_write, sha256_of
from zoo._machine import hardware, versions
from zoo.datasets.card import Card, File, GlassCard, Quality
from zoo.formats.npz import write_npz
from zoo.glass import Field, Glass
from zoo.simulation.potentials import load_potential
from zoo.simulation.quality import draw, measure, measure_pairs
from zoo.simulation.recipe import GlassPlan, Recipe
from zoo.simulation.steps import STEPS

if TYPE_CHECKING:
    import pandas as pd

KEPT = ("id", "stratum", "seed", "quench_rate", "temperature")
"""Metadata that goes into the published file; histories stay in the work folder."""


def write_dataset(recipe: Recipe, glasses: dict[str, Glass], output: Path, variant: str, cpu_seconds: float) -> Path:
    """Write glasses, figure and, last, ``card.toml``; return its path."""
    columns = [column for step in recipe.steps for column in STEPS[step].columns(recipe)]
    tables = [table for step in recipe.steps for table in STEPS[step].tables(recipe)]
    main = next((table for step in recipe.steps for table in tables if table.name == STEPS[step].main), None)
    plans = {plan.id: plan for plan in recipe.glass_plans()}
    potentials = {name: load_potential(name) for name in sorted({plan.potential for plan in plans.values()})}
    files, entries = [], []
    for name, glass in glasses.items():
        path = output / "glasses" / f"{name}.npz"
        write_npz(path, _published(glass, {column.name for column in columns}), np.float32)
        relative = path.relative_to(output).as_posix()
        files.append(File(path=relative, sha256=sha256_of(path), bytes=path.stat().st_size))
        plan = plans[name]
        entries.append(GlassCard(name, relative, plan.stratum, len(glass), plan.seed, plan.rate or None))
        files.extend(_copied(file, output, name) for step in recipe.steps for file in STEPS[step].files)
    for stale in set((output / "glasses").glob("*.npz")) - {output / entry.file for entry in entries}:
        stale.unlink()  # of an earlier recipe
    for table in tables:
        path = output / table.file
        _join_tables(table.name, [output / "work" / name for name in glasses], path)
        files.append(File(path=table.file, sha256=sha256_of(path), bytes=path.stat().st_size))
    groups: dict[str, list[Glass]] = {}
    for name, glass in glasses.items():
        groups.setdefault(plans[name].stratum, []).append(glass)
    pairs = _pairs_by_stratum(output / main.file, plans) if main else {}
    targets = [column for column in columns if column.role == "target"]
    draw(groups, targets, output / "quality.png", recipe.units, pairs)
    card = Card(
        name=recipe.name,
        version=recipe.version if variant == "full" else f"{recipe.version}-{variant}",
        title=recipe.title,
        kind="pairs" if main else "glasses",
        table=main.file if main else "",
        description=recipe.description,
        license=recipe.license,
        citation=recipe.citation,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        files=files,
        columns=main.columns if main else columns,
        glasses=entries,
        tables=[table for table in tables if table is not main],
        units=recipe.units,
        length_scale=recipe.length_scale,
        quality=_quality(recipe, groups, pairs),
        made={
            "by": f"zoo data build {recipe.name}" + ("" if variant == "full" else f" --variant {variant}"),
            "potential": ", ".join(potentials),
            "potential_citation": "; ".join(potential.citation for potential in potentials.values()),
            "potential_sha256": ", ".join(potential.sha256 for potential in potentials.values()),
            "cpu_hours": float(f"{cpu_seconds / 3600:.3g}"),
            "cpu": hardware(),
            **versions("numpy", "scipy", "numba", "ase"),
        },
        notes=recipe.notes,
    )
    path = output / "card.toml"
    with atomic_write(path) as stream:
        tomli_w.dump(_without_empty(msgspec.to_builtins(card)), stream, multiline_strings=True)
    return path


def _copied(file: str, output: Path, glass: str) -> File:
    """A file that a step has left for one glass, published in a folder of its name."""
    path = output / Path(file).stem / f"{glass}{Path(file).suffix}"
    with atomic_write(path) as stream:
        stream.write((output / "work" / glass / file).read_bytes())
    return File(path=path.relative_to(output).as_posix(), sha256=sha256_of(path), bytes=path.stat().st_size)


def _join_tables(name: str, folders: list[Path], path: Path) -> None:
    """Rows that every glass has left, under each other, with the glass in front."""
    import pandas as pd

    parts = [pd.read_parquet(folder / f"{name}.parquet") for folder in folders]
    joined = pd.concat(parts, keys=[folder.name for folder in folders], names=["glass"])
    with atomic_write(path) as stream:
        joined.reset_index(level="glass").to_parquet(stream, index=False, compression="zstd")


def _published(glass: Glass, fields: set[str]) -> Glass:
    return Glass(
        glass.positions,
        glass.species,
        glass.cell,
        glass.periodic,
        {
            name: Field(_rounded(entry.values, 23 if name == "diameter" else 12), entry.unit)  # forces need diameters
            for name, entry in glass.fields.items()
            if name in fields
        },
        {key: glass.metadata[key] for key in KEPT if key in glass.metadata},
    )


def _rounded(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Floats as float32 with ``bits`` bits behind the leading one: 1e-4 of a value, a quarter off the file."""
    if values.dtype.kind != "f":
        return values
    raw = values.astype(np.float32).view(np.uint32)
    step = np.uint32(1 << (23 - bits))
    return ((raw + step // 2) & ~(step - np.uint32(1))).view(np.float32)


def _pairs_by_stratum(path: Path, plans: dict[str, GlassPlan]) -> dict[str, pd.DataFrame]:
    import pandas as pd

    table = pd.read_parquet(path)
    strata = table["glass"].map({name: plan.stratum for name, plan in plans.items()})
    return {str(stratum): rows for stratum, rows in table.groupby(strata)}


def _quality(recipe: Recipe, groups: dict[str, list[Glass]], pairs: dict[str, pd.DataFrame]) -> list[Quality]:
    literature = {(entry.quantity, entry.stratum): entry for entry in recipe.literature}
    rows = []
    for stratum, glasses in groups.items():
        of_pairs = measure_pairs(pairs[stratum]) if stratum in pairs else []
        for found in [*measure(glasses, recipe.units), *of_pairs]:
            published = literature.get((found.quantity, stratum))
            rows.append(
                Quality(
                    quantity=found.quantity,
                    unit=found.unit,
                    stratum=stratum,
                    ours=float(f"{found.value:.4g}"),
                    literature=published.value if published else "",
                    source=published.source if published else "",
                )
            )
    return rows


def _without_empty(content: dict[str, object]) -> dict[str, object]:
    """TOML has no null; it, empty strings and lists are the schema's defaults."""
    return {
        key: [_without_empty(row) if isinstance(row, dict) else row for row in value]
        if isinstance(value, list)
        else value
        for key, value in content.items()
        if value not in ("", [], {}, None)
    }
