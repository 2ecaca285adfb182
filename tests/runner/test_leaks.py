"""No answer knows what it must not: a learner with a perfect memory, tampered test rows, and planted leaks."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from makers import evaluate_method
from makers.leaks import (
    PROTOCOLS,
    SEEN,
    UNKNOWN,
    WAYS,
    N,
    leak_task,
    leaks,
    other_table,
    other_target,
    out_of_fold_predictions,
)

from bench.core.nouns import NotApplicableError
from bench.core.settings import Settings
from bench.methods import boards, learners, postprocess, trainings
from bench.runner import evaluate, fit_spec, out_of_fold
from bench.runner.records import FitId
from bench.runner.store import FitPredictions
from bench.tasks import encoders, splits

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

KNOWERS = {"groups": "group-memory", "time": "prophet"}
WAYS_OF_PROTOCOLS = [
    pytest.param(way, settings, id=f"{way}-{settings.protocol}")
    for way in WAYS
    for settings in PROTOCOLS
    if (way, settings.protocol) != ("time", "nested")  # two folds cannot be left out of rows in time
]
KNOWN_WAYS = [each for each in WAYS_OF_PROTOCOLS if each.id.partition("-")[0] in KNOWERS]


def numbers_only(drawn):
    return replace(drawn, X=drawn.X.drop(columns="colour"))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "settings"), WAYS_OF_PROTOCOLS)
def test_no_row_is_answered_by_a_model_that_saw_it(way, settings):
    drawn = numbers_only(leak_task(way))
    for split in drawn.splits:
        stored = out_of_fold_predictions(drawn, split, "memory", settings)
        assert set(np.concatenate([stored.oof, stored.test]).ravel()) == {UNKNOWN}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "settings"), KNOWN_WAYS)
def test_no_group_straddles_and_no_model_knows_the_future(way, settings):
    learner = KNOWERS[way]
    drawn = numbers_only(leak_task(way))
    for split in drawn.splits:
        stored = out_of_fold_predictions(drawn, split, learner, settings)
        assert set(np.concatenate([stored.oof, stored.test]).ravel()) == {UNKNOWN}


@pytest.mark.usefixtures("known")
def test_a_row_that_teaches_and_answers_is_caught(monkeypatch):
    honest = splits.inner_parts

    def shared(*args):
        return [(np.append(fit_rows, answered[0]), answered) for fit_rows, answered in honest(*args)]

    drawn = numbers_only(leak_task())
    monkeypatch.setattr(splits, "inner_parts", shared)
    assert out_of_fold_predictions(drawn, drawn.splits[0], "memory", PROTOCOLS[0]).oof.max() > SEEN


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("way", "learner"), [("groups", "group-memory"), ("time", "prophet")])
def test_splits_that_forget_groups_or_time_are_caught(way, learner):
    drawn = replace(numbers_only(leak_task(way)), **{way: None})
    assert SEEN in out_of_fold_predictions(drawn, drawn.splits[0], learner, PROTOCOLS[0]).oof


# --- fits do not see what they must not: tampering ------------------------------------------------


FITTED = [
    (name, kind)
    for name, entry in learners.registry.entries().items()
    if not entry.missing_modules
    for kind in sorted(entry.kinds)
]


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize(("learner", "kind"), FITTED)
def test_no_learner_sees_what_it_must_not(learner, kind):
    drawn = leak_task("plain", "classification" if kind == "class" else "regression")
    assert leaks(drawn, learner, Settings(seed=3, inner=2), kind=kind) == []


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize(("way", "settings"), WAYS_OF_PROTOCOLS)
def test_class_weights_see_the_rows_that_teach_alone(way, settings):
    assert leaks(leak_task(way, "classification"), "logistic", settings, "balanced", "class") == []


@pytest.mark.usefixtures("plain_inner_folds")
def test_an_encoder_that_learns_on_all_rows_is_caught(monkeypatch):
    honest, begin = encoders.encoder, out_of_fold._ModelFitter.__init__
    seen = {}

    class Greedy:
        def __init__(self, *how):
            self.encoder = honest(*how)

        def fit(self, _):
            return self.encoder.fit(seen["X"])

    def noting(fitter, rows, *args):
        seen["X"] = rows.task.X
        begin(fitter, rows, *args)

    monkeypatch.setattr(encoders, "encoder", Greedy)
    monkeypatch.setattr(out_of_fold._ModelFitter, "__init__", noting)
    found = leaks(leak_task(), "ridge", PROTOCOLS[0])
    assert {"out of fold, test rows", "out of fold, rows of the fold"} <= set(found)


@pytest.mark.usefixtures("plain_inner_folds")
def test_class_weights_from_all_rows_are_caught(monkeypatch):
    honest, tasks = out_of_fold._ModelFitter._context, []

    def noting(fitter, part, fit_rows):
        tasks.append(fitter.rows.task)
        return honest(fitter, part, fit_rows)

    def leaky(context, training, weight):
        weights = 1 / np.bincount(tasks[-1].y)
        return trainings.FittedModel(context.fit(weight=weights[context.y]))

    monkeypatch.setattr(out_of_fold._ModelFitter, "_context", noting)
    monkeypatch.setattr(out_of_fold, "fit_training", leaky)
    found = leaks(leak_task(kind="classification"), "logistic", PROTOCOLS[0], "balanced", "class")
    assert found == ["out of fold, test rows", "test, test rows", "out of fold, rows of the fold"]


@pytest.mark.usefixtures("plain_inner_folds")
def test_a_sampler_that_draws_from_all_rows_is_caught(monkeypatch):
    honest = out_of_fold._ModelFitter.fit_and_predict

    def leaky(fitter, part, fit_rows, requested):
        return honest(fitter, part, np.random.default_rng(0).choice(N, len(fit_rows)), requested)

    monkeypatch.setattr(out_of_fold._ModelFitter, "fit_and_predict", leaky)
    found = leaks(leak_task(), "ridge", PROTOCOLS[0])
    assert found == ["out of fold, test rows", "test, test rows", "out of fold, rows of the fold"]


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
    drawn = leak_task(way, board.task_kind)
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


def evaluations(board, way="plain"):
    """Return a board's evaluation of honest rows, of test rows with other labels, and of other test rows."""
    given = split_data(boards.BOARDS[board], way)
    evaluation = (
        evaluate.LearnerEvaluation if given.board.per_learner else partial(evaluate.EnsembleEvaluation, learners=PANEL)
    )
    return [evaluation(each) for each in (given, with_other_truth(given), with_other_rows(given))]


