"""How far the numbers of a board hold: size, power and coverage by number of tasks, simulated with a fixed seed.

python benchmarks/calibration.py [--quick] [--only pairs,elo] [--write docs/leaderboards.md]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import product

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np

from bench.core.nouns import Array
from bench.report.comparison.verdicts import judge, verdict_words
from bench.stats.bootstrap import LEVEL, position_intervals, winner_stays, winner_stays_by_chance
from bench.stats.correlated_t import correlated_t
from bench.stats.draws import task_counts
from bench.stats.elo import Elo, elo
from bench.stats.friedman import nemenyi
from bench.stats.holm import holm, holm_of_pairs
from bench.stats.pairwise_wins import games
from bench.stats.ranks import average_ranks
from bench.stats.sign_flips import max_t
from bench.stats.wilcoxon import wilcoxon

SEED = 12
ALPHA = 0.05
TASKS = (6, 8, 12, 20, 40)
METHODS = 6
"""Methods of a board whose pairs are tested: 15 pairs."""

SHIFT = 2.0
"""By how many standard deviations of its noise the one different method is better: tests find it seldom at six tasks,
nearly always at 20."""

STRENGTHS = 1.2
"""Distance from the worst to the best of eight methods where they differ, in standard deviations of the noise."""

HUGE = 20_000
"""Tasks of the board that gives the true Elo points: their error is a twentieth of that of 40 tasks."""

Noise = Callable[[np.random.Generator, int, int], Array]


def normal(rng: np.random.Generator, T: int, K: int) -> Array:
    """Return normal noise (T, K) of standard deviation 1."""
    return rng.normal(size=(T, K))


def heavy(rng: np.random.Generator, T: int, K: int) -> Array:
    """Return noise of Student's t with three degrees of freedom, of standard deviation 1."""
    return rng.standard_t(3, size=(T, K)) / np.sqrt(3)


def skewed(rng: np.random.Generator, T: int, K: int) -> Array:
    """Return normal noise, in every second method lognormal less its mean: rare great losses, mean 0, deviation 1.

    Equal methods with noise of one shape would have symmetric differences, whatever the shape.
    """
    noise = rng.normal(size=(T, K))
    noise[:, 1::2] = rare_losses(rng, noise[:, 1::2].shape)
    return noise


def opposite(rng: np.random.Generator, T: int, K: int) -> Array:
    """Return exponential noise less its mean, turned round in every second method: rare losses against rare gains."""
    return (rng.exponential(size=(T, K)) - 1) * np.where(np.arange(K) % 2, 1.0, -1.0)


