"""From blocks to tasks: which rows count, how much, and how two columns differ.

A table has one row per block or task and one column per method; lower is better, NaN is missing. `task` (B,) names the
task of every block (any values that can be sorted), `weight` (B,) holds weights of the blocks, or is None for equal
ones: only their shares within a task matter, because every task counts one.
"""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array

FEWEST_TASKS = 6
"""Under so many tasks there is no interval, no letter and no p-value: two-sided, five tasks cannot go below 0.0625."""

DIGITS = 12
"""A difference is kept to the twelfth digit of the larger of the two numbers; what is below is float noise."""


def too_few(tasks: int) -> str:
    """Return why so many tasks carry no inference, or an empty text."""
    return "" if tasks >= FEWEST_TASKS else f"too few tasks: {tasks}, needed {FEWEST_TASKS}"


def common_blocks(badness: Array) -> tuple[Array, Array]:
    """Return masks of the blocks (B,) in which all methods have a score, and of the methods (K,) that have any.

    A method without a single value takes no block from the others.
    """
    known = ~np.isnan(badness)
    methods = np.asarray(known.any(axis=0))
    return np.asarray(known[:, methods].all(axis=1) & methods.any()), methods


def task_codes(task: Array) -> tuple[Array, int]:
    """Return the code 0 … N-1 of every block's task, in the order of their names, and N."""
    names, codes = np.unique(np.asarray(task), return_inverse=True)
    return codes.reshape(-1), len(names)


def task_weights(task: Array, weight: Array | None = None) -> Array:
    """Return weights of blocks (B,), sum one, of which every task has the same share: w_b / (N Σ_{b' of task} w_b')."""
    codes, N = task_codes(task)
    weight = np.ones(len(codes)) if weight is None else np.asarray(weight, dtype=float)
    return weight / (np.bincount(codes, weight, minlength=N)[codes] * max(N, 1))


def task_means(values: Array, task: Array, weight: Array | None = None) -> Array:
    """Return the weighted mean over the blocks of each task, shape (N, K), tasks in the order of their names.

    NaN where a block of the task is missing: a mean over other folds is another number. An infinite block makes the
    mean infinite.
    """
    codes, N = task_codes(task)
    if not N:
        return np.zeros((0, values.shape[1]))
    share, order = task_weights(task, weight) * N, np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as it should be
        return np.asarray(np.add.reduceat((values * share[:, None])[order], starts))


def logs(errors: Array) -> Array:
    """Return log e, so that differences are log ratios, which have no unit; NaN where e is not above zero.

    Use it before tests over tasks whose errors have the units of the target. An infinite error stays infinite.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(errors > 0, np.log(errors), np.nan)


def differences(left: Array, right: Array) -> Array:
    """Return left - right without float noise; equal infinities differ by zero, NaN where one is missing.

    The result is a multiple of 10^(1-12) times the power of ten of the larger number, so that 0.85 - 0.80 and
    0.75 - 0.70 are the same.
    """
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    with np.errstate(invalid="ignore", over="ignore", under="ignore", divide="ignore"):
        gap = np.where(left == right, 0.0, left - right)
        size = np.maximum(np.abs(left), np.abs(right))
        size = np.where(np.isfinite(size) & (size > 0), size, 1.0)
        digits = DIGITS - 1 - np.floor(np.log10(size))
        snapped = np.where(digits >= 0, np.round(gap * 10.0**digits) / 10.0**digits, gap)
    return np.where(np.isfinite(snapped), snapped, gap) + 0.0