of_board = cache(evaluations)
"""The evaluations that the methods of a board share, as they do in a run."""


def knows_too_much(evaluated, name):
    """Return which forbidden things the test prediction of a method depends on."""
    honest, truth, rows = (evaluate_method(each, name, PANEL[0]).prediction for each in evaluated)
    found = []
    if parts(honest) != parts(truth):
        found.append("y of test rows")
    if parts(honest, 1) != parts(rows, 1):
        found.append("other test rows")
    return found


def said_by(prediction):
    return prediction.values


def parts(prediction, rows=None):
    given = (said_by(prediction)[:rows], prediction.rule, prediction.labels[:rows])
    return [None if part is None else np.ascontiguousarray(part).tobytes() for part in given]


def method_names(board):
    """Return every method: each registered scheme, its thresholded variant, and each step behind each scheme."""
    tried = TRAINED if board.per_learner else {"equal", "greedy", "median", "single-best", board.oracle}
    names = [f"{name}+{step}" for name in sorted(tried) for step in postprocess.registry.entries(board.target_kind)]
    return sorted(method.id for method in boards.methods(board, ["all", *board.default_only, *names]))


METHODS = [(board.name, name) for board in boards.BOARDS.values() for name in method_names(board)]


@pytest.mark.parametrize(("board", "name"), METHODS)
def test_no_method_sees_test_labels_or_other_test_rows(board, name):
    """The rows have weights: one thing more that must not be seen."""
    found = boards.method(boards.BOARDS[board], name)
    excused = [law for step in found.steps for law in step.options.breaks] if found else []
    try:
        known = knows_too_much(of_board(board, "weight"), name)
    except NotApplicableError as reason:
        pytest.skip(str(reason))
    assert set(known) <= ({"other test rows"} if "test_rows_apart" in excused else set())


@pytest.mark.parametrize("board", sorted(boards.BOARDS))
def test_the_oracle_is_seen_to_use_the_test_labels(board):
    assert "y of test rows" in knows_too_much(evaluations(board), boards.ORACLE)


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
    assert knows_too_much(evaluations(board), name) == ["y of test rows", "other test rows"]


def test_weights_learned_on_test_rows_are_caught(monkeypatch):
    def leaky(board_split, scheme):
        return scheme(
            board_split.test,
            board_split.split_data.task.y[board_split.split_data.test],
            board_split.split_data.rng(scheme.id),
        )

    monkeypatch.setattr(evaluate.EnsembleEvaluation, "_fit", leaky)
    assert knows_too_much(evaluations("regression"), "qp-simplex") == [
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
