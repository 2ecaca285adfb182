"""Every scheme against a slow derivation of its own formula."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import core_schemes, panel_of, probabilities

from bench.core import losses
from bench.core.nouns import Prediction, Weights
from bench.methods import metrics
from bench.methods.ensembles import registry

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
seeds, weighted = st.integers(0, 10**6), st.booleans()
few = settings(max_examples=15)


def scheme(text, panel, y):
    return registry.scheme(text)(panel, y, np.random.default_rng(0))


def points(seed, weighted=None, learners=4, n=25):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) + 3
    predictions = (
        y + rng.normal(size=(learners, n)) * rng.uniform(0.3, 1.5, (learners, 1)) + rng.normal(size=(learners, 1)) / 4
    )
    return panel_of(predictions, weight=rng.uniform(0.1, 3, n) if weighted else None), y


def classes(seed, weighted=None, learners=4, n=25, width=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, width, n)
    y[:width] = np.arange(width)
    predictions = probabilities(rng, learners, n, width)
    predictions[:, np.arange(n), y] += rng.uniform(0, 1, (learners, 1))
    predictions /= predictions.sum(axis=-1, keepdims=True)
    return panel_of(predictions, "class", weight=rng.uniform(0.1, 3, n) if weighted else None), y


def quantiles(seed, weighted=None, learners=4, n=25):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    predictions = np.sort(rng.normal(size=(learners, n, len(LEVELS))) * rng.uniform(0.5, 2, (learners, 1, 1)), axis=-1)
    return panel_of(predictions, "quantile", weight=rng.uniform(0.1, 3, n) if weighted else None, outputs=LEVELS), y


MAKE = {"point": points, "class": classes, "quantile": quantiles}


def loss_of(panel, y, values):
    return float(np.average(losses.proper_loss(panel.target, y, values), weights=panel.weight))


def simplex_points(size, seed, n=400):
    """Return corners, edges' middles and random points of the simplex."""
    corners = np.eye(size)
    middles = [(corners[a] + corners[b]) / 2 for a, b in itertools.combinations(range(size), 2)]
    return np.vstack([corners, middles, np.random.default_rng(seed).dirichlet(np.full(size, 0.5), n)])


# simple schemes


@pytest.mark.parametrize("kind", MAKE)
def test_equal(kind):
    panel, y = MAKE[kind](0)
    np.testing.assert_allclose(scheme("equal", panel, y)(panel), panel.predictions.mean(axis=0), rtol=1e-12)


@given(seeds, weighted, st.sampled_from([1.0, 2.0, 0.0, 0.5]))
def test_inverse_mse(seed, weighted, power):
    panel, y = points(seed, weighted)
    mse = [np.average((predictions[:, 0] - y) ** 2, weights=panel.weight) for predictions in panel.predictions]
    raw = np.array([one**-power for one in mse])
    np.testing.assert_allclose(scheme(f"inverse-mse:power={power}", panel, y).w, raw / raw.sum(), rtol=1e-10)


def test_inverse_mse_with_perfect_learners_shares_among_them():
    panel, y = points(0)
    predictions = panel.predictions.copy()
    predictions[[1, 3], :, 0] = y
    np.testing.assert_array_equal(scheme("inverse-mse", panel_of(predictions), y).w, [0, 0.5, 0, 0.5])


@pytest.mark.parametrize("kind", ["point", "quantile"])
def test_median(kind):
    panel, y = MAKE[kind](1, learners=5)
    expected = np.sort(panel.predictions, axis=0)[2]
    np.testing.assert_array_equal(scheme("median", panel, y)(panel), expected)
    even = panel_of(panel.predictions[:4], kind, outputs=panel.target.outputs)
    middle = np.sort(panel.predictions[:4], axis=0)[1:3].mean(axis=0)
    np.testing.assert_allclose(scheme("median", even, y)(even), middle, rtol=1e-14)


