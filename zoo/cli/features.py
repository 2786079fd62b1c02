"""``zoo features``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console
from zoo.cli._spread import PAIRS, Spread

if TYPE_CHECKING:
    from zoo.describe import Description

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    "features",
    cls=Spread,
    epilog="Examples: zoo features glass.dump --type-map 1=Cu 2=Zr --set interstice -o table.parquet; "
    "zoo features glass.extxyz --set 'radial+voronoi@cg' -o glass-with-columns.extxyz; "
    "zoo features glass.npz --set voronoi --plot voronoi.png --label d2min_xy_0.020 --color volume; "
    "zoo features glass.npz --set vibration --potential cu-zr-2009 --minimize; "
    "zoo features first.data --with last.data --type-map 1=A 2=B --set pair. Names of sets: zoo list features",
)
@click.argument("glassfile", type=FILE)
@click.option("--set", "features", required=True, help="Feature set; a+b joins, a@cg averages, a@mro is of neighbours.")
@click.option("--output", "-o", type=FILE, help="Table (.parquet, .csv) or glass for OVITO (.extxyz).")
@click.option("--plot", type=FILE, help="Figure: distributions of the columns, and a slice of the glass.")
@click.option(
    "--label", default="", help="Field that splits the distributions: by its two values, or its largest 10 %."
)
@click.option(
    "--color", default="", help="Column that colours the slice; that which separates --label best, or varies most."
)
@click.option("--type-map", multiple=True, metavar=PAIRS, help="Symbols of LAMMPS atom types: 1=Cu 2=Zr.")
@click.option("--species", default="", help="All species of your glasses, Cu,Zr,Al: tables of each then agree.")
@click.option(
    "--unit", "units", multiple=True, metavar=PAIRS, help="Of columns of the file that state none: radius=Å energy=eV."
)
@click.option("--radius", "radii", multiple=True, metavar=PAIRS, help="Å, of each species: A=1.25 B=1.1.")
@click.option("--with", "other", type=FILE, help="Second structure of the same atoms: --set pair describes the two.")
@click.option("--length-scale", default=1.0, show_default=True, help="Å of one unit of length of the file.")
@click.option("--format", "format_", help="Of the file, if its name does not tell.")
@click.option("--frame", default=-1, show_default=True, help="Of a file with several; 0 is the first.")
@click.option("--potential", default="", help="Computes energy, vibrations and moduli where the set needs them.")
@click.option("--minimize", is_flag=True, help="Move the atoms to the nearest energy minimum first.")
def command(glassfile: Path, features: str, output: Path | None, plot: Path | None, **options: Any) -> None:
    """Describe every atom of GLASSFILE, your own file, by a feature set."""
    from zoo.describe import (
        Request,
        describe,
        read_for,
        require_writable,
        with_potential,
        write_description,
        write_pair,
    )

    request = Request(
        features,
        tuple(filter(None, options["species"].split(","))),
        options["label"],
        options["color"],
        options["potential"],
        options["minimize"],
        tuple(options["radii"]),
        options["other"] is not None,
    )
    request.require_sense(plotted=plot is not None)
    require_writable(output, plot)
    names = ("format_", "type_map", "frame", "units", "length_scale")
    glass, ids = read_for(request, glassfile, *(options[name] for name in names))
    out = console(highlight=False)
    if options["other"] is not None:
        last, _ = read_for(request, options["other"], *(options[name] for name in names))
        for name, value in write_pair(glass, last, output).items():
            out.print(f"{name:20} {value:.6g}")
        return
    with out.status(f"{features}: {len(glass)} atoms") if out.is_terminal else nullcontext():
        if request.potential:
            glass = with_potential(glass, request.potential, request.entry, request.minimize)
        found = describe(glass, features, ids, request.species or None)
        if output is not None:
            write_description(found, output)
        if plot is not None:
            from zoo.sheets.plots import write_columns

            write_columns(plot, found.glass, found.table(), found.columns, request.label, request.color)
    _print(found, out)
    for path in (output, plot):
        if path is not None:
            out.print(f"[green]written[/] {path}", soft_wrap=True)


def _print(found: Description, out: Any, most: int = 20) -> None:
    import numpy as np
    from rich.table import Table

    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("column", "unit", "family", "mean", "std", "min", "max"):
        table.add_column(title, justify="right" if title in ("mean", "std", "min", "max") else "left")
    every = -(-len(found.columns) // most)
    for k, column in list(enumerate(found.columns))[::every]:
        values = found.matrix[:, k].astype(float)
        values = values[np.isfinite(values)]
        statistics = (values.mean(), values.std(), values.min(), values.max()) if len(values) else ()
        table.add_row(column.name, column.unit, column.family, *(f"{number:.4g}" for number in statistics))
    out.print(f"{found.title}: {len(found.glass)} atoms, {len(found.columns)} columns", soft_wrap=True)
    out.print(table)
    if len(found.columns) > most:
        out.print(f"shown: one in {every} columns")
    for sentence in found.gaps():
        out.print(sentence, style="yellow", soft_wrap=True)
