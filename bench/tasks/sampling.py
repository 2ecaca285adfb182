"""A part of the rows of a task, always the same ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.hashing import generator
from bench.core.nouns import Array, BenchError, Split, Task

LEAST = 2
"""Rows of a class that a sample keeps, where it has them: fewer can be in no training and test part at once."""


def sample_rows(task: Task, n: int) -> Task:
    """Return n rows of a task in the order of the table, the task itself where it has no more.

    Classes keep their shares up to rounding, and `LEAST` rows of each; of a regression one row is drawn from each n-th
    of the sorted target. Which ones depends on the name of the task and on n alone. A task with splits of its own keeps
    them, for the rows that are left.

    Raises:
        BenchError: n is too small for the classes or the splits.
    """
    if n >= len(task.y):
        return task
    rng = generator("sample of rows", task.name, n)
    shuffled = rng.permutation(len(task.y))
    ordered = shuffled[np.argsort(task.y[shuffled], kind="stable")]
    if task.kind == "classification":
        counts = np.bincount(task.y, minlength=len(task.classes))
        starts, quotas = np.cumsum(counts) - counts, _quotas(task, counts, n)
        positions = np.concatenate([start + np.arange(quota) for start, quota in zip(starts, quotas, strict=True)])
    else:
        cuts = np.arange(n + 1) * len(task.y) // n
        positions = rng.integers(cuts[:-1], cuts[1:])
    return _take(task, np.sort(ordered[positions]))


def _quotas(task: Task, counts: Array, n: int) -> Array:
    """Return how many rows of each class are taken (K,): in proportion, at least `LEAST` or all of them, n in sum."""
    least = np.minimum(counts, LEAST)
    if least.sum() > n:
        raise BenchError(
            f"{n} rows of task {task.name!r} cannot hold {LEAST} of each of its {len(counts)} classes: "
            f"sample at least {least.sum()}"
        )
    exact = counts * n / counts.sum()
    quotas = np.maximum(np.floor(exact).astype(int), least)
    while quotas.sum() > n:
        quotas[np.argmax(np.where(quotas > least, quotas - exact, -np.inf))] -= 1
    while quotas.sum() < n:
        quotas[np.argmax(np.where(quotas < counts, exact - quotas, -np.inf))] += 1
    return quotas


def _take(task: Task, rows: Array) -> Task:
    """Return some rows of a task; its splits are those of these rows."""
    place = np.full(len(task.y), -1)
    place[rows] = np.arange(len(rows))
    splits = tuple(
        Split(split.repeat, split.fold, *(part[part >= 0] for part in (place[split.train], place[split.test])))
        for split in task.splits
    )
    if any(not len(split.train) or not len(split.test) for split in splits):
        raise BenchError(f"{len(rows)} rows of task {task.name!r} leave a fold of its own without any: sample more")
    weight, external = task.weight, task.external
    if weight is not None:
        weight = weight[rows]
        weight = weight / max(weight.sum(), 1e-300) * np.count_nonzero(weight)  # the unit of the weights of all rows
    if external is not None:
        predictions = {name: values[rows] for name, values in external.predictions.items()}
        external = replace(external, predictions=predictions)
    return replace(
        task,
        X=task.X.iloc[rows].reset_index(drop=True),
        y=task.y[rows],
        splits=splits,
        groups=None if task.groups is None else task.groups[rows],
        time=None if task.time is None else task.time[rows],
        weight=weight,
        external=external,
        meta={**task.meta, "sampled_from": len(task.y)},
    )