@given(seeds, weighted)
def test_floor_of_points_and_classes(seed, weighted):
    panel, y = points(seed, weighted)
    w = np.ones(len(y)) if panel.weight is None else panel.weight
    np.testing.assert_allclose(scheme("floor", panel, y)(panel), (w @ y) / w.sum(), rtol=1e-12)
    panel, y = classes(seed, weighted)
    w = np.ones(len(y)) if panel.weight is None else panel.weight
    shares = [w[y == k].sum() / w.sum() for k in range(3)]
    np.testing.assert_allclose(scheme("floor", panel, y)(panel), np.tile(shares, (len(y), 1)), rtol=1e-12)


@given(seeds, weighted)
def test_floor_of_quantiles_is_the_best_constant(seed, weighted):
    panel, y = quantiles(seed, weighted)
    found = scheme("floor", panel, y)(panel)
    assert np.ptp(found, axis=0).max() == 0
    for k in range(len(LEVELS)):
        tried = [np.tile(np.where(np.arange(len(LEVELS)) == k, one, found[0]), (len(y), 1)) for one in y]
        assert loss_of(panel, y, found) <= min(loss_of(panel, y, values) for values in tried) + 1e-12


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted)
def test_single_best(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted)
    found = [loss_of(panel, y, predictions) for predictions in panel.predictions]
    np.testing.assert_array_equal(scheme("single-best", panel, y).w, np.eye(4)[int(np.argmin(found))])


def test_single_best_breaks_ties_by_name():
    panel, y = points(0)
    predictions = (
        np.stack([panel.predictions[0], panel.predictions[1], panel.predictions[1]])
        + np.array([9, 0, 0])[:, None, None]
    )
    assert scheme("single-best", panel_of(predictions, names=("a", "z", "b")), y).w.tolist() == [0, 0, 1]


@given(seeds, weighted, st.sampled_from(["macro_f1", "accuracy", "brier", "auroc"]))
def test_single_best_by_a_metric(seed, weighted, name):
    panel, y = classes(seed, weighted)
    metric = metrics.get_metric(panel.target, name)
    found = [
        metric.function(panel.target, y, Prediction(panel.target, predictions, panel.weight))
        for predictions in panel.predictions
    ]
    best = int(np.argmin(found) if metric.direction == "min" else np.argmax(found))
    np.testing.assert_array_equal(scheme(f"single-best:metric={name}", panel, y).w, np.eye(4)[best])


def test_single_best_by_a_metric_with_a_goal():
    panel, y = quantiles(3)
    metric = metrics.get_metric(panel.target, "coverage_80")
    found = [
        metric.function(panel.target, y, Prediction(panel.target, predictions, panel.weight))
        for predictions in panel.predictions
    ]
    best = int(np.argmin(np.abs(np.array(found) - 0.8)))
    np.testing.assert_array_equal(scheme("single-best:metric=coverage_80", panel, y).w, np.eye(4)[best])


# convex schemes


@given(seeds, weighted)
@few
def test_qp_simplex_is_beaten_by_no_convex_weights(seed, weighted):
    panel, y = points(seed, weighted)
    found = scheme("qp-simplex", panel, y)
    assert_best_of_the_simplex(panel, y, found, seed)


@given(seeds, weighted)
@few
def test_log_stack_is_beaten_by_no_convex_weights(seed, weighted):
    panel, y = classes(seed, weighted)
    assert_best_of_the_simplex(panel, y, scheme("log-stack", panel, y), seed)


@given(seeds, weighted)
@few
def test_coarse_is_beaten_by_no_convex_weights(seed, weighted):
    panel, y = quantiles(seed, weighted)
    assert_best_of_the_simplex(panel, y, scheme("coarse", panel, y), seed, 1e-6)


def assert_best_of_the_simplex(panel, y, found, seed, within=1e-9):
    assert found.w.min() >= 0
    np.testing.assert_allclose(found.w.sum(), 1, rtol=1e-9)
    assert 0 <= found.gap <= 1e-6
    reached = loss_of(panel, y, found(panel))
    tried = np.vstack([simplex_points(4, seed), found.w + 0.01 * (simplex_points(4, seed, 50) - found.w)])
    best = min(loss_of(panel, y, Weights(w)(panel)) for w in tried)
    assert reached <= best + within * abs(best)


