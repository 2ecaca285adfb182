"""The penalty of PRESTO, chosen by the Brier score of rows that were held out."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.solvers.ordinal import ordinal_rows
from bench.solvers.presto import largest_penalty, path
from bench.solvers.solution import Array, Index

LAST_PENALTY = 0.01
"""The last penalty of the path, as a share of the first."""


def choose_penalty(X: Array, y: Index, weight: Array | None, *, n_penalties: int, alpha: float, fold: Index) -> float:
    """Return the largest of the penalties of least Brier score out of fold.

    The `n_penalties` run from the least that leaves no slopes on all rows down to 1 % of it, the same in each fold. A
    class that the other folds lack gets probability 0.
    """
    top = largest_penalty(ordinal_rows(X, y, weight), alpha)
    penalties = np.geomspace(top, LAST_PENALTY * top, n_penalties)
    predictions = np.zeros((n_penalties, len(y), int(y.max()) + 1))
    for held in (fold == number for number in np.unique(fold)):
        present, codes = np.unique(y[~held], return_inverse=True)
        if len(present) == 1:
            predictions[:, held, present[0]] = 1.0
            continue
        rows = ordinal_rows(X[~held], codes, None if weight is None else weight[~held])
        for of_penalty, fit in zip(predictions, path(rows, penalties, alpha), strict=True):
            of_penalty[np.ix_(held, present)] = fit.model.probabilities(X[held])
    return float(penalties[np.argmin(losses.mean(losses.brier(y, predictions), weight))])


def deal_folds(y: Index, folds: int, seed: int) -> Index:
    """Return a fold for each row (n,): the rows of each class are dealt out in random order."""
    shuffled = np.random.default_rng(seed).permutation(len(y))
    fold = np.empty(len(y), dtype=np.intp)
    fold[shuffled[np.argsort(y[shuffled], kind="stable")]] = np.arange(len(y)) % folds
    return fold
