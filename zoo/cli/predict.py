"""``zoo predict``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from zoo.cli import console
from zoo.cli._spread import PAIRS, Spread
from zoo.errors import ZooError

FILE = click.Path(path_type=Path, dir_okay=False)
OUTPUT = """Glass for OVITO (.extxyz) or table (.parquet, .csv). With neither this nor --plot, GLASSFILE-TASK.extxyz and
GLASSFILE-TASK.png are written here."""


@click.command(
    "predict",
    cls=Spread,
    epilog="Examples: zoo predict shear-2pct-model glass.dump --type-map 1=Cu 2=Zr. This writes "
    "glass-shear-2pct.extxyz and glass-shear-2pct.png here; the extxyz opens in OVITO: colour by the new property.",
)
@click.argument("model", type=click.Path(path_type=Path, file_okay=False))
@click.argument("glassfile", type=FILE)
@click.option("--output", "-o", type=FILE, help=OUTPUT)
@click.option("--plot", type=FILE, help="Figure: distribution, and a slice of the glass.")
@click.option("--type-map", multiple=True, metavar=PAIRS, help="Symbols of LAMMPS atom types: 1=Cu 2=Zr.")
@click.option(
    "--unit", "units", multiple=True, metavar=PAIRS, help="Of a column of the file that states none: radius=Å."
)
@click.option("--length-scale", default=1.0, show_default=True, help="Å of one unit of length of the file.")
@click.option("--format", "format_", help="Of the file, if its name does not tell.")
@click.option("--frame", default=-1, show_default=True, help="Of a file with several; 0 is the first.")
def command(model: Path, glassfile: Path, output: Path | None, plot: Path | None, **options: Any) -> None:
    """Predict for every atom of GLASSFILE with MODEL, a folder that zoo automl has written.

    The glass should be minimised as those of the data set were. A model folder holds pickles: open only those that you
    made or trust like a program.
    """
    import numpy as np

    from zoo.benchmark.saved import read_model
    from zoo.describe import Description, Request, read_for, require_writable, write_description
    from zoo.features.declaration import Column

    require_writable(output, plot)
    saved = read_model(model)
    if output is None and plot is None:
        name = Path(glassfile.name.removesuffix(".gz")).stem
        output, plot = Path(f"{name}-{saved.task}.extxyz"), Path(f"{name}-{saved.task}.png")
    if glassfile.resolve() in {path.resolve() for path in (output, plot) if path is not None}:
        raise ZooError(f"predictions are not written over the glass they are for, {glassfile}: give another name (-o)")
    out = console(highlight=False)
    glass, ids = read_for(
        Request(saved.features[0]),
        glassfile,
        options["format_"],
        options["type_map"],
        options["frame"],
        options["units"],
        options["length_scale"],
    )
    with out.status(f"{saved.task}: {len(glass)} atoms") if out.is_terminal else nullcontext():
        value = saved.predict(model, glass)
    columns = (Column(saved.output, saved.unit, "prediction"),)
    ids = np.arange(1, len(glass) + 1) if ids is None else ids
    found = Description(glass, ids, saved.title, columns, value.astype(np.float32).reshape(-1, 1))
    if output is not None:
        write_description(found, output)
    if plot is not None:
        from zoo.sheets.plots import write_columns

        write_columns(plot, glass, found.table(), columns)
    low, middle, high = np.percentile(value, [1, 50, 99])
    spread = f"{saved.output} {low:.3g} ... {middle:.3g} ... {high:.3g} (1, 50, 99 %)"
    out.print(f"{saved.title} {len(glass)} atoms, {spread}", soft_wrap=True)
    if saved.threshold is not None:
        called = (value >= saved.threshold).mean()
        out.print(f"{called:.1%} of the atoms reach {saved.threshold:.3g}, the best cut in training", soft_wrap=True)
    for path in (output, plot):
        if path is not None:
            out.print(f"[green]written[/] {path}", soft_wrap=True)
