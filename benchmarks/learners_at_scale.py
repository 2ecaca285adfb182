"""Constants of the learners on tables of three sizes: RMSE on 20,000 new rows, and seconds of processor time.

Run from the repository: `python benchmarks/learners_at_scale.py [largest number of rows]`. The table is Friedman's
first function of ten columns with noise of deviation one, so that 1.000 is the least RMSE there is.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from sklearn.datasets import make_friedman1

from bench.core.nouns import Target
from bench.methods.learners import learner_scheme
from bench.tasks import encoders

SIZES = (1_000, 20_000, 200_000)
HELD = 20_000
"""New rows that score a model: the RMSE is then sure to half a per cent."""

LEARNERS = (
    "lightgbm:max_bin=63",
    "lightgbm:max_bin=255",
    "lightgbm:n_estimators=500",
    "lightgbm:num_leaves=63",
    "lightgbm:num_leaves=63,n_estimators=500",
    "lightgbm:min_child_samples=5",
    "forest:n_estimators=30",
    "forest:n_estimators=30,min_samples_leaf=10",
    "extra-trees:n_estimators=30",
    "knn",
    "knn:n_neighbors=40",
    "mlp",
    "mlp:epochs=100",
    "mlp:hidden=128",
)
LARGEST = {"forest": 20_000, "extra-trees": 20_000, "knn": 20_000}
"""Rows above which a learner takes minutes, and is left out."""


def measure(learner: str, n: int) -> tuple[float, float]:
    """Return the RMSE on new rows and the seconds of the fit."""
    X, y = make_friedman1(n + HELD, noise=1.0, random_state=0)
    table = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    scheme = learner_scheme(learner)
    encoder = encoders.encoder(scheme.options.encoding).fit(table[:n])
    start = time.process_time()
    model = scheme(Target("point"), 0).fit(encoder.transform(table[:n]), y[:n], None)
    seconds = time.process_time() - start
    error = model.predict(encoder.transform(table[n:]))[:, 0] - y[n:]
    return float(np.sqrt(np.mean(error**2))), seconds


def main() -> None:
    """Print a Markdown table, a row for each learner."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    sizes = [n for n in SIZES if n <= largest]
    print("| learner |", " | ".join(f"{n:,} rows" for n in sizes), "|")
    print("| --- |", " | ".join("---" for _ in sizes), "|")
    for learner in LEARNERS:
        most = LARGEST.get(learner.partition(":")[0], largest)
        found = [measure(learner, n) if n <= most else None for n in sizes]
        cells = [f"{pair[0]:.3f} ({pair[1]:.1f} s)" if pair else "–" for pair in found]
        print(f"| `{learner}` |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
