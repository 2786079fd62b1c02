"""``zoo data import`` and its two sisters for archives that users have downloaded themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console
from zoo.cli._spread import PAIRS, Spread

if TYPE_CHECKING:
    from zoo.importers.folder import Import

PATH = click.Path(path_type=Path)


def terms_options(command: Callable[..., None]) -> Callable[..., None]:
    """What is asked of every import."""
    for option in reversed(
        (
            click.option("--output", "-o", type=PATH, help="Folder of the data set; NAME in this folder by default."),
            click.option("--force", is_flag=True, help="Replace a data set that is there."),
            click.option(
                "--check/--no-check", default=True, show_default=True, help="Look for leaks and flaws at once."
            ),
            click.option("--title", default="", help="One line."),
            click.option("--description", default="", help="What is in it and how it was made."),
            click.option("--license", default="", help="Such as CC-BY-4.0."),
            click.option("--citation", default="", help="What to cite."),
        )
    ):
        command = option(command)
    return command


@click.command(
    "import",
    cls=Spread,
    epilog="Examples: zoo data import mine --before a0.dump b0.dump --after a1.dump b1.dump --type-map 1=Cu 2=Zr; "
    "zoo data import mine --structures a.data b.data --labels labels.csv --target softness=1; "
    "zoo data import mine --table pairs.csv --group glass --state i j --target is_dw --feature a b",
)
@click.argument("name")
@click.option("--before", type=PATH, multiple=True, help="Configurations before deformation, one file for each glass.")
@click.option("--after", type=PATH, multiple=True, help="The same after it, in the same order; matched by atom id.")
@click.option(
    "--cutoff",
    type=click.FloatRange(0, min_open=True),
    help="Å; about the first minimum of g(r) by default.",
)
@click.option("--before-frame", default=-1, show_default=True, help="Frame of files with several; 0 is the first.")
@click.option("--after-frame", default=-1, show_default=True)
@click.option(
    "--structures", type=PATH, multiple=True, help="Configurations that have labels, one file for each glass."
)
@click.option("--labels", type=PATH, help="Table with the columns glass, id and labels; else --target names columns.")
@click.option("--table", type=PATH, help="Table of rows with features and targets (CSV, parquet, feather).")
@click.option(
    "--roles", type=PATH, help="TOML with [[columns]] of the table as in a card, instead of the options below."
)
@click.option("--group", default="", help="Column of the table that says which glass a row is from.")
@click.option("--state", multiple=True, help="One or two columns that name a row within its glass.")
@click.option("--target", multiple=True, help="Column to predict, with its unit: barrier=eV.")
@click.option("--feature", multiple=True, help="Column to learn from, with its unit: volume=Å³.")
@click.option("--glass", "glasses", multiple=True, help="Names of the glasses; those of the files by default.")
@click.option("--type-map", multiple=True, metavar=PAIRS, help="Symbols of LAMMPS atom types: 1=Cu 2=Zr.")
@click.option("--format", "format_", help="Of the structure files, if their names do not tell.")
@click.option("--length-scale", default=1.0, show_default=True, help="Å of one unit of length in the files.")
@click.option("--quench-rate", type=float, help="K/s, of all glasses.")
@terms_options
def import_command(name: str, **options: Any) -> None:
    """Make data set NAME from your own files: pairs before and after deformation, labelled structures, or a table."""
    from zoo.errors import DatasetError

    forms = [form for form in ("before", "structures", "table") if options[form]]
    if len(forms) != 1:
        raise DatasetError(
            "one kind of files is needed: --before with --after, --structures with --labels or --target, or --table, "
            f"got {' and '.join(f'--{form}' for form in forms) or 'none of them'}"
        )
    found = {"before": _deformed, "structures": _labelled, "table": _table}[forms[0]](options)
    _write(name, found, options)


def _deformed(options: dict[str, Any]) -> Import:
    from zoo.formats.files import parse_type_map
    from zoo.importers.deformed import import_deformed

    return import_deformed(
        options["before"],
        options["after"],
        options["glasses"],
        parse_type_map(options["type_map"]),
        options["cutoff"],
        options["format_"],
        (options["before_frame"], options["after_frame"]),
        options["length_scale"],
    )


def _labelled(options: dict[str, Any]) -> Import:
    from zoo.formats.files import parse_type_map
    from zoo.importers.labelled import import_labelled

    return import_labelled(
        options["structures"],
        options["labels"],
        _units(options["target"]),
        options["glasses"],
        parse_type_map(options["type_map"]),
        options["format_"],
        options["before_frame"],
        options["length_scale"],
    )


def _table(options: dict[str, Any]) -> Import:
    from zoo.importers.pairs import import_table, roles_from_file, roles_from_options
    from zoo.importers.sources import read_table

    path = options["table"]
    if options["roles"]:
        return import_table(path, roles_from_file(options["roles"]))
    columns = list(read_table(path).columns)
    targets, features = _units(options["target"]), _units(options["feature"])
    return import_table(path, roles_from_options(columns, options["group"], options["state"], targets, features))


def _units(words: Sequence[str]) -> dict[str, str]:
    """Unit of each column in words such as ``barrier=eV``; empty where none is given."""
    return {name: unit for name, _, unit in (word.partition("=") for word in words)}


@click.command(
    "import-glassbench", epilog="Example: zoo data import-glassbench ka-044 KA_models/T0.44.tar.gz --most 50"
)
@click.argument("name")
@click.argument("source", type=PATH)
@click.option("--positions", type=click.Choice(("inherent", "thermal")), default="inherent", show_default=True)
@click.option("--most", default=20, show_default=True, type=click.IntRange(2), help="Structures to take.")
@click.option("--length-scale", default=2.5, show_default=True, help="Å for σ.")
@terms_options
def glassbench_command(name: str, source: Path, positions: Any, most: int, length_scale: float, **options: Any) -> None:
    """Make data set NAME from SOURCE, a T*.tar.gz of GlassBench (Zenodo 10118191) that you have downloaded."""
    from zoo.importers.glassbench import import_glassbench

    _write(name, import_glassbench(source, positions, most, length_scale), options)


@click.command(
    "import-wells",
    epilog="Example: zoo data import-wells tls QS_T0062.feather quantum_splitting_T0062.csv --others nonDW_T0062.csv",
)
@click.argument("name")
@click.argument("pairs", type=PATH)
@click.argument("splittings", type=PATH)
@click.option("--others", type=PATH, help="Pairs that are no double wells; with it, the target is which pairs are.")
@terms_options
def wells_command(name: str, pairs: Path, splittings: Path, others: Path | None, **options: Any) -> None:
    """Make data set NAME from PAIRS (QS_T*.feather of Zenodo 8026630) and the SPLITTINGS of the authors' repository."""
    from zoo.importers.wells import import_wells

    _write(name, import_wells(pairs, splittings, others), options)


def _write(name: str, found: Import, options: dict[str, Any]) -> None:
    from zoo.importers.folder import Terms, write_import

    terms = Terms(
        name,
        options["title"],
        options["description"],
        options["license"],
        options["citation"],
        options.get("quench_rate"),
    )
    written = write_import(found, terms, options["output"] or Path(name), options["force"])
    out = console(highlight=False)
    rows = sum(map(len, found.glasses.values())) if found.table is None else len(found.table)
    what = f"{len(found.glasses)} glasses, {rows} atoms" if found.glasses else f"{rows} rows"
    out.print(f"[green]written[/] {written.folder}: {what}", soft_wrap=True)
    for remark in written.remarks:
        out.print(f"[yellow]note[/]    {remark}", soft_wrap=True)
    if options["check"]:
        from zoo.checks.run import check_dataset
        from zoo.sheets.terminal import print_report

        print_report(check_dataset(str(written.folder)), out)
    if written.suite is not None:
        out.print(f"score it with: zoo run {written.suite}", soft_wrap=True)
