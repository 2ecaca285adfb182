"""The commands `compare` and `baseline save`: a verdict on two tables of scores, and a file to compare with."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from bench.cli.arguments import PLUGINS
from bench.core.text import error_line

if TYPE_CHECKING:
    from bench.report.comparison import Report

ReportFormat = Literal["table", "markdown", "junit", "json", "github", "summary"]
SIDE = "results directory, CSV or Parquet table, baseline file, or git:REV[:PATH]."

baseline = typer.Typer(no_args_is_help=True, help="Keep the scores of a run in a small file to compare with.")


def compare(
    base: Annotated[str, typer.Argument(help=f"What was: {SIDE}")],
    new: Annotated[str, typer.Argument(help=f"What is: {SIDE}")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option("--fail-on", help="Rule of the gate, [BOARD/]METRIC:AMOUNT[%]: worse by more than that fails."),
    ] = None,
    fail_any: Annotated[
        list[str] | None,
        typer.Option(help="The same for any one task; 20% for the metrics of --fail-on, `none` lifts it."),
    ] = None,
    unclear: Annotated[
        Literal["fail", "warn"],
        typer.Option(help="What a mean beyond its limit does that the test cannot tell from noise."),
    ] = "fail",
    board: Annotated[list[str] | None, typer.Option("-b", "--board", help="Boards, by name or glob.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metrics, by name or glob; those of the rules, or each board's own, without it."),
    ] = None,
    method: Annotated[list[str] | None, typer.Option(help="Methods, by name or glob.")] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="How much the seed alone changes a score, AMOUNT or METRIC:AMOUNT; measured where seeds are."
        ),
    ] = None,
    min_pairs: Annotated[int, typer.Option(min=1, help="Paired tasks that a verdict needs.")] = 6,  # FEWEST_TASKS
    confidence: Annotated[float, typer.Option(help="Of the intervals, and of the gate as a whole.")] = 0.95,
    output_format: Annotated[ReportFormat, typer.Option("--format", help="How to print.")] = "table",
    output: Annotated[Path | None, typer.Option(help="File to write to, in place of stdout.")] = None,
    report_files: Annotated[
        list[str] | None,
        typer.Option("--report", help="A file in another format from the same comparison, FORMAT=FILE."),
    ] = None,
    by: Annotated[
        Literal["task"] | None, typer.Option(help="Show every paired task too, from what to what, the worst first.")
    ] = None,
    timing: Annotated[bool, typer.Option("--timing", help="Show seconds too; they decide nothing.")] = False,
    allow_different_data: Annotated[
        bool, typer.Option("--allow-different-data", help="Compare although data, folds or protocol differ.")
    ] = False,
    plugins: PLUGINS = None,
) -> None:
    """Say where NEW is worse than BASE; exit with 3 if a rule is broken, 4 if it cannot be held."""
    from bench.core.plugins import load_plugins
    from bench.report.comparison import ComparisonOptions, rules
    from bench.report.comparison import compare as compare_sides

    load_plugins(plugins or ())
    files = [_read_report_file(text) for text in report_files or ()]
    gate = rules.rules(fail_on, "--fail-on")
    options = ComparisonOptions(
        rules=gate,
        task_rules=rules.task_rules(fail_any, gate),
        unclear=unclear,
        noise=rules.noises(noise),
        boards=board or (),
        metrics=metric or (),
        methods=method or (),
        min_pairs=min_pairs,
        confidence=confidence,
        allow_different_data=allow_different_data,
        timing=timing,
        by_task=by == "task",
    )
    report = compare_sides(base, new, options)
    _write(_format_report(report, output_format), output)
    for form, path in files:
        _write(_format_report(report, form), path)
    if report.code:
        typer.echo(error_line(f"bench: {report.word}: {report.reason}"), err=True)
    raise typer.Exit(report.code)


@baseline.command("save")
def baseline_save(
    results: Annotated[str, typer.Argument(help=f"What is kept: {SIDE}")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path("baseline.json"),
    metric: Annotated[
        list[str] | None, typer.Option(help="Metrics, by name or glob; each board's own without it.")
    ] = None,
) -> None:
    """Write a baseline of a few kB: the mean of every task, one line a method; the same bytes for the same scores."""
    from bench.core.nouns import BenchError
    from bench.report.comparison import source
    from bench.report.comparison.baseline_file import baseline_text
    from bench.report.comparison.report import RefusedError

    if output.suffix != ".json":
        raise BenchError(f"a baseline is JSON: name {str(output)!r} with the suffix .json")
    try:
        text = baseline_text(source(results), metric or ())
    except RefusedError as refusal:
        typer.echo(error_line(f"bench: {refusal.reason}"), err=True)
        raise typer.Exit(refusal.code) from refusal
    _write(text, output)
    typer.echo(f"wrote {output}: {len(text.encode())} bytes", err=True)


def _read_report_file(text: str) -> tuple[ReportFormat, Path]:
    """Read `FORMAT=FILE`.

    Raises:
        BenchError: the format is not known, or there is no file.
    """
    from bench.core.nouns import BenchError

    form, _, path = text.partition("=")
    for known in get_args(ReportFormat):
        if known == form and path:
            return known, Path(path)
    raise BenchError(
        f"--report {text!r} cannot be read: write FORMAT=FILE, FORMAT one of {', '.join(get_args(ReportFormat))}"
    )


def _write(text: str, output: Path | None) -> None:
    """Write to a file, or to stdout."""
    from bench.core.files import write_output

    if output is None:
        typer.echo(text, nl=False)
    else:
        write_output(output, text)


def _format_report(report: Report, output_format: ReportFormat) -> str:
    """Return the report in a format."""
    from bench.report.comparison.exchange import REPORT_WRITERS

    return _draw_report(report) if output_format == "table" else REPORT_WRITERS[output_format](report)


def _draw_report(report: Report) -> str:
    """Return the report as people read it in a terminal."""
    from bench.cli import terminal
    from bench.report.comparison import formats

    with contextlib.redirect_stdout(io.StringIO()) as drawn:
        terminal.line(formats.headline(report))
        terminal.line(formats.facts(report))
        terminal.line("")
        if len(report.tripped):
            terminal.table(*formats.task_rows(report.tripped), "tasks that broke a rule")
        if len(report.verdicts):
            terminal.table(*formats.rows(report.verdicts))
        if len(report.tasks):
            terminal.table(*formats.task_rows(report.tasks), "every task, the worst first")
        if len(report.moved):
            terminal.table(
                *formats.moved_rows(report.moved), f"the tasks that moved most, {formats.MOST_MOVED} at most"
            )
        if len(report.timing):
            terminal.table(*formats.timing_rows(report.timing), "seconds, advice alone")
        for line in [*formats.lost_lines(report), *report.warnings, *report.notes]:
            terminal.line(line)
    return drawn.getvalue()
