"""The official splits of an OpenML task: read, checked for what must hold, and held against the standard procedures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError, Split
from bench.tasks.official_folds import Procedure, official_splits
from bench.tasks.sources import LoadError
from bench.tasks.sources.openml_client import ClientBox

PARTITIONS = frozenset({"crossvalidation", "customcrossvalidation", "leaveoneout"})
"""Estimation procedures whose test folds cover every row once a repeat."""

HOLDOUTS = frozenset({"holdout", "customholdout"})
"""Estimation procedures that test some rows only."""

TENFOLD, TWOFOLD, REPEATED = (
    Procedure("crossvalidation", repeats, folds) for repeats, folds in ((1, 10), (5, 2), (10, 10))
)
LEAVE_ONE_OUT, THIRD = Procedure("leaveoneout"), Procedure("holdout", percentage=33)
STANDARD = dict(enumerate((TENFOLD, TWOFOLD, REPEATED, LEAVE_ONE_OUT, None, THIRD) * 2, start=1))
"""OpenML's own procedures by number, for classification and for regression; others may stand for a file that somebody
made. The `10% Holdout` (5 and 11) has 33 in some data bases, and is left out."""


@dataclass(frozen=True)
class OfficialSplits:
    """The splits of a task, rows in the order of the table, and what looks odd about them."""

    splits: tuple[Split, ...]
    warnings: list[str]


def read_splits(name: str, box: ClientBox, openml_task: Any, y: Array) -> OfficialSplits:
    """Return the splits of a task, as its file holds them; without a file offline, as OpenML's engine makes them.

    Rows are sorted: the file has them shuffled, and schemes that learn in the order of the table would learn in a
    random one. A file that differs from the standard procedure that its task names is used, and warned of: a new
    version of the table, or splits that somebody made, and no sign says which.

    Raises:
        BenchError: the procedure is no cross-validation and no holdout, or a learning curve.
        LoadError: the file cannot be had (`infra`), or its folds are not folds of the table (`data`).
    """
    described = openml_task.estimation_procedure
    parameters = {key: text or "" for key, text in (described["parameters"] or {}).items()}
    kind = described["type"]
    if kind not in PARTITIONS | HOLDOUTS:
        raise BenchError(f"{name} is estimated by {kind!r}: choose a cross-validation or holdout task")
    # the client knows no number of a procedure: it has 1 for every classification, 7 for every regression
    xml = box.text("tasks", openml_task.task_id, "task.xml", "task")
    number = re.search(r"<oml:estimation_procedure>\s*<oml:id>\s*(\d+)", xml)
    named = _named_procedure(int(number[1]), kind, parameters) if number else None
    strata = y if getattr(openml_task, "class_labels", None) else None
    standard = official_splits(named, len(y), strata) if named else None
    path = _splits_file(box, openml_task.task_id, described["data_splits_url"], missing_is_fine=standard is not None)
    if path is None:
        note = "its splits file is not in the cache: the folds are computed as OpenML's engine does it"
        return OfficialSplits(standard or (), [note])
    kept = box.home / path.relative_to(box.staging)
    splits = splits_of_file(name, path, kept if kept.is_file() else None)
    _check_announced(name, parameters, splits)
    for split in splits:
        _check_split(name, split, len(y))
    if kind in PARTITIONS:
        for repeat in range(splits[-1].repeat + 1):
            _check_partition(name, [split for split in splits if split.repeat == repeat], len(y))
    differs = standard is not None and not _are_equal(splits, standard)
    note = (
        "its splits file does not hold the folds that OpenML's engine makes of this table by the procedure that the "
        "task names: those of the file are used"
    )
    return OfficialSplits(splits, [note] if differs else [])


def _named_procedure(number: int, kind: str, parameters: Mapping[str, str]) -> Procedure | None:
    """Return the standard procedure of that number, None where there is none or the task says something else of it."""
    named = STANDARD.get(number)
    if named is None or named.type != kind:
        return None
    announced = {"number_repeats": named.repeats, "number_folds": named.folds, "percentage": named.percentage}
    differ = [key for key, value in announced.items() if parameters.get(key, "") not in {"", str(value)}]
    return None if differ else named


def _splits_file(box: ClientBox, task: int, url: str, *, missing_is_fine: bool) -> Path | None:
    """Return the splits file, downloaded if need be; None offline where it is not cached and may be missing."""
    box.seed("tasks", task)
    path = box.staging / "tasks" / str(task) / "datasplits.arff"
    if path.is_file():
        return path
    if box.offline and missing_is_fine:
        return None
    path.write_bytes(box.fetch("get", url, {}).content)
    return path


def splits_of_file(name: str, path: Path, kept: Path | None) -> tuple[Split, ...]:
    """Return the splits that a file holds, by repeat and fold; `kept` is where the cache has it.

    Raises:
        LoadError: it is damaged, or lacks a fold.
    """
    return tuple(_splits_of(name, _read_table(name, path, kept)))


def _read_table(name: str, path: Path, kept: Path | None) -> pd.DataFrame:
    """Return the columns type, rowid, repeat and fold of a splits file, one line a row and fold.

    The file of a large task has millions of lines, so that it is read as the plain table that it is.
    """
    with path.open("rb") as file:
        header = []
        for line in file:
            header.append(line.decode("utf-8", errors="replace").strip())
            if header[-1].lower() == "@data":
                break
        columns = re.findall(r"^@attribute\s+['\"]?([^\s'\"]+)", "\n".join(header), flags=re.IGNORECASE | re.MULTILINE)
        columns = [each.lower() for each in columns]
        try:
            table = pd.read_csv(file, header=None, names=columns, comment="%", quotechar="'", skipinitialspace=True)
        except (ValueError, pd.errors.ParserError) as error:
            raise LoadError(_damaged(name, "it holds no rows", kept), "data") from error
    if "sample" in columns and (table["sample"] != 0).any():
        raise BenchError(f"{name} has several samples a fold: choose a task that is no learning curve")
    wanted = ("type", "rowid", "repeat", "fold")
    lost = [each for each in wanted if each not in columns]
    if lost:
        raise LoadError(_damaged(name, f"it has no column {lost[0]!r}", kept), "data")
    numbers = table[[*wanted[1:]]]
    whole = all(pd.api.types.is_integer_dtype(kind) for kind in numbers.dtypes)
    if not (len(table) and whole and (numbers >= 0).all(axis=None) and table["type"].isin(["TRAIN", "TEST"]).all()):
        raise LoadError(_damaged(name, "a line is not TRAIN or TEST, row, repeat and fold", kept), "data")
    return table


def _damaged(name: str, why: str, kept: Path | None = None) -> str:
    return f"{name} has a damaged splits file{f' {str(kept)!r}' if kept else ''}: {why}"


def _splits_of(name: str, table: pd.DataFrame) -> Iterator[Split]:
    """Yield the splits of every repeat and fold, from zero."""
    folds = int(table["fold"].max()) + 1
    is_test = (table["type"] == "TEST").to_numpy()
    rows = table["rowid"].to_numpy(dtype=np.int64)
    cell = table["repeat"].to_numpy(dtype=np.int64) * folds + table["fold"].to_numpy(dtype=np.int64)
    order = np.lexsort((rows, cell))
    bounds = [0, *np.flatnonzero(np.diff(cell[order])) + 1, len(order)]
    for place, (start, stop) in enumerate(pairwise(bounds)):
        part = order[start:stop]
        if cell[part[0]] != place:
            raise LoadError(_damaged(name, f"repeat {place // folds} has no fold {place % folds}"), "data")
        yield Split(place // folds, place % folds, rows[part[~is_test[part]]], rows[part[is_test[part]]])


def _check_announced(name: str, parameters: Mapping[str, str], splits: Sequence[Split]) -> None:
    found = {"number_repeats": splits[-1].repeat + 1, "number_folds": splits[-1].fold + 1}
    for noun, count in found.items():
        announced = parameters.get(noun, "")
        if announced.isdigit() and int(announced) != count:
            raise LoadError(f"{name} announces {noun} = {announced} and its splits file holds {count}", "data")


def _check_split(name: str, split: Split, n: int) -> None:
    """Raise LoadError unless train and test are the n rows, each once, and neither is empty."""
    rows = np.concatenate([split.train, split.test])
    whole = len(rows) == n and np.array_equal(np.sort(rows), np.arange(n))
    if not (whole and len(split.train) and len(split.test)):
        raise LoadError(
            _damaged(
                name,
                f"the {len(split.train)} training and {len(split.test)} test rows of repeat {split.repeat} fold "
                f"{split.fold} are not the {n} rows of the table",
            ),
            "data",
        )


def _check_partition(name: str, splits: Sequence[Split], n: int) -> None:
    """Raise LoadError unless the test folds of one repeat hold every row once."""
    tested = np.bincount(np.concatenate([split.test for split in splits]), minlength=n)
    if (tested != 1).any():
        wrong = int((tested != 1).sum())
        raise LoadError(_damaged(name, f"repeat {splits[0].repeat} tests {wrong} rows not exactly once"), "data")


def _are_equal(some: Sequence[Split], others: Iterable[Split]) -> bool:
    tests = [[(each.repeat, each.fold, each.test.tolist()) for each in splits] for splits in (some, others)]
    return tests[0] == tests[1]
