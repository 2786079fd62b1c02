"""Overview, how scores are made, and everything to download."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.leaderboard.compare import cpu_seconds, name_of
from zoo.leaderboard.site.figures import Figure, matrix_figure, shares_figure
from zoo.leaderboard.site.gather import Page, Site
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, quantity_cell, text_cell
from zoo.leaderboard.statistics import average_ranks, improvability
from zoo.models.declaration import model_families


def overview(site: Site) -> list[Page]:
    """The first page."""
    across, facts = _across(site), _facts(site)
    analyses = [(entry.name, entry.shares[0][1]) for entry in site.entries if entry.shares]
    context = {
        "facts": facts,
        "leaders": (leaders := _leaders(site)),
        "matrix": (matrix := _matrix(site)),
        "shares": (shares := shares_figure("overview-shares", "task", analyses)),
        "across": across,
        "who": " and ".join(f"{n} {what[:-1] if n == '1' else what}" for n, what in facts[1:3]),
    }
    tables = [leaders, *([across] if across else []), *(figure.table for figure in (matrix, shares) if figure)]
    return [Page("index.html", "glass-zoo", "overview.html.j2", "overview", context, tables)]


def methods(site: Site) -> list[Page]:
    """How scores are made, in words."""
    scales = [entry for entry in site.entries if entry.normaliser]
    columns = [
        Column("task", "task"),
        Column("metric", "metric"),
        Column("null", "0 % is", True, "ordering at random"),
        Column("ceiling", "100 % is", True, "what label noise allows"),
        Column("ceiling_of", "measured by"),
        Column("frozen", "frozen"),
    ]
    rows = []
    for entry in scales:
        end = entry.normaliser
        if end is not None:
            cells = [text_cell(entry.name, entry.path), text_cell(TITLES[end.metric]), number_cell(end.null)]
            rows.append(
                Row(
                    [
                        *cells,
                        number_cell(end.ceiling),
                        text_cell(end.ceiling_of or "label measured once"),
                        text_cell(end.frozen),
                    ]
                )
            )
    table = Table("scale", "Ends of the scale", columns, rows)
    return [Page("methods.html", "How scores are made", "methods.html.j2", "methods", {"table": table}, [table])]


def downloads(site: Site, pages: list[Page]) -> Page:
    """Every table of the other pages, and the citations."""
    tables = [(page, table) for page in pages for table in page.tables if table.rows]
    return Page(
        "downloads.html",
        "Download and cite",
        "downloads.html.j2",
        "downloads",
        {"tables": tables, "bibtex": _bibtex(site)},
    )


def _bibtex(site: Site) -> str:
    return f"""@software{{glass-zoo,
  title = {{glass-zoo: benchmarks of descriptors and models that predict atomic rearrangements in glasses}},
  author = {{{{glass-zoo contributors}}}},
  year = {{{site.made[:4]}}},
  note = {{version {version("glass-zoo")}, site of {site.made}; cite the data sets and methods of the rows as well}}
}}"""


def _facts(site: Site) -> list[tuple[str, str]]:
    rows = [row for entry in site.entries for row in entry.comparison.rows]
    glasses = {
        (entry.board.task.dataset, unit)
        for entry in site.entries
        if entry.comparison.unit == "glasses"
        for unit in entry.comparison.units
    }
    return [
        (str(len(site.entries)), "tasks"),
        (str(len({row.features for row in rows})), "descriptors"),
        (str(len({row.family for row in rows})), "models"),
        (str(len(glasses)), "test glasses"),
        (f"{site.n_cells:,}", "fits scored"),
        (max((row.date for row in rows), default=""), "last result"),
    ]


def _leaders(site: Site) -> Table:
    """The best row of each task beside the best null control and the cheapest row that is not clearly worse."""
    columns = [
        Column("task", "task"),
        Column("best", "best row"),
        Column("score", "score", True, "with its 95 % interval over glasses, from 0 to 1"),
        Column("metric", "metric"),
        Column("percent_of_ceiling", "% of ceiling", True, "0: ordering at random; 100: what label noise allows"),
        Column("null", "null control", True, "score of the best null control"),
        Column("optimism", "optimism", True, "what a random split of atoms would have claimed on top of the best row"),
        Column("cheapest", "cheapest not clearly worse"),
        Column("cheapest_seconds", "CPU s", True, "of a fold: describe, tune, fit, predict"),
    ]
    rows = []
    for entry in site.entries:
        comparison = entry.comparison
        best, value = comparison.rows[0], float(comparison.headline[0])
        nulls = [float(comparison.headline[k]) for k, row in enumerate(comparison.rows) if row.null_control]
        tied = [0] + [k for k in range(1, len(comparison.rows)) if (d := comparison.difference(k, 0)) and not d.clear]
        cheap = comparison.rows[min(tied, key=lambda k: comparison.costs[k])]
        cells = [
            text_cell(entry.name, entry.path, entry.board.task.title),
            text_cell(name_of(best), site.feature_paths[best.features]),
            number_cell(
                value, 3, help=f"95 %: {best.interval[0]:.3f} to {best.interval[1]:.3f}" if best.interval else ""
            ),
            text_cell(entry.metric),
            number_cell(entry.percent(value), 0),
            number_cell(max(nulls) if nulls else None),
            number_cell(best.optimism, 3, True),
            text_cell(name_of(cheap), site.feature_paths[cheap.features]),
            quantity_cell(cpu_seconds(cheap)),
        ]
        rows.append(Row(cells))
    return Table("overview", "Who leads", columns, rows, (0.0, 1.0))


def _matrix(site: Site) -> Figure | None:
    """Best score of each descriptor on each task, in % of the ceiling where there is one."""
    entries = [entry for entry in site.entries if entry.normaliser and entry.normaliser.ceiling]
    features = list(dict.fromkeys(row.features for entry in entries for row in entry.comparison.rows))
    best = np.full((len(features), len(entries)), np.nan)
    for k, entry in enumerate(entries):
        for number, row in enumerate(entry.comparison.rows):
            place, value = features.index(row.features), entry.percent(float(entry.comparison.headline[number]))
            if value is not None:
                best[place, k] = np.nanmax([best[place, k], value])
    if best.size < 4:
        return None
    order = np.argsort(-np.nanmean(best, axis=1), kind="stable")
    what = "Best score of each descriptor on each task, % of the ceiling"
    names = [features[k] for k in order], [entry.name for entry in entries]
    return matrix_figure("overview-descriptors-tasks", what, "descriptor", names, best[order], 0)


def _across(site: Site) -> Table | None:
    """Rows that were scored on every task of atoms: average rank and improvability over tasks."""
    entries = [entry for entry in site.entries if entry.comparison.unit == "glasses"]
    places = [{name_of(row): k for k, row in enumerate(entry.comparison.rows)} for entry in entries]
    common = [name for name in places[0] if all(name in of for of in places)] if len(entries) > 1 else []
    priors = [name for name in common if model_families[name.split("/")[1]].null_control]
    common = [name for name in common if name not in priors[1:]]  # which predict the same from any descriptor
    if len(common) < 3:
        return None
    scores = np.array(
        [[entry.comparison.headline[of[name]] for entry, of in zip(entries, places, strict=True)] for name in common]
    )
    rows_of = [entries[0].comparison.rows[places[0][name]] for name in common]
    percents = [[entry.percent(float(value)) for entry, value in zip(entries, line, strict=True)] for line in scores]
    columns = [
        Column("descriptor", "descriptor"),
        Column("model", "model"),
        Column("average_rank", "average rank", True, f"over {len(entries)} tasks, among these rows"),
        Column(
            "improvability",
            "improvable %",
            True,
            "share of its error that it would lose if it were the best of every task, mean over tasks",
        ),
        Column("percent_of_ceiling", "% of ceiling", True, "mean over tasks"),
        *(Column(f"score_{entry.key}", f"{entry.name} ({entry.metric})", True) for entry in entries),
    ]
    ranks, open_to = average_ranks(scores), improvability(1 - scores)
    rows = []
    for k in np.argsort(open_to, kind="stable"):
        known = [value for value in percents[k] if value is not None]
        row = rows_of[k]
        cells = [
            text_cell(row.features, site.feature_paths[row.features]),
            text_cell(row.model, site.family_paths[row.family]),
            number_cell(float(ranks[k]), 1),
            number_cell(float(open_to[k]), 1),
            number_cell(float(np.mean(known)) if len(known) == len(entries) else None, 0),
            *(number_cell(float(value)) for value in scores[k]),
        ]
        rows.append(Row(cells, row.null_control))
    return Table("across-tasks", f"Rows scored on all {len(entries)} tasks of atoms", columns, rows)