def test_qp_simplex_of_two_learners_by_its_closed_form():
    panel, y = points(2, learners=2)
    a, b = panel.predictions[:, :, 0] - y
    w = np.clip((b @ b - a @ b) / ((a - b) @ (a - b)), 0, 1)
    np.testing.assert_allclose(scheme("qp-simplex", panel, y).w, [w, 1 - w], rtol=1e-8, atol=1e-10)


# greedy selection


def naive_greedy(panel, y, rounds, badness):
    """Caruana's loop as it is written down: keep a bag, try every learner, keep the best bag seen."""
    bag, best = [], (np.inf, [])
    for _ in range(rounds):
        tried = [badness(panel.predictions[[*bag, j]].mean(axis=0)) for j in range(len(panel.learners))]
        bag = [*bag, int(np.argmin(tried))]
        if min(tried) < best[0]:
            best = (min(tried), bag)
    return np.bincount(best[1], minlength=len(panel.learners)) / len(best[1])


@pytest.mark.parametrize("kind", ["point", "class"])
@given(seed=seeds, weighted=weighted)
@few
def test_greedy_is_caruanas_loop(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted)
    expected = naive_greedy(panel, y, 12, lambda values: loss_of(panel, y, values))
    np.testing.assert_allclose(scheme("greedy:rounds=12", panel, y).w, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "name"), [("point", "mae"), ("point", "r2"), ("class", "brier"), ("class", "auroc"), ("class", "log_loss")]
)
@given(seed=seeds, weighted=weighted)
@few
def test_greedy_takes_any_metric(kind, name, seed, weighted):
    panel, y = MAKE[kind](seed, weighted)
    metric = metrics.get_metric(panel.target, name)

    def badness(values):
        return metric.badness(metric.function(panel.target, y, Prediction(panel.target, values, panel.weight)))

    found = scheme(f"greedy:rounds=8,metric={name}", panel, y).w
    if name == "auroc":  # it takes few values, and among ties any bag is Caruana's
        reached, expected = (badness(Weights(w)(panel)) for w in (found, naive_greedy(panel, y, 8, badness)))
        first = min(badness(predictions) for predictions in panel.predictions)
        assert reached <= first + 1e-12
        assert expected <= first + 1e-12
    else:
        np.testing.assert_allclose(found, naive_greedy(panel, y, 8, badness), atol=1e-12)


def test_greedy_by_a_label_metric_breaks_ties_in_favour_of_the_bag():
    panel, y = classes(4)
    metric = metrics.get_metric(panel.target, "macro_f1")
    found = scheme("greedy:rounds=10,metric=macro_f1", panel, y)

    def value(w):
        return metric.function(panel.target, y, Prediction(panel.target, Weights(w)(panel), None))

    assert value(found.w) >= max(value(corner) for corner in np.eye(4)) - 1e-12
    np.testing.assert_allclose(found.w * 10 * 9 * 8 * 7, np.round(found.w * 10 * 9 * 8 * 7), atol=1e-8)


def test_greedy_of_one_round_is_single_best():
    for make in (points, classes):
        panel, y = make(5)
        np.testing.assert_array_equal(scheme("greedy:rounds=1", panel, y).w, scheme("single-best", panel, y).w)


def test_greedy_never_does_worse_than_the_best_learner():
    for seed, make in itertools.product(range(10), (points, classes)):
        panel, y = make(seed)
        reached = loss_of(panel, y, scheme("greedy", panel, y)(panel))
        assert reached <= min(loss_of(panel, y, predictions) for predictions in panel.predictions) + 1e-12


# stacking