def rare_losses(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return a lognormal number less its mean, of standard deviation 1."""
    return (rng.lognormal(size=shape) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)


NOISES: dict[str, Noise] = {"normal": normal, "heavy tails": heavy, "skewed": skewed, "opposite skew": opposite}
SCALES = "scales differ"
"""Normal noise whose size, like that of the true difference, is lognormal by task (σ = 2)."""


def board(kind: str, rng: np.random.Generator, T: int, strength: Array) -> Array:
    """Return errors (T, K) of methods whose true errors are -strength, with noise of a kind."""
    if kind == SCALES:
        return (normal(rng, T, len(strength)) - strength) * rng.lognormal(sigma=2, size=(T, 1))
    return NOISES[kind](rng, T, len(strength)) - strength


def names(T: int, draw: int) -> list[str]:
    """Return names of tasks, other ones for each board, so that each has flips and bootstraps of its own."""
    return [f"{draw} {t}" for t in range(T)]


def by_max_t(table: Array, draw: int) -> Array:
    """Return the pairs (K, K) that max-t tells apart."""
    return max_t(table, names(len(table), draw)) < ALPHA


def by_signed_rank(table: Array, draw: int) -> Array:
    """Return the pairs that the signed-rank statistic tells apart in the same flips."""
    return max_t(table, names(len(table), draw), "signed-rank") < ALPHA


def nemenyi_test(T: int) -> Callable[[Array, int], Array]:
    """Return Nemenyi's test for T tasks; its critical difference is worked out once."""
    critical = nemenyi(normal(np.random.default_rng(0), T, METHODS), ALPHA).difference

    def test(table: Array, _: int) -> Array:
        mean = average_ranks(table).mean(axis=0)
        return np.abs(mean[:, None] - mean[None, :]) >= critical

    return test


def by_wilcoxon(table: Array, _: int) -> Array:
    """Return the pairs that Wilcoxon's test with Holm's correction tells apart."""
    return holm_of_pairs(wilcoxon(table)) < ALPHA


def pairs(draws: int) -> str:
    """Return family-wise error and power of the tests of all pairs."""
    strength = np.zeros(METHODS)
    strength[0] = SHIFT
    above = np.triu_indices(METHODS, 1)
    errors, found = [], []
    for kind, T in product([*NOISES, SCALES], TASKS):
        tests = [by_max_t, by_signed_rank, nemenyi_test(T), by_wilcoxon]
        rng = np.random.default_rng([SEED, 1, T])
        equal = [board(kind, rng, T, np.zeros(METHODS)) for _ in range(draws)]
        apart = [board(kind, rng, T, strength) for _ in range(draws)]
        wrong = [np.mean([test(table, draw)[above].any() for draw, table in enumerate(equal)]) for test in tests]
        right = [np.mean([test(table, draw)[0, 1:].mean() for draw, table in enumerate(apart)]) for test in tests]
        errors.append([kind, T, *map(share, wrong)])
        found.append([kind, T, *map(percent, right)])
    heads = ["noise", "tasks", "max-t", "signed-rank", "Nemenyi", "Wilcoxon and Holm"]
    return (
        f"Family-wise error at {ALPHA:g}: share of {draws} boards of six equal methods on which any of the 15 pairs is "
        f"told apart.\n\n{measure.markdown(heads, errors)}\n\n"
        f"Power: share of the five true differences found, where one method is better by {SHIFT:g} standard deviations "
        f"of the noise, {draws} boards.\n\n{measure.markdown(heads, found)}"
    )


def points(draws: int) -> str:
    """Return the coverage of intervals of Elo points against a huge board."""
    strength = np.linspace(0, STRENGTHS, 8)
    rows = []
    for kind in NOISES:
        truth = _elo(board(kind, np.random.default_rng([SEED, 2]), HUGE, strength), 0, 0).points
        row: list[object] = [kind]
        for T in (6, 12, 20, 40):
            rng = np.random.default_rng([SEED, 3, T])
            each = [_elo(board(kind, rng, T, strength), draw, 400) for draw in range(draws)]
            covered = np.array([(one.lo <= truth) & (truth <= one.hi) for one in each])
            row.append(share(covered[:, 1:].mean()))  # the anchor has no interval
        rows.append(row)
    heads = ["noise", *(f"{T} tasks" for T in (6, 12, 20, 40))]
    return (
        f"Coverage of the 95 % intervals of Elo points, eight methods, the worst as the anchor, {draws} boards; the "
        f"truth is a board of {HUGE:,} tasks.\n\n{measure.markdown(heads, rows)}"
    )


def _elo(table: Array, draw: int, bootstraps: int) -> Elo:
    counts = task_counts(names(len(table), draw), bootstraps)
    return elo(games(table, np.arange(len(table))), counts, anchor=0)


def gaps(draws: int) -> str:
    """Return the coverage of the t-interval of the mean gap, of a method named before and of the best of seven equals.

    `judge` works the interval out as the opening sentence of a board does: mean ± t s / √T.
    """
    rows = []
    for kind, chosen in product([*NOISES, SCALES], ["one named before", "the best of seven"]):
        row: list[object] = [kind, chosen]
        for T in TASKS:
            rng = np.random.default_rng([SEED, 4, T])
            tables = [board(kind, rng, T, np.zeros(8)) for _ in range(draws)]
            lead = [1 if chosen == "one named before" else 1 + int(_mean_rank(each)[1:].argmin()) for each in tables]
            gap = np.array([each[:, 0] - each[:, k] for each, k in zip(tables, lead, strict=True)])
            found = judge(gap.reshape(-1), np.repeat(np.arange(draws), T), np.zeros(draws), LEVEL)
            row.append(share(((found.lo <= 0) & (found.hi >= 0)).mean()))
        rows.append(row)
    heads = ["noise", "whose gap to the baseline", *(f"{T} tasks" for T in TASKS)]
    return (
        f"Coverage of the 95 % interval of the mean gap to a baseline that is as good, {draws} boards."
        f"\n\n{measure.markdown(heads, rows)}"
    )


def _mean_rank(table: Array) -> Array:
    return np.asarray(average_ranks(table).mean(axis=0))


def places(draws: int) -> str:
    """Return how intervals of positions and the winner's share behave."""
    rows = []
    for K, T in product((3, 8), (6, 12, 20, 40)):
        rng = np.random.default_rng([SEED, 5, K, T])
        counts = [task_counts(names(T, draw)) for draw in range(draws)]
        apart = [average_ranks(board("normal", rng, T, np.linspace(STRENGTHS, 0, K))) for _ in range(draws)]
        found = [position_intervals(ranks, count) for ranks, count in zip(apart, counts, strict=True)]
        truth = np.arange(1, K + 1)
        covered = np.mean([(each.lo <= truth) & (truth <= each.hi) for each in found])
        width = np.mean([each.hi - each.lo + 1 for each in found])
        alike = [average_ranks(board("normal", rng, T, np.zeros(K))) for _ in range(draws)]
        stays = [winner_stays(ranks, count) for ranks, count in zip(alike, counts, strict=True)]
        few = range(max(draws // 20, 3))  # each is itself a median over 201 deals
        chance = [winner_stays_by_chance(alike[draw], counts[draw], rng) for draw in few]
        surpasses = np.mean(np.array(stays) > np.median(chance))
        shares = [np.median(stays), np.median(chance), surpasses]
        rows.append([K, T, share(covered), f"{width:.1f}", *map(percent, shares)])
    heads = ["methods", "tasks", "coverage", "places held", "winner stays", "by chance", "boards above"]
    return (
        f"Positions: coverage of the 95 % intervals, and how many places they hold, where methods differ evenly by "
        f"{STRENGTHS:g} standard deviations from first to last. The winner among equals: the median of its share of "
        f"bootstraps, what the board prints as chance, and on how many boards of equals it is above that. {draws} "
        f"boards.\n\n{measure.markdown(heads, rows)}"
    )


def folds(draws: int) -> str:
    """Return the size of tests within a task: two learners as good as each other, on training rows that overlap."""
    schemes: dict[str, Callable[[np.random.Generator], list[Array]]] = {
        "5 folds": lambda rng: np.array_split(rng.permutation(100), 5),
        "10 folds": lambda rng: np.array_split(rng.permutation(100), 10),
        "10 random splits, a third tested": lambda rng: [rng.permutation(100)[:33] for _ in range(10)],
    }
    rows = []
    for text, cut in schemes.items():
        rng = np.random.default_rng([SEED, 6])
        differences, shares = [], []
        for _ in range(draws):
            tests = cut(rng)
            differences.append(_fold_differences(rng, tests))
            shares.append(np.mean([len(test) / 100 for test in tests]))
        found = np.array(differences)  # (draws, folds, seeds)
        rho = float(np.mean(shares))
        tested = [
            correlated_t(found.mean(axis=2).T, rho),
            correlated_t(found.reshape(draws, -1).T, rho),
            correlated_t(found.mean(axis=2).T, 0.0),
        ]
        rows.append([text, f"{rho:.2f}", *(share((each.p < ALPHA).mean()) for each in tested)])
    heads = ["splits", "ρ", "seeds averaged", "seeds counted as folds", "without ρ"]
    return (
        f"Size at {ALPHA:g} of the correlated t-test within a task of 100 rows, three seeds: two learners of equal "
        f"mean error, {draws} tasks.\n\n{measure.markdown(heads, rows)}"
    )


def _fold_differences(rng: np.random.Generator, tests: Sequence[Array]) -> Array:
    """Return differences of mean squared error (folds, seeds) of two learners that see three columns each.

    Both sets of columns say as much, so that the learners are equally good on average. A seed is the draw of a random
    80 % of the training rows.
    """
    X = rng.normal(size=(100, 6))
    y = X @ np.full(6, 0.5) + rng.normal(size=100)
    found = np.empty((len(tests), 3))
    for fold, test in enumerate(tests):
        train = np.setdiff1d(np.arange(100), test)
        for seed in range(3):
            rows = rng.permutation(train)[: int(0.8 * len(train))]
            errors = [_squared_error(X[:, part], y, rows, test) for part in (slice(3), slice(3, 6))]
            found[fold, seed] = errors[0] - errors[1]
    return found


def _squared_error(X: Array, y: Array, train: Array, test: Array) -> float:
    """Return the mean squared error of a ridge regression on the test rows."""
    A = X[train]
    weights = np.linalg.solve(A.T @ A + np.eye(X.shape[1]), A.T @ y[train])
    return float(((X[test] @ weights - y[test]) ** 2).mean())


def gates(draws: int) -> str:
    """Return how often the paired test of a gate fails where mean harm is zero."""
    harms: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
        "normal": lambda rng, shape: rng.normal(size=shape),
        "heavy tails": lambda rng, shape: rng.standard_t(3, size=shape),
        "rare losses": lambda rng, shape: rng.exponential(size=shape) - 1,
        "rare gains": lambda rng, shape: 1 - rng.exponential(size=shape),
        "rare great gains": lambda rng, shape: -rare_losses(rng, shape),
    }
    rows = []
    for (kind, harm), methods in product(harms.items(), (1, 8)):
        row: list[object] = [kind, methods]
        for T in TASKS:
            harmed = harm(np.random.default_rng([SEED, 7, T]), (draws * methods, T))
            bound = np.zeros(draws * methods)
            found = judge(harmed.reshape(-1), np.repeat(np.arange(draws * methods), T), bound, 1 - ALPHA)
            p = np.concatenate([holm(each) for each in found.p.reshape(draws, methods)])
            worse = verdict_words(found, p, bound, 1 - ALPHA) == "worse"
            row.append(share(worse.reshape(draws, methods).any(axis=1).mean()))
        rows.append(row)
    heads = ["harm of mean zero", "methods", *(f"{T} tasks" for T in TASKS)]
    return (
        f"False alarms of the paired test alone: share of {draws:,} gates that fail though no method became worse on "
        f"average. Rare losses and gains are exponential less their mean, great ones lognormal.\n\n"
        f"{measure.markdown(heads, rows)}"
    )


def share(value: float | np.floating) -> str:
    """Return a share with three digits, `.052`."""
    return f"{value:.3f}".removeprefix("0")


def percent(value: float | np.floating) -> str:
    """Return a whole percentage."""
    return f"{100 * value:.0f} %"


STUDIES: dict[str, tuple[Callable[[int], str], int]] = {
    "pairs": (pairs, 300),
    "elo": (points, 100),
    "gaps": (gaps, 2000),
    "positions": (places, 200),
    "folds": (folds, 1000),
    "gates": (gates, 4000),
}
"""What is simulated, and how many boards, tasks or gates of each kind."""


def report(studies: Iterable[str], *, quick: bool) -> dict[str, str]:
    """Return the text of each study; a quick one takes a tenth of the draws."""
    found = {}
    for study in studies:
        simulate, draws = STUDIES[study]
        found[study] = simulate(draws // 10 if quick else draws)
        print(f"## {study}\n\n{found[study]}\n", flush=True)
    return found


def main() -> None:
    """Simulate, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the draws, in some seconds")
    parser.add_argument("--only", default=",".join(STUDIES), metavar="NAMES", help=f"of {', '.join(STUDIES)}")
    parser.add_argument("--write", metavar="PAGE", help="put the tables into this page")
    arguments = parser.parse_args()
    for study, text in report(arguments.only.split(","), quick=arguments.quick).items():
        if arguments.write:
            measure.write(arguments.write, f"calibration {study}", text)


if __name__ == "__main__":
    main()
