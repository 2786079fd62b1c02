"""Every command that help, README and docs show is one that the command line understands; none is run here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from zoo.cli import COMMANDS, zoo
from zoo.cli.features import command as features

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")]
EPILOG = re.compile(r"zoo [a-z].*?(?=[;,] (?:then )?zoo |; |(?<! '[A-Z])\. [A-Z]|$)")
"""Examples of a help text end where the next begins, or a sentence about them."""


def parse(words: list[str]) -> click.Context:
    """What ``zoo`` makes of a command line, without doing it."""
    command: click.Command = zoo
    context = command.make_context("zoo", words)
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command = found
        context = command.make_context(command.name, words, parent=context)
    return context


def commands_of_help(command: click.Command) -> Iterator[str]:
    yield from EPILOG.findall(command.epilog or "")
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands_of_help(found)


def commands_of_page(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^zoo .*$", block.replace("\\\n", " "), re.MULTILINE)
    for quoted in re.findall(r"`(zoo [a-z][^`]*)`", text):
        if "[" not in quoted and "..." not in quoted:
            yield quoted


def refused(line: str) -> str | None:
    """Why a line is not understood; one of running text may leave arguments out, or end with the name of an option."""
    words = shlex.split(line, comments=True)
    for end in ("|", ">", "&&", ";"):
        words = words[: words.index(end)] if end in words else words
    try:
        parse(words[1:])
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        return None
    except click.ClickException as error:
        said = error.format_message()
        return None if said == f"Option {words[-1]!r} requires an argument." else f"{line}: {said}"
    return None


def test_examples_of_help_are_understood() -> None:
    lines = list(commands_of_help(zoo))
    assert len(lines) > 2 * len(COMMANDS)
    assert not [reason for line in lines if (reason := refused(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_are_understood(page: Path) -> None:
    assert not [reason for line in commands_of_page(page) if (reason := refused(line))]


@pytest.mark.parametrize(
    "words",
    [
        "g.dump --type-map 1=Cu 2=Zr -o t.csv --set voronoi",
        "--type-map 1=Cu 2=Zr g.dump --set voronoi -o t.csv",
        "g.dump --set voronoi -o t.csv --type-map 1=Cu --type-map 2=Zr",
        "--set voronoi --type-map=1=Cu --type-map 2=Zr -o t.csv g.dump",
    ],
)
def test_pairs_may_be_written_after_one_option_wherever_it_stands(words: str) -> None:
    found = features.make_context("features", words.split()).params
    assert found["type_map"] == ("1=Cu", "2=Zr")
    assert (str(found["glassfile"]), str(found["output"]), found["features"]) == ("g.dump", "t.csv", "voronoi")
