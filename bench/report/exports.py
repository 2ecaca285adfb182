"""Leaderboards as files: CSV, JSON and Parquet with every column for programs, Markdown and LaTeX for people."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.core.files import file_name, write_bytes
from bench.core.nouns import BenchError
from bench.core.selection import chosen_from
from bench.methods.boards import own_metrics
from bench.methods.metrics import chosen_names
from bench.report.leaderboards import Standing, to_csv
from bench.report.leaderboards.columns import columns_for_people
from bench.report.leaderboards.scores import goal

MISSING_RULES = {
    "common": "only blocks that every method answered count, and a method with fewer than half is not ranked",
    "worst": "a missing score ranks last",
    "impute": "a missing score is that of the named method",
    "fail": "a missing score is refused",
}
"""What the missing rules mean, in words."""
TABLE_KEYS = ["board", "metric", "panel", "slice"]
DIRECTION_WORDS = {"min": "lower is better", "max": "higher is better", "target": "nearest to its goal is best"}


WriteTable = Callable[[pd.DataFrame, Mapping[str, str], Mapping[tuple[str, ...], str]], bytes]
"""From a leaderboard, the directions of its metrics and the sentences that open its boards to a file's content."""


# what is chosen, and where it goes


def choose_scores(scores: pd.DataFrame, boards: Sequence[str] = (), metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Return the scores of the boards and metrics that are named, by name or glob.

    Where no metric is named it is each board's own, of those that have a score (see `boards.own_metrics`).

    Raises:
        BenchError: a name matches nothing.
    """
    boards_there = scores["board"] if "board" in scores else pd.Series("", index=scores.index)
    board = boards_there.astype(object).where(boards_there.notna(), "").astype(str)
    metric = scores["metric"].astype(str)
    kept = board.isin(chosen_from(sorted(set(board)), boards, "board")) if boards else board.notna()
    if metrics:
        return scores[kept & metric.isin(chosen_names(sorted(set(metric[kept])), metrics))]
    tested = scores["value"].notna() & ((scores["sample"] == "test") if "sample" in scores else True)
    own = own_metrics(zip(board[tested], metric[tested], strict=True))
    scored = {name for name, _ in own}  # a board without any value keeps its rows, so that it is missing in sight
    wanted = [pair in own or pair[0] not in scored for pair in zip(board, metric, strict=True)]
    return scores[kept & np.array(wanted, dtype=bool)]


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


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """Return texts as a Markdown table; `align` has `l` or `r` for each column."""
    rules = ["---:" if side == "r" else "---" for side in align or "l" * len(names)]
    lines = [f"| {' | '.join(names)} |", f"| {' | '.join(rules)} |", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def tabular(names: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """Return texts, escaped already, as a LaTeX tabular that needs booktabs."""
    body = "".join(f"{' & '.join(row)} \\\\\n" for row in rows)
    return (
        f"\\begin{{tabular}}{{{align or 'l' * len(names)}}}\n\\toprule\n{' & '.join(names)} \\\\\n\\midrule\n"
        f"{body}\\bottomrule\n\\end{{tabular}}\n"
    )


LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
        "|": r"\textbar{}", '"': r"{\ttfamily\char34}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
        "[": "{[}", "]": "{]}", "*": "{*}",  # behind the end of a row these would be an argument of it
    }
)  # fmt: skip
"""By hand: the escapes of pandas leave the ligatures of quotes and hyphens, and a bracket that opens a row.

A straight double quote is in typewriter type: the usual encoding of LaTeX has it nowhere else.
"""
LATEX_LIGATURE = re.compile("(?<=-)-|(?<=,),")
MARKDOWN = re.compile(r"[\\`*~\[\]<>&|!$]|(?<![^\W_])_|_(?![^\W_])")
"""By hand: no library leaves names readable. An underscore inside a word, as in macro_f1, is no mark."""


def latex_text(text: str) -> str:
    """Escape what LaTeX would take for commands."""
    return LATEX_LIGATURE.sub(r"{}\g<0>", _one_line(text).translate(LATEX))


def markdown_text(text: str) -> str:
    """Escape what Markdown would take for marks in a table."""
    return MARKDOWN.sub(r"\\\g<0>", _one_line(text))


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


# boards for people


def for_people(part: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a board that people see: places with their intervals, shares in percent.

    A column that says the same of all is not there: shares of 100 %, counts of zero, what is empty; nor are Elo and win
    rates of one task, or the mean of scores beside the score, or the relative error beside a mean score.
    """
    shown = part[[name for name in columns_for_people() if name in part]].copy()
    needless = {
        **{name: (part[name] == 1).all() for name in ("completeness", "applicable") if name in part},
        **dict.fromkeys(("elo", "win_rate", "mean_score"), "tasks" in part and (part["tasks"] == 1).all()),
        "relative": "mean_score" in part and part["mean_score"].notna().any(),
    }
    shown = shown.drop(columns=[name for name, is_needless in needless.items() if is_needless and name in shown])
    for name in ("completeness", "applicable"):
        if name in shown:
            shown[name] = [_percent_text(share) for share in shown[name]]
    if {"position", "position_lo", "position_hi"} <= set(part):
        spans = part[["position", "position_lo", "position_hi"]].astype(object)
        shown["position"] = [_interval_text(*row) for row in spans.where(spans.notna(), None).itertuples(index=False)]
    if "imputed" in shown and not shown["imputed"].any():
        shown = shown.drop(columns="imputed")
    empty = [name for name in shown if shown[name].isna().all() or (shown[name].astype(str) == "").all()]
    return shown.drop(columns=empty)


def _interval_text(position: Any, lo: Any, hi: Any) -> str:
    """Return a place with its interval, `2 (1-4)`."""
    if position is None:
        return ""
    return f"{position}" if lo is None or lo == hi == position else f"{position} ({lo:.0f}-{hi:.0f})"


def caption(part: pd.DataFrame, direction: str = "", opening: str = "") -> str:
    """Describe a board: who leads, the metric and what is better, on how many tasks, what skill refers to."""
    first = part.iloc[0].astype(object)
    facts = [f"{name} {first[name]}" for name in TABLE_KEYS if name in part and str(first[name]) not in {"", "nan"}]
    facts += [
        f"{first[name]} {name[:-1] if first[name] == 1 else name}" for name in ("tasks", "blocks") if name in part
    ]
    sense = DIRECTION_WORDS.get(direction, "")
    sentences = [*([opening] if opening else []), f"Leaderboard: {', '.join(facts)}{sense and f'; {sense}'}."]
    shown = for_people(part)
    if "baseline" in part and first["baseline"] and {"skill", "relative", "headroom", "elo"} & set(shown):
        names = [name for name in ("relative", "skill", "headroom", "elo") if name in shown]
        sentences.append(f"{', '.join(names).capitalize()}: against {first['baseline']}.")
    if "missing_rule" in part:
        rule = str(first["missing_rule"])
        sentences.append(f"Missing scores: rule {rule} ({MISSING_RULES[rule.partition(':')[0]]}).")
    if "letters" in shown:
        sentences.append("Methods that share a letter cannot be told apart.")
    return " ".join(sentences)


class Markup(NamedTuple):
    """How a format writes texts, what is best, and what is better low or high."""

    text: Callable[[str], str]
    bold: str
    better: Mapping[str, str]


IN_MARKDOWN = Markup(markdown_text, "**{}**", {"min": " ↓", "max": " ↑"})
IN_LATEX = Markup(latex_text, r"\textbf{{{}}}", {"min": r" $\downarrow$", "max": r" $\uparrow$"})


def board_markdown(part: pd.DataFrame, direction: str = "", opening: str = "") -> str:
    """Return one board as a Markdown table below its caption, the best of every column bold."""
    table = markdown_table(*_lay_out(part, direction, IN_MARKDOWN))
    return f"{markdown_text(caption(part, direction, opening))}\n\n{table}"


def board_latex(part: pd.DataFrame, direction: str = "", opening: str = "") -> str:
    """Return one board as a LaTeX table with its caption, the best of every column bold; it needs booktabs."""
    label = file_name(*(str(part[name].iloc[0]) for name in TABLE_KEYS if name in part))
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{latex_text(caption(part, direction, opening))}}}\n"
        f"\\label{{tab:{label}}}\n{tabular(*_lay_out(part, direction, IN_LATEX))}\\end{{table}}\n"
    )


