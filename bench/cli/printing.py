"""What the commands print: tables in the format asked for, the plan, the receipt of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from bench import show

if TYPE_CHECKING:
    import pandas as pd

    from bench.executors.local import Event
    from bench.experiment import Prepared, Request

Format = Literal["table", "csv", "md", "latex", "json"]
BOARD_COLUMNS = ("position", "method", "mean_rank", "win_rate", "mean_score", "completeness")


def print_table(table: pd.DataFrame, output: Format, title: str = "") -> None:
    """Print a table to stdout."""
    plain = table.astype(object).where(table.notna(), None)
    if output == "table":
        show.table(list(plain.columns), plain.itertuples(index=False), title)
        return
    from bench.leaderboard import to_csv

    written: dict[str, Callable[[], str]] = {
        "csv": lambda: to_csv(table),
        "json": lambda: json.dumps(plain.to_dict("records")) + "\n",
        "md": lambda: _markdown(plain),
        "latex": lambda: _latex(plain),
    }
    typer.echo(written[output](), nl=False)


def _markdown(table: pd.DataFrame) -> str:
    names: list[str] = [str(name) for name in table.columns]
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    lines += [
        "| " + " | ".join(show.text(v).replace("|", "\\|") for v in row) + " |" for row in table.itertuples(index=False)
    ]
    return "\n".join(lines) + "\n"


def _latex(table: pd.DataFrame) -> str:
    """Return a booktabs tabular."""
    escape = str.maketrans({"_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#"})
    rows = [[show.text(value).translate(escape) for value in row] for row in table.itertuples(index=False)]
    head = " & ".join(str(name).translate(escape) for name in table.columns)
    body = "\n".join(" & ".join(row) + r" \\" for row in rows)
    columns = "l" * len(table.columns)
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
    )


def print_boards(table: pd.DataFrame, output: Format) -> None:
    """Print leaderboards: a titled table each for people, one table for programs."""
    if output != "table":
        print_table(table, output)
        return
    for (board, metric, panel, slice_), part in table.groupby(["board", "metric", "panel", "slice"], sort=False):
        tasks, blocks = part["tasks"].iloc[0], part["blocks"].iloc[0]
        names = [str(name) for name in (board, metric, panel and f"panel {panel}", slice_) if name]
        title = f"{' · '.join(names)} · {_count(tasks, 'task')}, {_count(blocks, 'block')}"
        rows = part.assign(completeness=part["completeness"].map("{:.0%}".format))[list(BOARD_COLUMNS)]
        print_table(rows.dropna(axis="columns", how="all"), "table", title)
        if (part["completeness"] < 1).any():
            show.line("Ranked on the blocks that every method answered (missing rule: common).")
        show.line("")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def print_summary(results: Path, metrics: Sequence[str]) -> None:
    """Print the leaderboards of a finished run: each board's own metric, or those asked for."""
    import pandas as pd

    from bench import leaderboard
    from bench.registry import chosen_from

    table = leaderboard.read(results)
    if metrics:
        table = table[table["metric"].isin(chosen_from(list(table["metric"].unique()), metrics, "metric"))]
    elif not table.empty:
        table = pd.concat([part for _, _, part in leaderboard.main_boards(table)])
    print_boards(table, "table")


def print_plan(request: Request, prepared: Prepared) -> None:
    """Print what a run would do: tasks, boards, cells, fits to do, and the hours that they may take."""
    from bench import experiment

    outlook = experiment.outlook(request, prepared)
    columns = ("task", "rows", "columns", "kind", "splits", "boards", "cells", "fits", "stored")
    show.table(columns, outlook.rows)
    show.line(f"{outlook.cells} cells; {outlook.fits} fits to do, {outlook.stored} stored; {outlook.estimate}")


def receipt(counts: Mapping[str, int], seconds: float, results: Path) -> None:
    """Say on stderr what a run did and where the tables are."""
    done = f"{counts['fitted']} fitted, {counts['reused']} reused, {counts['weighed']} cells weighed, {seconds:g} s"
    show.message(f"{counts['ok']} of {counts['planned']} cells ok: {done}. Tables: {results}")
    bad = [f"{counts[name]} {name}" for name in ("failed", "invalid", "timeout", "oom", "crashed") if counts[name]]
    if counts["skipped"]:
        show.message(f"{counts['skipped']} cells skipped: they do not apply (reasons in {results / 'cells.csv'})")
    if bad:
        show.message(f"{', '.join(bad)}: see {results / 'failures.csv'}", "red")


def watcher(stack: ExitStack, *, quiet: bool, verbose: bool) -> Callable[[int, int], Callable[[Event], None]]:
    """Return what `experiment.run` tells of its progress: a bar, and with `verbose` a line an event."""

    def watch(fits: int, sheets: int) -> Callable[[Event], None]:
        bar = stack.enter_context(show.progress("running", fits + sheets, quiet=quiet or verbose))

        def seen(event: Event) -> None:
            if event.kind == "done":
                bar(1, event.job.context)
            elif verbose:
                show.message(f"{event.job}: {event.value['status'] if event.kind == 'item' else event.kind}")

        return seen

    return watch


def print_laws(rows: Sequence[tuple[Any, ...]], output: Format) -> int:
    """Print how plug-ins stand to their laws, only those that matter for people; return the exit code."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=["law", "outcome", "reason"])
    told = table if output != "table" else table[table["outcome"] != "passed"]
    if not (told.empty and output == "table"):
        print_table(told, output)
    counts = Counter(table["outcome"])
    show.message(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
    return 1 if counts["broken"] else 0
