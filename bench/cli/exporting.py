"""The command that writes leaderboards and figures into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.arguments import OFFLINE, PLUGINS, TASKS
from bench.core.exit_codes import FINE, NOT_OK, NOTHING_SELECTED

if TYPE_CHECKING:
    from bench.report.leaderboards import Standing
    from bench.runner.options import RunOptions
    from bench.tasks.task_spec import TaskSpec

FIGURE_FORMATS = ("svg", "png", "pdf")
"""Formats of figures."""


def export(
    results: Annotated[
        Path, typer.Argument(envvar="BENCH_RESULTS", help="Results directory, or a scores file (CSV or Parquet).")
    ] = Path("results"),
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")] = Path("export"),
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, md, latex, json, parquet; svg, png, pdf. All but pdf without it."),
    ] = None,
    board: Annotated[list[str] | None, typer.Option("-b", "--board", help="Boards, by name or glob.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metrics, by name or glob; each board's own without it.")
    ] = None,
    missing: Annotated[
        str, typer.Option(help="What becomes of missing scores: common, worst, impute:METHOD, fail.")
    ] = "common",
    answers: Annotated[
        bool,
        typer.Option(
            "--answers", help="Write what every method says of every row that it is scored on, as Parquet, instead."
        ),
    ] = False,
    task: TASKS = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Worker processes for --answers.")] = 1,
    to: Annotated[
        Literal["files", "openml"],
        typer.Option(help="files: leaderboards and figures; openml: runs on OpenML tasks, ready for upload."),
    ] = "files",
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
    plugins: PLUGINS = None,
    offline: OFFLINE = False,
) -> None:
    """Write leaderboards and figures as files, one a board, metric and format; print the path of each.

    With --answers the rows that scores rest on, test and train, their true values and the answers of every method, made
    again from the stored fits, from which anybody can recompute every score. With --to openml the predictions of each
    method that has all splits of an OpenML task, as OpenML takes them; nothing is uploaded.
    """
    from bench.cli import terminal
    from bench.core.plugins import load_plugins
    from bench.core.selection import chosen_from
    from bench.core.tables import read_scores
    from bench.report import exports
    from bench.report.leaderboards import headline, load_tasks, standings, table_of
    from bench.runner.options import RunOptions
    from bench.tasks.task_spec import read_tasks

    load_plugins(plugins or ())
    options = RunOptions(jobs=jobs, plugins=tuple(plugins or ()))
    if answers:
        _write_answers(
            results, store or results / "store", output, board or (), read_tasks(task or ()), options, offline
        )
        return
    if to == "openml":
        _write_runs(results, store or results / "store", output, board or (), options, offline=offline)
        return
    known = [*exports.FORMATS, *FIGURE_FORMATS]
    wanted = chosen_from(known, formats or ["!pdf"], "format")
    scores = exports.choose_scores(read_scores(results), board or (), metric or ())
    ranked = list(standings(scores, missing=missing, tasks=load_tasks(results)))
    if not ranked:
        terminal.message(f"bench: {results} holds no ranked scores")
        raise typer.Exit(NOTHING_SELECTED)
    directions = {one.key.metric: one.grid.direction for one in ranked}
    tables = [name for name in wanted if name in exports.FORMATS]
    openings = {tuple(one.key): headline(one) for one in ranked}
    written = exports.write_tables(output, table_of(ranked), tables, directions, openings)
    for path in written:
        typer.echo(path)
    count = len(written) + _draw_figures(ranked, results, output, [name for name in wanted if name in FIGURE_FORMATS])
    terminal.message(f"{count} files in {output}")


def _write_answers(
    results: Path,
    store: Path,
    output: Path,
    boards: Sequence[str],
    given: Sequence[TaskSpec],
    options: RunOptions,
    offline: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """Write the answers of all methods, print the files, and say what is left out."""
    from bench.cli import terminal
    from bench.core.selection import chosen_from
    from bench.methods.boards import BOARDS
    from bench.runner.answer_export import export_answers
    from bench.runner.recorded import LeftOut

    wanted = chosen_from(list(BOARDS), boards, "board") if boards else list(BOARDS)
    written, lacking = 0, 0
    for found in export_answers(results, store, output, wanted, given, options, offline=offline):
        if isinstance(found, LeftOut):
            terminal.message(f"{found.name} is left out: {found.why}", "yellow")
            lacking += 1
            continue
        typer.echo(found)
        written += 1
    terminal.message(f"{written} files in {output}")
    raise typer.Exit(NOTHING_SELECTED if not written else NOT_OK if lacking else FINE)


def _write_runs(
    results: Path, store: Path, output: Path, boards: Sequence[str], options: RunOptions, *, offline: bool
) -> None:
    """Write the runs of methods on OpenML tasks, print their folders, and say which are left out."""
    from bench import __version__
    from bench.cli import terminal
    from bench.core.selection import chosen_from
    from bench.methods.boards import BOARDS
    from bench.report.openml_runs import write_run
    from bench.runner.predicted_runs import predicted_runs
    from bench.runner.recorded import LeftOut

    wanted, count = chosen_from(list(BOARDS), boards, "board") if boards else list(BOARDS), 0
    for run in predicted_runs(results, store, wanted, options, offline=offline):
        if isinstance(run, LeftOut):
            terminal.message(f"{run.name} is left out: {run.why}", "yellow")
            continue
        typer.echo(write_run(output, run.task, run.board, run.name, run.parts, __version__))
        count += 1
    terminal.message(f"{count} runs in {output}; nothing was uploaded")
    if not count:
        raise typer.Exit(NOTHING_SELECTED)


def _draw_figures(ranked: Sequence[Standing], results: Path, output: Path, formats: Sequence[str]) -> int:
    """Write the figures and report what cannot be drawn; return the number of files."""
    from bench.cli import terminal
    from bench.report.figures import pictures, save_figure
    from bench.report.figures.style import name_undrawable

    names = [name for one in ranked for name in (*one.key, *one.grid.methods)]
    sentence = name_undrawable(names) if {"png", "pdf"} & {*formats} else ""
    if sentence:
        terminal.message(sentence)
    count = 0
    for picture in pictures(ranked, results) if formats else ():
        if picture.draw is None:
            terminal.message(f"{picture.name} is left out: {picture.reason}")
            continue
        figure = picture.draw()
        for ending in formats:
            path = output / f"{picture.name}.{ending}"
            save_figure(figure, path)
            typer.echo(path)
            count += 1
    return count
