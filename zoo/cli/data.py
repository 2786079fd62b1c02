"""``zoo data``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli import console
from zoo.cli.data_import import glassbench_command, import_command, wells_command

if TYPE_CHECKING:
    from zoo.sheets.sheet import Sheet


@click.group("data", epilog="Examples: zoo data show cuzr-shear, zoo data build cuzr-shear --variant quick")
def command() -> None:
    """Build, fetch, verify, check or show data sets."""


for imports in (import_command, glassbench_command, wells_command):
    command.add_command(imports)


@command.command(epilog="Example: zoo data build cuzr-shear --variant quick --output /tmp/cuzr-quick")
@click.argument("name")
@click.option("--variant", default="full", show_default=True, help="A variant that the recipe declares, such as quick.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the data set; build/NAME-VARIANT by default.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option(
    "--resume/--fresh", default=True, show_default=True, help="Keep what earlier runs have finished, or make all anew."
)
@click.option("--install", is_flag=True, help="Put the result in place of the committed data set.")
def build(name: str, variant: str, output: Path | None, workers: int | None, resume: bool, install: bool) -> None:
    """Make data set NAME from its recipe.

    A run that was stopped continues; after seeds, searches or runs were added to the recipe, only those are made.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from zoo.datasets.registry import dataset_folder
    from zoo.errors import RecipeError
    from zoo.simulation.build import build_dataset
    from zoo.simulation.recipe import read_recipe

    folder = dataset_folder(name)
    recipe = folder / "recipe.toml"
    if not recipe.exists():
        raise RecipeError(
            f"{name} has no recipe, so it cannot be built; external data are had by zoo data fetch {name}"
        )
    if install and variant != "full":
        raise RecipeError(f"only the full variant replaces a committed data set, got {variant!r}: leave out --install")
    read_recipe(recipe, variant)
    output = (output or Path("build") / f"{folder.name}-{variant}").resolve()
    out = console()
    out.print(f"building {folder.name} ({variant}) in {output}", highlight=False, soft_wrap=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=out) as progress:
        card = build_dataset(recipe, output, variant, workers, progress, fresh=not resume)
    if install:
        _install(output, folder)
        card = folder / "card.toml"
    out.print(f"{card}\n{card.parent / 'quality.png'}", highlight=False, soft_wrap=True)


