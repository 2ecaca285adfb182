"""Out-of-fold predictions: which rows are fitted on, what a key is made of, what a learner sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers import class_task, regression_task

from bench.core import scheme
from bench.core.hashing import digest
from bench.core.nouns import InvalidPredictionError, NotApplicableError, Split, Target
from bench.core.settings import Settings
from bench.methods import learners
from bench.runner import fit_spec, out_of_fold
from bench.runner.fit_spec import Fit, data_hash, fit_parts, fit_row_weights, rows_of, why_not
from bench.runner.out_of_fold import predict

POINT, QUANTILE = Target("point"), Target("quantile", (0.1, 0.5, 0.9))
SETTINGS = Settings(inner=3)


def classes_of(task):
    return Target("class", task.classes)


def fit_and_predict(task, learner, target=POINT, training="none", settings=SETTINGS, split=0):
    return predict(rows_of(task, task.splits[split], settings), Fit(target, learner, training), settings)


@pytest.fixture
def seen(request):
    """Register a learner that remembers what it sees and predicts the mean of y; return what it saw."""
    used = []

    class Model:
        def fit(self, X, y, weight):
            used.append({"X": X, "y": y.copy(), "weight": weight, "requested": []})
            self._fit, self._mean = used[-1], np.average(y, weights=weight)

        def predict(self, X):
            self._fit["requested"].append(X)
            return np.full((len(X), 1), self._mean)

    @learners.register("point", encoding="native", weights=True)
    def listener(target, seed):
        """Listen."""
        used.append({"seed": seed})
        return Model()

    learners.registry.scheme("listener").entry.__dict__["source"] = "here"
    return used


def lawful_learner(values, kinds=("point",)):
    """Register a learner `says` whose answer is a function of the rows."""

    class Model:
        def fit(self, *_):
            return self

        def predict(self, X):
            return values(X)

    @learners.register(*kinds, encoding="scaled", weights=True)
    def says(target, seed):
        """Say."""
        return Model()


# which rows are fitted on


@pytest.mark.parametrize("protocol", ["refit", "bag"])
def test_no_row_is_predicted_by_a_model_that_was_fitted_on_it(seen, protocol):
    settings = replace(SETTINGS, protocol=protocol)
    task = regression_task(30)
    split = task.splits[1]
    fit_and_predict(task, "listener", settings=settings, split=1)
    models = [one for one in seen if "requested" in one]
    assert len(models) == (4 if protocol == "refit" else 3)
    times = dict.fromkeys(range(30), 0)
    for model in models:
        fitted = set(model["X"].index)
        assert not fitted & set(split.test)
        for X in model["requested"]:
            assert not fitted & set(X.index)
            for row in X.index:
                times[row] += 1
    assert all(times[row] == 1 for row in split.train)
    assert all(times[row] == (1 if protocol == "refit" else 3) for row in split.test)
    assert len({one["seed"] for one in seen if "seed" in one}) == len(models)


def test_out_of_fold_answers_stand_in_the_order_of_the_training_rows(seen):
    task = regression_task(30)
    rows = rows_of(task, task.splits[0], SETTINGS)
    found = fit_and_predict(task, "listener")
    np.testing.assert_array_equal(rows.oof_rows, task.splits[0].train)
    for row, value in zip(rows.oof_rows, found.oof[:, 0], strict=True):
        fit_rows = next(fit_rows for fit_rows, answers in rows.inner if row in answers)
        np.testing.assert_allclose(value, task.y[fit_rows].mean(), rtol=1e-12)
    np.testing.assert_allclose(found.test, task.y[task.splits[0].train].mean(), rtol=1e-12)


def test_a_bag_is_the_mean_of_the_models_of_the_folds():
    task = regression_task(30)
    found = fit_and_predict(task, "ridge", settings=replace(SETTINGS, protocol="bag"))
    assert found.folds.shape == (3, 10, 1)
    np.testing.assert_allclose(found.test, found.folds.mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(found.oof, fit_and_predict(task, "ridge").oof)


def test_rows_before_the_first_block_of_time_have_no_answer():
    task = replace(regression_task(40, folds=0), time=np.arange(40.0))
    split = Split(0, 0, np.arange(30), np.arange(30, 40))
    rows = rows_of(task, split, SETTINGS)
    found = predict(rows, Fit(POINT, "ridge"), SETTINGS)
    assert len(found.oof) == len(rows.oof_rows) == len(rows.inner_fold) < 30
    for row in rows.oof_rows:
        fit_rows = rows.inner[rows.inner_fold[rows.oof_rows == row][0]][0]
        assert task.time[fit_rows].max() < task.time[row]


@pytest.mark.parametrize(("learner", "kind"), [("ridge", "point"), ("knn", "class"), ("gaussian", "quantile")])
def test_answers_do_not_depend_on_test_labels_or_on_other_test_rows(learner, kind):
    task = class_task(45) if kind == "class" else regression_task(45)
    target = {"point": POINT, "quantile": QUANTILE, "class": classes_of(task)}[kind]
    split = task.splits[0]
    y = task.y.copy()
    y[split.test] = y[split.test][::-1]
    first, permuted = fit_and_predict(task, learner, target), fit_and_predict(replace(task, y=y), learner, target)
    np.testing.assert_array_equal(first.oof, permuted.oof)
    np.testing.assert_array_equal(first.test, permuted.test)
    fewer = replace(split, test=split.test[:4])
    found = fit_and_predict(replace(task, splits=(fewer,)), learner, target)
    np.testing.assert_allclose(found.test, first.test[:4], rtol=1e-10, atol=1e-13)


def test_a_learner_cannot_change_the_task(seen):
    task = regression_task(30)
    before = task.y.copy()

    class Vandal:
        def fit(self, _, y, __):
            y[:] = 0

        def predict(self, X):
            return np.zeros((len(X), 1))

    @learners.register("point", encoding="native", weights=True)
    def vandal(target, seed):
        """Break."""
        return Vandal()

    fit_and_predict(task, "vandal")
    np.testing.assert_array_equal(task.y, before)


# answers


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (lambda X: np.full((len(X), 1), np.nan), "not finite"),
        (lambda X: np.full((len(X), 1), np.inf), "not finite"),
        (lambda X: np.zeros(len(X)), "shape"),
        (lambda X: np.zeros((len(X), 2)), "shape"),
        (lambda X: np.zeros((len(X) + 1, 1)), "shape"),
    ],
)
def test_a_point_that_is_none_is_refused(values, says):
    lawful_learner(values)
    with pytest.raises(InvalidPredictionError, match=says):
        fit_and_predict(regression_task(30), "says")


@pytest.mark.parametrize(
    ("row", "says"),
    [([0.5, 0.6], "distribution"), ([1.5, -0.5], "distribution"), ([1.0], "shape"), ([np.nan, 1], "finite")],
)
def test_probabilities_that_are_none_are_refused(row, says):
    lawful_learner(lambda X: np.tile(row, (len(X), 1)), ("class",))
    task = class_task(30)
    with pytest.raises(InvalidPredictionError, match=says):
        fit_and_predict(task, "says", classes_of(task))


def test_probabilities_are_clipped_and_the_rows_counted():
    lawful_learner(lambda X: np.tile([1.0, 0.0], (len(X), 1)), ("class",))
    task = class_task(30)
    found = fit_and_predict(task, "says", classes_of(task))
    assert found.oof.min() > 0
    assert found.meta["clipped"] == 30
    np.testing.assert_allclose(found.test.sum(axis=1), 1, rtol=1e-15)


def test_a_class_that_the_training_rows_lack_gets_next_to_no_probability():
    task = class_task(60, shares=(0.5, 0.4, 0.1))
    rare = np.flatnonzero(task.y == 2)
    others = np.flatnonzero(task.y != 2)
    split = Split(0, 0, others[:40], np.concatenate([others[40:], rare]))
    for learner in ("logistic", "knn"):
        found = fit_and_predict(replace(task, splits=(split,)), learner, classes_of(task))
        assert found.test.shape == (len(split.test), 3)
        assert found.test[:, 2].max() < 1e-14
        np.testing.assert_allclose(found.test.sum(axis=1), 1, rtol=1e-14)


# what does not apply


def test_a_training_part_with_one_class_is_skipped_with_its_reason():
    task = class_task(40)
    one = np.flatnonzero(task.y == 0)
    rows = rows_of(task, Split(0, 0, one, np.flatnonzero(task.y == 1)), SETTINGS)
    fit = Fit(classes_of(task), "logistic")
    assert "two classes" in why_not(rows, fit, Settings())
    with pytest.raises(NotApplicableError, match="two classes"):
        predict(rows, fit, SETTINGS)


def test_a_learner_that_hears_no_weights_is_skipped_only_where_there_are_any():
    task = class_task(60, shares=(0.7, 0.3))
    rows = rows_of(task, task.splits[0], SETTINGS)
    assert "no row weights" in why_not(rows, Fit(classes_of(task), "knn", "balanced"), Settings())
    assert why_not(rows, Fit(classes_of(task), "knn"), Settings()) is None
    assert why_not(rows, Fit(classes_of(task), "logistic", "balanced"), Settings()) is None


# weights


def test_row_weights_are_those_of_the_task_times_those_of_the_class():
    w = np.linspace(0, 2, 60)
    task = class_task(60, shares=(0.7, 0.3), weight=w)
    rows = task.splits[0].train
    found = whole_fit_row_weights(task, "balanced")
    np.testing.assert_allclose(found.mean(), 1, rtol=1e-12)
    mass = np.bincount(task.y[rows], weights=found)
    np.testing.assert_allclose(mass[0], mass[1], rtol=1e-12)
    for k in (0, 1):
        mine = (task.y[rows] == k) & (w[rows] > 0)
        assert np.ptp((found / np.where(w[rows] > 0, w[rows], 1))[mine]) < 1e-12
    equal = replace(task, weight=np.full(60, 3.0))
    assert whole_fit_row_weights(equal, "none") is None


def whole_fit_row_weights(task, name):
    """Return the row weights of the model of all training rows of the first split."""
    rows = rows_of(task, task.splits[0], Settings())
    return fit_row_weights(rows, out_of_fold.trainings.registry.scheme(name))[0]


def test_a_row_of_weight_zero_teaches_nothing():
    """Ridge with a zero weight answers like ridge without the row: the encoder sees the row, so its values are kept."""
    task = regression_task(40)
    split = task.splits[0]
    silent = split.train[:5]
    weight = np.ones(40)
    weight[silent] = 0
    y = task.y.copy()
    y[silent] = 1e3
    quiet = fit_and_predict(replace(task, weight=weight), "ridge")
    wild = fit_and_predict(replace(task, weight=weight, y=y), "ridge")
    np.testing.assert_allclose(quiet.test, wild.test, rtol=1e-10)
    np.testing.assert_allclose(quiet.oof, wild.oof, rtol=1e-10)
    assert np.abs(fit_and_predict(replace(task, y=y), "ridge").test - quiet.test).max() > 1


def test_weights_matter_by_their_ratios_alone():
    task = regression_task(40, weight=np.random.default_rng(0).uniform(0.5, 2, 40))
    other = replace(task, weight=task.weight * 8)
    np.testing.assert_allclose(fit_and_predict(task, "ridge").test, fit_and_predict(other, "ridge").test, rtol=1e-12)


def test_weights_reach_the_learner(seen):
    task = regression_task(30, weight=np.arange(30.0) + 1)
    fit_and_predict(task, "listener")
    for model in (one for one in seen if "requested" in one):
        expected = task.weight[model["X"].index]
        np.testing.assert_allclose(model["weight"], expected / expected.mean(), rtol=1e-12)


# keys


def key(task=None, learner="ridge", target=POINT, training="none", settings=SETTINGS, split=0):
    task = regression_task() if task is None else task
    rows = rows_of(task, task.splits[split], settings)
    return digest(fit_parts(rows, Fit(target, learner, training), settings, data_hash(task)))


def other_rows(task):
    split = task.splits[0]
    return replace(task, splits=(replace(split, train=split.train[:-1]),))


def other_value(task):
    X = task.X.copy()
    X.iloc[3, 1] += 1e-9
    return replace(task, X=X)


def other_y(task):
    y = task.y.copy()
    y[0] += 1e-9
    return replace(task, y=y)


@pytest.mark.parametrize(
    "change",
    [
        {"task": other_value(regression_task())},
        {"task": other_y(regression_task())},
        {"task": other_rows(regression_task())},
        {"task": replace(regression_task(), X=regression_task().X.rename(columns={"x0": "z"}))},
        {"task": replace(regression_task(), X=regression_task().X[["x1", "x0", "x2"]])},
        {"task": replace(regression_task(), name="test:other")},
        {"task": replace(regression_task(), weight=np.arange(40.0))},
        {"task": replace(regression_task(), groups=np.arange(40) % 7)},
        {"learner": "knn"},
        {"learner": "ridge:alpha=2"},
        {"target": QUANTILE, "learner": "gaussian"},
        {"settings": replace(SETTINGS, seed=1)},
        {"settings": replace(SETTINGS, inner=4)},
        {"settings": replace(SETTINGS, protocol="bag")},
        {"split": 1},
    ],
    ids="-".join,
)
def test_every_ingredient_changes_the_key(change):
    assert key(**change) != key()


def test_levels_change_the_key_of_quantiles_alone():
    levels = [Target("quantile", (0.1, 0.5, 0.9)), Target("quantile", (0.1, 0.5, 0.95)), Target("quantile", (0.1, 0.5))]
    assert len({key(learner="gaussian", target=target) for target in levels}) == 3
    settings = replace(SETTINGS, levels=(0.5,))
    assert key(settings=settings) == key()


def test_the_key_has_nothing_else_in_it():
    task = regression_task()
    assert key(replace(task, meta={"note": "x"})) == key()
    assert key(learner="ridge:alpha=1") == key()
    assert key(replace(task, weight=np.full(40, 1.0))) != key()  # it is data, and the row counts say so


def test_the_source_of_a_learner_and_of_the_harness_are_in_the_key(monkeypatch):
    before, real = key(), scheme.source_hash
    for touched in (*fit_spec.FIT_CODE, "bench.methods.learners.ridge"):

        def changed(*modules, touched=touched):
            return "changed" if touched in modules else real(*modules)

        monkeypatch.setattr(scheme, "source_hash", changed)
        monkeypatch.setattr(fit_spec, "source_hash", changed)
        for entry in learners.registry.entries().values():
            entry.__dict__.pop("source", None)
        assert key() != before, touched
    monkeypatch.undo()
    for entry in learners.registry.entries().values():
        entry.__dict__.pop("source", None)


def test_versions_of_the_libraries_are_in_the_key(monkeypatch):
    before = key()
    monkeypatch.setattr(fit_spec, "_version", lambda name: "9.9" if name == "scikit-learn" else "1")
    assert key() != before


def class_key(task, training):
    return key(task, "logistic", classes_of(task), training)


def test_training_schemes_that_weigh_alike_share_a_key():
    fair = class_task(72, shares=(0.5, 0.5))
    assert class_key(fair, "balanced") == class_key(fair, "none") == class_key(fair, "inverse-power")
    unfair = class_task(72, shares=(0.75, 0.25))
    keys = [class_key(unfair, t) for t in ("none", "balanced", "inverse-power", "effective-number:beta=0.9")]
    assert len(set(keys)) == 4
    assert class_key(unfair, "inverse-power:power=0") == class_key(unfair, "none")


def test_the_key_of_a_fit_stays_when_nothing_changes():
    assert key() == key()
    assert len(key()) == 32
