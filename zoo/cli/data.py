"""``zoo data``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.datasets.card import Card


@click.group("data", epilog="Examples: zoo data show cuzr-shear, zoo data build cuzr-shear --variant quick")
def command() -> None:
    """Build, fetch, verify or show data sets."""


@command.command(epilog="Example: zoo data build cuzr-shear --variant quick --output /tmp/cuzr-quick")
@click.argument("name")
@click.option("--variant", default="full", show_default=True, help="A variant that the recipe declares, such as quick.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the data set; build/NAME-VARIANT by default.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option("--install", is_flag=True, help="Put the result in place of the committed data set.")
def build(name: str, variant: str, output: Path | None, workers: int | None, install: bool) -> None:
    """Make data set NAME from its recipe; a run that was stopped continues."""
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
        card = build_dataset(recipe, output, variant, workers, progress)
    if install:
        _install(output, folder)
        card = folder / "card.toml"
    out.print(f"{card}\n{card.parent / 'quality.png'}", highlight=False, soft_wrap=True)


def _install(output: Path, folder: Path) -> None:
    """Replace the data of ``folder`` by those of ``output``: copied beside first, the card, which names them, last."""
    from zoo.datasets.card import read_card

    staged = folder / "glasses.new"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(output / "glasses", staged)
    shutil.rmtree(folder / "glasses", ignore_errors=True)
    staged.rename(folder / "glasses")
    beside = [entry.path for entry in read_card(output).files if not entry.path.startswith("glasses/")]
    for file in (*beside, "quality.png", "card.toml"):
        shutil.copyfile(output / file, folder / file)


@command.command(epilog="Example: zoo data fetch tls-dw-t007")
@click.argument("names", nargs=-1, required=True)
def fetch(names: tuple[str, ...]) -> None:
    """Download the external files of data sets NAMES (or take them from the folder ZOO_MIRROR)."""
    from zoo.datasets.card import read_card
    from zoo.datasets.fetch import fetch_file
    from zoo.datasets.registry import dataset_folder

    out = console()
    for name in names:
        card = read_card(dataset_folder(name))
        external = [entry for entry in card.files if entry.url]
        if not external:
            out.print(f"{name} is part of the project: nothing to fetch", highlight=False)
        for entry in external:
            path = fetch_file(entry.url, entry.sha256, progress=True)
            out.print(f"{name}: {path} ({entry.bytes / 1e6:.1f} MB, sha256 verified)", highlight=False, soft_wrap=True)
        if external:
            out.print(f"licence {card.license}; cite {card.citation}", highlight=False, style="dim", soft_wrap=True)


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


@command.command(epilog="Example: zoo data show cuzr-shear")
@click.argument("name")
def show(name: str) -> None:
    """Print the card of data set NAME: content, licence, citation, columns, quality."""
    from zoo.datasets.card import read_card
    from zoo.datasets.registry import dataset_folder
    from zoo.errors import DatasetError

    folder = dataset_folder(name)
    if not (folder / "card.toml").exists():
        raise DatasetError(f"{name} has a recipe but no data yet: run zoo data build {name} --install")
    card = read_card(folder)
    out = console(highlight=False)
    out.print(f"[bold]{card.name}[/] {card.version}: {card.title}", soft_wrap=True)
    out.print(" ".join(card.description.split()))
    for label, value in (("licence", card.license), ("citation", card.citation), ("created", card.created)):
        out.print(f"[bold]{label}[/] {value}", soft_wrap=True)
    for key, made in card.made.items():
        out.print(f"[bold]{key}[/] {made}", soft_wrap=True)
    for flaw in card.known_flaws:
        out.print(f"[yellow]flaw[/] {flaw}")
    for note in card.notes:
        out.print(f"• {note}")
    _print_tables(card)
    if (folder / "quality.png").exists():
        out.print(f"figure {folder / 'quality.png'}", soft_wrap=True)


def _print_tables(card: Card) -> None:
    from rich.table import Table

    out = console(highlight=False)
    columns = Table("column", "unit", "role", "description", title="Columns", title_justify="left", box=None)
    for column in card.columns:
        columns.add_row(column.name, column.unit, column.role, column.description)
    out.print(columns)
    if card.glasses:
        heads = ("glass", "atoms", "seed", "quench rate (K/s)", "origin")
        glasses = Table(*heads, title="Glasses", title_justify="left", box=None)
        for glass in card.glasses:
            seed = "" if glass.seed is None else str(glass.seed)
            rate = "not stated" if glass.quench_rate is None else f"{glass.quench_rate:.0e}"
            glasses.add_row(glass.id, str(glass.n_atoms), seed, rate, glass.origin)
        out.print(glasses)
    if card.quality:
        titles = ("quantity", "unit", "stratum", "here", "literature", "source")
        quality = Table(*titles, title="Quality", title_justify="left", box=None)
        for row in card.quality:
            quality.add_row(row.quantity, row.unit, row.stratum, f"{row.ours:g}", row.literature, row.source)
        out.print(quality)
