"""The program: its commands, in the order of the help."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli import cleaning, comparing, exporting, fetching, listing, merging, reading, reproducing, running

app = typer.Typer(
    name="bench",
    help="Benchmark ensemble-weighting and class-weighting schemes on tabular data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def print_version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Benchmark ensemble-weighting and class-weighting schemes on tabular data."""
    if show_version:
        from bench import __version__

        typer.echo(f"bench {__version__}")
        raise typer.Exit


app.command()(running.run)
app.command()(running.plan)
app.command()(running.status)
app.command()(merging.merge)
app.command()(reading.leaderboard)
app.command("list")(listing.print_lists)
app.command()(listing.show)
app.command()(listing.check)
app.command()(running.explain)
app.command()(reproducing.reproduce)
app.command()(fetching.fetch)
app.command()(fetching.doctor)
app.command()(cleaning.gc)
app.command()(comparing.compare)
app.add_typer(comparing.baseline, name="baseline")
app.command()(exporting.export)
