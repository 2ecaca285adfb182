"""Who has seen which row: learners with a perfect memory, a table whose columns tell row, group and time, tampering."""

# ruff: noqa: ARG002 - learners with a memory need little of what they are given

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bench.core.nouns import Target, Task
from bench.core.settings import DEFAULT_LEVELS, Settings
from bench.core.settings import PROTOCOLS as PROTOCOL_NAMES
from bench.methods.learners import LearnerOptions, learner_scheme
from bench.runner import fit_spec, out_of_fold
from bench.tasks import splits

UNKNOWN = -1.0
SEEN = 1.0
N = 60
WAYS = ("plain", "groups", "time", "weight")
PROTOCOLS = [Settings(seed=3, inner=4, protocol=protocol) for protocol in PROTOCOL_NAMES]
MEMORY = LearnerOptions(encoding="native", weights=True)


class Memory:
    """Know the true y of every row it was fitted on, by the bytes of the row, and predict the same of all others."""

    def fit(self, X, y, weight):
        self.known = dict(zip(rows_as_bytes(X), y, strict=True))

    def predict(self, X):
        return np.array([[self.known.get(row, UNKNOWN)] for row in rows_as_bytes(X)])


def rows_as_bytes(X):
    return [row.tobytes() for row in np.ascontiguousarray(X, dtype=float)]


class GroupMemory(Memory):
    """Recognise every group it was fitted on."""

    def fit(self, X, y, weight):
        self.groups = set(X["group"])

    def predict(self, X):
        return np.where(X["group"].isin(self.groups), SEEN, UNKNOWN)[:, None]


class Prophet(Memory):
    """Recognise rows that are no later than one it was fitted on."""

    def fit(self, X, y, weight):
        self.latest = X["time"].max()

    def predict(self, X):
        return np.where(X["time"] <= self.latest, SEEN, UNKNOWN)[:, None]


class RollCall:
    """Predict the number of the fit; `fitted` holds which rows each fit has seen, by the column `row`."""

    fitted = ()

    def fit(self, X, y, weight):
        self.number = len(RollCall.fitted)
        RollCall.fitted += (frozenset(X["row"].astype(int)),)

    def predict(self, X):
        return np.full((len(X), 1), float(self.number))


MEMORIES = {"memory": Memory, "group-memory": GroupMemory, "prophet": Prophet, "roll-call": RollCall}


def leak_task(way="plain", kind="regression", seed=0):
    """Draw a task; its columns tell the row, the group and the time."""
    rng = np.random.default_rng(seed)
    group, time = rng.integers(0, 12, N), rng.integers(0, 25, N) * 1.0
    X = pd.DataFrame({"row": rng.permutation(N) * 1.0, "group": group * 1.0, "time": time, "x": rng.normal(size=N)})
    X["colour"] = pd.Categorical.from_codes(rng.integers(0, 3, N), pd.Index(["blue", "green", "red"]))
    signal = X["x"].to_numpy() + 0.5 * rng.normal(size=N)
    y = np.digitize(signal, [-0.5, 0.6]) if kind == "classification" else 9 + signal
    part = {"groups": group, "time": time, "weight": rng.uniform(0.5, 2, N)}.get(way)
    classes = ("a", "b", "c") if kind == "classification" else ()
    # the positive class is a property of the task: left open, it would be another where true classes are changed
    more = {"positive": classes[0] if classes else None} | ({} if way == "plain" else {way: part})
    drawn = Task(f"leak-{way}", X, y, kind, (), classes, **more)
    return replace(drawn, splits=splits.cut_outer(drawn, 4, 1, 7))


def out_of_fold_predictions(drawn, split, learner, settings, training="none", kind="point"):
    """Return what a learner predicts of a split, out of fold and on the test rows."""
    outputs = {"point": (), "quantile": DEFAULT_LEVELS, "class": drawn.classes}[kind]
    ordered = bool(learner_scheme(learner).options.ordered)
    fit = fit_spec.Fit(Target(kind, outputs, ordered), learner, training)
    return out_of_fold.predict(fit_spec.rows_of(drawn, split, settings), fit, settings)


def other_target(drawn, rows):
    """Return the task with other true values on some rows."""
    y = drawn.y.copy()
    y[rows] = (y[rows] + 1) % len(drawn.classes) if drawn.classes else -100 * y[rows]
    return replace(drawn, y=y)


def other_table(drawn, rows):
    """Return the task with other features, row weights included, on some rows."""
    X = drawn.X.copy()
    numbers = [name for name in X.columns if name != "colour"]
    X.loc[rows, numbers] = 50 - 7 * X.loc[rows, numbers]
    X["colour"] = X["colour"].cat.add_categories(["mauve"])
    X.loc[rows, "colour"] = "mauve"
    weight = None if drawn.weight is None else drawn.weight * (1 + 9.0 * np.isin(np.arange(N), rows))
    return replace(drawn, X=X, weight=weight)


def leaks(drawn, learner, settings, training="none", kind="point"):
    """Return which predictions of the first split depend on rows that they must not know; nothing, if all is well.

    Of the test rows, and of the rows of the first inner fold, all true values are changed, and the features of all but
    the first row: so what is predicted of this row may not change, nor what is predicted out of fold.
    """
    split = drawn.splits[0]
    rows = fit_spec.rows_of(drawn, split, settings)
    fold = rows.inner_fold == 0

    def changed(part):
        return other_table(other_target(drawn, part), part[1:])

    honest, test, inner = (
        out_of_fold_predictions(each, split, learner, settings, training, kind)
        for each in (drawn, changed(split.test), changed(rows.oof_rows[fold]))
    )
    pairs = {
        "out of fold, test rows": (test.oof, honest.oof),
        "test, test rows": (test.test[:1], honest.test[:1]),
        "out of fold, rows of the fold": (inner.oof[fold][:1], honest.oof[fold][:1]),
    }
    return [what for what, (found, expected) in pairs.items() if found.tobytes() != expected.tobytes()]
