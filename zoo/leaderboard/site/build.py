"""Building the site: pages, tables to download, style and scripts, in a folder that opens from disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo._files import storage_error
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Suite
from zoo.errors import StoreError
from zoo.leaderboard.site.front_pages import downloads
from zoo.leaderboard.site.gather import Page, Progress, Site, gather
from zoo.leaderboard.site.sections import SECTIONS

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = ".glass-zoo-site"
"""File in a folder that a site was built in, which may be replaced."""
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing from any other host. ``file:`` is what ``'self'`` is for pages that are opened from disk; styles inside of
figures are inline."""


@dataclass(frozen=True)
class Built:
    """What was built: the first page, how many pages, their bytes, the largest one."""

    index: Path
    n_pages: int
    n_bytes: int
    largest: tuple[str, int]


def build_site(
    suites: Iterable[Suite],
    results: Path,
    output: Path,
    progress: Progress = lambda text: None,
    all_data: bool = False,
) -> Built:
    """Write the site of the results of some suites.

    Parameters
    ----------
    suites : iterable of Suite
        Those that have no finished row are left out.
    results : Path
        Results folder.
    output : Path
        Folder that is made, or replaced if it holds a site.
    progress : callable of (text)
        Told what is being done.
    all_data : bool
        Draw the sheet of every data set; by default of those that the scored tasks use.

    Raises
    ------
    StoreError
        There are no results; ``output`` holds something else, or cannot be written.
    """
    _require_ours(output)
    site = gather(Store(results), suites, progress, all_data)
    pages = [page for section in SECTIONS for page in section.pages(site, progress)]
    pages.append(downloads(site, pages))
    progress("writing pages")
    try:
        staged = output.with_name(f".{output.name}.new")
        shutil.rmtree(staged, ignore_errors=True)
        sizes = _write(site, pages, staged)
        shutil.rmtree(output, ignore_errors=True)
        staged.replace(output)
    except OSError as error:
        raise storage_error(f"site folder {output}", error, "--output") from None
    largest = max(sizes, key=lambda path: sizes[path])
    total = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    return Built(output / "index.html", len(pages), total, (largest, sizes[largest]))


def _require_ours(output: Path) -> None:
    if not output.exists() or (output / MARK).exists():
        return
    left_by_board = output.is_dir() and {path.name for path in output.iterdir()} <= {"index.html"}
    if not left_by_board:
        raise StoreError(f"the site goes into an empty folder or replaces an older site, got {output}: choose another")


def _write(site: Site, pages: list[Page], output: Path) -> dict[str, int]:
    """Write everything below ``output``; bytes of each page."""
    output.mkdir(parents=True)
    (output / MARK).touch()
    environment = _environment()
    first = {page.section: page.path for page in reversed(pages)}
    shown = [(s.key, s.title, first[s.key]) for s in SECTIONS if s.key in first] + [
        ("downloads", "Download", "downloads.html")
    ]
    sizes = {}
    for page in pages:
        root = "../" * page.path.count("/")
        text = environment.get_template(page.template).render(
            page=page, site=site, root=root, navigation=shown, policy=POLICY, **page.context
        )
        sizes[page.path] = _put(output / page.path, text.encode())
        for path, content in page.files.items():
            _put(output / path, content)
        for table in page.tables:
            if not table.rows:
                continue
            _put(output / "tables" / f"{table.key}.csv", table.csv())
            _put(output / "tables" / f"{table.key}.parquet", table.parquet())
    for entry in files("zoo.leaderboard").joinpath("templates/static").iterdir():
        _put(output / "static" / entry.name, entry.read_bytes())
    return sizes


def _put(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return len(content)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.leaderboard", "templates/site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whisker"] = _whisker
    return environment


def _whisker(cell: Any, span: tuple[float, float] | None) -> str:
    """A score with its interval on an axis from the least to the largest of the table, as SVG; empty without one."""
    if cell.interval is None or span is None or span[1] <= span[0]:
        return ""
    low, high, at = (3 + 84 * (x - span[0]) / (span[1] - span[0]) for x in (*cell.interval, cell.value))
    return (
        f'<svg class="spark" viewBox="0 0 90 14" aria-hidden="true"><path class="whisker" d="M{low:.1f} 7H{high:.1f}"/>'
        f'<circle class="dot" cx="{at:.1f}" cy="7" r="3"/></svg>'
    )
