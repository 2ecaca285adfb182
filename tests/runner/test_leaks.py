"""No answer knows what it must not: a learner with a perfect memory, tampered test rows, and planted leaks."""

# ruff: noqa: ARG002, ARG005 - the learners planted here need little of what they are given

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from makers import evaluate_method

from bench.core.nouns import NotApplicableError, Target, Task
from bench.core.registry import Entry
from bench.core.settings import DEFAULT_LEVELS, Settings
from bench.core.settings import PROTOCOLS as PROTOCOL_NAMES
from bench.methods import boards, learners, postprocess, trainings
from bench.methods.learners import LearnerOptions, learner_scheme
from bench.runner import evaluate, fit_spec, out_of_fold
from bench.runner.records import FitId
from bench.runner.store import FitPredictions
from bench.tasks import encoders, splits

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

CONSTANT = -1.0
SEEN = 1.0
N = 60


# --- learners with a perfect memory ---------------------------------------------------------------


class Memory:
    """Know the true y of every row it was fitted on, by the bytes of the row, and say the same of all others."""

    def fit(self, X, y, weight):
        self.known = dict(zip(rows_as_bytes(X), y, strict=True))

    def predict(self, X):
        return np.array([[self.known.get(row, CONSTANT)] for row in rows_as_bytes(X)])


class GroupMemory(Memory):
    """Recognise every group it was fitted on."""

    def fit(self, X, y, weight):
        self.groups = set(X["group"])

    def predict(self, X):
        return np.where(X["group"].isin(self.groups), SEEN, CONSTANT)[:, None]


class Prophet(Memory):
    """Recognise rows that are no later than one it was fitted on."""

    def fit(self, X, y, weight):
        self.latest = X["time"].max()

    def predict(self, X):
        return np.where(X["time"] <= self.latest, SEEN, CONSTANT)[:, None]


def rows_as_bytes(X):
    return [row.tobytes() for row in np.ascontiguousarray(X, dtype=float)]


@pytest.fixture
def known(monkeypatch):
    """Register the learners of this file, for one test."""
    learners.registry.entries()
    for name, model in {"memory": Memory, "group-memory": GroupMemory, "prophet": Prophet}.items():
        entry = Entry(name, lambda target, seed, model=model: model(), frozenset({"point"}), MEMORY)
        monkeypatch.setitem(learners.registry._entries, name, entry)


MEMORY = LearnerOptions(encoding="native", weights=True)
WAYS = ("plain", "groups", "time", "weight")
PROTOCOLS = [Settings(seed=3, inner=4, protocol=protocol) for protocol in PROTOCOL_NAMES]
KNOWERS = {"groups": "group-memory", "time": "prophet"}
WAYS_OF_PROTOCOLS = [
    pytest.param(way, settings, id=f"{way}-{settings.protocol}")
    for way in WAYS
    for settings in PROTOCOLS
    if (way, settings.protocol) != ("time", "nested")  # two folds cannot be left out of rows in time
]
KNOWN_WAYS = [each for each in WAYS_OF_PROTOCOLS if each.id.partition("-")[0] in KNOWERS]


def task(way="plain", kind="regression", seed=0):
    """Draw a task; its columns tell the row, the group and the time."""
    rng = np.random.default_rng(seed)
    group, time = rng.integers(0, 12, N), rng.integers(0, 25, N) * 1.0
    X = pd.DataFrame({"row": rng.permutation(N) * 1.0, "group": group * 1.0, "time": time, "x": rng.normal(size=N)})
    X["colour"] = pd.Categorical.from_codes(rng.integers(0, 3, N), pd.Index(["blue", "green", "red"]))
    signal = X["x"].to_numpy() + 0.5 * rng.normal(size=N)
    y = np.digitize(signal, [-0.5, 0.6]) if kind == "classification" else 9 + signal
    part = {"groups": group, "time": time, "weight": rng.uniform(0.5, 2, N)}.get(way)
    classes = ("a", "b", "c") if kind == "classification" else ()
    drawn = Task(f"leak-{way}", X, y, kind, (), classes, **({} if way == "plain" else {way: part}))
    return replace(drawn, splits=splits.outer(drawn, 4, 1, 7))


def numbers_only(drawn):
    return replace(drawn, X=drawn.X.drop(columns="colour"))


