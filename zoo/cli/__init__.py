"""The command ``zoo``: one small module per command, imported when it is called."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

import click

COMMANDS = {
    "list": ("zoo.cli.list", "Show the registered data sets, feature sets, models, tasks or suites."),
    "features": ("zoo.cli.features", "Describe the atoms of your own glass by a feature set."),
    "check-descriptor": ("zoo.cli.check_descriptor", "Try a descriptor of your own against the conformance suite."),
    "submit": ("zoo.cli.submit", "Make, check, score and pack a submission to the leaderboard."),
    "verify": ("zoo.cli.verify", "Run a submission again in a sandbox and keep a record of it."),
    "data": ("zoo.cli.data", "Build, fetch, verify, check or show data sets."),
    "run": ("zoo.cli.run", "Score a suite of feature sets and models."),
    "transfer": ("zoo.cli.transfer", "Learn on one kind of glass, test on every other; compare two such matrices."),
    "paper": ("zoo.cli.paper", "Repeat a published protocol, and the same under a split by glass."),
    "automl": ("zoo.cli.automl", "Choose features, model and settings for a task together, and save the ensemble."),
    "predict": ("zoo.cli.predict", "Apply a saved model to your own glass."),
    "explain": ("zoo.cli.explain", "Say which columns a model's answers rest on, by Shapley values."),
    "scorecard": ("zoo.cli.scorecard", "Say whether a model's score behaves as the physics asks, beyond its accuracy."),
    "track": ("zoo.cli.track", "Write what a suite has scored as MLflow runs; zoo run does so at its end."),
    "ui": ("zoo.cli.ui", "Open MLflow's pages on the runs, or Optuna's on the searches."),
    "board": ("zoo.cli.board", "Print the leaderboard or write it as a page."),
    "compare": ("zoo.cli.compare", "Compare rows of the leaderboard on the same glasses: ranks, ratings, differences."),
    "site": ("zoo.cli.site", "Build the leaderboard as a static site, or look at it."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from zoo.errors import UnknownNameError

            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: zoo list tasks, zoo run quick, zoo board --html board.html",
)
@click.version_option(package_name="glass-zoo", prog_name="zoo")
def zoo() -> None:
    """Benchmarks of descriptors and models that predict atomic rearrangements in glasses."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error of ours is one sentence on stderr and exit code 2, never a traceback.

    SIGTERM, which batch systems send before they kill, ends a command as Ctrl-C does.
    """
    from zoo.errors import ZooError

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        zoo.main(args=arguments, prog_name="zoo", standalone_mode=False)
    except ZooError as error:
        click.echo(f"zoo: {error}", err=True)
        sys.exit(2)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("zoo: stopped; finished work is kept, the same command continues", err=True)
        sys.exit(130)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # before OSError, which it is
        # the reader (head, less) has gone; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        click.echo(f"zoo: {error.filename or 'a file'} cannot be read or written: {error.strerror or error}", err=True)
        sys.exit(2)


def console(**options: Any) -> Any:
    """A rich console on stdout that is wide enough for tables when it is piped into a file."""
    from rich.console import Console

    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        options.setdefault("width", 150)
    return Console(**options)
