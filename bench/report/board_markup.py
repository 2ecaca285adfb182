"""Boards as people read them in Markdown and LaTeX: the columns that say something, in words, the best bold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.core.files import file_name
from bench.core.text import latex, markdown
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


IN_MARKDOWN = Markup(markdown, "**{}**", {"min": " ↓", "max": " ↑"})
IN_LATEX = Markup(latex, r"\textbf{{{}}}", {"min": r" $\downarrow$", "max": r" $\uparrow$"})


def board_markdown(part: pd.DataFrame, direction: str = "", opening: str = "") -> str:
    """Return one board as a Markdown table below its caption, the best of every column bold."""
    table = markdown_table(*_lay_out(part, direction, IN_MARKDOWN))
    return f"{markdown(caption(part, direction, opening))}\n\n{table}"


def board_latex(part: pd.DataFrame, direction: str = "", opening: str = "") -> str:
    """Return one board as a LaTeX table with its caption, the best of every column bold; it needs booktabs."""
    label = file_name(*(str(part[name].iloc[0]) for name in TABLE_KEYS if name in part))
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{latex(caption(part, direction, opening))}}}\n"
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
