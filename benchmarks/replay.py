"""Seconds to replay every core ensemble of a board on one stored fold: n = 10,000 rows, L = 20 learners.

Variants with a tuned threshold are included, with their cross-fitted weights:

    python benchmarks/replay.py [n] [L]
"""

from __future__ import annotations

import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import pandas as pd

from bench.core.nouns import Target, Task
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, Board, methods
from bench.runner.evaluate import EnsembleEvaluation, SplitData
from bench.runner.records import FitId
from bench.runner.store import FitPredictions


def split_data(board: Board, n: int, L: int) -> SplitData:
    """Draw a fold: n training rows predicted out of fold in five parts, n / 4 test rows, three classes."""
    rng = np.random.default_rng(0)
    rows = np.arange(n + n // 4)
    signal = rng.normal(size=len(rows))
    classes = ("a", "b", "c") if board.target_kind == "class" else ()
    y = np.digitize(signal, [-0.5, 1.0]) if classes else signal
    X = pd.DataFrame(rng.normal(size=(len(rows), 5)), columns=list("vwxyz"))
    task = Task("drawn", X, y, board.task_kind, (), classes)
    target = board.target(task, Settings())
    predictions = {FitId.plain(f"l{j:02d}"): _answers(target, signal, n, 0.3 + 0.05 * j, rng) for j in range(L)}
    return SplitData(
        task=task,
        board=board,
        settings=Settings(),
        repeat=0,
        outer_fold=0,
        train=rows[:n],
        test=rows[n:],
        oof_rows=rows[:n],
        inner_fold=rows[:n] % 5,
        calibration=rows[:0],
        stored=predictions,
    )


def _answers(target: Target, signal: np.ndarray, n: int, noise: float, rng: np.random.Generator) -> FitPredictions:
    seen = signal + noise * rng.normal(size=len(signal))
    if target.kind == "class":
        logits = -4 * np.abs(seen[:, None] - np.array([-1.2, 0.2, 1.6]))
        values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    else:
        values = seen[:, None] + (noise * (target.levels - 0.5) * 4 if target.kind == "quantile" else 0.0)
    return FitPredictions(values[:n], values[n:])


def main() -> None:
    """Time each board's core schemes once, after one run to warm up."""
    n, L = (int(text) for text in [*sys.argv[1:], "10000", "20"][:2])
    for board in (board for board in BOARDS.values() if not board.per_learner):
        drawn = split_data(board, n, L)
        learners = tuple(fit.learner for fit in drawn.stored)
        for _ in range(2):
            board_split = EnsembleEvaluation(drawn, learners)
            start = time.perf_counter()
            each: dict[str, float] = {}
            for method in sorted(methods(board, []), key=lambda m: (m.base.id, m.id)):
                before = time.perf_counter()
                board_split.evaluate(method, "")
                each[method.id] = time.perf_counter() - before
            seconds = time.perf_counter() - start
        slowest = sorted(each, key=lambda name: each[name], reverse=True)[:3]
        print(f"{board.name}: {seconds:.2f} s ({', '.join(f'{name} {each[name]:.2f}' for name in slowest)})")


if __name__ == "__main__":
    main()
