"""The weigh stage on real answers of cheap learners: oracles, twins, cross-fitting, row weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import class_task, core_schemes, regression_task

from bench.core import losses
from bench.core.nouns import BenchError, InvalidAnswerError, NotApplicableError, Split, Target, Weights
from bench.core.settings import DEFAULT_LEVELS, Settings
from bench.methods import ensembles, metrics
from bench.methods.boards import BOARDS
from bench.runner.evaluate import EnsembleSheet, Evidence, LearnerSheet, finish, score
from bench.runner.fit_spec import Fit, rows_of
from bench.runner.out_of_fold import answer

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


def evidence_of(board, task, trainings=("none",), settings=SETTINGS, learners=None):
    rows = rows_of(task, task.splits[0], settings)
    target = BOARDS[board].target(task, settings)
    stored = {
        (learner, training): answer(rows, Fit(target, learner, training), settings)
        for learner in learners or LEARNERS[board]
        for training in trainings
    }
    split = rows.split
    return Evidence(
        task, BOARDS[board], settings, 0, 0, split.train, split.test, rows.answered, rows.fold, rows.calibration, stored
    )


def sheet_of(board, task, learners=None, **how):
    if board == "class-weight":
        return LearnerSheet(evidence_of(board, task, ("none", "balanced"), learners=learners, **how))
    learners = learners or LEARNERS[board]
    return EnsembleSheet(evidence_of(board, task, learners=learners, **how), learners)


@pytest.fixture(scope="module")
def sheets():
    """One sheet a board, made once."""
    return {
        "regression": sheet_of("regression", regression_task(45)),
        "quantile": sheet_of("quantile", regression_task(45, seed=1)),
        "classification": sheet_of("classification", class_task(75, shares=(0.7, 0.3))),
        "class-weight": sheet_of("class-weight", class_task(90, seed=2, shares=(0.8, 0.2))),
    }


def scores_of(sheet, name, learner=""):
    weighed = sheet.weigh(name, learner)
    return score(sheet.evidence.task.y[sheet.evidence.test], weighed.answer)


def proper(sheet, weighed):
    y = sheet.evidence.task.y[sheet.evidence.test]
    return losses.mean(losses.proper(weighed.answer.target, y, weighed.answer.values), weighed.answer.weight)


# answers


def test_a_method_answers_with_the_weights_that_it_learned(sheets):
    sheet = sheets["regression"]
    for name in ("equal", "qp-simplex", "greedy", "inverse-mse"):
        weighed = sheet.weigh(name, "")
        w = np.array([row["value"] for row in weighed.weights if row["role"] == "weight"])
        assert [row["of"] for row in weighed.weights] == list(LEARNERS["regression"])
        np.testing.assert_allclose(weighed.answer.values, np.tensordot(w, sheet.test.said, 1), rtol=1e-12)
        expected = np.mean((np.tensordot(w, sheet.oof.said, 1)[:, 0] - sheet.evidence.y) ** 2)
        np.testing.assert_allclose(weighed.train_loss, expected, rtol=1e-10)


def test_an_intercept_is_kept_with_the_weights(sheets):
    rows = sheets["regression"].weigh("ridge-stack", "").weights
    assert [row["role"] for row in rows] == ["weight"] * 3 + ["intercept"]


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_a_learner_alone_is_what_it_said(sheets, board):
    sheet = sheets[board]
    for j, learner in enumerate(LEARNERS[board]):
        np.testing.assert_allclose(sheet.weigh("alone", learner).answer.values, sheet.test.said[j], rtol=1e-12)


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_single_best_scores_as_one_of_the_learners_alone(sheets, board):
    alone = [scores_of(sheets[board], "alone", learner) for learner in LEARNERS[board]]
    assert scores_of(sheets[board], "single-best") in alone


def test_quantiles_end_with_a_sort_and_crossing_is_told_before_it():
    target = Target("quantile", (0.1, 0.5, 0.9))
    found = finish(target, np.array([[1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), None)
    np.testing.assert_array_equal(found.values, [[1, 2, 3], [1, 2, 3]])
    y = np.array([2.0, 2.0])
    assert metrics.named(target, "crossing_rate").function(target, y, found) > 0
    ordered = finish(target, found.values, None)
    assert metrics.named(target, "crossing_rate").function(target, y, ordered) == 0
    assert score(y, found)["wis"] == score(y, ordered)["wis"]


@pytest.mark.parametrize("values", [[[np.nan, 1]], [[0.2, 0.2]], [[1.2, -0.2]], [[1.0]]])
def test_an_answer_that_is_none_is_refused(values):
    with pytest.raises(InvalidAnswerError):
        finish(Target("class", ("a", "b")), np.array(values), None)


def test_undefined_metrics_are_none():
    target = Target("class", ("a", "b"))
    found = score(np.array([0, 0]), finish(target, np.full((2, 2), 0.5), None))
    assert found["auroc"] is None
    assert found["log_loss"] is not None


# oracles


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_no_simplex_scheme_beats_the_oracle_in_the_proper_loss(sheets, board):
    sheet = sheets[board]
    bound = proper(sheet, sheet.weigh("oracle", ""))
    for name in core_schemes(sheet.evidence.target.kind):
        combiner = sheet._fit(ensembles.registry.scheme(name))
        convex = isinstance(combiner, Weights) and combiner.intercept is None and combiner.w.ndim == 1
        if convex and combiner.w.min() >= 0 and abs(combiner.w.sum() - 1) < 1e-9:
            assert bound <= proper(sheet, sheet.weigh(name, "")) * (1 + 1e-6), name
    for learner in LEARNERS[board]:
        assert bound <= proper(sheet, sheet.weigh("alone", learner)) * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_oracle_of_class_weights_is_the_best_threshold_on_the_test_rows(seed):
    sheet = sheet_of("class-weight", class_task(90, seed=seed, shares=(0.8, 0.2)))
    bound = scores_of(sheet, "oracle", "logistic")
    for name in ("none", "none+threshold"):
        assert bound["macro_f1"] >= scores_of(sheet, name, "logistic")["macro_f1"] - 1e-12
    assert bound["log_loss"] == scores_of(sheet, "none", "logistic")["log_loss"]


def test_only_the_oracle_sees_the_labels_of_the_test_rows():
    for board in ("classification", "class-weight", "regression", "quantile"):
        task = class_task(60) if board.startswith("class") else regression_task(45)
        y = task.y.copy()
        test = task.splits[0].test
        y[test] = y[test][::-1]
        learner = "logistic" if board == "class-weight" else ""
        one, other = sheet_of(board, task), sheet_of(board, replace(task, y=y))
        known = {"class-weight": ["none", "balanced", "none+threshold", "balanced+prior-correction", "floor"]}
        names = known.get(board) or core_schemes(one.evidence.target.kind)
        names += ["equal+threshold"] if board == "classification" else []
        for name in names:
            a, b = one.weigh(name, learner), other.weigh(name, learner)
            np.testing.assert_array_equal(a.answer.values, b.answer.values, err_msg=name)
            np.testing.assert_array_equal(a.answer.labels if a.answer.target.kind == "class" else 0,
                                          b.answer.labels if b.answer.target.kind == "class" else 0)  # fmt: skip
            assert a.train_loss == b.train_loss


# twins and steps


@pytest.mark.parametrize("name", ["equal", "greedy", "log-stack", "logistic-stack", "single-best", "median"])
def test_a_twin_has_the_same_probability_metrics(sheets, name):
    if name not in ensembles.registry.entries("class"):
        pytest.skip("not of this kind")
    sheet = sheets["classification"]
    plain, twin = scores_of(sheet, name), scores_of(sheet, f"{name}+threshold")
    for metric in ("log_loss", "brier", "auroc", "auprc", "ece"):
        assert plain[metric] == twin[metric]
    assert sheet.weigh(name, "").train_loss == sheet.weigh(f"{name}+threshold", "").train_loss


def test_a_threshold_is_learned_on_answers_of_weights_that_did_not_see_the_row(sheets):
    sheet = sheets["classification"]
    y, fold = sheet.evidence.y, sheet.evidence.fold
    crossed, _ = sheet._cross_fitted(ensembles.registry.scheme("log-stack"))
    for k in range(3):
        teach = sheet.oof.rows(fold != k)
        w = ensembles.registry.scheme("log-stack")(teach, y[fold != k], np.random.default_rng(0))
        np.testing.assert_allclose(crossed.values[fold == k], w(sheet.oof.rows(fold == k)), rtol=1e-6)
    rule = sheet.weigh("log-stack+threshold", "").answer.rule
    from bench.methods.postprocess import registry

    expected = registry.scheme("threshold")(crossed, y, np.random.default_rng(0))(crossed).rule
    np.testing.assert_array_equal(rule, expected)


def test_steps_compose_from_left_to_right(sheets):
    sheet = sheets["class-weight"]
    both = sheet.weigh("balanced+prior-correction+threshold", "logistic").answer
    one = sheet.weigh("balanced+prior-correction", "logistic").answer
    np.testing.assert_array_equal(both.values, one.values)
    assert both.rule is not None
    assert one.rule is None
    weights = {row["output"]: row["value"] for row in sheet.weigh("balanced", "logistic").weights}
    odds = sheet.weigh("balanced", "logistic").answer.values / np.array([weights["c0"], weights["c1"]])
    np.testing.assert_allclose(one.values, odds / odds.sum(axis=1, keepdims=True), rtol=1e-10)


def test_priors_are_corrected_on_the_board_of_class_weights(sheets):
    """Class weights push probabilities up to the rare class, and the correction pulls them back."""
    sheet = sheets["class-weight"]
    rare = {name: sheet.weigh(name, "logistic").answer.values[:, 1].mean()
            for name in ("none", "balanced", "balanced+prior-correction")}  # fmt: skip
    assert rare["balanced"] > rare["none"] + 0.1
    assert abs(rare["balanced+prior-correction"] - rare["none"]) < abs(rare["balanced"] - rare["none"]) / 4
    found = [scores_of(sheet, name, "logistic")["log_loss"] for name in ("balanced", "balanced+prior-correction")]
    assert found[1] < found[0]


def test_a_threshold_on_training_rows_of_a_time_task_with_one_inner_fold():
    """Two points in time before the test rows leave one inner fold: no other fold can teach."""
    task = class_task(60, folds=0)
    task = replace(task, time=np.repeat(np.arange(3.0), 20))
    task = replace(task, splits=(Split(0, 0, np.arange(40), np.arange(40, 60)),))
    sheet = sheet_of("classification", task)
    assert sheet.evidence.fold.max() == 0
    for name in ("equal", "greedy", "log-stack", "single-best", "logistic-stack"):
        assert scores_of(sheet, name)["log_loss"] > 0
        with pytest.raises(NotApplicableError, match="two inner folds"):
            sheet.weigh(f"{name}+threshold", "")


def test_a_step_that_does_not_serve_the_board_is_refused(sheets):
    with pytest.raises(BenchError, match="threshold"):
        sheets["regression"].weigh("equal+threshold", "")


def test_adding_a_scheme_does_not_change_another(sheets):
    task = class_task(75, shares=(0.7, 0.3))
    first = sheet_of("classification", task)
    alone = first.weigh("greedy+threshold", "")
    other = sheet_of("classification", task)
    for name in ("log-stack+threshold", "equal", "single-best", "greedy:rounds=3", "greedy"):
        other.weigh(name, "")
    after = other.weigh("greedy+threshold", "")
    np.testing.assert_array_equal(alone.answer.values, after.answer.values)
    np.testing.assert_array_equal(alone.answer.rule, after.answer.rule)
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
    one, other = (sheet_of(board, each, learners=HEAR_WEIGHTS[board]) for each in (task, fewer))
    for name in ("equal", "floor", "oracle"):
        a, b = scores_of(one, name), scores_of(other, name)
        assert a.keys() == b.keys()
        for metric in a:
            np.testing.assert_allclose(a[metric] or 0, b[metric] or 0, rtol=1e-7, atol=1e-9, err_msg=f"{name} {metric}")


@pytest.mark.parametrize("name", ["qp-simplex", "inverse-mse", "single-best", "floor", "greedy"])
def test_row_weights_reach_the_losses_of_schemes(name):
    """Weights of zero on the rows where a learner does well take its weight away."""
    task = regression_task(45)
    sheet = sheet_of("regression", task)
    said, y = sheet.oof.said[:, :, 0], sheet.evidence.y
    good = np.abs(said[0] - y) < np.abs(said[1] - y)
    weight = np.ones(45)
    weight[sheet.evidence.answered[good]] = 0
    weighted = replace(sheet.evidence, task=replace(task, weight=weight))
    other = EnsembleSheet(weighted, sheet.learners)
    kept = sheet.oof.rows(~good)
    expected = ensembles.registry.scheme(name)(kept, y[~good], np.random.default_rng(0))(kept)
    found = other._fit(ensembles.registry.scheme(name))(other.oof.rows(~good))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert np.abs(found - sheet._fit(ensembles.registry.scheme(name))(kept)).max() > 1e-3


def test_constant_weights_change_nothing():
    for board in ("regression", "classification"):
        task = class_task(60) if board == "classification" else regression_task(45)
        one, other = sheet_of(board, task), sheet_of(board, replace(task, weight=np.full(len(task.y), 2.5)))
        for name in ("equal", "greedy", "single-best"):
            a, b = scores_of(one, name), scores_of(other, name)
            for metric in a:
                np.testing.assert_allclose(a[metric] or 0, b[metric] or 0, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("board", ["regression", "quantile", "classification"])
def test_every_metric_of_the_board_is_scored(sheets, board):
    sheet = sheets[board]
    found = scores_of(sheet, "equal")
    assert list(found) == list(metrics.for_target(sheet.evidence.target))
    if board == "quantile":
        assert found["wis"] > 0
        assert len(sheet.evidence.target.outputs) == len(DEFAULT_LEVELS)


def test_the_rows_that_teach_the_weights_can_be_limited(sheets):
    evidence = sheets["classification"].evidence
    few = evidence.with_rows(10)
    assert len(few.answered) == len(few.fold) == 10
    assert evidence.with_rows(10**6) is evidence
    np.testing.assert_array_equal(few.answered, evidence.with_rows(10).answered)
    places = [evidence.answered.tolist().index(row) for row in few.answered]
    for who, stored in few.stored.items():
        np.testing.assert_array_equal(stored.oof, evidence.stored[who].oof[places])
        np.testing.assert_array_equal(stored.test, evidence.stored[who].test)
