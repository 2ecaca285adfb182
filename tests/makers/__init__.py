"""What tests are made of: tiny tasks, tables and panels, and two ways to start the program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.nouns import Cell, Panel, Split, Target, Task
from bench.methods import ensembles
from bench.methods.boards import SINGLE_LEARNER
from bench.runner.evaluate import evaluate_cell
from bench.runner.executors.local import Event
from bench.runner.plan import parse_method
from bench.tasks.splits import cut_outer

PROGRAM = Path(sys.executable).parent / "bench"


def regression_task(n=40, seed=0, d=3, folds=3, **more):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = X @ np.arange(1, d + 1) + rng.normal(size=n)
    return _cut(Task("test:reg", _frame(X), y, "regression", (), **more), folds)


def class_task(n=60, seed=0, d=3, shares=(0.6, 0.4), folds=3, **more):
    """Return a task whose classes have exactly these shares of the rows, and can be told apart in part."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(shares)), np.round(np.array(shares) * n).astype(int)))
    X = rng.normal(size=(len(y), d)) + y[:, None] * np.linspace(0.2, 1.2, d)
    names = tuple(f"c{k}" for k in range(len(shares)))
    return _cut(Task("test:cls", _frame(X), y, "classification", (), names, **more), folds)


def _frame(X):
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])


def _cut(task, folds):
    from dataclasses import replace

    return replace(task, splits=cut_outer(task, folds, 1, 0)) if folds else task


def split_of(task, share=0.75, seed=0):
    rows = np.random.default_rng(seed).permutation(len(task.y))
    cut = int(share * len(rows))
    return Split(0, 0, np.sort(rows[:cut]), np.sort(rows[cut:]))


def panel_of(predictions, kind="point", names=None, weight=None, inner_fold=None, outputs=None):
    """Return a panel of answers (L, n) or (L, n, K)."""
    predictions = np.asarray(predictions, dtype=float)
    predictions = predictions[..., None] if predictions.ndim == 2 else predictions
    if outputs is None:
        outputs = {"point": (), "class": tuple(f"c{k}" for k in range(predictions.shape[2]))}[kind]
    names = names or tuple(f"l{j}" for j in range(len(predictions)))
    X = pd.DataFrame({"x": np.zeros(predictions.shape[1])})
    return Panel(Target(kind, outputs), names, X, predictions, weight, inner_fold)


def core_schemes(kind):
    """Return the names of the ensemble schemes that every run takes; the others have laws of their own."""
    return [name for name, entry in ensembles.registry.entries(kind).items() if "core" in entry.options.tags]


def probabilities(rng, *shape):
    """Return random distributions over the last axis, none of them near the clip."""
    raw = rng.uniform(0.05, 1, size=shape)
    return raw / raw.sum(axis=-1, keepdims=True)


def write_table(path, columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def regression_columns(n=40, seed=0):
    task = regression_task(n, seed, folds=0)
    return {**{name: task.X[name] for name in task.X}, "y": task.y}


def class_columns(n=60, seed=0, shares=(0.6, 0.4)):
    task = class_task(n, seed, shares=shares, folds=0)
    return {**{name: task.X[name] for name in task.X}, "y": np.array(task.classes)[task.y]}


def evaluate_method(evaluation, name, learner=""):
    """Return what a method, by its name in the `method` column, came to on a board split."""
    board = evaluation.split_data.board
    cell = Cell(board.name, "", "", 0, 0, learner, name)
    return evaluate_cell(evaluation, cell, None if name == SINGLE_LEARNER else parse_method(board, name))


@dataclass
class Done:
    """How a call of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        (line,) = self.out.splitlines()
        return json.loads(line)


class Inline:
    """A pool that runs jobs in this process, one after the other, by the rules of the real one."""

    def __init__(self, _, start, __=None):
        start()
        self._told = deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._told.clear()

    @property
    def free(self):
        return not self._told

    @property
    def busy(self):
        return bool(self._told)

    def submit(self, job, contexts):
        self._told.extend(Event(job, "item", value) for value in job.items(contexts[job.context]))
        self._told.append(Event(job, "done"))

    def wait(self):
        return [self._told.popleft()]


def program(*words, **how):
    """Run the installed program in a process of its own."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=120, **how)
    return Done(done.returncode, done.stdout, done.stderr)


def read(path, **how):
    """Return a CSV table of a results directory as text, empty for missing."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, **how)


def bytes_of(*folders):
    """Return the bytes of the tables that may not depend on when and how a run was made."""
    names = ("scores.csv", "cells.csv", "leaderboard.csv", "weights.csv", "per_class.csv", "completeness.csv")
    return [{name: (Path(folder) / name).read_bytes() for name in names} for folder in folders]