def answers(drawn, split, learner, settings, training="none", kind="point"):
    """Return what predict answers: out of fold, and on the test rows."""
    outputs = {"point": (), "quantile": DEFAULT_LEVELS, "class": drawn.classes}[kind]
    ordered = bool(learner_scheme(learner).options.ordered)
    fit = fit_spec.Fit(Target(kind, outputs, ordered), learner, training)
    return out_of_fold.predict(fit_spec.rows_of(drawn, split, settings), fit, settings)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "settings"), WAYS_OF_PROTOCOLS)
def test_no_row_is_answered_by_a_model_that_saw_it(way, settings):
    drawn = numbers_only(task(way))
    for split in drawn.splits:
        stored = answers(drawn, split, "memory", settings)
        assert set(np.concatenate([stored.oof, stored.test]).ravel()) == {CONSTANT}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "settings"), KNOWN_WAYS)
def test_no_group_straddles_and_no_model_knows_the_future(way, settings):
    learner = KNOWERS[way]
    drawn = numbers_only(task(way))
    for split in drawn.splits:
        stored = answers(drawn, split, learner, settings)
        assert set(np.concatenate([stored.oof, stored.test]).ravel()) == {CONSTANT}


@pytest.mark.usefixtures("known")
def test_a_row_that_teaches_and_answers_is_caught(monkeypatch):
    honest = splits.inner_parts

    def shared(*args):
        return [(np.append(fit_rows, answered[0]), answered) for fit_rows, answered in honest(*args)]

    drawn = numbers_only(task())
    monkeypatch.setattr(splits, "inner_parts", shared)
    assert answers(drawn, drawn.splits[0], "memory", PROTOCOLS[0]).oof.max() > SEEN


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "learner"), [("groups", "group-memory"), ("time", "prophet")])
def test_splits_that_forget_groups_or_time_are_caught(way, learner):
    drawn = replace(numbers_only(task(way)), **{way: None})
    assert SEEN in answers(drawn, drawn.splits[0], learner, PROTOCOLS[0]).oof


# --- fits do not see what they must not: tampering ------------------------------------------------


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
    """Return what the answers of the first split know and must not; nothing, if all is well."""
    split = drawn.splits[0]
    rows = fit_spec.rows_of(drawn, split, settings)
    first = rows.inner_fold == 0
    answered, others = rows.oof_rows[first], split.test[1:]

    def fit_and_predict(other):
        return answers(other, split, learner, settings, training, kind)

    honest, y_test, X_test = (
        fit_and_predict(each) for each in (drawn, other_target(drawn, split.test), other_table(drawn, others))
    )
    y_fold, X_fold = fit_and_predict(other_target(drawn, answered)), fit_and_predict(other_table(drawn, answered[1:]))
    pairs = {
        "out of fold, y of test rows": (y_test.oof, honest.oof),
        "test, y of test rows": (y_test.test, honest.test),
        "out of fold, X of test rows": (X_test.oof, honest.oof),
        "test, X of other test rows": (X_test.test[:1], honest.test[:1]),
        "out of fold, y of the fold": (y_fold.oof[first], honest.oof[first]),
        "out of fold, X of other rows of the fold": (X_fold.oof[first][:1], honest.oof[first][:1]),
    }
    return [what for what, (found, expected) in pairs.items() if found.tobytes() != expected.tobytes()]


FITTED = [
    (name, kind)
    for name, entry in learners.registry.entries().items()
    if not entry.lacking
    for kind in sorted(entry.kinds)
]


@pytest.fixture
def plain_inner_folds(monkeypatch):
    """Cut inner folds without looking at y, so that tampering with y leaves the rows in place."""
    honest = splits.inner_parts

    def unstratified(drawn, *args):
        return honest(replace(drawn, kind="regression"), *args)

    monkeypatch.setattr(splits, "inner_parts", unstratified)


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize(("learner", "kind"), FITTED)
def test_no_learner_sees_what_it_must_not(learner, kind):
    drawn = task("plain", "classification" if kind == "class" else "regression")
    assert leaks(drawn, learner, Settings(seed=3, inner=2), kind=kind) == []


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize(("way", "settings"), WAYS_OF_PROTOCOLS)
def test_class_weights_see_the_rows_that_teach_alone(way, settings):
    assert leaks(task(way, "classification"), "logistic", settings, "balanced", "class") == []


