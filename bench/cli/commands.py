"""The commands."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from bench.cli.comparing import baseline, compare
from bench.cli.exporting import export
from bench.cli.flags import selects_work
from bench.cli.printing import (
    Format,
    print_laws,
    print_pairs,
    print_plan,
    print_standings,
    print_summary,
    print_table,
    receipt,
    watcher,
)

if TYPE_CHECKING:
    from bench.experiment import Prepared, RunRequest

app = typer.Typer(
    name="bench",
    help="Benchmark ensemble-weighting and class-weighting schemes on tabular data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RESULTS = Annotated[
    Path, typer.Argument(envvar="BENCH_RESULTS", help="Results directory, or a scores file (CSV or Parquet).")
]
PLUGINS = Annotated[list[str] | None, typer.Option("--plugin", help="Plug-in file or module.")]
NOTHING_SELECTED = 5


@app.callback(invoke_without_command=True)
def version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Benchmark ensemble-weighting and class-weighting schemes on tabular data."""
    if show_version:
        from bench import __version__

        typer.echo(f"bench {__version__}")
        raise typer.Exit


@app.command()
@selects_work
def run(
    request: RunRequest,
    metric: Annotated[list[str] | None, typer.Option(help="Metrics of the boards to print.")] = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout, no tables.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no tables.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say every fit and sheet as it ends.")] = False,
) -> None:
    """Fit what is missing, weigh, score, and write the tables; resumes and extends what the directory holds."""
    from bench import experiment

    started = time.perf_counter()
    prepared = _prepare(request, quiet=quiet, metrics=metric or [])
    if dry_run:
        print_plan(request, prepared)
        return
    with ExitStack() as stack:
        tally = experiment.run(request, prepared, watcher(stack, quiet=quiet, verbose=verbose))
    seconds = round(time.perf_counter() - started, 1)
    counts = tally.as_dict()
    bad = tally.planned - counts["ok"] - counts["skipped"]
    if as_json:
        typer.echo(json.dumps({**counts, "seconds": seconds, "results": str(request.results)}))
    elif not quiet:
        print_summary(request.results, metric or [])
    if not quiet:
        receipt(counts, seconds, request.results)
    raise typer.Exit(1 if bad else 0)


@app.command()
@selects_work
def plan(request: RunRequest) -> None:
    """Say what `bench run` with the same flags would do, and how long the fits may take."""
    print_plan(request, _prepare(request, quiet=True))


@app.command()
def status(results: RESULTS = Path("results")) -> None:
    """Count the cells of a results directory by status, and list what went wrong."""
    from bench.cli import terminal
    from bench.core.nouns import STATUSES
    from bench.runner.journal import Journal

    records = Journal(results).records()
    if not records:
        _refuse(f"{results} holds no records: give the directory of a run")
    counts: dict[str, dict[str, int]] = {}
    for cell, record in records.items():
        by = counts.setdefault(cell.board, dict.fromkeys(STATUSES, 0))
        by[record["status"]] += 1
    terminal.table(["board", *STATUSES], [[board, *by.values()] for board, by in counts.items()])
    bad = [(cell, record) for cell, record in records.items() if record["status"] not in {"ok", "skipped"}]
    rows = [[*cell, record["status"], record.get("detail", "")] for cell, record in bad[:20]]
    if bad:
        terminal.table([*cell_columns(), "status", "detail"], rows, f"{len(bad)} cells are not ok")
        terminal.message(f"tracebacks and rerun commands: {results / 'failures.csv'}")


def cell_columns() -> list[str]:
    """Return the names of a cell's parts."""
    from bench.core.nouns import Cell

    return list(Cell._fields)


