"""Methods on real predictions of cheap learners: oracles, thresholded variants, cross-fitting, row weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers import class_task, core_schemes, evaluate_method, regression_task

from bench.core import losses
from bench.core.nouns import BenchError, InvalidPredictionError, NotApplicableError, Split, Target, Weights
from bench.core.settings import DEFAULT_LEVELS, Settings
from bench.methods import ensembles, metrics
from bench.methods.boards import BOARDS
from bench.runner.evaluate import EnsembleEvaluation, LearnerEvaluation, SplitData, finish, score
from bench.runner.fit_spec import Fit, rows_of
from bench.runner.out_of_fold import predict
from bench.runner.records import FitId

SETTINGS = Settings(inner=3)
LEARNERS = {
    "regression": ("ridge", "knn", "knn:n_neighbors=3"),
    "quantile": ("gaussian", "gaussian:alpha=300"),
    "classification": ("logistic", "knn", "logistic:C=0.01"),
    "class-weight": ("logistic",),
}

HEAR_WEIGHTS = {
    "regression": ("ridge", "ridge:alpha=300"),
    "quantile": ("gaussian", "gaussian:alpha=300"),
    "classification": ("logistic", "logistic:C=0.01"),
}


def split_data_of(board, task, trainings=("none",), settings=SETTINGS, learners=None):
    rows = rows_of(task, task.splits[0], settings)
    target = BOARDS[board].target(task, settings)
    stored = {
        FitId(learner, training): predict(rows, Fit(target, learner, training), settings)
        for learner in learners or LEARNERS[board]
        for training in trainings
    }
    return SplitData.of_rows(rows, BOARDS[board], settings, stored)


def evaluation_of(board, task, learners=None, **how):
    if board == "class-weight":
        return LearnerEvaluation(split_data_of(board, task, ("none", "balanced"), learners=learners, **how))
    learners = learners or LEARNERS[board]
    return EnsembleEvaluation(split_data_of(board, task, learners=learners, **how), learners)


@pytest.fixture(scope="module")
def evaluations():
    """One split a board, made once."""
    return {
        "regression": evaluation_of("regression", regression_task(45)),
        "quantile": evaluation_of("quantile", regression_task(45, seed=1)),
        "classification": evaluation_of("classification", class_task(75, shares=(0.7, 0.3))),
        "class-weight": evaluation_of("class-weight", class_task(90, seed=2, shares=(0.8, 0.2))),
    }


def scores_of(board_split, name, learner=""):
    result = evaluate_method(board_split, name, learner)
    return score(board_split.split_data.task.y[board_split.split_data.test], result.prediction)


def proper(board_split, result):
    y = board_split.split_data.task.y[board_split.split_data.test]
    return losses.mean(
        losses.proper_loss(result.prediction.target, y, result.prediction.values), result.prediction.weight
    )


# answers


def test_a_method_answers_with_the_weights_that_it_learned(evaluations):
    board_split = evaluations["regression"]
    for name in ("equal", "qp-simplex", "greedy", "inverse-mse"):
        result = evaluate_method(board_split, name, "")
        w = np.array([row["value"] for row in result.weights if row["role"] == "weight"])
        assert [row["of"] for row in result.weights] == list(LEARNERS["regression"])
        np.testing.assert_allclose(
            result.prediction.values, np.tensordot(w, board_split.test.predictions, 1), rtol=1e-12
        )
        expected = np.mean((np.tensordot(w, board_split.oof.predictions, 1)[:, 0] - board_split.split_data.y) ** 2)
        np.testing.assert_allclose(result.train_loss, expected, rtol=1e-10)


def test_an_intercept_is_kept_with_the_weights(evaluations):
    rows = evaluate_method(evaluations["regression"], "ridge-stack", "").weights
    assert [row["role"] for row in rows] == ["weight"] * 3 + ["intercept"]


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_a_learner_alone_is_what_it_predicted(evaluations, board):
    board_split = evaluations[board]
    for j, learner in enumerate(LEARNERS[board]):
        np.testing.assert_allclose(
            evaluate_method(board_split, "alone", learner).prediction.values,
            board_split.test.predictions[j],
            rtol=1e-12,
        )


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_single_best_scores_as_one_of_the_learners_alone(evaluations, board):
    alone = [scores_of(evaluations[board], "alone", learner) for learner in LEARNERS[board]]
    assert scores_of(evaluations[board], "single-best") in alone


def test_quantiles_end_with_a_sort_and_crossing_is_told_before_it():
    target = Target("quantile", (0.1, 0.5, 0.9))
    found = finish(target, np.array([[1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), None)
    np.testing.assert_array_equal(found.values, [[1, 2, 3], [1, 2, 3]])
    y = np.array([2.0, 2.0])
    assert metrics.get_metric(target, "crossing_rate").function(target, y, found) > 0
    ordered = finish(target, found.values, None)
    assert metrics.get_metric(target, "crossing_rate").function(target, y, ordered) == 0
    assert score(y, found)["wis"] == score(y, ordered)["wis"]


@pytest.mark.parametrize("values", [[[np.nan, 1]], [[0.2, 0.2]], [[1.2, -0.2]], [[1.0]]])
def test_an_answer_that_is_none_is_refused(values):
    with pytest.raises(InvalidPredictionError):
        finish(Target("class", ("a", "b")), np.array(values), None)


def test_undefined_metrics_are_none():
    target = Target("class", ("a", "b"))
    found = score(np.array([0, 0]), finish(target, np.full((2, 2), 0.5), None))
    assert found["auroc"] is None
    assert found["log_loss"] is not None


# oracles


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_no_simplex_scheme_beats_the_oracle_in_the_proper_loss(evaluations, board):
    board_split = evaluations[board]
    bound = proper(board_split, evaluate_method(board_split, "oracle", ""))
    for name in core_schemes(board_split.split_data.target.kind):
        combiner = board_split._fit(ensembles.registry.scheme(name))
        convex = isinstance(combiner, Weights) and combiner.intercept is None and combiner.w.ndim == 1
        if convex and combiner.w.min() >= 0 and abs(combiner.w.sum() - 1) < 1e-9:
            assert bound <= proper(board_split, evaluate_method(board_split, name, "")) * (1 + 1e-6), name
    for learner in LEARNERS[board]:
        assert bound <= proper(board_split, evaluate_method(board_split, "alone", learner)) * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_oracle_of_class_weights_is_the_best_threshold_on_the_test_rows(seed):
    board_split = evaluation_of("class-weight", class_task(90, seed=seed, shares=(0.8, 0.2)))
    bound = scores_of(board_split, "oracle", "logistic")
    for name in ("none", "none+threshold"):
        assert bound["macro_f1"] >= scores_of(board_split, name, "logistic")["macro_f1"] - 1e-12
    assert bound["log_loss"] == scores_of(board_split, "none", "logistic")["log_loss"]


def test_only_the_oracle_sees_the_labels_of_the_test_rows():
    for board in ("classification", "class-weight", "regression", "quantile"):
        task = class_task(60) if board.startswith("class") else regression_task(45)
        y = task.y.copy()
        test = task.splits[0].test
        y[test] = y[test][::-1]
        learner = "logistic" if board == "class-weight" else ""
        one, other = evaluation_of(board, task), evaluation_of(board, replace(task, y=y))
        known = {"class-weight": ["none", "balanced", "none+threshold", "balanced+prior-correction", "floor"]}
        names = known.get(board) or core_schemes(one.split_data.target.kind)
        names += ["equal+threshold"] if board == "classification" else []
        for name in names:
            a, b = evaluate_method(one, name, learner), evaluate_method(other, name, learner)
            np.testing.assert_array_equal(a.prediction.values, b.prediction.values, err_msg=name)
            if a.prediction.target.kind == "class":
                np.testing.assert_array_equal(a.prediction.labels, b.prediction.labels)
            assert a.train_loss == b.train_loss


# thresholded variants and steps


@pytest.mark.parametrize("name", ["equal", "greedy", "log-stack", "logistic-stack", "single-best", "median"])
def test_a_variant_has_the_same_probability_metrics(evaluations, name):
    if name not in ensembles.registry.entries("class"):
        pytest.skip("not of this kind")
    board_split = evaluations["classification"]
    plain, variant = scores_of(board_split, name), scores_of(board_split, f"{name}+threshold")
    for metric in ("log_loss", "brier", "auroc", "macro_auprc", "ece"):
        assert plain[metric] == variant[metric]
    assert (
        evaluate_method(board_split, name, "").train_loss
        == evaluate_method(board_split, f"{name}+threshold", "").train_loss
    )


def test_a_threshold_is_learned_on_answers_of_weights_that_did_not_see_the_row(evaluations):
    board_split = evaluations["classification"]
    y, fold = board_split.split_data.y, board_split.split_data.inner_fold
    crossed, _ = board_split._cross_fit(ensembles.registry.scheme("log-stack"))
    for k in range(3):
        fit_rows = board_split.oof.rows(fold != k)
        w = ensembles.registry.scheme("log-stack")(fit_rows, y[fold != k], np.random.default_rng(0))
        np.testing.assert_allclose(crossed.values[fold == k], w(board_split.oof.rows(fold == k)), rtol=1e-6)
    rule = evaluate_method(board_split, "log-stack+threshold", "").prediction.rule
    from bench.methods.postprocess import registry

    expected = registry.scheme("threshold")(crossed, y, np.random.default_rng(0))(crossed).rule
    np.testing.assert_array_equal(rule, expected)


def test_steps_compose_from_left_to_right(evaluations):
    board_split = evaluations["class-weight"]
    both = evaluate_method(board_split, "balanced+prior-correction+threshold", "logistic").prediction
    one = evaluate_method(board_split, "balanced+prior-correction", "logistic").prediction
    np.testing.assert_array_equal(both.values, one.values)
    assert both.rule is not None
    assert one.rule is None
    weights = {row["output"]: row["value"] for row in evaluate_method(board_split, "balanced", "logistic").weights}
    odds = evaluate_method(board_split, "balanced", "logistic").prediction.values / np.array(
        [weights["c0"], weights["c1"]]
    )
    np.testing.assert_allclose(one.values, odds / odds.sum(axis=1, keepdims=True), rtol=1e-10)


def test_priors_are_corrected_on_the_board_of_class_weights(evaluations):
    """Class weights push probabilities up to the rare class, and the correction pulls them back."""
    board_split = evaluations["class-weight"]
    rare = {name: evaluate_method(board_split, name, "logistic").prediction.values[:, 1].mean()
            for name in ("none", "balanced", "balanced+prior-correction")}  # fmt: skip
    assert rare["balanced"] > rare["none"] + 0.1
    assert abs(rare["balanced+prior-correction"] - rare["none"]) < abs(rare["balanced"] - rare["none"]) / 4
    found = [scores_of(board_split, name, "logistic")["log_loss"] for name in ("balanced", "balanced+prior-correction")]
    assert found[1] < found[0]


def test_a_threshold_on_training_rows_of_a_time_task_with_one_inner_fold():
    """Two points in time before the test rows leave one inner fold: there is no other fold to fit on."""
    task = class_task(60, folds=0)
    task = replace(task, time=np.repeat(np.arange(3.0), 20))
    task = replace(task, splits=(Split(0, 0, np.arange(40), np.arange(40, 60)),))
    board_split = evaluation_of("classification", task)
    assert board_split.split_data.inner_fold.max() == 0
    for name in ("equal", "greedy", "log-stack", "single-best", "logistic-stack"):
        assert scores_of(board_split, name)["log_loss"] > 0
        with pytest.raises(NotApplicableError, match="two inner folds"):
            evaluate_method(board_split, f"{name}+threshold", "")


def test_a_step_that_does_not_serve_the_board_is_refused(evaluations):
    with pytest.raises(BenchError, match="threshold"):
        evaluate_method(evaluations["regression"], "equal+threshold", "")


def test_adding_a_scheme_does_not_change_another(evaluations):
    task = class_task(75, shares=(0.7, 0.3))
    first = evaluation_of("classification", task)
    alone = evaluate_method(first, "greedy+threshold", "")
    other = evaluation_of("classification", task)
    for name in ("log-stack+threshold", "equal", "single-best", "greedy:rounds=3", "greedy"):
        evaluate_method(other, name, "")
    after = evaluate_method(other, "greedy+threshold", "")
    np.testing.assert_array_equal(alone.prediction.values, after.prediction.values)
    np.testing.assert_array_equal(alone.prediction.rule, after.prediction.rule)
    assert alone.train_loss == after.train_loss


# row weights


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_a_test_row_of_weight_zero_counts_like_no_row(board):
    """Every metric, and the oracle, is as it would be without the row."""
    base = class_task(60) if board == "classification" else regression_task(45)
    n, split = len(base.y), base.splits[0]
    weight = np.random.default_rng(0).uniform(0.5, 2, n)
    weight[split.test[:5]] = 0
    task = replace(base, weight=weight)
    fewer = replace(task, splits=(replace(split, test=split.test[5:]),))
    one, other = (evaluation_of(board, each, learners=HEAR_WEIGHTS[board]) for each in (task, fewer))
    for name in ("equal", "floor", "oracle"):
        a, b = scores_of(one, name), scores_of(other, name)
        assert a.keys() == b.keys()
        for metric in a:
            np.testing.assert_allclose(a[metric] or 0, b[metric] or 0, rtol=1e-7, atol=1e-9, err_msg=f"{name} {metric}")


@pytest.mark.parametrize("name", ["qp-simplex", "inverse-mse", "single-best", "floor", "greedy"])
def test_row_weights_reach_the_losses_of_schemes(name):
    """Weights of zero on the rows where a learner does well take its weight away."""
    task = regression_task(45)
    board_split = evaluation_of("regression", task)
    predictions, y = board_split.oof.predictions[:, :, 0], board_split.split_data.y
    good = np.abs(predictions[0] - y) < np.abs(predictions[1] - y)
    weight = np.ones(45)
    weight[board_split.split_data.oof_rows[good]] = 0
    weighted = replace(board_split.split_data, task=replace(task, weight=weight))
    other = EnsembleEvaluation(weighted, board_split.learners)
    kept = board_split.oof.rows(~good)
    expected = ensembles.registry.scheme(name)(kept, y[~good], np.random.default_rng(0))(kept)
    found = other._fit(ensembles.registry.scheme(name))(other.oof.rows(~good))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert np.abs(found - board_split._fit(ensembles.registry.scheme(name))(kept)).max() > 1e-3


def test_constant_weights_change_nothing():
    for board in ("regression", "classification"):
        task = class_task(60) if board == "classification" else regression_task(45)
        one, other = evaluation_of(board, task), evaluation_of(board, replace(task, weight=np.full(len(task.y), 2.5)))
        for name in ("equal", "greedy", "single-best"):
            a, b = scores_of(one, name), scores_of(other, name)
            for metric in a:
                np.testing.assert_allclose(a[metric] or 0, b[metric] or 0, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_every_metric_of_the_board_is_scored(evaluations, board):
    board_split = evaluations[board]
    found = scores_of(board_split, "equal")
    assert list(found) == list(metrics.for_target(board_split.split_data.target))
    if board == "quantile":
        assert found["wis"] > 0
        assert len(board_split.split_data.target.outputs) == len(DEFAULT_LEVELS)


def test_the_rows_that_teach_the_weights_can_be_limited(evaluations):
    split_data = evaluations["classification"].split_data
    few = split_data.with_rows(10)
    assert len(few.oof_rows) == len(few.inner_fold) == 10
    assert split_data.with_rows(10**6) is split_data
    np.testing.assert_array_equal(few.oof_rows, split_data.with_rows(10).oof_rows)
    places = [split_data.oof_rows.tolist().index(row) for row in few.oof_rows]
    for who, stored in few.stored.items():
        np.testing.assert_array_equal(stored.oof, split_data.stored[who].oof[places])
        np.testing.assert_array_equal(stored.test, split_data.stored[who].test)
