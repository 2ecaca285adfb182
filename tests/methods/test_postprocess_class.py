"""Decisions and calibration of class probabilities: against their definitions, and on data whose truth is known."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import probabilities
from makers.predictions import prediction_of
from scipy.optimize import minimize
from scipy.special import expit, logit

from bench.checks.examples import reorder_target
from bench.core.nouns import SMALLEST_PROBABILITY, BenchError, NotApplicableError
from bench.methods import metrics
from bench.methods.postprocess import registry
from bench.methods.postprocess.one_vs_rest import fit_logistic

RNG = np.random.default_rng(0)
CALIBRATORS = ["platt", "beta", "isotonic", "temperature", "vector-scaling", "dirichlet", "venn-abers"]
DECISIONS = ["threshold", "logit-adjustment", "cost-threshold", "half-f1"]
few = settings(max_examples=15)


def two(p, weight=None, **more):
    """Return a prediction that gives the second class the probability p."""
    return prediction_of(np.column_stack([1 - np.asarray(p), p]), weight, **more)


def step(name, prediction, y):
    return registry.scheme(name)(prediction, np.asarray(y), RNG)


def predictions(prediction):
    return prediction.values


def drawn(seed, classes=3, n=60, *, weighted=False):
    rng = np.random.default_rng(seed)
    truth = probabilities(rng, n, classes) ** 2
    truth /= truth.sum(axis=1, keepdims=True)
    y = np.array([rng.choice(classes, p=p) for p in truth])
    return prediction_of(truth, rng.uniform(0.1, 3, n) if weighted else None), y


def score(name, y, prediction):
    return metrics.get_metric(prediction.target, name).function(prediction.target, y, prediction)


# --- every step -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", registry.entries("class"))
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("case", ["one class", "absent", "one row", "same", "certain", "weights", "light"])
def test_no_step_is_ever_undefined(name, width, case):
    if name in {"half-f1", "miss-rate"} and width > 2:
        pytest.skip("defined for two classes")
    prediction, y = drawn(1, width, n=1 if case == "one row" else 40)
    prediction = replace(prediction, effective_class_weights=np.linspace(1, 2, width))
    hard = np.eye(width)[(y + (np.arange(len(y)) % 5 == 0)) % width] * (1 - 2e-15) + SMALLEST_PROBABILITY
    changes = {
        "one class": lambda: (prediction, np.zeros_like(y)),
        "absent": lambda: (prediction, np.where(y == width - 1, 0, y)),
        "same": lambda: (replace(prediction, values=np.full_like(predictions(prediction), 1 / width)), y),
        "certain": lambda: (replace(prediction, values=hard / hard.sum(axis=1, keepdims=True)), y),
        "weights": lambda: (replace(prediction, weight=np.arange(len(y)) % 3 * 1.0), y),
        "light": lambda: (replace(prediction, weight=np.where(y == 0, 1.0, 1e-9)), y),
    }
    prediction, y = changes.get(case, lambda: (prediction, y))()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        change = step(name, prediction, y)
        found = [
            change(prediction),
            change(replace(drawn(2, width)[0], effective_class_weights=prediction.effective_class_weights)),
        ]
    for each in found:
        np.testing.assert_allclose(predictions(each).sum(axis=1), 1, rtol=1e-12)
        assert np.all(np.isfinite(predictions(each)) & (predictions(each) > 0))
        assert each.rule is None or np.all(np.isfinite(each.rule) & (each.rule >= 0))


# the sweeps of threshold take the classes in turn, and may end at another peak
BY_NAME = [
    name for name, entry in registry.entries("class").items() if not entry.options.binary and name != "threshold"
]


@pytest.mark.parametrize("name", BY_NAME)
@given(seed=st.integers(0, 10**6))
@few
def test_the_order_of_the_classes_is_only_a_name(name, seed):
    prediction, y = drawn(seed, 4, weighted=True)
    prediction = replace(prediction, effective_class_weights=np.array([0.5, 1, 2, 3]))
    order = np.random.default_rng(seed).permutation(4)
    renamed = replace(
        prediction,
        target=reorder_target(prediction.target, order),
        values=predictions(prediction)[:, order],
        effective_class_weights=prediction.effective_class_weights[order],
    )
    first, second = step(name, prediction, y)(prediction), step(name, renamed, np.argsort(order)[y])(renamed)
    np.testing.assert_allclose(predictions(second), predictions(first)[:, order], rtol=1e-6, atol=1e-10)  # L-BFGS's
    np.testing.assert_array_equal(order[second.labels], first.labels)


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_leave_probabilities_and_weights_behind_them_alone(name):
    prediction, y = drawn(0, 2)
    prediction = replace(prediction, effective_class_weights=np.array([1.0, 3]))
    found = step(name, prediction, y)(prediction)
    assert predictions(found) is predictions(prediction)
    assert found.effective_class_weights is prediction.effective_class_weights
    assert score("log_loss", y, found) == score("log_loss", y, prediction)


# --- decisions ------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), tau=st.sampled_from([0.0, 0.5, 1.0, 2.0]), weighted=st.booleans())
def test_logit_adjustment_is_menon_s_rule(seed, tau, weighted):
    prediction, y = drawn(seed, 4, weighted=weighted)
    y[:4] = np.arange(4)
    share = np.bincount(y, weights=prediction.weight, minlength=4) / (
        len(y) if not weighted else prediction.weight.sum()
    )
    expected = np.argmax(np.log(predictions(prediction)) - tau * np.log(share), axis=1)
    np.testing.assert_array_equal(step(f"logit-adjustment:tau={tau}", prediction, y)(prediction).labels, expected)


def test_true_probabilities_adjusted_have_the_least_balanced_error():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40_000), np.zeros(40_000, dtype=int)
    p = expit(2 * x - 4)
    y = (rng.uniform(size=len(x)) < p).astype(int)
    found = step("logit-adjustment", two(p), y)(two(p))
    best = max(np.mean(p[y == 1] > t) + np.mean(p[y == 0] <= t) for t in np.linspace(0.01, 0.9, 500)) / 2
    assert score("balanced_accuracy", y, found) > best - 0.005
    assert score("balanced_accuracy", y, two(p)) < best - 0.1


def test_logit_adjustment_never_decides_on_a_class_without_a_row():
    prediction, y = drawn(0, 3)
    found = step("logit-adjustment", prediction, np.where(y == 2, 0, y))(prediction)
    assert set(found.labels) == {0, 1}
    assert found.rule[2] == 0


@pytest.mark.parametrize("tau", ["nan", "inf"])
def test_tau_is_a_number(tau):
    with pytest.raises(BenchError, match="tau of logit-adjustment cannot be"):
        step(f"logit-adjustment:tau={tau}", *drawn(0))


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 5))
def test_labels_have_the_least_expected_cost(seed, classes):
    prediction, y = drawn(seed, classes)
    rng = np.random.default_rng(seed)
    missed, hit = rng.uniform(1, 9, (classes, 1)), rng.uniform(-1, 0.9, classes)
    cost = np.where(np.eye(classes, dtype=bool), hit, missed)
    text = ";".join(" ".join(f"{c:.17g}" for c in row) for row in cost)
    found = step(f"cost-threshold:costs={text}", prediction, y)(prediction)
    np.testing.assert_array_equal(found.labels, np.argmin(predictions(prediction) @ cost, axis=1))


@given(fp=st.floats(0.1, 10), fn=st.floats(0.1, 10), seed=st.integers(0, 1000))
def test_two_classes_are_cut_at_the_cost_threshold(fp, fn, seed):
    p = np.random.default_rng(seed).uniform(0.001, 0.999, 50)
    found = step(f"cost-threshold:costs=0 {fp!r}; {fn!r} 0", two(p), np.arange(50) % 2)(two(p))
    np.testing.assert_array_equal(found.labels, (p > fp / (fp + fn)).astype(int))


def test_a_ratio_is_the_cost_of_missing_the_positive_class():
    p = np.linspace(0.015, 0.985, 98)
    y = np.zeros(98, dtype=int)
    np.testing.assert_array_equal(step("cost-threshold:costs=4", two(p), y)(two(p)).labels, p > 0.2)
    first = replace(two(p), target=replace(two(p).target, positive=0))
    np.testing.assert_array_equal(step("cost-threshold:costs=4", first, y)(first).labels, p > 0.8)
    prediction, _ = drawn(0, 4, n=6)
    np.testing.assert_array_equal(step("cost-threshold:costs=2", prediction, y[:6])(prediction).rule, [1, 2, 1, 1])


@given(seed=st.integers(0, 10**6), classes=st.integers(3, 5))
def test_any_costs_of_any_number_of_classes_are_decided_by(seed, classes):
    prediction, y = drawn(seed, classes)
    cost = np.random.default_rng(seed).uniform(1, 9, (classes, classes))
    np.fill_diagonal(cost, np.linspace(-1, 0.9, classes))
    text = ";".join(" ".join(f"{c:.17g}" for c in row) for row in cost)
    found = step(f"cost-threshold:costs={text}", prediction, y)(prediction)
    np.testing.assert_array_equal(found.labels, np.argmin(predictions(prediction) @ cost, axis=1))
    hot = replace(prediction, values=np.eye(classes)[found.labels])
    assert score(f"expected_cost:costs={text}", y, found) == score(f"expected_cost:costs={text}", y, hot)


@pytest.mark.parametrize(
    ("costs", "advice"),
    [
        ("high", "give a matrix"),
        ("0 1; 2", "give a matrix"),
        ("nan", "give a matrix"),
        ("0 inf; 1 0", "give a matrix"),
        ("-3", "a hit must cost less"),
        ("0 1", "a hit must cost less"),
        ("1 1; 1 0", "a hit must cost less"),
        ("0 1 1; 1 0 1; -1 -1 0", "a hit must cost less"),
    ],
)
def test_costs_that_cannot_be_decided_by_are_refused(costs, advice):
    with pytest.raises(BenchError, match=f"(?s)costs of cost-threshold cannot be .*{advice}"):
        step(f"cost-threshold:costs={costs}", *drawn(0, 3 if costs.count(";") == 2 else 2))


def test_costs_for_other_classes_do_not_apply():
    with pytest.raises(NotApplicableError, match="for 2 classes, the task has 3"):
        step("cost-threshold:costs=0 1; 5 0", *drawn(0, 3))


def expected_f1(p, mass, cut):
    chosen = p > cut
    return 2 * (mass * p)[chosen].sum() / ((mass * p).sum() + mass[chosen].sum())


@given(seed=st.integers(0, 10**6), n=st.integers(2, 60), weighted=st.booleans(), ties=st.booleans())
def test_half_f1_has_the_best_expected_f1_and_cuts_at_its_half(seed, n, weighted, ties):
    rng = np.random.default_rng(seed)
    p = rng.integers(1, 8, n) / 8 if ties else rng.beta(0.5, 2, n).clip(1e-6, 1 - 1e-6)
    mass = rng.uniform(0.1, 3, n) if weighted else np.ones(n)
    y = np.append(np.zeros(n - 1, dtype=int), 1)
    prediction = two(p, mass if weighted else None)
    if mass @ y > mass @ (1 - y):
        return
    found = step("half-f1", prediction, y)(prediction)
    cut = found.rule[0] / (found.rule[0] + found.rule[1])
    best = max(expected_f1(p, mass, t) for t in [0, *p])
    np.testing.assert_allclose(cut, best / 2, rtol=1e-9)
    np.testing.assert_allclose(expected_f1(p, mass, cut), best, rtol=1e-9)


def test_half_f1_finds_the_cut_of_calibrated_probabilities():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(-4, 1.2, 40_000))
    y = (rng.uniform(size=len(p)) < p).astype(int)
    found, tuned = (step(name, two(p), y)(two(p)) for name in ("half-f1", "threshold:metric=binary_f1"))
    assert score("binary_f1", y, found) > score("binary_f1", y, tuned) - 0.005
    assert score("binary_f1", y, two(p)) < score("binary_f1", y, tuned) - 0.1
    cut = found.rule[0] / (found.rule[0] + found.rule[1])
    np.testing.assert_allclose(cut, score("binary_f1", y, tuned) / 2, atol=0.01)


def test_half_f1_is_for_two_classes_and_for_the_positive_one():
    with pytest.raises(NotApplicableError, match="two classes"):
        step("half-f1", *drawn(0, 3))
    p, y = np.array([0.1, 0.2, 0.3, 0.4, 0.9]), np.array([1, 1, 0, 1, 1])
    turned = replace(two(1 - p), target=replace(two(p).target, positive=0))
    for truth in (y, 1 - y):  # whichever class is the rarer of the known rows
        labels = step("half-f1", two(p), truth)(two(p)).labels
        np.testing.assert_array_equal(1 - labels, step("half-f1", turned, 1 - truth)(turned).labels)
        assert labels.tolist() == [0, 0, 0, 1, 1]


COUNTED = [name.replace("-", "_") for name, e in metrics.registry.entries("class").items() if e.options.counts]


@pytest.mark.parametrize("metric", COUNTED)
def test_every_label_metric_with_a_formula_on_counts_can_be_tuned_exactly(metric):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        p = rng.integers(1, 12, 25) / 12
        prediction, y = two(p), (rng.uniform(size=25) < 0.3 * p + 0.2).astype(int)
        found = score(metric, y, step(f"threshold:metric={metric}", prediction, y)(prediction))
        cuts = [0, *np.unique(p) + 1e-6]
        tried = [score(metric, y, replace(prediction, rule=np.array([cut, 1 - cut]))) for cut in cuts]
        np.testing.assert_allclose(found, np.nanmax(tried) if np.isfinite(tried).any() else np.nan, rtol=1e-9)


def test_the_label_metrics_are_among_those_that_can_be_tuned():
    assert {"macro_f1", "weighted_f1", "dodrans_f1", "entropy_f1", "binary_f1", "micro_f1", "mcc"} <= set(COUNTED)
    assert {"accuracy", "balanced_accuracy", "g_mean"} <= set(COUNTED)


# --- calibration ----------------------------------------------------------------------------------


def platt_of(p, y, weight=None):
    """Minimise Platt's loss with a general solver."""
    mass = np.ones(len(y)) if weight is None else weight
    own, others = mass[y == 1].sum(), mass[y == 0].sum()
    target, f = np.where(y == 1, (own + 1) / (own + 2), 1 / (others + 2)), logit(p)

    def loss(w):
        z = w[0] * f + w[1]
        return mass @ (np.logaddexp(0, z) - target * z), [mass @ ((expit(z) - target) * f), mass @ (expit(z) - target)]

    return minimize(loss, [0, 0], jac=True, method="BFGS", options={"gtol": 1e-10}).x


