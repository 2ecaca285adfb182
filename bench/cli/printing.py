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
    from bench.leaderboard import Ranked

Format = Literal["table", "csv", "md", "latex", "json"]
BOARD_COLUMNS = (
    "position", "method", "mean_rank", "letters", "elo", "win_rate", "mean_score", "skill", "headroom", "training_gain",
    "threshold_gain", "completeness",
)  # fmt: skip
RULES_SAY = {
    "common": "only blocks that every method answered count, and a method with fewer than half is not ranked",
    "worst": "a missing score ranks last",
    "impute": "a missing score is that of the named method",
    "fail": "a missing score is refused",
}


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


def print_standings(boards: Sequence[Ranked], scores: pd.DataFrame) -> None:
    """Print leaderboards for people: a titled table each, and under it how far its order can be trusted."""
    for board in boards:
        print_board(board.table())
        for sentence in trust(board):
            show.line(sentence)
        show.line("")
    if any(board.missing == "common" and (board.table()["completeness"] < 1).any() for board in boards):
        for sentence in other_rules(scores, boards):
            show.line(sentence)


def print_board(part: pd.DataFrame) -> None:
    """Print one leaderboard as a titled table."""
    tasks, blocks = part["tasks"].iloc[0], part["blocks"].iloc[0]
    board, metric, panel, slice_ = (part[name].iloc[0] for name in ("board", "metric", "panel", "slice"))
    names = [str(name) for name in (board, metric, panel and f"panel {panel}", slice_) if name]
    title = f"{' · '.join(names)} · {_count(tasks, 'task')}, {_count(blocks, 'block')}"
    shown = part.assign(
        completeness=part["completeness"].map("{:.0%}".format),
        position=[_span(*row) for row in part[["position", "position_lo", "position_hi"]].itertuples(index=False)],
    )
    rows = shown[list(BOARD_COLUMNS)]
    empty = [name for name in rows if rows[name].isna().all() or (rows[name] == "").all()]
    print_table(rows.drop(columns=empty), "table", title)


def _span(position: Any, lo: Any, hi: Any) -> str:
    """Return a place with its interval, `2 (1-4)`."""
    if pd_missing(position):
        return ""
    return str(position) if pd_missing(lo) or lo == hi == position else f"{position} ({lo:.0f}-{hi:.0f})"


def pd_missing(value: Any) -> bool:
    """Say whether a value of a table is missing."""
    import pandas as pd

    return value is pd.NA or value != value  # noqa: PLR0124 - a NaN is missing too


def trust(board: Ranked) -> list[str]:
    """Return sentences about the order of a board: what was left out, whether it is more than noise."""
    from bench.leaderboard.evidence import omnibus
    from bench.stats.tables import too_few

    table, few = board.table(), too_few(board.standing.n_tasks)
    lines = []
    if (table["completeness"] < 1).any():
        rule = board.missing.partition(":")[0]
        lines.append(f"Some scores are missing (rule `{board.missing}`): {RULES_SAY[rule]}.")
    if len(table) < 2 or board.standing.n_tasks == 0:
        return lines
    if few:
        return [*lines, f"No intervals, letters or tests: {few}."]
    test, real = omnibus(board.standing), board.standing.is_real()
    taus = [value for name, value in real.items() if name.startswith("tau") and value == value]  # noqa: PLR0124
    agreed = f"Kendall's tau of its rivals (Elo, Borda, Kemeny, mean score) at least {min(taus):.2f}; " if taus else ""
    lines.append(
        f"Is this order real? Friedman-Iman-Davenport p = {test.p:.2g}; {agreed}"
        f"the winner stays first in {real['winner_stays']:.0%} of bootstraps of tasks; "
        f"folds for a stable order: {real['folds_needed']:g}. Methods that share a letter cannot be told apart."
    )
    return lines


def other_rules(scores: pd.DataFrame, boards: Sequence[Ranked]) -> list[str]:
    """Return, for each board with missing scores, how its order changes if they rank last."""
    from bench import leaderboard
    from bench.stats.stability import kendall

    lines = []
    worst = {tuple(board.key.values()): board for board in leaderboard.standings(scores, missing="worst")}
    for board in boards:
        other = worst.get(tuple(board.key.values()))
        if other is None or not (board.table()["completeness"] < 1).any():
            continue
        tau = kendall(board.standing.mean_rank, other.standing.mean_rank)
        first = other.table()["method"].iloc[0]
        name = " · ".join(part for part in board.key.values() if part)
        lines.append(f"{name}: were missing scores ranked last, {first} would be first (Kendall's tau {tau:.2f}).")
    return lines


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def print_summary(results: Path, metrics: Sequence[str]) -> None:
    """Print the leaderboards of a finished run: each board's own metric, or those asked for."""
    from bench import leaderboard
    from bench.registry import chosen_from

    table = leaderboard.read(results)
    if metrics:
        table = table[table["metric"].isin(chosen_from(list(table["metric"].unique()), metrics, "metric"))]
    elif not table.empty:
        table = leaderboard.of_main_metrics(table)
    for _, part in table.groupby(["board", "metric", "panel", "slice"], sort=False):
        print_board(part)
        if (part["completeness"] < 1).any():
            show.line(f"Some scores are missing (rule `common`): {RULES_SAY['common']}.")
        show.line("")


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