def _install(output: Path, folder: Path) -> None:
    """Replace the data of ``folder`` by those of ``output``: copied beside first, the card, which names them, last."""
    from zoo.datasets.card import read_card

    staged = folder / "new"
    shutil.rmtree(staged, ignore_errors=True)
    for file in (*(entry.path for entry in read_card(output).files), "quality.png"):
        (staged / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(output / file, staged / file)
    for made in staged.iterdir():
        if made.is_dir():
            shutil.rmtree(folder / made.name, ignore_errors=True)
        made.replace(folder / made.name)
    staged.rmdir()
    shutil.copyfile(output / "card.toml", folder / "card.toml")


@command.command(epilog="Example: zoo data fetch tls-dw-t007")
@click.argument("names", nargs=-1, required=True)
def fetch(names: tuple[str, ...]) -> None:
    """Download the external files of data sets NAMES and tables of the potentials that they were made with.

    They are taken from the folder ZOO_MIRROR where it has them.
    """
    from zoo.datasets.card import read_card
    from zoo.datasets.fetch import fetch_file
    from zoo.datasets.registry import dataset_folder
    from zoo.simulation.potentials import FILES

    out = console()
    for name in names:
        card = read_card(dataset_folder(name))
        external = [entry for entry in card.files if entry.url]
        tables = [FILES[entry] for entry in card.potentials if entry in FILES]
        if not external and not tables:
            out.print(f"{name} is part of the project: nothing to fetch", highlight=False)
        for entry in external:
            path = fetch_file(entry.url, entry.sha256, progress=True)
            out.print(f"{name}: {path} ({entry.bytes / 1e6:.1f} MB, sha256 verified)", highlight=False, soft_wrap=True)
        if external:
            out.print(f"licence {card.license}; cite {card.citation}", highlight=False, style="dim", soft_wrap=True)
        for table in tables:
            path = fetch_file(table.url, table.sha256, progress=True)
            out.print(f"{name}: {path} (potential {table.name}, sha256 verified)", highlight=False, soft_wrap=True)
            out.print(f"licence {table.license}; cite {table.citation}", highlight=False, style="dim", soft_wrap=True)


@command.command(epilog="Example: zoo data verify cuzr-shear")
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Check every checksum and the schema of data sets NAMES; by default of all that are here."""
    from zoo.datasets.load import load_dataset
    from zoo.datasets.registry import list_cards
    from zoo.errors import ZooError

    out = console()
    failed = []
    for name in names or tuple(card.name for card in list_cards()):
        flaws: list[str] = []
        try:
            if not names and not _is_here(name):
                out.print(f"[dim]absent[/]  {name}: run zoo data fetch {name}", highlight=False)
                continue
            dataset = load_dataset(name)
            flaws = dataset.card.known_flaws
            rows = len(dataset.table) if dataset.card.kind == "pairs" else sum(map(len, dataset.glasses.values()))
            out.print(f"[green]ok[/]      {name} {dataset.card.version}: {rows} rows", highlight=False)
        except ZooError as error:
            if flaws:  # its files are as published, and so are its flaws
                out.print(f"[yellow]flawed[/]  {error}; known: {flaws[0]}", highlight=False, soft_wrap=True)
                continue
            failed.append(name)
            out.print(f"[red]refused[/] {error}", highlight=False, soft_wrap=True)
    if failed:
        raise ZooError(f"{len(failed)} data set{'s' if len(failed) > 1 else ''} refused: {', '.join(failed)}")


def _is_here(name: str) -> bool:
    """Whether no file of a data set is still to be fetched."""
    from zoo.datasets.card import read_card
    from zoo.datasets.fetch import is_at_hand
    from zoo.datasets.registry import dataset_folder

    return all(is_at_hand(entry.url) for entry in read_card(dataset_folder(name)).files if entry.url)


@command.command(epilog="Examples: zoo data check tls-dw-t0062, zoo data check --explain D101")
@click.argument("names", nargs=-1)
@click.option(
    "--explain", metavar="CODE", help="Print what a check is about and how to mend what it finds; all for all."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(names: tuple[str, ...], explain: str | None, as_json: bool) -> None:
    """Look for leaks, repeated rows, noisy labels and structures that are no glass in data sets NAMES, all by default.

    The exit status is 1 if a check of level error has found something; data sets that are here because of their flaws
    count only if they are named.
    """
    import json

    from zoo.checks.run import check_dataset, explain_check
    from zoo.datasets.registry import list_cards
    from zoo.sheets.terminal import print_report, report_as_json

    if explain is not None:
        click.echo(explain_check(explain), nl=False)
        return
    out = console(highlight=False)
    reports = []
    for name in names or tuple(card.name for card in list_cards()):
        with _status(quiet=as_json) as tell:
            reports.append(check_dataset(name, tell))
        if not as_json:
            print_report(reports[-1], out)
            out.print()
    if as_json:
        click.echo(json.dumps([report_as_json(report) for report in reports], indent=2, ensure_ascii=False))
    if any(report.found("error") for report in reports if names or not report.known_flaws):
        raise SystemExit(1)


@command.command(epilog="Examples: zoo data show cuzr-shear, zoo data show cuzr-shear --bibtex")
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Every column, glass, note and quality figure too.")
@click.option("--bibtex", is_flag=True, help="Print the BibTeX entry only.")
def show(name: str, everything: bool, bibtex: bool) -> None:
    """Print what data set NAME is: content, tasks, label noise, checks, licence, citation, quality, how to get it."""
    from zoo.datasets.registry import dataset_card
    from zoo.sheets.sheet import bibtex_of
    from zoo.sheets.terminal import print_sheet

    if bibtex:
        click.echo(bibtex_of(dataset_card(name)))
        return
    print_sheet(_sheet(name), console(highlight=False), everything)


@command.command(epilog="Example: zoo data page cuzr-shear --output cuzr-shear.html --open")
@click.argument("name")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The HTML file; NAME.html here by default."
)
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
def page(name: str, output: Path | None, opened: bool) -> None:
    """Write the sheet of data set NAME with figures as one HTML file that needs nothing else."""
    from zoo.sheets.sheet import write_page

    sheet = _sheet(name)
    output = (output or Path(f"{sheet.card.name}.html")).resolve()
    write_page(sheet, output)
    console(highlight=False).print(str(output), soft_wrap=True)
    if opened:
        import webbrowser

        webbrowser.open(output.as_uri())


def _sheet(name: str) -> Sheet:
    from zoo.benchmark.summary import tasks_of
    from zoo.datasets.registry import dataset_card
    from zoo.sheets.sheet import TaskLine, make_sheet

    dataset_card(name)  # a wrong name is told before the work
    with _status() as tell:
        tell(f"{name}: tasks")
        tasks = [TaskLine(s.task.name, s.task.title, s.text, s.task.target) for s in tasks_of(name)]
        return make_sheet(name, tasks, tell)


@contextmanager
def _status(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A line on stderr, where a person sees it, that says what is being done."""
    if quiet:
        yield lambda text: None
        return
    with console(stderr=True).status("") as status:
        yield lambda text: status.update(text)