@app.command()
def leaderboard(
    results: RESULTS = Path("results"),
    board: Annotated[list[str] | None, typer.Option("-b", "--board", help="Boards, by name or glob.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Metrics, by name or glob; each board's own first.")] = None,
    missing: Annotated[
        str, typer.Option(help="What becomes of missing scores: common, worst, impute:METHOD, fail.")
    ] = "common",
    by: Annotated[
        list[str] | None, typer.Option(help="Slices: learner, suite, imbalance, n_rows, n_classes, any column.")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Method that skill, headroom and Elo refer to.")] = None,
    rope: Annotated[
        float | None, typer.Option(help="Differences below it do not matter; without it, the noise of --seeds.")
    ] = None,
    test: Annotated[
        Literal["wilcoxon", "nemenyi"], typer.Option(help="What tells methods apart, for letters and pairs.")
    ] = "wilcoxon",
    pairs: Annotated[bool, typer.Option("--pairs", help="Print every pair of methods instead of the boards.")] = False,
    plugins: PLUGINS = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = "table",
) -> None:
    """Rank the methods of a results directory, or of any long table of scores."""
    from bench.core.plugins import load_plugins
    from bench.report import leaderboards as boards

    load_plugins(plugins or ())
    scores = _chosen_scores(results, board or [], metric or [], every=output != "table")
    ranked = list(
        boards.standings(
            scores, missing=missing, by=split_words(by), tasks=_tasks_of(results), baseline=baseline, test=test
        )
    )
    if pairs and output == "table":
        print_pairs(ranked, rope)
    elif pairs:
        print_table(boards.pairwise_table(ranked, rope), output)
    elif output == "table":
        print_standings(ranked)
    else:
        print_table(boards.table_of(ranked), output)


def split_words(texts: Sequence[str] | None) -> list[str]:
    """Return the parts of comma lists."""
    return [word.strip() for text in texts or () for word in text.split(",") if word.strip()]


def _chosen_scores(results: Path, boards: Sequence[str], metrics: Sequence[str], *, every: bool) -> Any:
    """Return the scores of the chosen boards and metrics; without a choice those of each board's own metric, or all."""
    from bench.core import tables
    from bench.report import exports

    scores = tables.load(results)
    if scores.empty or scores["method"].isna().all():
        _refuse(f"{results} holds no ranked scores", NOTHING_SELECTED)
    return exports.choose_scores(scores, boards, metrics or (["*"] if every else []))


def _tasks_of(results: Path) -> Any:
    """Return the table of tasks of a results directory; None where there is none."""
    import pandas as pd

    path = results / "tasks.csv"
    return pd.read_csv(path) if path.is_file() else None


@app.command("list")
def list_(
    nouns: Annotated[list[str] | None, typer.Argument(help="What to list; everything without it.")] = None,
    plugins: PLUGINS = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = "table",
) -> None:
    """List boards, learners, schemes, steps, metrics, sources, suites, panels and bundled tables."""
    from bench.cli import catalog
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    for title, table in catalog.tables(nouns or ()).items():
        print_table(table, output, title)


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(help="A learner, scheme, step, metric, suite or task.")],
    plugins: PLUGINS = None,
    offline: Annotated[bool, typer.Option("--offline", envvar="BENCH_OFFLINE", help="Never use the network.")] = False,
    target: Annotated[str | None, typer.Option(help="Target column of a file: task.")] = None,
) -> None:
    """Describe one thing by name: its documentation and parameters, or the table behind a task."""
    from bench.cli import catalog, terminal
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    for title, pairs in catalog.describe(name, target, offline=offline).items():
        terminal.fields(title, pairs)


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Plug-ins to check; all without it.")] = None,
    plugins: PLUGINS = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = "table",
) -> None:
    """Hold plug-ins to the laws of their registry."""
    from bench import checks
    from bench.cli import terminal
    from bench.core.plugins import load_plugins

    load_plugins(plugins or ())
    cases = list(checks.cases(names=names or ()))
    if not cases:
        _refuse(f"no plug-in matches {', '.join(names or ())}: see `bench list`", NOTHING_SELECTED)
    rows = []
    with terminal.progress("laws", len(cases), quiet=False) as bar:
        for case in cases:
            outcome = case.run()
            rows.append((case.id, outcome.status, outcome.reason))
            bar(1, case.id)
    raise typer.Exit(print_laws(rows, output))


@app.command()
def explain(
    cell: Annotated[
        str, typer.Argument(help="board/task/method, /learner and /repeat.fold behind it, or the start of a key.")
    ],
    results: Annotated[Path, typer.Option(envvar="BENCH_RESULTS", help="Results directory.")] = Path("results"),
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
    plugins: PLUGINS = None,
    offline: Annotated[bool, typer.Option("--offline", envvar="BENCH_OFFLINE", help="Never use the network.")] = False,
) -> None:
    """Say why a cell ran, was reused, or is stale."""
    from bench.core.plugins import load_plugins
    from bench.runner import explain as why

    load_plugins(plugins or ())
    for found in why.explain(results, store or results / "store", cell, offline=offline):
        typer.echo(" ".join(str(part) for part in found.cell if part != ""))
        for line in found.lines:
            typer.echo(f"  {line}")


app.command()(compare)
app.add_typer(baseline, name="baseline")
app.command()(export)


def _prepare(request: RunRequest, *, quiet: bool, metrics: Sequence[str] = ()) -> Prepared:
    """Load plug-ins and tasks, resolve the names, and say what was inferred and what looks odd."""
    from bench import experiment
    from bench.cli import terminal
    from bench.core.nouns import Target
    from bench.core.plugins import load_plugins
    from bench.methods.metrics import for_target

    load_plugins(request.options.plugins)
    for_target(Target("point"), metrics)  # refuses a metric that does not exist, before anything is run

    def told(name: str, task: Any) -> None:
        if task.meta.get("kind_inferred") and not quiet:
            terminal.message(f"{name}: taken as {task.kind} (say otherwise with --kind)")
        for warning in () if quiet else task.meta.get("warnings", ()):
            terminal.message(f"{name}: warning: {warning}", "yellow")

    prepared = experiment.prepare(request, told)
    for spec, error in prepared.unloaded.items():
        terminal.message(f"{spec.full}: could not be loaded: {error}", "red")
    if not prepared.plan.cells and not prepared.unloaded:
        _refuse("nothing is selected: no board takes these tasks with these names", NOTHING_SELECTED)
    return prepared


def _refuse(text: str, code: int = 2) -> NoReturn:
    typer.echo(f"bench: {text}", err=True)
    raise typer.Exit(code)