@pytest.mark.usefixtures("plain_inner_folds")
def test_an_encoder_that_learns_on_all_rows_is_caught(monkeypatch):
    honest, begin = encoders.encoder, out_of_fold._ModelFitter.__init__
    seen = {}

    class Greedy:
        def __init__(self, encoding):
            self.encoder = honest(encoding)

        def fit(self, _):
            return self.encoder.fit(seen["X"])

    def noting(fitter, rows, *args):
        seen["X"] = rows.task.X
        begin(fitter, rows, *args)

    monkeypatch.setattr(encoders, "encoder", Greedy)
    monkeypatch.setattr(out_of_fold._ModelFitter, "__init__", noting)
    found = leaks(task(), "ridge", PROTOCOLS[0])
    assert {"out of fold, X of test rows", "out of fold, X of other rows of the fold"} <= set(found)


@pytest.mark.usefixtures("plain_inner_folds")
def test_class_weights_from_all_rows_are_caught(monkeypatch):
    honest = out_of_fold.row_weights

    def leaky(drawn, rows, training):
        return honest(drawn, np.arange(N), training)[rows]

    monkeypatch.setattr(out_of_fold, "row_weights", leaky)
    found = leaks(task(kind="classification"), "logistic", PROTOCOLS[0], "balanced", "class")
    assert {"out of fold, y of test rows", "test, y of test rows", "out of fold, y of the fold"} <= set(found)


@pytest.mark.usefixtures("plain_inner_folds")
def test_a_sampler_that_draws_from_all_rows_is_caught(monkeypatch):
    honest = out_of_fold._ModelFitter.fit_and_predict

    def leaky(fitter, part, fit_rows, requested):
        return honest(fitter, part, np.random.default_rng(0).choice(N, len(fit_rows)), requested)

    monkeypatch.setattr(out_of_fold._ModelFitter, "fit_and_predict", leaky)
    found = leaks(task(), "ridge", PROTOCOLS[0])
    assert {"out of fold, y of test rows", "test, y of test rows", "out of fold, y of the fold"} <= set(found)


# --- methods: schemes, thresholded variants and steps ----------------------------------------------------

SETTINGS = Settings(seed=1, inner=4, protocol="split")
PANEL = ("one", "two", "three")
TRAININGS = tuple(trainings.registry.entries("fit"))
TRAINED = {"none", "balanced"}
"""Training schemes behind which every step is tried; what a step sees does not depend on the scheme."""


def predictions(board, drawn, rows, rng):
    """Draw what a learner says of some rows."""
    target = board.target(drawn, SETTINGS)
    y = drawn.y[rows]
    if target.kind == "class":
        values = rng.random((len(rows), target.width)) + 1.0 * (np.arange(target.width) == y[:, None])
        return values / values.sum(axis=1, keepdims=True)
    centre = (y + rng.normal(size=len(rows)))[:, None]
    return centre if target.kind == "point" else centre + np.linspace(-2, 2, target.width)


def effective_class_weights(width):
    """Return class weights behind the model of each part of a fit."""
    return {part: np.linspace(0.5, 1.5, width).tolist() for part in ("all", *map(str, range(SETTINGS.inner)))}


def stored_answers(board, drawn, rows, rng):
    """Draw what a fit leaves behind under every protocol at once: calibration rows, and the models of each fold."""
    parts = [predictions(board, drawn, part, rng) for part in (rows.oof_rows, rows.split.test, rows.calibration)]
    by_fold = np.stack([predictions(board, drawn, rows.split.test, rng) for _ in rows.inner])
    meta = {"effective_class_weights": effective_class_weights(len(drawn.classes)) if drawn.classes else {}, "note": ""}
    return FitPredictions(*parts[:2], by_fold, meta, calibration=parts[2])


def split_data(board, way="plain"):
    drawn = task(way, board.task_kind)
    rows = fit_spec.rows_of(drawn, drawn.splits[0], SETTINGS)
    rng = np.random.default_rng(5)
    stored = {
        FitId(learner, training): stored_answers(board, drawn, rows, rng) for learner in PANEL for training in TRAININGS
    }
    return evaluate.SplitData.of_rows(rows, board, SETTINGS, stored)


def with_other_truth(given):
    return replace(given, task=other_target(given.task, given.test))


def with_other_rows(given):
    """Change all test rows but the first: what they are, and what learners say of them."""

    def backwards(rows):
        return np.concatenate([rows[:1], rows[:0:-1]])

    def change(stored):
        return replace(stored, test=backwards(stored.test), folds=np.stack([backwards(each) for each in stored.folds]))

    table = other_table(given.task, given.test[1:])
    return replace(given, task=table, stored={key: change(stored) for key, stored in given.stored.items()})


