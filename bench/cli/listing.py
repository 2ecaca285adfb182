"""The commands about what there is: list it, show one thing, and check plug-ins against the laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from bench.cli import terminal
from bench.cli.arguments import DATASETS, FORMAT, OFFLINE, PLUGINS, Format
from bench.cli.printing import print_table
from bench.core.exit_codes import FINE, NOT_OK


def print_lists(
    nouns: Annotated[list[str] | None, typer.Argument(help="What to list; everything without it.")] = None,
    plugins: PLUGINS = None,
    datasets: DATASETS = None,
    output: FORMAT = "table",
) -> None:
    """List boards, learners, schemes, steps, metrics, sources, suites, panels and bundled tables."""
    from bench.cli import catalog
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    for title, table in catalog.tables(nouns or (), datasets).items():
        print_table(table, output, title)


def show(
    name: Annotated[str, typer.Argument(help="A learner, scheme, step, metric, suite or task.")],
    plugins: PLUGINS = None,
    datasets: DATASETS = None,
    offline: OFFLINE = False,
    target: Annotated[str | None, typer.Option(help="Target column of a file: task.")] = None,
) -> None:
    """Describe one thing by name: its documentation and parameters, or the table behind a task."""
    from bench.cli import catalog
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    for title, pairs in catalog.describe(name, target, datasets, offline=offline).items():
        terminal.fields(title, pairs)


def check(
    names: Annotated[list[str] | None, typer.Argument(help="Plug-ins to check; all without it.")] = None,
    plugins: PLUGINS = None,
    output: FORMAT = "table",
) -> None:
    """Hold plug-ins to the laws of their registry."""
    from bench import checks
    from bench.checks.apart import run_cases
    from bench.core.nouns import NothingSelectedError
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    cases = list(checks.cases(names=names or ()))
    if not cases:
        raise NothingSelectedError(f"no plug-in matches {', '.join(names or ())}: see `bench list`")
    rows = []
    with terminal.progress("laws", len(cases), quiet=False) as bar:
        for case, outcome in run_cases(cases, plugins or ()):
            rows.append((case.id, outcome.status, outcome.reason))
            bar(1, case.id)
    _print_laws(rows, output)
    raise typer.Exit(NOT_OK if any(outcome == "broken" for _, outcome, _ in rows) else FINE)


def _print_laws(rows: Sequence[tuple[str, str, str]], output: Format) -> None:
    """Print how plug-ins stand to their laws, for people only those that do not pass, and count them on stderr."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=["law", "outcome", "reason"])
    shown = table[table["outcome"] != "passed"] if output == "table" else table
    if output != "table" or not shown.empty:
        print_table(shown, output)
    counts = Counter(table["outcome"])
    terminal.message(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
