"""Leaderboards as files: CSV, JSON and Parquet with every column for programs, Markdown and LaTeX for people."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from bench.core.files import file_name, write_bytes
from bench.core.nouns import BenchError
from bench.core.selection import chosen_from
from bench.methods.boards import own_metrics
from bench.methods.metrics import chosen_names
from bench.report.board_markup import TABLE_KEYS, board_latex, board_markdown
from bench.report.leaderboards import Standing, to_csv

WriteTable = Callable[[pd.DataFrame, Mapping[str, str], Mapping[tuple[str, ...], str]], bytes]
"""From a leaderboard, the directions of its metrics and the sentences that open its boards to a file's content."""


# what is chosen, and where it goes


def choose_scores(scores: pd.DataFrame, boards: Sequence[str] = (), metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Return the scores of the boards and metrics that are named, by name or glob.

    Where no metric is named it is each board's own, of those that have a score (see `boards.own_metrics`).

    Raises:
        BenchError: a name matches nothing.
    """
    board = scores["board"] if "board" in scores else pd.Series("", index=scores.index)
    pairs = pd.DataFrame({"board": board, "metric": scores["metric"]})
    # what is asked of a board and a metric is asked once a pair, not once a row
    pair = pairs.groupby(["board", "metric"], sort=False, dropna=False, observed=True).ngroup().to_numpy()
    firsts = pairs.iloc[np.unique(pair, return_index=True)[1]]
    names = [("" if pd.isna(name) else str(name), str(metric)) for name, metric in firsts.itertuples(index=False)]
    there = sorted({name for name, _ in names})
    kept = {*(chosen_from(there, boards, "board") if boards else there)}
    if metrics:
        wanted = chosen_names(sorted({metric for name, metric in names if name in kept}), metrics)
        chosen = [name in kept and metric in wanted for name, metric in names]
    else:
        tested = scores["value"].notna() & ((scores["sample"] == "test") if "sample" in scores else True)
        own = own_metrics(names[at] for at in np.unique(pair[tested.to_numpy(dtype=bool)]))
        scored = {name for name, _ in own}  # a board without any value keeps its rows, so that it is missing in sight
        chosen = [each[0] in kept and (each in own or each[0] not in scored) for each in names]
    return scores[np.array(chosen, dtype=bool)[pair]]


def choose_standings(ranked: Sequence[Standing], metrics: Sequence[str] = ()) -> list[Standing]:
    """Return the boards of the metrics that are named, or of each board's own, as `choose_scores` does.

    Raises:
        BenchError: a name matches nothing.
    """
    if metrics and ranked:
        named = chosen_names(sorted({each.key.metric for each in ranked}), metrics)
        return [each for each in ranked if each.key.metric in named]
    own = own_metrics(each.key[:2] for each in ranked if each.grid.methods)
    scored = {name for name, _ in own}
    return [each for each in ranked if each.key[:2] in own or each.key.board not in scored]


def write_tables(
    folder: Path,
    table: pd.DataFrame,
    formats: Sequence[str],
    directions: Mapping[str, str],
    openings: Mapping[tuple[str, ...], str] = MappingProxyType({}),
) -> list[Path]:
    """Write one file a board, metric and format into a folder; return the files.

    `table` is a leaderboard, `directions` holds the direction of each of its metrics, `openings` the sentence that
    opens each board, by board, metric, panel and slice. CSV, JSON and Parquet hold every column; Markdown and LaTeX
    hold one captioned table a panel and slice, of the columns that people see.

    Raises:
        BenchError: a format is unknown, or the folder is a file.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise BenchError(f"unknown format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
    if folder.exists() and not folder.is_dir():
        raise BenchError(f"{folder} is a file: give a folder to write into")
    parts = [part for _, part in table.groupby(["board", "metric"], sort=False, dropna=False)]
    names = number_repeats([file_name(*(str(part[name].iloc[0]) for name in ("board", "metric"))) for part in parts])
    written = []
    for name, part in zip(names, parts, strict=True):
        for chosen in formats:
            ending, make = FORMATS[chosen]
            path = folder / f"{name}.{ending}"
            write_bytes(path, make(part, directions, openings))
            written.append(path)
    return written


def number_repeats(names: Sequence[str]) -> list[str]:
    """Number names that are equal to one before them, upper and lower case being the same."""
    found: list[str] = []
    for name in names:
        seen = {text.lower() for text in found}
        texts = chain([name], (f"{name}-{k}" for k in count(2)))
        found.append(next(text for text in texts if text.lower() not in seen))
    return found


# tables of any kind


def to_json(table: pd.DataFrame) -> str:
    """Return a table as a JSON list of rows; missing is null, and infinity, which JSON lacks, a text."""
    plain = table.astype(object).where(table.notna(), None)
    rows = [{str(name): _json_value(value) for name, value in row.items()} for row in plain.to_dict("records")]
    return json.dumps(rows, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def to_parquet(table: pd.DataFrame) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _every_board(one: Callable[[pd.DataFrame, str, str], str]) -> WriteTable:
    """Return what writes every panel and slice of a board and metric with `one`, one below the other."""

    def write_all(table: pd.DataFrame, directions: Mapping[str, str], openings: Mapping[tuple[str, ...], str]) -> bytes:
        boards = [
            one(part, directions.get(str(part["metric"].iloc[0]), ""), openings.get(tuple(map(str, key)), ""))
            for key, part in table.groupby(TABLE_KEYS, sort=False, dropna=False)
        ]
        return "\n".join(boards).encode()

    return write_all


FORMATS: dict[str, tuple[str, WriteTable]] = {
    "csv": ("csv", lambda table, *_: to_csv(table).encode()),
    "md": ("md", _every_board(board_markdown)),
    "latex": ("tex", _every_board(board_latex)),
    "json": ("json", lambda table, *_: to_json(table).encode()),
    "parquet": ("parquet", lambda table, *_: to_parquet(table)),
}
"""Formats of tables: the ending of the file, and what writes it."""
