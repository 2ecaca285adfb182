"""The commands around a run: do it, plan it, count how its cells ended, and explain one of them."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import terminal
from bench.cli.arguments import OFFLINE, PLUGINS, RESULTS
from bench.cli.fetching import accept_changes
from bench.cli.flags import add_request_flags
from bench.cli.printing import print_summary
from bench.core.exit_codes import BUDGET_SPENT, FINE, NOT_OK
from bench.runner.options import RunRequest

if TYPE_CHECKING:
    from bench.core.nouns import Task
    from bench.runner.executors.local import Event
    from bench.runner.prepare import Prepared
    from bench.runner.progress import Progress, Watch

LOOK_SECONDS = 2.0
"""How often `status --watch` looks."""
NAMED_JOBS = 4
"""Jobs that are named of those that run: a cluster runs hundreds."""
MOST_FAILURES = 20
"""Cells that `status` lists; failures.csv has all."""


@add_request_flags
def run(
    request: RunRequest,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout, no tables.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no tables.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say every fit and sheet as it ends.")] = False,
    update_lock: Annotated[
        bool, typer.Option("--update-lock", help="Accept in bench.lock what the tasks are now.")
    ] = False,
) -> None:
    """Fit what is missing, weigh, score, and write the tables; resumes and extends what the directory holds."""
    from bench.runner.executors.fork_server import start_server

    started = time.perf_counter()
    if not dry_run:
        start_server()  # it imports while this process does
    from bench import experiment
    from bench.runner.prepare import prepare, requested_tasks

    if update_lock:
        accept_changes(requested_tasks(request), offline=request.offline)
    prepared = _prepare(request, prepare, quiet=quiet)
    if dry_run:
        _print_plan(request, prepared)
        return
    with _watched(quiet=quiet, verbose=verbose) as watch:
        outcome = experiment.run(request, prepared, watch)
    seconds = round(time.perf_counter() - started, 1)
    counts = outcome.tally.as_dict()
    if as_json:
        typer.echo(json.dumps({**counts, "seconds": seconds, "results": str(request.results)}))
    elif not quiet:
        places = list(dict.fromkeys((cell.board, cell.panel) for cell in prepared.plan.cells))
        print_summary(request.results, places, request.chosen.metrics, outcome.standings)
    if not quiet:
        _print_receipt(counts, seconds, request.results)
    if outcome.lost:
        terminal.message(
            f"{outcome.lost} cells ended and are not so in the tables, since their records in "
            f"{request.results / 'records'} were changed while the run went on: run again",
            "red",
        )
    if outcome.tally.budget and not outcome.lost:
        terminal.message(f"{outcome.tally.budget} is spent: run again to go on")
        raise typer.Exit(BUDGET_SPENT)
    whole = counts["ok"] + counts["skipped"] == counts["planned"] and not outcome.lost
    raise typer.Exit(FINE if whole else NOT_OK)


@add_request_flags
def plan(request: RunRequest) -> None:
    """Say what `bench run` with the same flags would do, and how long the fits may take."""
    from bench.runner.prepare import foresee

    _print_plan(request, _prepare(request, foresee, quiet=True))


def status(
    results: RESULTS = Path("results"),
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run that writes there, until it ends.")] = False,
) -> None:
    """Count the cells of a results directory by status, list what went wrong, and say how far a run is."""
    from bench.core.nouns import STATUSES, BenchError, Cell
    from bench.runner.journal import Journal

    is_running = _follow(results, once=not watch)
    records = Journal(results).records()
    if not records and is_running:
        return
    if not records:
        raise BenchError(f"{results} holds no records: give the directory of a run")
    counts = Counter((cell.board, record.ending.status) for cell, record in records.items())
    boards = dict.fromkeys(cell.board for cell in records)
    rows = [[board, *(counts[board, status] for status in STATUSES)] for board in boards]
    terminal.table(["board", *STATUSES], rows)
    bad = [(cell, record.ending) for cell, record in records.items() if record.ending.is_bad]
    if bad:
        rows = [[*cell, ending.status, ending.detail] for cell, ending in bad[:MOST_FAILURES]]
        terminal.table([*Cell._fields, "status", "detail"], rows, f"{len(bad)} cells are not ok")
        terminal.message(f"tracebacks and rerun commands: {results / 'failures.csv'}")


def _follow(results: Path, *, once: bool) -> bool:
    """Print how far the run is that writes to a directory, again and again until it has ended, or once.

    Return whether it is still going on.
    """
    from bench.runner.progress import read_progress

    with terminal.run_progress(quiet=once) as bar:
        while (progress := read_progress(results)) is not None:
            left, what = _describe_progress(progress)
            bar(progress.done, progress.total, left, what)
            if once or not sys.stderr.isatty():
                terminal.message(f"running: {progress.done} of {progress.total} jobs, {left}; {what}")
            if once:
                return True
            time.sleep(LOOK_SECONDS)
    return False


def explain(
    cell: Annotated[
        str, typer.Argument(help="board/task/method, /learner and /repeat.fold behind it, or the start of a key.")
    ],
    results: Annotated[Path, typer.Option(envvar="BENCH_RESULTS", help="Results directory.")] = Path("results"),
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
    learners: Annotated[
        list[str] | None, typer.Option("-l", "--learner", help="Import path of a learner that the results name.")
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("-t", "--task", help="File or download that the results name, to be opened.")
    ] = None,
    plugins: PLUGINS = None,
    offline: OFFLINE = False,
) -> None:
    """Say why a cell ran, was reused, or is stale; nothing that the results alone name is imported or opened."""
    from bench.core.plugins import load_plugins
    from bench.core.selection import split_list
    from bench.methods.learners.imported import import_learners
    from bench.runner import explain as explanations
    from bench.tasks.task_spec import read_tasks

    load_plugins(plugins or ())
    import_learners(split_list(learners or ()))
    named = read_tasks(tasks or ())
    for found in explanations.explain(results, store or results / "store", cell, named, offline=offline):
        terminal.line(" ".join(str(part) for part in found.cell if part != ""))
        for line in found.lines:
            terminal.line(f"  {line}")


def _prepare(request: RunRequest, prepare: Callable[..., Prepared], *, quiet: bool) -> Prepared:
    """Load plug-ins and tasks, resolve the names, and print what was inferred and what looks odd.

    Raises:
        BenchError: a name is unknown, or nothing is selected.
    """
    from bench.core.nouns import NothingSelectedError, Target
    from bench.core.plugins import load_plugins
    from bench.methods.metrics import for_target

    load_plugins(request.options.plugins)
    for_target(Target("point"), request.chosen.metrics)  # refuses one that does not exist, before a task is loaded
    prepared = prepare(request, (lambda *_: None) if quiet else _print_task_notes)
    for spec, error in prepared.unloaded.items():
        terminal.message(f"{spec.full}: could not be loaded: {error}", "red")
    for spec, reason in prepared.too_large.items():
        terminal.message(f"{spec.full}: skipped: {reason}", "yellow")
    if prepared.too_large and not prepared.plan.board_plans and not prepared.unloaded:
        raise NothingSelectedError(
            "nothing is selected: every task is beyond --max-rows, --max-features or --max-classes"
        )
    if not prepared.plan.board_plans and not prepared.unloaded:
        raise NothingSelectedError("nothing is selected: no board takes these tasks with these names")
    return prepared


def _print_task_notes(name: str, task: Task) -> None:
    """Print on stderr what was inferred of a task and what looks odd in it."""
    if task.meta.get("kind_inferred"):
        terminal.message(f"{name}: taken as {task.kind} (say otherwise with --kind)")
    if task.is_positive_tied:
        positive = task.classes[task.positive_code]
        terminal.message(f"{name}: both classes have equally many rows, {positive!r} is the positive one (--positive)")
    for warning in task.meta.get("warnings", ()):
        terminal.message(f"{name}: warning: {warning}", "yellow")


def _print_plan(request: RunRequest, prepared: Prepared) -> None:
    """Print what a run would do: tasks, boards, cells, fits to do, and the hours that they may take."""
    from bench.runner.outlook import look_ahead

    outlook = look_ahead(request, prepared)
    columns = ("task", "rows", "columns", "kind", "splits", "boards", "cells", "fits", "stored")
    terminal.table(columns, outlook.rows)
    terminal.line(
        f"{outlook.cells} cells; {outlook.fits} fits to do, {outlook.stored} stored; "
        f"up to {outlook.todo} cells to evaluate; {outlook.estimate}"
    )


@contextmanager
def _watched(*, quiet: bool, verbose: bool) -> Iterator[Watch]:
    """Yield who watches a run: a bar, and with `verbose` a line an event."""
    from bench.runner.progress import Watch

    def report(event: Event) -> None:
        if verbose and event.kind != "done":
            terminal.message(f"{event.job}: {event.value.status if event.kind == 'item' else event.kind}")

    with terminal.run_progress(quiet=quiet or verbose) as bar:
        yield Watch(report, lambda progress: bar(progress.done, progress.total, *_describe_progress(progress)))


def _describe_progress(progress: Progress) -> tuple[str, str]:
    """Return how long a run has taken, how long the rest may take, and what has run longest."""
    from bench.runner.forecast import in_words

    running = sorted(progress.running, key=lambda each: -each.seconds)
    named = [f"{each.what} ({in_words(each.seconds)})" for each in running[:NAMED_JOBS]]
    what = ", ".join(named + [f"{len(running) - NAMED_JOBS} more"] * (len(running) > NAMED_JOBS))
    return f"{in_words(progress.seconds)} so far, about {in_words(progress.seconds_left)} left", what


def _print_receipt(counts: Mapping[str, Any], seconds: float, results: Path) -> None:
    """Print on stderr what a run did and where the tables are."""
    done = f"{counts['fitted']} fitted, {counts['reused']} reused, {counts['weighed']} cells weighed, {seconds:g} s"
    terminal.message(f"{counts['ok']} of {counts['planned']} cells ok: {done}. Tables: {results}")
    bad = [f"{counts[name]} {name}" for name in ("failed", "invalid", "timeout", "oom", "crashed") if counts[name]]
    if counts["skipped"]:
        terminal.message(f"{counts['skipped']} cells skipped: they do not apply (reasons in {results / 'cells.csv'})")
    if bad:
        terminal.message(f"{', '.join(bad)}: see {results / 'failures.csv'}", "red")
