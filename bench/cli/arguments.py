"""Flags and arguments that commands share which do not select work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Format = Literal["table", "csv", "md", "latex", "json"]
RESULTS = Annotated[
    Path, typer.Argument(envvar="BENCH_RESULTS", help="Results directory, or a scores file (CSV or Parquet).")
]
PLUGINS = Annotated[list[str] | None, typer.Option("--plugin", help="Plug-in file or module.")]
TASKS = Annotated[
    list[str] | None,
    typer.Option("-t", "--task", help="Tasks whose files may be read: those that results name are not, unless given."),
]
OFFLINE = Annotated[bool, typer.Option("--offline", envvar="BENCH_OFFLINE", help="Never use the network.")]
DATASETS = Annotated[
    str | None,
    typer.Option(envvar="BENCH_DATASETS", help="File of suites and panels; none for the packaged one alone."),
]
FORMAT = Annotated[Format, typer.Option("--format", help="How to print.")]
