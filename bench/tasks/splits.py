"""Training rows and rows to predict: outer splits, and inner folds of a training part, by the same rules.

Rows in time order are never predicted by a model that was fitted on a later row; rows of one group stay together;
classes are stratified as far as they can be. With groups and times both hold: groups are predicted whole, in the order
in which they begin.
"""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np

from bench.core.hashing import generator, seed
from bench.core.nouns import Array, BenchError, Split, Task

FoldRows = tuple[Array, Array]
"""Positions of the rows to fit on, and of the rows to predict: one part of a cut, outer or inner."""

FINEST = 100
"""Parts at most into which a training part is cut to keep some of them aside: a share is met to a hundredth."""


def cut_outer(task: Task, folds: int, repeats: int, run_seed: int, first: int | None = None) -> tuple[Split, ...]:
    """Return the task's own splits, or `repeats` × `folds` new ones, of every repeat at most the `first` folds.

    Raises:
        BenchError: the task has too few rows, groups or points in time.
    """
    if task.splits:
        return task.splits
    rows = np.arange(len(task.y))
    return tuple(
        Split(repeat, fold, train, test)
        for repeat in range(1 if task.time is not None else repeats)
        for fold, (train, test) in enumerate(
            inner_parts(task, rows, folds, (run_seed, task.name, "outer", repeat))[:first]
        )
    )


def cut_inner(task: Task, split: Split, folds: int, run_seed: int) -> list[FoldRows]:
    """Return the inner folds of a training part, as positions in the task."""
    return inner_parts(task, split.train, folds, (run_seed, task.name, "inner", split.repeat, split.fold))


def carve(task: Task, split: Split, share: float, run_seed: int) -> FoldRows:
    """Cut a training part into rows to fit on and rows kept aside to calibrate, as near to `share` as they allow.

    In time the latest rows are kept aside; whole groups are; classes are stratified.
    """
    in_time = task.time is not None
    name = (run_seed, task.name, "calibration", split.repeat, split.fold)
    cut = inner_parts(task, split.train, Fraction(share).limit_denominator(FINEST).denominator - in_time, name)
    of = len(cut) + in_time  # in time there is a first block that is no part
    kept = max(round(share * of), 1)
    if in_time:
        return cut[-kept][0], np.concatenate([held for _, held in cut[-kept:]])
    # parts at equal distances: next to each other they need not hold the classes in proportion
    spread = [held for k, (_, held) in enumerate(cut) if (k + 1) * kept // of > k * kept // of]
    aside = np.isin(split.train, np.concatenate(spread))
    return split.train[~aside], split.train[aside]


def inner_parts(task: Task, rows: Array, folds: int, name: tuple[object, ...]) -> list[FoldRows]:
    """Cut `rows` into at most `folds` parts to predict, each with the rows that its model may be fitted on."""
    if task.time is not None:
        return _cut_in_time(task, task.time[rows], rows, folds)
    if task.groups is not None:
        part = _deal_groups(task, rows, folds, seed(*name))
    else:
        strata = task.y[rows] if task.kind == "classification" else np.zeros(len(rows), dtype=int)
        part = _deal_strata(strata, min(folds, len(rows)), generator(*name))
    if part.max(initial=0) < 1:
        raise BenchError(f"task {task.name!r} has only {len(rows)} rows to cut into folds: give it more rows")
    return [(rows[part != k], rows[part == k]) for k in range(part.max() + 1)]


def _deal_strata(strata: Array, folds: int, rng: np.random.Generator) -> Array:
    """Deal shuffled rows out to the folds, one stratum after the other: fold sizes differ by one at most."""
    shuffled = rng.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    part = np.empty(len(strata), dtype=int)
    part[order] = np.arange(len(strata)) % folds
    return part


def _deal_groups(task: Task, rows: Array, folds: int, random_state: int) -> Array:
    """Keep groups together, and classes in proportion where there are classes."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    groups = np.asarray(task.groups)[rows]
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise BenchError(f"task {task.name!r} has {n_groups} group in a training part: folds need at least 2 groups")
    n_splits = min(folds, n_groups)
    stratified = task.kind == "classification" and np.bincount(task.y[rows]).max() >= n_splits
    kind = StratifiedGroupKFold if stratified else GroupKFold
    splitter = kind(n_splits=n_splits, shuffle=True, random_state=random_state)
    part = np.zeros(len(rows), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer rows than folds is spread as far as it goes
        for k, (_, held) in enumerate(splitter.split(rows, task.y[rows], groups)):
            part[held] = k
    return np.unique(part, return_inverse=True)[1]  # numbers the folds 0, 1, … without those that got no row


def _cut_in_time(task: Task, time: Array, rows: Array, folds: int) -> list[FoldRows]:
    """Cut the points in time into folds + 1 blocks; a model of all earlier rows predicts each but the first.

    A row of a group belongs to the block in which the group begins, so that whole groups are predicted. What a group
    of an earlier block brings once the block to predict has begun is in no part of that cut.
    """
    begin = time if task.groups is None else _begin_of_groups(np.asarray(task.groups)[rows], time)
    points, point = np.unique(begin, return_inverse=True)
    blocks = min(folds + 1, len(points))
    if blocks < 2:
        raise _uncut_time_error(task)
    block = point * blocks // len(points)
    order = np.argsort(time, kind="stable")
    rows, time, begin, block = rows[order], time[order], begin[order], block[order]
    return [(rows[time < begin[block == k].min()], rows[block == k]) for k in range(1, blocks)]


def _begin_of_groups(groups: Array, time: Array) -> Array:
    """Return the first time of the group of each row (n,)."""
    names, code = np.unique(groups, return_inverse=True)
    first = np.full(len(names), np.inf)
    np.minimum.at(first, code, time)
    return first[code]


def _uncut_time_error(task: Task) -> BenchError:
    if task.groups is None:
        return BenchError(f"task {task.name!r} has one point in time in a training part: time folds need at least 2")
    return BenchError(
        f"task {task.name!r} has groups that all begin at one time in a training part, so that no group comes before "
        "another: name groups or times and not both, or cut into fewer folds"
    )