@given(seed=st.integers(0, 10**6), weighted=st.booleans())
@few
def test_platt_minimises_its_loss(seed, weighted):
    prediction, y = drawn(seed, 2, weighted=weighted)
    y[:2] = 0, 1
    p = predictions(prediction)[:, 1]
    a, b = platt_of(p, y, prediction.weight)
    np.testing.assert_allclose(
        predictions(step("platt", prediction, y)(prediction))[:, 1], expit(a * logit(p) + b), atol=1e-6
    )


def test_platt_on_classes_that_can_be_separated_stays_off_certainty():
    p = np.linspace(0.3, 0.7, 20)
    found = predictions(step("platt", two(p), p > 0.5)(two(p)))[:, 1]
    assert 0.005 < found.min() < 0.1
    assert 0.9 < found.max() < 0.995


@given(seed=st.integers(0, 10**6))
@few
def test_beta_is_the_best_of_all_lawful_parameters(seed):
    rng = np.random.default_rng(seed)
    p, y = rng.beta(0.6, 0.6, 80).clip(1e-4, 1 - 1e-4), rng.integers(0, 2, 80)
    mass = np.ones(80)
    target = np.where(y == 1, (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2))
    features = np.column_stack([np.log(p), -np.log1p(-p), np.ones(80)])

    def loss(w):
        z = features @ w
        return mass @ (np.logaddexp(0, z) - target * z), features.T @ (expit(z) - target)

    best = minimize(loss, [1, 1, 0], jac=True, method="L-BFGS-B", bounds=[(0, None)] * 2 + [(None, None)]).fun
    q = predictions(step("beta", two(p), y)(two(p)))[:, 1]
    assert -(target @ np.log(q) + (1 - target) @ np.log1p(-q)) <= best + 1e-6
    assert np.all(np.diff(q[np.argsort(p)]) >= -1e-12)


