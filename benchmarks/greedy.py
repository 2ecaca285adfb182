"""Greedy selection by `bench` beside the naive loop and AutoGluon's EnsembleSelection, on the same arrays.

python benchmarks/greedy.py [--quick] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import os
from functools import partial

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import pandas as pd
from autogluon.core.metrics import log_loss, mean_squared_error
from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection
from numpy.typing import NDArray

from bench.core.nouns import Panel, Target
from bench.methods.ensembles.greedy import greedy

Array = NDArray[np.float64]

ROUNDS = 50


def point(n: int, L: int) -> tuple[Panel, Array]:
    """Draw the predictions of L learners; y is large, because AutoGluon rounds its scores to six decimals."""
    rng = np.random.default_rng(0)
    y = 1000 * rng.normal(size=n)
    common = 300 * rng.normal(size=n)
    predictions = np.stack([y + common + rng.uniform(300, 900) * rng.normal(size=n) for _ in range(L)])
    return _panel(Target("point"), predictions[:, :, None]), y


def classes(n: int, L: int) -> tuple[Panel, Array]:
    """Draw the probabilities of three classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=n)
    signal = 1.5 * np.eye(3)[y]
    logits = (signal + rng.uniform(1, 2.5) * rng.normal(size=(n, 3)) for _ in range(L))
    predictions = np.exp(np.stack(list(logits)))
    return _panel(Target("class", ("a", "b", "c")), predictions / predictions.sum(axis=2, keepdims=True)), y


def _panel(target: Target, predictions: Array) -> Panel:
    names = tuple(f"l{j:03d}" for j in range(len(predictions)))
    return Panel(target, names, pd.DataFrame(index=range(predictions.shape[1])), predictions)


def naive(panel: Panel, y: Array) -> Array:
    """Select as Caruana et al. (2004) write it: form each candidate's average, and score it on all rows."""
    counts, total = np.zeros(len(panel.predictions)), np.zeros(panel.predictions.shape[1:])
    best, best_counts = np.inf, counts
    for turn in range(1, ROUNDS + 1):
        losses = [_loss(panel, y, (total + predictions) / turn) for predictions in panel.predictions]
        pick = int(np.argmin(losses))
        total += panel.predictions[pick]
        counts = counts + (np.arange(len(counts)) == pick)
        if losses[pick] < best:
            best, best_counts = losses[pick], counts
    return best_counts / best_counts.sum()


def _loss(panel: Panel, y: Array, average: Array) -> float:
    if panel.target.kind == "point":
        return float(np.mean((average[:, 0] - y) ** 2))
    return float(-np.mean(np.log(average[np.arange(len(y)), y])))


def by_autogluon(panel: Panel, y: Array) -> Array:
    """Select by AutoGluon, with ties at random as is its default."""
    regression = panel.target.kind == "point"
    metric, problem = (mean_squared_error, "regression") if regression else (log_loss, "multiclass")
    predictions = list(panel.predictions[:, :, 0] if regression else panel.predictions)
    return EnsembleSelection(ROUNDS, problem, metric).fit(predictions, y).weights_


def compare(name: str, panel: Panel, y: Array) -> list[str]:
    """Return a row: ours, the ratios, and how far the weights differ."""
    print(f"greedy, {name}, n = {len(y)}, L = {len(panel.predictions)}")
    rng = np.random.default_rng(0)
    found = measure.by_turns(
        {
            "bench": lambda: greedy(panel, y, rng, rounds=ROUNDS).w,
            "naive": partial(naive, panel, y),
            "AutoGluon": partial(by_autogluon, panel, y),
        }
    )
    ours = found["bench"]
    cells = []
    for peer in ("naive", "AutoGluon"):
        same = np.abs(ours.prediction - found[peer].prediction).max() < 0.5 / ROUNDS**2
        cells += [measure.ratio(found[peer].median / ours.median), "yes" if same else "no"]
    return [f"{name}, {len(y):,} × {len(panel.predictions)}", measure.milliseconds(ours.median), *cells]


def report(quick: bool) -> str:  # noqa: FBT001
    """Return the table."""
    sizes = ((1000, 10),) if quick else ((1000, 10), (10_000, 20), (100_000, 20), (100_000, 100))
    rows = [compare("squared error", *point(n, L)) for n, L in sizes]
    rows += [compare("log loss", *classes(n, L)) for n, L in sizes[:3]]
    columns = ["loss, n × L", "bench, ms", "naive loop", "same weights", "AutoGluon", "same weights"]
    machine = measure.machine(("numpy", "autogluon.core"))
    return f"{machine} {ROUNDS} rounds.\n\n{measure.markdown(columns, rows)}"


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small problems only")
    parser.add_argument("--write", metavar="PAGE", help="put the table into this page")
    arguments = parser.parse_args()
    text = report(arguments.quick)
    print(text)
    if arguments.write:
        measure.write(arguments.write, "greedy", text)


if __name__ == "__main__":
    main()
