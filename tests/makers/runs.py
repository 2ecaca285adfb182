"""Small runs, what they leave behind, and a plug-in whose learners and schemes fail in every way."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.core.scheme import source_hash
from bench.runner.journal import Journal
from makers import read

SMALL = ("--folds", 2, "--inner", 2, "--json")
REG = ("-b", "regression", "-l", "ridge,knn", "-e", "equal", *SMALL)
CLS = ("-b", "class*", "-l", "logistic,knn", "-e", "equal", "-w", "balanced", *SMALL)

SUITE = """
suites:
  mine:
    folds: 3
    tasks:
      - {task: "file:t.csv", target: y}
"""

PLUGIN = '''
import os
from pathlib import Path
import numpy as np
from bench.methods.class_weights import register as class_weight
from bench.core.nouns import Weights
from bench.methods.ensembles import register as ensemble
from bench.methods.learners import register as learner
from bench.methods.postprocess import register as step

class Model:
    def __init__(self, width, fit=None, predict=None):
        self.width, self._fit, self._predict = width, fit, predict
    def fit(self, X, y, weight):
        if self._fit:
            self._fit()
        self.mean = np.average(y, weights=weight)
    def predict(self, X):
        if self._predict:
            return self._predict(len(X))
        return np.full((len(X), self.width), self.mean if self.width == 1 else 1 / self.width)

def raises():
    raise RuntimeError("on purpose: line one\\nline two")

def dies():
    os._exit(9)

def loops():
    while True:
        pass

def hogs():
    kept = bytearray(2**30)
    kept[::4096] = b"x" * len(kept[::4096])
    loops()

def moody_():
    if Path("broken").exists():
        raise RuntimeError("broken is there")

def moody_crash_():
    if Path("broken").exists():
        os._exit(9)

def infra_():
    if Path("broken").exists():
        raise ConnectionError("no line")

def gate_():
    """Wait at the first fit of the second split, where there is something to wait for; every split has a process."""
    if not Path("gate").exists():
        return
    with Path("calls.txt").open("a") as calls:
        calls.write("x")
        calls.flush()
        begun = calls.tell()
    if begun == 4:
        Path("reached").write_text("reached")
        Path("gate").read_text()

def enter(name, **how):
    def make(target, seed):
        return Model(target.width, **how)
    make.__name__, make.__doc__ = name, f"{name}."
    learner("point", "class", encoding="scaled", weights=True)(make)

enter("raiser", fit=raises)
enter("nanny", predict=lambda n: np.full((n, 1), np.nan))
enter("dropper", predict=lambda n: np.ones((n, 1)))
enter("dier", fit=dies)
enter("looper", fit=loops)
enter("hog", fit=hogs)
enter("moody", fit=moody_)
enter("moody_crash", fit=moody_crash_)
enter("infra", fit=infra_)
enter("gate", fit=gate_)
enter("talker", fit=lambda: print("I talk", flush=True))

def scheme(name, function):
    def make(panel, y, rng):
        return function(panel)
    make.__name__, make.__doc__ = name, f"{name}."
    ensemble("point", "class")(make)

scheme("bad_raises", lambda panel: raises())
scheme("bad_nan", lambda panel: Weights(np.full(len(panel.learners), np.nan)))
scheme("bad_shape", lambda panel: (lambda other: np.zeros((3, 7))))
scheme("bad_dies", lambda panel: dies())
scheme("bad_gap", lambda panel: Weights(np.eye(len(panel.learners))[0], gap=float("nan")))
scheme("bad_moody", lambda panel: moody_() or Weights(np.eye(len(panel.learners))[0]))
scheme("good", lambda panel: Weights(np.eye(len(panel.learners))[-1]))

@class_weight("fit")
def weight_raises(counts, total):
    """Raise."""
    raise RuntimeError("on purpose")

@class_weight("fit")
def weight_nan(counts, total):
    """Say nothing."""
    return np.full(len(counts), np.nan)

@step("class")
def step_raises(answer, y, rng):
    """Raise."""
    raise RuntimeError("on purpose")
'''


def cells(folder="results"):
    return read(Path(folder) / "cells.csv")


def statuses(folder="results"):
    """Return status by learner or method."""
    table = cells(folder)
    return {(row.learner, row.method): row.status for row in table.itertuples()}


def values(folder="results"):
    table = read(Path(folder) / "scores.csv")
    return table.set_index(list(table.columns[:10]))["value"]


def failure(learner, method):
    rows = read("results/failures.csv")
    return rows[(rows["learner"] == learner) & (rows["method"] == method)].iloc[-1]


def forget_plugins():
    """Let the next call of the program import its plug-ins anew, as a new process does."""
    for module in [module for module in sys.modules if module.startswith("bench_plugin_")]:
        del sys.modules[module]
    source_hash.cache_clear()


def hold(root, settings, ready, done):
    """Hold a results directory in another process until it is done with."""
    with Journal(Path(root)).open(settings):
        ready.set()
        done.wait(60)
