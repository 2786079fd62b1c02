"""``zoo site``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli import console

DEFAULT = Path("leaderboard") / "site"
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("site", epilog="Examples: zoo site build, zoo site serve")
def command() -> None:
    """Build the leaderboard as a static site, or look at it."""


@command.command(epilog="Examples: zoo site build, zoo site build standard my-suite.toml --output /tmp/site --open")
@click.argument("suite_names", metavar="[SUITES]...", nargs=-1)
@click.option("--results", type=FOLDER, help="Results folder (or ZOO_RESULTS).")
@click.option("--output", "-o", type=FOLDER, help="Folder; leaderboard/site by default.")
@click.option("--all-data", is_flag=True, help="Draw the sheets of data sets that no scored task uses, too.")
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
def build(
    suite_names: tuple[str, ...], results: Path | None, output: Path | None, all_data: bool, opened: bool
) -> None:
    """Write the site of SUITES (default: all that have results) as files that open without a server.

    Sheets of data sets are checked and drawn the first time, which takes a minute or so, and kept.
    """
    import functools

    from zoo.benchmark.suite import read_suite
    from zoo.benchmark.suite import suite_names as known
    from zoo.leaderboard.site.build import build_site
    from zoo.paths import default_results_dir

    suites = [read_suite(name) for name in suite_names or known()]
    folder = (results or default_results_dir()).resolve()
    out, err = console(highlight=False), console(stderr=True, highlight=False)
    if err.is_terminal:
        with err.status("reading results") as status:
            built = build_site(suites, folder, _folder(output), status.update, all_data)
    else:
        say = functools.partial(err.print, markup=False, soft_wrap=True)
        built = build_site(suites, folder, _folder(output), say, all_data)
    size = f"{built.n_pages} pages, {built.n_bytes / 1e6:.1f} MB in all, largest {built.largest[1] / 1e6:.2f} MB"
    out.print(f"{built.index}\n{size} ({built.largest[0]})", soft_wrap=True)
    if opened:
        import webbrowser

        webbrowser.open(built.index.as_uri())


@command.command(epilog="Example: zoo site serve --port 8000")
@click.option("--output", "-o", type=FOLDER, help="Folder; leaderboard/site by default.")
@click.option("--port", default=8000, show_default=True, help="Of this machine; other machines cannot reach it.")
def serve(output: Path | None, port: int) -> None:
    """Serve a site that was built; Ctrl-C ends it. It opens from disk as well."""
    import functools
    import http.server

    from zoo.errors import StoreError

    folder = _folder(output)
    if not (folder / "index.html").exists():
        raise StoreError(f"there is no site in {folder}: run zoo site build first")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        console(highlight=False).print(f"http://127.0.0.1:{server.server_port}  (Ctrl-C ends it)", soft_wrap=True)
        server.serve_forever()


def _folder(output: Path | None) -> Path:
    from zoo.paths import content_root

    root = content_root()
    return (output or (root if root.name != "content" else Path.cwd()) / DEFAULT).resolve()