@pytest.mark.parametrize(("a", "b", "c"), [(1, 1, 0), (2, 0.5, -1), (0.7, 1.5, 1)])
def test_beta_undoes_a_beta_distortion(a, b, c):
    rng = np.random.default_rng(0)
    p = rng.beta(1, 1, 60_000).clip(1e-6, 1 - 1e-6)
    truth = expit(a * np.log(p) - b * np.log1p(-p) + c)
    y = (rng.uniform(size=len(p)) < truth).astype(int)
    np.testing.assert_allclose(predictions(step("beta", two(p), y)(two(p)))[:, 1], truth, atol=0.02)


@given(seed=st.integers(0, 10**6), weighted=st.booleans())
@few
def test_isotonic_of_two_classes_is_scikit_learn_s(seed, weighted):
    from sklearn.isotonic import IsotonicRegression

    prediction, y = drawn(seed, 2, weighted=weighted)
    y[:2] = 0, 1
    p, test = predictions(prediction)[:, 1], np.linspace(0, 1, 50)
    curve = IsotonicRegression(out_of_bounds="clip").fit(p, y, sample_weight=prediction.weight)
    np.testing.assert_allclose(
        predictions(step("isotonic", prediction, y)(two(test)))[:, 1], curve.predict(test), atol=1e-9
    )