def weighed(given, name):
    """Return the answer of a method: what it says and how it decides."""
    board = given.board
    board_split = evaluate.LearnerEvaluation(given) if board.per_learner else evaluate.EnsembleEvaluation(given, PANEL)
    return evaluate_method(board_split, name, PANEL[0]).prediction


def knows_too_much(given, name):
    """Return which forbidden things the test answer of a method depends on."""
    honest, truth, rows = (weighed(each, name) for each in (given, with_other_truth(given), with_other_rows(given)))
    found = []
    if parts(honest) != parts(truth):
        found.append("y of test rows")
    if parts(honest, 1) != parts(rows, 1):
        found.append("other test rows")
    return found


def said_by(prediction):
    return prediction.values  # noqa: PD011 - no data frame


def parts(prediction, rows=None):
    given = (said_by(prediction)[:rows], prediction.rule, prediction.labels[:rows])
    return [None if part is None else np.ascontiguousarray(part).tobytes() for part in given]


def method_names(board):
    """Return every method: each registered scheme, its thresholded variant, and each step behind each scheme."""
    tried = TRAINED if board.per_learner else {"equal", "greedy", "median", "single-best", board.oracle}
    names = [f"{name}+{step}" for name in sorted(tried) for step in postprocess.registry.entries(board.target_kind)]
    return sorted(method.id for method in boards.methods(board, ["all", *board.default_only, *names]))


METHODS = [(board.name, name) for board in boards.BOARDS.values() for name in method_names(board)]


@pytest.mark.parametrize("way", ["plain", "weight"])
@pytest.mark.parametrize(("board", "name"), METHODS)
def test_no_method_sees_test_labels_or_other_test_rows(board, name, way):
    given = split_data(boards.BOARDS[board], way)
    found = boards.method(given.board, name)
    excused = [law for step in found.steps for law in step.options.breaks] if found else []
    try:
        known = knows_too_much(given, name)
    except NotApplicableError as reason:
        pytest.skip(str(reason))
    assert set(known) <= ({"other test rows"} if "test_rows_apart" in excused else set())


@pytest.mark.parametrize("board", sorted(boards.BOARDS))
def test_the_oracle_is_seen_to_use_the_test_labels(board):
    assert "y of test rows" in knows_too_much(split_data(boards.BOARDS[board]), boards.ORACLE)


@pytest.mark.parametrize("board", ["classification", "class-weight"])
def test_a_threshold_tuned_on_test_rows_is_caught(board, monkeypatch):
    kind = evaluate.LearnerEvaluation if board == "class-weight" else evaluate.EnsembleEvaluation
    honest = kind._postprocess_input

    def leaky(board_split, *requested):
        predictions = honest(board_split, *requested)
        return replace(
            predictions, folds=(predictions.test, board_split.split_data.task.y[board_split.split_data.test])
        )

    monkeypatch.setattr(kind, "_postprocess_input", leaky)
    name = {"classification": "single-best+threshold", "class-weight": "none+threshold"}[board]
    assert knows_too_much(split_data(boards.BOARDS[board]), name) == ["y of test rows", "other test rows"]


def test_weights_learned_on_test_rows_are_caught(monkeypatch):
    def leaky(board_split, scheme):
        return scheme(
            board_split.test,
            board_split.split_data.task.y[board_split.split_data.test],
            board_split.split_data.rng(scheme.id),
        )

    monkeypatch.setattr(evaluate.EnsembleEvaluation, "_fit", leaky)
    assert knows_too_much(split_data(boards.BOARDS["regression"]), "qp-simplex") == [
        "y of test rows",
        "other test rows",
    ]


def test_post_processing_learns_on_cross_fit_answers():
    """Each training row is answered by weights that were learned without its inner fold."""
    given = split_data(boards.BOARDS["classification"])
    board_split = evaluate.EnsembleEvaluation(given, PANEL)
    scheme = given.board.registry.scheme("log-stack")
    honest = said_by(board_split._cross_fit(scheme)[0])
    fold = given.inner_fold == 0
    other = replace(given, task=other_target(given.task, given.oof_rows[fold]))
    tampered = said_by(evaluate.EnsembleEvaluation(other, PANEL)._cross_fit(scheme)[0])
    assert tampered[fold].tobytes() == honest[fold].tobytes()
    assert tampered[~fold].tobytes() != honest[~fold].tobytes()
