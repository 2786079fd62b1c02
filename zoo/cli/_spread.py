"""Options that take several values at once, as people write them and as a shell's ``*`` gives them."""

from __future__ import annotations

import click

PAIRS = "NAME=VALUE"
"""Metavar of an option whose values are pairs: a word without ``=`` after them is an argument of the command."""


class Spread(click.Command):
    """A command whose repeatable options take several values: ``--before a b c``, ``--type-map 1=Cu 2=Zr``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {name: p for p in self.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}
        spread: list[str] = []
        name, taken = "", 0
        for word in args:
            option = options.get(name)
            if word.startswith("--") or word in options:
                name, taken = word, 0
            elif option is not None and option.multiple:
                if taken and option.metavar == PAIRS and "=" not in word:
                    name = ""
                elif taken:
                    spread.append(name)
                taken += 1
            spread.append(word)
        return super().parse_args(ctx, spread)