def test_isotonic_pools_weighted_rows_of_one_probability():
    prediction = two([0.2, 0.2, 0.6, 0.6], np.array([3.0, 1, 1, 1]))
    found = predictions(step("isotonic", prediction, [0, 1, 1, 0])(prediction))[:, 1]
    np.testing.assert_allclose(found, [0.25, 0.25, 0.5, 0.5])


def test_a_row_to_which_all_curves_give_nothing_stays():
    known = prediction_of([[0.5, 0.4, 0.1], [0.1, 0.5, 0.4], [0.4, 0.1, 0.5]])
    change = step("isotonic", known, np.arange(3))
    np.testing.assert_allclose(predictions(change(known)), np.eye(3), atol=1e-12)
    nothing = prediction_of([[0.3, 0.35, 0.35], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(predictions(change(nothing)), predictions(nothing), rtol=1e-12)


@pytest.mark.parametrize("name", CALIBRATORS)
@pytest.mark.parametrize("classes", [2, 4])
def test_calibration_mends_probabilities_that_are_too_sure(name, classes):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8000, classes)) - np.arange(classes)
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (rng.uniform(size=(8000, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    sure = prediction_of(truth**3 / (truth**3).sum(axis=1, keepdims=True))
    known, test = (replace(sure, values=predictions(sure)[part]) for part in (slice(4000), slice(4000, None)))
    found, raw = step(name, known, y[:4000])(test), replace(sure, values=truth[4000:])
    metric = "brier" if name == "isotonic" else "log_loss"  # isotonic reaches 0 and 1, where one mistake costs 34
    losses = [score(metric, y[4000:], each) for each in (test, found, raw)]
    assert losses[1] < losses[2] + 0.02 < losses[0]


@pytest.mark.parametrize("name", ["platt", "beta", "isotonic"])
def test_calibrated_probabilities_forget_the_class_weights_of_the_training(name):
    prediction, y = drawn(0, 2)
    assert (
        step(name, prediction, y)(
            replace(prediction, effective_class_weights=np.array([1.0, 2]))
        ).effective_class_weights
        is None
    )


@pytest.mark.parametrize("name", ["platt", "beta", "isotonic"])
def test_an_absent_class_keeps_its_odds_among_what_is_left(name):
    prediction, y = drawn(0, 3)
    y = np.where(y == 2, 0, y)
    faint = predictions(prediction) * [1, 1, 1e-9]
    faint = replace(prediction, values=faint / faint.sum(axis=1, keepdims=True))
    assert predictions(step(name, faint, y)(faint))[:, 2].max() < 1e-8
    lone = step(name, prediction, np.zeros_like(y))(prediction)
    np.testing.assert_allclose(predictions(lone), predictions(prediction), rtol=1e-12)


@given(seed=st.integers(0, 10**6), d=st.integers(1, 4))
@few
def test_newton_ends_where_the_slope_is_zero(seed, d):
    rng = np.random.default_rng(seed)
    X, target, mass = rng.normal(size=(50, d)), rng.uniform(0.05, 0.95, 50), rng.uniform(0.1, 2, 50)
    w, loss = fit_logistic(X, target, mass)
    np.testing.assert_allclose(X.T @ (mass * (expit(X @ w) - target)), 0, atol=1e-6)
    np.testing.assert_allclose(loss, mass @ (np.logaddexp(0, X @ w) - target * (X @ w)), rtol=1e-12)


# --- priors ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    """Fit a well-specified logistic model on few positives, plain and balanced; predict fresh rows."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 4))
    y = (rng.uniform(size=len(X)) < expit(X @ [1.0, -0.7, 0.5, 0.3] - 4.2)).astype(int)
    fit_rows, requested = slice(20_000), slice(20_000, None)
    models = [LogisticRegression(C=1e6, class_weight=w, tol=1e-8, max_iter=1000) for w in (None, "balanced")]
    for model in models:
        model.fit(X[fit_rows], y[fit_rows])
    counts = np.bincount(y[fit_rows])
    weights = counts.sum() / (2 * counts)
    predictions = [prediction_of(model.predict_proba(X[requested])) for model in models]
    return models, predictions, weights, y[fit_rows], y[requested]


def test_balanced_weights_shift_the_intercept_by_the_log_odds_of_the_classes(simulated):
    models, _, _, known, _ = simulated
    shift = models[1].intercept_[0] - models[0].intercept_[0]
    np.testing.assert_allclose(shift, np.log((1 - known.mean()) / known.mean()), atol=0.15)


def test_prior_correction_restores_the_log_loss_and_moves_no_ranking(simulated):
    _, (plain, balanced), weights, _, y = simulated
    balanced = replace(balanced, effective_class_weights=weights)
    found = step("prior-correction", balanced, [])(balanced)
    np.testing.assert_allclose(score("log_loss", y, found), score("log_loss", y, plain), rtol=0, atol=1e-4)
    np.testing.assert_allclose(score("brier", y, found), score("brier", y, plain), rtol=0, atol=1e-4)
    assert score("log_loss", y, balanced) > 3 * score("log_loss", y, plain)
    for metric in ("auroc", "macro_auprc"):
        np.testing.assert_allclose(score(metric, y, found), score(metric, y, balanced), rtol=1e-9)
    np.testing.assert_allclose(predictions(found)[:, 1].mean(), y.mean(), atol=0.003)


def test_weights_may_differ_from_row_to_row():
    prediction, _ = drawn(0, 3)
    w = np.random.default_rng(1).uniform(0.2, 5, predictions(prediction).shape)
    weighted = predictions(prediction) * w
    weighted = replace(prediction, values=weighted / weighted.sum(axis=1, keepdims=True), effective_class_weights=w)
    np.testing.assert_allclose(
        predictions(step("prior-correction", weighted, [])(weighted)), predictions(prediction), rtol=1e-10
    )


@pytest.mark.parametrize(
    "effective_class_weights", [np.full(3, np.nan), np.array([1, np.nan, 1]), np.full((60, 3), np.nan)]
)
@pytest.mark.parametrize("name", ["prior-correction", "em-prior"])
def test_weights_that_are_not_known_cannot_be_undone(name, effective_class_weights):
    prediction, y = drawn(0, 3)
    change = step(name, prediction, y)
    with pytest.raises(NotApplicableError, match="the class weights behind this prediction are not known"):
        change(replace(prediction, effective_class_weights=effective_class_weights))
    assert predictions(step("prior-correction", prediction, y)(prediction)) is predictions(prediction)


def shifted(seed, before, after, n=20_000):
    """Draw rows of both class shares, with the probabilities that are true under the first."""
    rng = np.random.default_rng(seed)
    sets = []
    for share in (before, after):
        y = rng.choice(3, n, p=share)
        x = rng.normal(size=(n, 2)) + np.array([[0, 0], [2, 0], [0, 2]])[y]
        odds = np.array(before) * np.exp(x @ np.array([[0, 2, 0], [0, 0, 2]]) - np.array([0, 2, 2]))
        sets.append((prediction_of(odds / odds.sum(axis=1, keepdims=True)), y))
    return sets


def test_em_finds_the_class_shares_and_corrects_for_them():
    (known, y), (test, truth) = shifted(0, [0.6, 0.3, 0.1], [0.2, 0.2, 0.6])
    found = step("em-prior", known, y)(test)
    np.testing.assert_allclose(predictions(found).mean(axis=0), [0.2, 0.2, 0.6], atol=0.02)
    assert score("log_loss", truth, found) < score("log_loss", truth, test) - 0.1
    ratio = np.bincount(truth) / np.bincount(y)
    ideal = predictions(test) * ratio
    ideal /= ideal.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        score("log_loss", truth, found), score("log_loss", truth, prediction_of(ideal)), atol=0.002
    )
    same = step("em-prior", known, y)(known)
    np.testing.assert_allclose(score("log_loss", y, same), score("log_loss", y, known), atol=0.002)


def test_em_ends_at_its_fixed_point():
    prediction, y = drawn(3, 3, n=200, weighted=True)
    y[:3] = np.arange(3)
    found = step("em-prior", prediction, y)(prediction)
    before = np.bincount(y, weights=prediction.weight) / prediction.weight.sum()
    share = np.average(predictions(found), axis=0, weights=prediction.weight)
    again = predictions(prediction) * share / before
    np.testing.assert_allclose(predictions(found), again / again.sum(axis=1, keepdims=True), atol=1e-6)


def test_em_undoes_class_weights_first():
    (known, y), (test, _) = shifted(1, [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], n=2000)
    w = np.array([0.5, 1.0, 3.0])
    weighted = predictions(test) * w
    weighted = replace(test, values=weighted / weighted.sum(axis=1, keepdims=True), effective_class_weights=w)
    change = step("em-prior", known, y)
    np.testing.assert_allclose(predictions(change(weighted)), predictions(change(test)), rtol=1e-6)
    assert change(weighted).effective_class_weights is None


def test_steps_in_a_chain_declare_what_they_need():
    entries = registry.entries("class")
    assert entries["prior-correction"].options.learns == "nothing"
    assert entries["half-f1"].options.binary
    assert not any(entries[name].options.protocols for name in itertools.chain(CALIBRATORS, DECISIONS))


# --- maps of log probabilities, Venn–Abers --------------------------------------------------------


@pytest.mark.parametrize(("name", "penalty"), [("vector-scaling", None), ("dirichlet:penalty=0.02", 0.02)])
@pytest.mark.parametrize("weighted", [False, True])
def test_maps_of_log_probabilities_are_at_the_optimum_of_a_slow_search(name, penalty, weighted):
    prediction, y = drawn(3, 3, n=50, weighted=weighted)
    logs = np.log(predictions(prediction))
    share = np.ones(50) if prediction.weight is None else prediction.weight
    identity = np.eye(3, 4)
    price = np.full((3, 4), 1e-4 if penalty is None else penalty)
    price[np.arange(3), np.arange(3)] = 1e-4
    free = np.column_stack([np.eye(3) if penalty is None else np.ones((3, 3)), np.ones(3)]).astype(bool)

    def mapped(theta):
        odds = np.exp(logs @ theta[:, :3].T + theta[:, 3])
        return odds / odds.sum(axis=1, keepdims=True)

    def objective(entries):
        theta = identity.copy()
        theta[free] = entries
        loss = -np.log(mapped(theta)[np.arange(50), y])
        return share @ loss / share.sum() + (price * (theta - identity) ** 2).sum() / 2

    found = minimize(objective, identity[free], method="BFGS", options={"gtol": 1e-8})
    theta = identity.copy()
    theta[free] = found.x
    np.testing.assert_allclose(predictions(step(name, prediction, y)(prediction)), mapped(theta), atol=1e-5)


def test_vector_scaling_and_dirichlet_lower_the_loss_of_a_bent_model():
    truth, y = drawn(5, 3, n=2000)
    bent = predictions(truth) ** np.array([0.5, 1.5, 1.0]) * np.array([1.0, 2.0, 0.5])
    bent = prediction_of(bent / bent.sum(axis=1, keepdims=True))
    before = score("log_loss", y, bent)
    best = score("log_loss", y, truth)
    for name in ("vector-scaling", "dirichlet"):
        assert score("log_loss", y, step(name, bent, y)(bent)) < min(best + 0.005, before - 0.02)


def test_dirichlet_leaves_many_classes_to_vector_scaling():
    prediction, y = drawn(0, 51, n=60)
    with pytest.raises(NotApplicableError, match="use vector-scaling"):
        step("dirichlet", prediction, y)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 25), tied=st.booleans())
