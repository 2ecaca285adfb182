"""The statistics of a leaderboard and those of other packages on the same table, in one run, as ratios.

python benchmarks/leaderboards.py [--methods 30] [--tasks 70] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import pandas as pd

from bench.stats.bayes import bayesian_signed_rank
from bench.stats.bootstrap import position_intervals, task_counts
from bench.stats.elo import RIDGE, elo
from bench.stats.friedman import nemenyi
from bench.stats.holm import holm
from bench.stats.kemeny import kemeny
from bench.stats.letters import letters
from bench.stats.pairwise_wins import games, preference
from bench.stats.ranks import task_ranks
from bench.stats.tables import task_means
from bench.stats.wilcoxon import wilcoxon

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import baycomp
    import scikit_posthocs
    from sklearn.linear_model import LogisticRegression

PACKAGES = ("numpy", "scipy", "scikit-learn", "scikit-posthocs", "baycomp")
FOLDS = 5
FITS = 10
"""Bootstraps fitted by scikit-learn; its time is scaled to 1,000."""

PAIRS = 2
"""Pairs compared by baycomp; its time is scaled to all pairs and to our number of draws."""

DRAWS = 10_000

Row = tuple[str, Callable[[], Any], str, Callable[[], Any] | None, float]
"""What, ours, the peer's name, the peer, and how many times its work makes ours."""


def board(K: int, N: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of K methods on FOLDS folds of N tasks, and the task of each row."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(N), FOLDS)
    methods = 0.03 * np.arange(K) + 0.7 * rng.normal(size=(N, K))[task]
    return methods + rng.normal(size=(N * FOLDS, K)), task


def by_logistic_regression(won: np.ndarray, counts: np.ndarray) -> None:
    """Fit the Bradley-Terry model of each draw as scikit-learn's logistic regression."""
    K = won.shape[1]
    i, j = np.nonzero(~np.eye(K, dtype=bool))
    X = np.eye(K)[i] - np.eye(K)[j]
    X, y = np.concatenate([X, -X]), np.repeat([1, 0], len(X))
    for count in counts:
        weight = np.tensordot(count, won, 1)[i, j]
        LogisticRegression(C=1 / RIDGE, fit_intercept=False).fit(X, y, np.tile(weight / 2, 2))


def by_baycomp(table: np.ndarray) -> None:
    """Compare PAIRS pairs."""
    for i, j in list(combinations(range(table.shape[1]), 2))[:PAIRS]:
        baycomp.SignedRankTest.probs(table[:, i], table[:, j], 0.1, nsamples=DRAWS)


def by_posthocs(table: np.ndarray) -> pd.DataFrame:
    """Compare all pairs with scikit-posthocs."""
    long = pd.DataFrame(table).melt(var_name="method", value_name="value")
    return scikit_posthocs.posthoc_wilcoxon(long, "value", "method", p_adjust="holm")


def rows(K: int, N: int) -> list[Row]:
    """Return what is measured."""
    badness, task = board(K, N)
    table, played, within = task_means(badness, task), games(badness, task), task_ranks(badness, task)
    apart = holm(wilcoxon(table)) < 0.05
    generator = partial(np.random.default_rng, 0)
    counts = task_counts(N, FITS, generator())
    fit = partial(by_logistic_regression, played.won, counts)
    pairs = K * (K - 1) / 2
    return [
        ("games of all pairs", lambda: games(badness, task), "–", None, 1),
        ("Elo, 1,000 bootstraps", lambda: elo(played, generator()), "scikit-learn", fit, 1000 / FITS),
        ("positions, 1,000 bootstraps", lambda: position_intervals(within, generator()), "–", None, 1),
        ("Kemeny, exact", lambda: kemeny(preference(played)), "–", None, 1),
        ("Kemeny, exact, no signal", lambda: kemeny(preference(games(_noise(K), np.arange(5)))), "–", None, 1),
        ("Wilcoxon and Holm", lambda: holm(wilcoxon(table)), "scikit-posthocs", partial(by_posthocs, table), 1),
        (
            "Nemenyi",
            lambda: nemenyi(table),
            "scikit-posthocs",
            lambda: scikit_posthocs.posthoc_nemenyi_friedman(table),
            1,
        ),
        (
            "Bayesian signed-rank, 10,000 draws",
            lambda: bayesian_signed_rank(table, 0.1, generator(), draws=DRAWS),
            "baycomp",
            partial(by_baycomp, table),
            pairs / PAIRS,
        ),
        ("letters", lambda: letters(apart, np.argsort(within.mean(axis=0))), "–", None, 1),
    ]


def _noise(K: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(5, K))


def report(K: int, N: int) -> str:
    """Return the table."""
    lines = []
    for what, ours, name, peer, times in rows(K, N):
        print(what)
        found = measure.by_turns({"bench": ours, **({name: peer} if peer else {})})
        mine = found["bench"].median
        theirs = measure.ratio(times * found[name].median / mine) if peer else "–"
        lines.append([what, measure.milliseconds(mine), name, theirs])
    table = measure.markdown(["statistic", "bench, ms", "peer", "peer ÷ bench"], lines)
    return f"{K} methods, {N} tasks of {FOLDS} folds. {measure.machine(PACKAGES)}\n\n{table}"


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", type=int, default=30)
    parser.add_argument("--tasks", type=int, default=70)
    parser.add_argument("--write", metavar="PAGE", help="put the table into this page")
    arguments = parser.parse_args()
    text = report(arguments.methods, arguments.tasks)
    print(text)
    if arguments.write:
        measure.write(arguments.write, "leaderboards", text)


if __name__ == "__main__":
    main()
