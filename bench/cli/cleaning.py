"""The command that frees what nobody needs any more."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import terminal
from bench.cli.arguments import FORMAT
from bench.cli.printing import print_table


def gc(
    results: Annotated[
        list[Path] | None,
        typer.Option(envvar="BENCH_RESULTS", help="Results directories that count, all that share the store."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
    delete: Annotated[bool, typer.Option("--free", help="Delete it; else nothing is deleted.")] = False,
    output: FORMAT = "table",
) -> None:
    """Show, and with --free delete, what a store holds and no record of the results refers to.

    Only the results directories that are named count (without --results, the directory results): name every one that
    uses the store, and finish interrupted runs first. Files that killed runs left behind go after an hour. What is not
    called as bench calls its entries stays.
    """
    import pandas as pd

    from bench.runner import garbage
    from bench.runner.progress import read_progress

    roots = results or [Path("results")]
    stores = [store] if store else [root / "store" for root in roots]
    with ExitStack() as stack:
        if delete:
            stack.enter_context(garbage.held(roots))
        found = garbage.survey(roots, stores)
        if delete:
            garbage.free(found)
    rows = [
        (str(each.place), each.kind, len(each.paths), round(each.size / 2**20, 2), _fate(each.is_needed, delete))
        for each in found
    ]
    print_table(pd.DataFrame(rows, columns=["place", "what", "number", "MB", "fate"]), output)
    terminal.message(f"records of {', '.join(map(str, roots))} count, and of no other results")
    for root in roots:
        if read_progress(root) is not None:
            terminal.message(f"a run is writing to {root}: what it has fitted may have no record yet", "yellow")
    if not delete:
        terminal.message("nothing was deleted: --free does")


def _fate(is_needed: bool, delete: bool) -> str:  # noqa: FBT001 - two facts that make a word
    return "stays" if is_needed else "deleted" if delete else "can go"