@few
def test_venn_abers_is_as_defined(seed, n, tied):
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(seed)
    p, asked = (rng.integers(1, 6, m) / 6 if tied else rng.uniform(0.05, 0.95, m) for m in (n, 6))
    y = (rng.random(n) < p).astype(int)
    y[:2] = 0, 1
    expected = []
    for s in asked:
        zero, one = (
            IsotonicRegression().fit(np.append(p, s), np.append(y, label)).predict([s])[0] for label in (0.0, 1.0)
        )
        expected.append(one / (1 - zero + one))
    np.testing.assert_allclose(predictions(step("venn-abers", two(p), y)(two(asked)))[:, 1], expected, atol=1e-9)


def test_venn_abers_is_never_certain():
    p = np.linspace(0.01, 0.99, 20)
    found = predictions(step("venn-abers", two(p), p > 0.5)(two(p)))
    assert 0.03 < found.min() < found.max() < 0.97
    rash = predictions(step("isotonic", two(p), p > 0.5)(two(p)))
    assert rash.max() > 1 - 1e-9


# --- conformal risk control -----------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(1, 80), rate=st.sampled_from([0.05, 0.1, 0.3]))
@few
def test_the_cut_of_miss_rate_is_the_largest_that_may_be(seed, n, rate):
    rng = np.random.default_rng(seed)
    p, y = np.round(rng.uniform(0.01, 0.6, 3 * n), 2), np.repeat([1, 0, 0], n)
    found = step(f"miss-rate:rate={rate}", two(p), y)(two(p))
    allowed = [cut for cut in (0.0, *p[:n]) if (np.sum(p[:n] < cut) + 1) / (n + 1) <= rate + 1e-12]
    expected = p >= max(allowed) if allowed else np.ones(3 * n, dtype=bool)
    np.testing.assert_array_equal(found.labels == 1, expected)
    np.testing.assert_array_equal(found.values, two(p).values)