@given(seeds, weighted)
@few
def test_ridge_stack_is_the_best_of_explicit_refits(seed, weighted):
    panel, y = points(seed, weighted, n=14)
    found = scheme("ridge-stack", panel, y)
    A, s = panel.predictions[:, :, 0].T, np.ones(len(y)) if panel.weight is None else panel.weight / panel.weight.mean()
    centred = (A - np.average(A, axis=0, weights=s)) * np.sqrt(s)[:, None]
    largest = np.linalg.svd(centred, compute_uv=False)[0] ** 2
    candidates = np.logspace(-8, 2, 21) * largest
    errors = [left_out(A, y, s, penalty) for penalty in candidates]
    w, intercept = ridge(A, y, s, candidates[int(np.argmin(errors))])
    reached = loss_of(panel, y, found(panel))
    np.testing.assert_allclose(found(panel)[:, 0], A @ w + intercept, rtol=1e-5, atol=1e-7)
    assert reached <= loss_of(panel, y, np.full((len(y), 1), np.average(y, weights=s))) + 1e-12


def ridge(A, y, s, penalty):
    """Weighted ridge with a free intercept, by its normal equations."""
    design = np.column_stack([A, np.ones(len(y))])
    damping = np.diag([penalty] * A.shape[1] + [0.0])
    solved = np.linalg.solve(design.T @ (s[:, None] * design) + damping, design.T @ (s * y))
    return solved[:-1], solved[-1]


def left_out(A, y, s, penalty):
    """Refit without each row, and sum the weighted squared errors of the rows left out."""
    total = 0.0
    for row in range(len(y)):
        kept = np.arange(len(y)) != row
        w, intercept = ridge(A[kept], y[kept], s[kept], penalty)
        total += s[row] * (y[row] - A[row] @ w - intercept) ** 2
    return total


def test_ridge_stack_of_constant_learners_is_the_mean():
    y = np.arange(5.0)
    panel = panel_of(np.full((2, 5), 7.0))
    np.testing.assert_allclose(scheme("ridge-stack", panel, y)(panel)[:, 0], 2.0, rtol=1e-12)


@given(seeds, weighted, st.integers(2, 3))
@few
def test_logistic_stack_is_a_stationary_point_of_its_objective(seed, weighted, width):
    """The gradient of Σ w log loss + ‖B‖² / 2C over the features is zero at the solution."""
    panel, y = classes(seed, weighted, width=width, n=30)
    found = scheme("logistic-stack:C=0.5", panel, y)
    values = found(panel)
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-12)
    predictions = panel.predictions[:, :, 1:] if width == 2 else panel.predictions
    features = predictions.transpose(1, 0, 2).reshape(len(y), -1)
    s = np.ones(len(y)) if panel.weight is None else panel.weight / panel.weight.mean()
    residual = s[:, None] * (values - np.eye(width)[y])
    residual = residual[:, 1:] if width == 2 else residual
    gradient = residual.T @ features + found.model.coef_ / 0.5
    assert np.abs(gradient).max() < 1e-3
    assert np.abs(residual.sum(axis=0)).max() < 1e-3


# laws that all share


CONVEX = {"point": "equal inverse-mse qp-simplex single-best greedy median floor",
          "quantile": "equal coarse median floor",
          "class": "equal log-stack single-best greedy floor"}  # fmt: skip


@pytest.mark.parametrize("kind", MAKE)
def test_integer_weights_count_like_equal_rows(kind):
    panel, y = MAKE[kind](11)
    times = np.random.default_rng(0).integers(1, 4, len(y))
    counted = panel_of(panel.predictions, kind, weight=times.astype(float), outputs=panel.target.outputs)
    many = panel_of(np.repeat(panel.predictions, times, axis=1), kind, outputs=panel.target.outputs)
    for name in CONVEX[kind].split():
        one, other = scheme(name, counted, y), scheme(name, many, np.repeat(y, times))
        np.testing.assert_allclose(one(panel), other(panel), rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", MAKE)
def test_no_scheme_writes_to_its_panel(kind):
    panel, y = MAKE[kind](12, weighted=True)
    for array in (panel.predictions, y, panel.weight):
        array.setflags(write=False)
    for name in core_schemes(kind):
        assert scheme(name, panel, y)(panel).shape == panel.predictions.shape[1:]
