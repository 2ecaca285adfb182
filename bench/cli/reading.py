"""The command that ranks: from the scores of a results directory or a file to leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.arguments import FORMAT, PLUGINS, RESULTS
from bench.cli.printing import print_pairs, print_scores, print_standings, print_table

if TYPE_CHECKING:
    import pandas as pd


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
        Literal["max-t", "signed-rank", "nemenyi", "wilcoxon"],
        typer.Option(help="What tells methods apart, for letters and pairs; wilcoxon is signed-rank."),
    ] = "max-t",
    unit: Annotated[
        Literal["task", "split"], typer.Option(help="What is ranked and tested: means of tasks, or every split.")
    ] = "task",
    by_task: Annotated[
        bool, typer.Option("--scores", help="Print the mean score of every method on every task instead.")
    ] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="Print every pair of methods instead of the boards.")] = False,
    plugins: PLUGINS = None,
    output: FORMAT = "table",
) -> None:
    """Rank the methods of a results directory, or of any long table of scores."""
    from bench.core.plugins import load_plugins
    from bench.core.selection import split_list
    from bench.report import leaderboards as boards

    load_plugins(plugins or ())
    scores = _load_scores(results, board or [], metric or [], every_metric=output != "table")
    tasks = boards.load_tasks(results)
    slices = split_list(by or (), {*scores, *(tasks if tasks is not None else ())})
    ranked = list(
        boards.standings(
            scores,
            missing=missing,
            by=slices,
            tasks=tasks,
            baseline=baseline,
            replication=unit,
            test="signed-rank" if test == "wilcoxon" else test,  # its name of before
        )
    )
    if by_task:
        print_scores(ranked, output)
    elif pairs and output == "table":
        print_pairs(ranked, rope)
    elif pairs:
        print_table(boards.pairwise_table(ranked, rope), output)
    elif output == "table":
        print_standings(ranked)
    else:
        print_table(boards.table_of(ranked), output)


def _load_scores(results: Path, boards: Sequence[str], metrics: Sequence[str], *, every_metric: bool) -> pd.DataFrame:
    """Return the scores of the chosen boards and metrics.

    Where no metric is chosen these are all of them with `every_metric`, else each board's own.

    Raises:
        BenchError: there are no ranked scores, or a name is unknown.
    """
    from bench.core import tables
    from bench.core.nouns import NothingSelectedError
    from bench.report import exports

    scores = tables.read_scores(results)
    if scores.empty or scores["method"].isna().all():
        raise NothingSelectedError(f"{results} holds no ranked scores")
    return exports.choose_scores(scores, boards, metrics or (["*"] if every_metric else []))
