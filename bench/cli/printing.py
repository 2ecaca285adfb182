"""What the commands print: tables in the requested format, the plan, the receipt of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.cli import terminal
from bench.cli.arguments import Format

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.leaderboards import Standing

SMALLEST_P = 1e-99
FOLDS_UNKNOWN = {False: "unknown, no task has two", True: "no number, they do not agree"}


def print_table(table: pd.DataFrame, output: Format, *titles: str) -> None:
    """Print a table to stdout, for people below some lines of titles."""
    plain = table.astype(object).where(table.notna(), None)
    if output == "table":
        terminal.table(list(plain.columns), plain.itertuples(index=False), *titles)
        return
    from bench.core.text import latex as tex
    from bench.core.text import markdown as md
    from bench.report import board_markup, exports
    from bench.report.leaderboards import to_csv

    names = [str(name) for name in plain.columns]
    rows = [[terminal.text(value) for value in row] for row in plain.itertuples(index=False)]
    written: dict[str, Callable[[], str]] = {
        "csv": lambda: to_csv(table),
        "json": lambda: exports.to_json(table),
        "md": lambda: board_markup.markdown_table([*map(md, names)], ([*map(md, row)] for row in rows)),
        "latex": lambda: board_markup.tabular([*map(tex, names)], ([*map(tex, row)] for row in rows)),
    }
    typer.echo(written[output](), nl=False)


def print_standings(boards: Sequence[Standing]) -> None:
    """Print leaderboards for people: a titled table each, and under it how far its order can be trusted."""
    from bench.core.nouns import BenchError
    from bench.report.leaderboards import headline, table_of

    if not boards:
        raise BenchError("no score is left to rank: choose other boards or metrics")
    for board in boards:
        if not board.grid.methods:
            continue
        print_board(table_of([board]), headline(board))
        sentences = [describe_trust, describe_alike, describe_other_unit, describe_other_rules]
        for sentence in (text for describe in sentences for text in describe(board)):
            terminal.paragraph(sentence)
        terminal.line("")


def print_scores(boards: Sequence[Standing], output: Format) -> None:
    """Print the mean score of every method on every task; for people a titled table a board, the best method first."""
    from bench.report.leaderboards import score_table

    if output != "table":
        print_table(score_table(boards), output)
        return
    for board in boards:
        table = score_table([board])
        shown = table.drop(columns=[*board.key._fields, "direction"]).set_index("task_id")
        texts = shown.map(lambda value: "" if math.isnan(value) else f"{value:.4g}")
        # a row is what there is more of: a terminal is higher than it is wide
        longer = texts if len(texts) > len(texts.columns) else texts.T.rename_axis("method")
        print_table(longer.reset_index(), "table", f"{_title(board)} · mean score by task")


def print_pairs(boards: Sequence[Standing], rope: float | None) -> None:
    """Print every pair of methods, a titled table a board."""
    from bench.report import leaderboards
    from bench.stats.tables import too_few

    for board in boards:
        table = leaderboards.pairwise_table([board], rope)
        title = _title(board)
        shown = table.drop(columns=list(board.key._fields)).dropna(axis="columns", how="all")
        print_table(shown, "table", title)
        few = too_few(board.n_tasks)
        terminal.paragraph(f"No tests: {few}." if few else "")


def _title(board: Standing) -> str:
    return " · ".join(part for part in board.key if part)


def print_board(part: pd.DataFrame, opening: str) -> None:
    """Print one leaderboard below its title and opening, of the columns that the terminal is wide enough for."""
    import pandas as pd

    from bench.report import board_markup
    from bench.report.leaderboards.columns import columns_for_people

    tasks, blocks = part["tasks"].iloc[0], part["blocks"].iloc[0]
    board, metric, panel, slice_ = (part[name].iloc[0] for name in ("board", "metric", "panel", "slice"))
    names = [str(name) for name in (board, metric, panel and f"panel {panel}", slice_) if name]
    title = f"{' · '.join(names)} · {_count(tasks, 'task')}, {_count(blocks, 'block')}"
    shown = board_markup.for_people(part)
    for name, column in columns_for_people().items():
        decimals = column.options.decimals
        if name in shown and decimals is not None and pd.api.types.is_numeric_dtype(shown[name].dtype):
            shown[name] = [
                _format_decimals(value, decimals) for value in shown[name].to_numpy(dtype=float, na_value=float("nan"))
            ]
        elif name in shown:
            shown[name] = board_markup.write_alike(shown[name])
    kept = _drop_columns(shown, terminal.width() or terminal.PLAIN_WIDTH)
    print_table(kept, "table", title, opening)
    if len(kept.columns) < len(shown.columns):
        left_out = [str(name) for name in shown if name not in kept]
        terminal.paragraph(f"No room for {', '.join(left_out)}: use a wider terminal or --format csv.")


def _format_decimals(value: float, decimals: int) -> str:
    """Write a number with so many decimals, nothing for missing."""
    return "" if math.isnan(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


def _drop_columns(table: pd.DataFrame, width: int) -> pd.DataFrame:
    """Return the columns of a table that fit, the least informative left out first."""
    from bench.report.leaderboards.columns import columns_for_people

    orders = {name: column.options.drop_order for name, column in columns_for_people().items()}
    widths = {name: max(len(str(name)), *table[name].astype(str).str.len()) + 3 for name in table}
    droppable = {name: order for name, order in orders.items() if name in widths and order is not None}
    for name in sorted(droppable, key=droppable.__getitem__):
        if sum(widths.values()) > width:
            del widths[name]
    return table[list(widths)]


def describe_trust(standing: Standing) -> list[str]:
    """Return sentences about the order of a board: what was left out, whether it is more than noise."""
    import numpy as np

    from bench.stats.tables import too_few

    ranked = int(standing.grid.has_scores.sum())
    lines = _describe_missing(standing)
    if not standing.n_tasks:
        return [*lines, "No block has a score of every method: nothing can be ranked."]
    if ranked < 2:
        return lines
    if not standing.kemeny.exact:
        lines.append(f"Kemeny's order of {ranked} methods is that of a local search, not proven to be best.")
    few = too_few(standing.n_tasks)
    if few:
        return [*lines, f"No intervals, letters or tests: {few}."]
    if np.isnan(standing.elo.lo).all():
        lines.append(f"Elo points of {len(standing.grid.methods)} methods have no intervals: too many methods.")
    return [*lines, _describe_order(standing)]


def _describe_missing(standing: Standing) -> list[str]:
    """Describe by which rule missing scores were treated, if there are any."""
    from bench.report.board_markup import MISSING_RULES

    if not standing.scores.missing.any():
        return []
    return [
        f"Some scores are missing (rule `{standing.missing}`): {MISSING_RULES[standing.missing.partition(':')[0]]}."
    ]


def _describe_order(standing: Standing) -> str:
    """Describe what supports the order of a board of six tasks or more."""
    from bench.report.leaderboards.significance import omnibus
    from bench.stats import ranks

    test = omnibus(standing)
    if test.reason:
        others = ", the others have scores below zero or infinite" if standing.n_tasks > test.N else ""
        return f"Is this order real? Friedman's test cannot tell: {test.reason}{others}."
    real = standing.is_real()
    taus = [value for name, value in real.items() if name.startswith("tau") and not math.isnan(value)]
    scores = " and mean score" if "tau_rank_score" in real else ""
    folds, chance, winners = (
        real["folds_needed"],
        real["winner_stays_by_chance"],
        int((ranks.positions(standing.mean_rank) == 1).sum()),
    )
    first = "the winner stays" if winners == 1 else f"the {winners} winners stay"
    evidence = [
        f"Friedman-Iman-Davenport p {f'= {test.p:.2g}' if test.p > SMALLEST_P else f'< {SMALLEST_P:g}'}",
        *([f"Kendall's tau between mean rank, Elo, Borda, Kemeny{scores} at least {min(taus):.2f}"] if taus else []),
        f"{first} first in {real['winner_stays']:.0%} of bootstraps, among equals in {chance:.0%}",
        "folds for a stable order: " + (f"{folds:g}" if math.isfinite(folds) else FOLDS_UNKNOWN[math.isinf(folds)]),
    ]
    return f"Is this order real? {'; '.join(evidence)}. Methods that share a letter cannot be told apart."


def describe_alike(standing: Standing) -> list[str]:
    """Name the methods that have the same numbers under several names."""
    metric = standing.grid.metric
    return [f"The same {metric} on every block: {', '.join(names)}." for names in standing.alike]


def describe_other_unit(standing: Standing) -> list[str]:
    """Return how the order changes where the other unit is ranked, splits for tasks or the reverse, if it does."""
    from bench.stats import ranks

    other = replace(standing, replication="split" if standing.replication == "task" else "task")
    if ranks.positions(standing.mean_rank).equals(ranks.positions(other.mean_rank)):
        return []
    return [f"With `--unit {other.replication}` {_describe_change(standing, other)}."]


def describe_other_rules(standing: Standing) -> list[str]:
    """Return how the order of a board with missing scores changes by the other rules, a sentence each."""
    from bench.report.leaderboards.missing import apply_missing_rule

    if not standing.scores.missing.any():
        return []
    rules = ["common", "worst", *([f"impute:{standing.baseline}"] if standing.baseline_column is not None else [])]
    others = {
        rule: replace(standing, grid=apply_missing_rule(standing.scores, rule), missing=rule)
        for rule in rules
        if not rule.startswith(standing.missing)
    }
    return [f"By rule `{rule}` {_describe_change(standing, other)}." for rule, other in others.items()]


def _describe_change(own: Standing, other: Standing) -> str:
    """Describe who is first in another order of the same methods, and how alike the two are."""
    from bench.stats import ranks, stability

    if not other.n_tasks:
        return "nothing could be ranked"
    leaders, others = (
        [
            name
            for name, place in zip(each.grid.methods, ranks.positions(each.mean_rank).fillna(0), strict=True)
            if place == 1
        ]
        for each in (own, other)
    )
    tau = stability.kendall(own.mean_rank, other.mean_rank)
    alike = "" if math.isnan(tau) else f", Kendall's tau with this order {tau:.2f}"
    return f"{' and '.join(others)} would {'still ' if others == leaders else ''}be first{alike}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def print_summary(
    results: Path, places: Sequence[tuple[str, str]], metrics: Sequence[str], written: Sequence[Standing]
) -> None:
    """Print the leaderboards of the boards and panels that a run was for, as `bench leaderboard` does.

    Each is in its own metric, or in those requested. What else the directory holds is counted. `written` are the boards
    of all metrics, if the run has just made them.
    """
    from bench.core.tables import read_scores
    from bench.report import exports
    from bench.report.leaderboards import load_tasks, standings

    every = exports.choose_standings(written, metrics) or list(
        standings(exports.choose_scores(read_scores(results), [], metrics), tasks=load_tasks(results))
    )
    made = [board for place in places for board in every if board.key.board == place[0] and board.key.panel == place[1]]
    if made:
        print_standings(made)
    others = len(every) - len(made)
    if others:
        terminal.paragraph(f"{results} holds {_count(others, 'other board')}: bench leaderboard {results}")