def _lay_out(part: pd.DataFrame, direction: str, markup: Markup) -> tuple[list[str], list[tuple[str, ...]], str]:
    """Return the headings, the rows and the side of each column."""
    known = columns_for_people()
    aim = goal(str(part["metric"].iloc[0]))
    heads, columns, align = [], [], ""
    for name, values in for_people(part).items():
        better = known[str(name)].options.better
        sense = direction if better == "metric" else {"low": "min", "high": "max"}.get(str(better), "")
        texts = write_alike(values)
        best = zip(texts, _mark_best(values, texts, sense, aim), strict=True)
        columns.append([markup.bold.format(markup.text(text)) if on else markup.text(text) for text, on in best])
        heads.append(markup.text(str(name).replace("_", " ")) + markup.better.get(sense, ""))
        align += "r" if pd.api.types.is_numeric_dtype(part[name].dtype) else "l"
    return heads, list(zip(*columns, strict=True)), align


def _percent_text(share: float) -> str:
    """Return a share in per cent, cut and not rounded: 99.7 % is not all."""
    # 1e-9: 0.29 × 100 is 28.999…
    return "" if np.isnan(share) else f"{int(100 * share + 1e-9)}%"


def write_alike(column: pd.Series) -> list[str]:
    """Write the numbers of a column with the same decimals, four digits for the largest; nothing for missing."""
    if not pd.api.types.is_float_dtype(column.dtype):
        return ["" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    values = column.to_numpy(dtype=float, na_value=np.nan)
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    decimals = int(np.clip(3 - np.floor(np.log10(sizes.max())), 0, 6)) if len(sizes) else 0
    return ["" if np.isnan(value) else f"{np.round(value, decimals) + 0.0:.{decimals}f}" for value in values]


def _mark_best(column: pd.Series, texts: list[str], direction: str, aim: float) -> list[bool]:
    """Mark the best of a column as it is written; nothing where there is no rival."""
    if direction not in DIRECTION_WORDS or not pd.api.types.is_numeric_dtype(column.dtype):
        return [False] * len(texts)
    values = column.to_numpy(dtype=float, na_value=np.nan)
    badness = {"min": values, "max": -values, "target": np.abs(values - aim)}[direction]
    known = ~np.isnan(badness)
    if not known.all():  # among those that have a number the best may be the only one, or the baseline
        return [False] * len(texts)
    best = {texts[k] for k in np.flatnonzero(known & (badness == np.min(badness[known], initial=np.inf)))}
    return [known.sum() > 1 and text in best for text in texts]


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
