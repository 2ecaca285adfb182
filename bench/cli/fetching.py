"""The commands about data at hand: fetch it ahead of a run, and look whether it can be had and is sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import terminal
from bench.cli.arguments import DATASETS, FORMAT, OFFLINE, PLUGINS, Format
from bench.cli.printing import print_table
from bench.core.exit_codes import FINE, NOT_OK

if TYPE_CHECKING:
    from bench.tasks.task_spec import TaskSpec

STYLES = {"failed": "red", "changed": "red", "updated": "yellow"}
"""How the messages about fetched tasks look; of others there is none."""


def fetch(
    tasks: Annotated[list[str] | None, typer.Option("-t", "--task", help="Tasks, as for `bench run`.")] = None,
    suites: Annotated[list[str] | None, typer.Option("-s", "--suite", help="Suite of datasets.yaml.")] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Downloads at a time.")] = 4,
    verify: Annotated[bool, typer.Option("--verify", help="Check also what is cached and locked.")] = False,
    update_lock: Annotated[bool, typer.Option("--update-lock", help="Accept tasks that have changed.")] = False,
    plugins: PLUGINS = None,
    datasets: DATASETS = None,
    offline: OFFLINE = False,
    output: FORMAT = "table",
) -> None:
    """Download tasks and suites ahead of a run, check them, and write what they are to bench.lock.

    What is there already is not fetched again.
    Exits with 1 if a task failed or is not what bench.lock holds.
    """
    import pandas as pd

    from bench.core.nouns import NothingSelectedError
    from bench.core.plugins import load_plugins
    from bench.core.values import read_names
    from bench.tasks.fetch import Fetching
    from bench.tasks.fetch import fetch as fetch_all
    from bench.tasks.suites import catalogue, find_suite
    from bench.tasks.task_spec import read_tasks

    load_plugins(plugins or ())
    known = catalogue(datasets)
    of_suites = [spec for name in read_names(suites or ()) for spec in find_suite(known, name, offline=offline).tasks]
    specs = list(dict.fromkeys([*read_tasks(tasks or ()), *of_suites]))
    if not specs:
        raise NothingSelectedError("nothing is to be fetched: name tasks with -t or suites with -s")
    rows = []
    how = Fetching(jobs=jobs, offline=offline, verify=verify, update_lock=update_lock)
    with terminal.progress("fetching", len(specs), quiet=False) as bar:
        for done in fetch_all(specs, how, of_suites):
            if done.status in STYLES:
                terminal.message(f"{done.spec.full}: {done.status}: {done.detail}", STYLES[done.status])
            shape = done.task.X.shape if done.task else ("", "")
            rows.append((done.spec.full, done.status, *shape))
            bar(1, done.spec.full)
    print_table(pd.DataFrame(rows, columns=["task", "status", "rows", "columns"]), output)
    counts = Counter(status for _, status, *_ in rows)
    terminal.message(", ".join(f"{n} {status}" for status, n in counts.items()))
    raise typer.Exit(NOT_OK if counts["failed"] + counts["changed"] else FINE)


def accept_changes(specs: Sequence[TaskSpec], *, offline: bool) -> None:
    """Write to `bench.lock` what tasks are now, and say what has changed; what fails is left to who loads it next."""
    from bench.tasks.fetch import Fetching
    from bench.tasks.fetch import fetch as fetch_all

    for done in fetch_all(specs, Fetching(offline=offline, update_lock=True), specs):
        if done.status == "updated":
            terminal.message(f"{done.spec.full}: accepted: {done.detail}", STYLES[done.status])


def doctor(
    store: Annotated[Path, typer.Option(envvar="BENCH_STORE", help="Prediction store to look at.")] = Path(
        "results/store"
    ),
    offline: OFFLINE = False,
    output: FORMAT = "table",
) -> None:
    """Say whether OpenML can be reached, what in its cache and in the store is damaged, and how to mend it.

    Exits with 1 if something is damaged, or the server cannot be reached.
    """
    import pandas as pd

    from bench.runner.store import Store
    from bench.tasks.checkup import check_up

    found = check_up(offline=offline)
    kept = Store(store)
    keys = list(kept.entry_keys())
    rows = [(str(each.path), each.why, each.mend) for each in found.findings]
    rows += [(str(kept.folder(key)), why, "delete it: a run makes it anew") for key in keys if (why := kept.fault(key))]
    _print_notes(found.notes | {"store": {"place": str(store), "entries": str(len(keys))}}, output)
    if rows:
        print_table(pd.DataFrame(rows, columns=["damaged", "why", "how to mend it"]), output)
    things = "damaged file or entry" if len(rows) == 1 else "damaged files or entries"
    terminal.message(f"{len(rows)} {things}", "red" if rows else "")
    raise typer.Exit(FINE if found.is_reachable and not rows else NOT_OK)


def _print_notes(notes: dict[str, dict[str, str]], output: Format) -> None:
    import pandas as pd

    if output == "table":
        for title, pairs in notes.items():
            terminal.fields(title, pairs)
    else:
        rows = [(title, name, value) for title, pairs in notes.items() for name, value in pairs.items()]
        print_table(pd.DataFrame(rows, columns=["part", "name", "value"]), output)