def test_misses_of_the_rarer_class_are_controlled_whatever_the_model():
    missed = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = (rng.random(240) < 0.3).astype(int)
        p = expit(rng.normal(size=240) + 0.5 * y) * 0.3
        change = step("miss-rate:rate=0.2", two(p[:120]), y[:120])
        missed.append(np.mean(change(two(p[120:])).labels[y[120:] == 1] == 0))
    assert 0.15 < np.mean(missed) < 0.2 + 3 * np.std(missed) / np.sqrt(200)


def test_without_enough_rows_no_row_is_missed():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    assert step("miss-rate", two(p), [1, 0, 0, 0])(two(p)).labels.tolist() == [1, 1, 1, 1]


# --- label shift ----------------------------------------------------------------------------------


def drawn_shift(seed, n, shares):
    """Draw rows of these class shares, in each class alike in every draw, with the probabilities for equal shares."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=shares)
    odds = np.exp(np.sqrt(2) * (rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[y]))
    return prediction_of(odds / odds.sum(axis=1, keepdims=True)), y


def test_bbse_solves_its_equations():
    known, y = drawn_shift(0, 300, [1 / 3, 1 / 3, 1 / 3])
    test, _ = drawn_shift(1, 200, [0.7, 0.2, 0.1])
    label, decided = predictions(known).argmax(axis=1), predictions(test).argmax(axis=1)
    C = np.array([[np.mean((label == k) & (y == j)) for j in range(3)] for k in range(3)])
    w = np.linalg.solve(C, [np.mean(decided == k) for k in range(3)])
    odds = predictions(test) * w
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predictions(step("bbse", known, y)(test)), expected, rtol=1e-9)


@pytest.mark.parametrize("penalty", [0.005, 0.05, 0.2])
def test_rlls_is_at_the_optimum_of_a_slow_search(penalty):
    from bench.methods.postprocess.rlls import shrunk_solution

    rng = np.random.default_rng(2)
    for _ in range(5):
        C, b = rng.dirichlet(np.ones(9)).reshape(3, 3) + 0.2 * np.eye(3), rng.normal(size=3) / 10

        def loss(theta, C=C, b=b):
            return np.linalg.norm(C @ theta - b) + penalty * np.linalg.norm(theta)

        searched = [
            minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).fun
            for start in (np.ones(3), -np.ones(3))
        ]
        assert loss(shrunk_solution(C, b, penalty)) <= min(*searched, loss(np.zeros(3))) + 1e-7


@pytest.mark.parametrize("name", ["bbse", "rlls"])
def test_corrections_of_a_label_shift_lower_the_loss(name):
    known, y = drawn_shift(0, 2000, [1 / 3, 1 / 3, 1 / 3])
    test, y_test = drawn_shift(1, 2000, [0.8, 0.15, 0.05])
    assert score("log_loss", y_test, step(name, known, y)(test)) < score("log_loss", y_test, test) - 0.05


def test_rlls_without_trust_or_with_a_large_penalty_changes_nothing():
    known, y = drawn_shift(0, 200, [1 / 3, 1 / 3, 1 / 3])
    test, _ = drawn_shift(1, 200, [0.8, 0.15, 0.05])
    for text in ("rlls:trust=0", "rlls:penalty=5"):
        np.testing.assert_allclose(predictions(step(text, known, y)(test)), predictions(test), rtol=1e-9)


@pytest.mark.parametrize("text", ["dirichlet:penalty=0", "miss-rate:rate=1", "rlls:trust=2", "rlls:penalty=0"])
def test_parameters_out_of_range_are_refused(text):
    with pytest.raises(BenchError, match="give a"):
        step(text, *drawn(0, 2))
