"""The command that joins results directories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core.exit_codes import CANNOT_COMPARE


def merge(
    directories: Annotated[list[Path], typer.Argument(help="Results directories, such as those of shards.")],
    results: Annotated[
        Path, typer.Option(envvar="BENCH_RESULTS", help="Results directory to write: a new one, or one merged before.")
    ] = Path("results"),
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
) -> None:
    """Join results directories, such as those of shards, into one that can be ranked, explained and gone on with.

    Those that are read stay as they are. Where they contradict each other, nothing is written: the conflicts are listed
    by cell, and the exit code is 4.
    """
    from bench import experiment
    from bench.cli import terminal
    from bench.runner import merge as merging
    from bench.runner.journal import Journal
    from bench.runner.store import Store

    merging.refuse_same(directories, results)
    before = [results] if (results / "records" / "experiment.json").is_file() else []
    joined = merging.join([*before, *directories])
    if joined.conflicts:
        terminal.table(["kind", "name", "conflict"], [[c.kind, c.name, c.difference] for c in joined.conflicts])
        terminal.message(f"{len(joined.conflicts)} conflicts, so nothing was written: leave out a directory", "red")
        raise typer.Exit(CANNOT_COMPARE)
    target = Store(store or results / "store")
    with Journal(results).open(joined.settings) as writer:
        copied = merging.copy_fits(directories, writer, target)  # first: a record must not be there before its fits
        records = merging.write_joined(joined, writer, target.root)
        experiment.export_tables(results, writer, records)
        merging.write_merge_manifest(results, joined.settings, directories)
    bad = sum(record.ending.is_bad for record in joined.records.values())
    note = f", {bad} of them not ok (see {results / 'failures.csv'})" if bad else ""
    terminal.message(
        f"{len(joined.records)} cells of {len(directories)} directories{note}, {copied} fits copied: {results}"
    )
