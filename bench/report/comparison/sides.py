"""Where BASE and NEW come from: a results folder, a table, a baseline file, or a revision of git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.json_values import parse_json
from bench.core.nouns import BenchError
from bench.core.tables import SCORES, categories, decode_scores, decode_table, name_tasks, scores_file
from bench.report.comparison import baseline_file, revisions
from bench.report.comparison.revisions import ReadFile
from bench.report.comparison.side import ComparedSide
from bench.report.comparison.tables import tidy

SETTINGS = ("inner", "levels", "protocol")
"""Settings of the manifest on which the meaning of a score depends."""


def source(text: str) -> ComparedSide:
    """Return what BASE or NEW means: a folder, a CSV, Parquet or baseline file, or `git:REV[:PATH]`.

    Raises:
        BenchError: there is no such thing, or it cannot be read.
        RefusedError: one cell has two different values.
    """
    if text.startswith("git:"):
        file, name, reader = revisions.locate(text.removeprefix("git:"))
        return _open_source(file, name, reader)
    path = Path(text)
    folder = path if path.is_dir() else path.parent
    file = scores_file(path).name if path.is_dir() else path.name
    return _open_source(file, text, lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None)


def _open_source(file: str, name: str, reader: ReadFile) -> ComparedSide:
    content = reader(file)
    if content is None:
        raise BenchError(f"{name} is not there: give a results directory, a score table, a baseline, or git:REV:PATH")
    if content.lstrip()[:1] == b"{":
        found = baseline_file.parse_baseline(content, name)
        return ComparedSide(name, found.table, found.facts, found.settings, splits=found.splits)
    raw = name_tasks(decode_scores(content, name))
    table = tidy(raw, name)
    if file not in SCORES:
        return ComparedSide(name, table, _facts(raw, "protocol"))
    manifest = _json(reader("manifest.json"))
    noted = manifest.get("settings")
    settings = {key: noted[key] for key in SETTINGS if key in noted} if isinstance(noted, dict) else {}
    cells, timing = (_optional_table(reader(f"{one}.csv"), f"{one}.csv") for one in ("cells", "timing"))
    facts = _merge_facts(_facts(raw, "protocol"), _facts(cells, "data_hash", "data"))
    return ComparedSide(name, table, facts, settings, timing=timing, cpu=str(manifest.get("cpu", "")))


def _json(content: bytes | None) -> dict[str, Any]:
    try:
        found = parse_json(content or b"{}")
    except ValueError as error:
        raise BenchError(f"manifest.json cannot be read ({error}): make the results again") from error
    return found if isinstance(found, dict) else {}


def _optional_table(content: bytes | None, name: str) -> pd.DataFrame | None:
    """Return a table beside the scores, which need not be there."""
    if not content:
        return None
    table = decode_table(content, name)
    return table if "task_id" in table else None


def _facts(table: pd.DataFrame | None, column: str, name: str = "") -> dict[str, dict[str, str]]:
    """Return the value of a column for every task; several values are joined."""
    if table is None or column not in table or "task_id" not in table:
        return {}
    pairs = pd.DataFrame({"task": categories(table["task_id"]), "value": categories(table[column])}).drop_duplicates()
    known = pairs[pairs["value"] != ""].astype(object).sort_values("value")
    joined = known.groupby("task")["value"].agg("+".join)
    return {str(task): {name or column: str(value)} for task, value in joined.items()}


def _merge_facts(*parts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    tasks = sorted({task for part in parts for task in part})
    return {task: {name: value for part in parts for name, value in part.get(task, {}).items()} for task in tasks}


def find_difference(base: ComparedSide, new: ComparedSide, tasks: set[str]) -> str:
    """Return in which way the two sides are about different data or a different protocol, or an empty text."""
    for key, noun in (("data", "data"), ("protocol", "protocol")):
        pairs = {task: (base.facts.get(task, {}).get(key), new.facts.get(task, {}).get(key)) for task in sorted(tasks)}
        apart = [task for task, (left, right) in pairs.items() if left and right and not _hashes_agree(left, right)]
        if apart:
            left, right = pairs[apart[0]]
            more = f" and {len(apart) - 1} other tasks" if len(apart) > 1 else ""
            return f"the {noun} of {apart[0]}{more} differs, {left} in BASE and {right} in NEW"
    for key in SETTINGS:
        if key in base.settings and key in new.settings and base.settings[key] != new.settings[key]:
            return f"setting {key} is {base.settings[key]} in BASE and {new.settings[key]} in NEW"
    return _find_split_difference(base, new)


def _find_split_difference(base: ComparedSide, new: ComparedSide) -> str:
    """Return which task two baselines have on different folds, or nothing."""
    if base.splits is None or new.splits is None:
        return ""
    both = base.splits.keys() & new.splits.keys()
    apart = sorted(task for board, task in both if base.splits[board, task] != new.splits[board, task])
    return f"the folds behind the means of {apart[0]} differ" if apart else ""


def _hashes_agree(left: str, right: str) -> bool:
    """Return whether two hashes agree as far as both go."""
    shorter, longer = sorted((left, right), key=len)
    return longer.startswith(shorter) if len(shorter) >= baseline_file.HASH_DIGITS else left == right


def find_row_difference(cells: pd.DataFrame) -> str:
    """Return which fold has other numbers of test rows on the two sides (`rows_base`, `rows_new`), or nothing."""
    left, right = cells["rows_base"].to_numpy(), cells["rows_new"].to_numpy()
    apart = np.flatnonzero((left != right) & ~np.isnan(left) & ~np.isnan(right))
    if not len(apart):
        return ""
    cell, n, m = cells.iloc[apart[0]], left[apart[0]], right[apart[0]]
    fold = f"repeat {cell['repeat'] or 0} fold {cell['fold'] or 0}"
    return f"{fold} of {cell['task_id'] or 'the task'} has {n:g} test rows in BASE and {m:g} in NEW"
