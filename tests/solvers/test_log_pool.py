"""The logarithmic opinion pool: its solver and its scheme, against slow derivations and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of, probabilities
from makers.panels import classes, loss_of, scheme

from bench.core.nouns import BenchError, clip_probabilities
from bench.solvers import log_pool
from bench.solvers.log_pool import log_pool_weights

seeds, weighted = st.integers(0, 10**6), st.booleans()
few = settings(max_examples=15)


def loss(w, log_p, y, weight=None):
    """Return the mean log loss of the pool, row by row."""
    rows = []
    for n, true in enumerate(y):
        logits = w @ log_p[:, n]
        rows.append(np.logaddexp.reduce(logits) - logits[true])
    return float(np.average(rows, weights=weight))


def drawn(seed, learners=4, n=60, width=3, good=0.3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, width, n)
    predictions = probabilities(rng, learners, n, width)
    predictions[:, np.arange(n), y] += good * rng.uniform(0, 1, (learners, 1))
    return np.log(predictions / predictions.sum(axis=-1, keepdims=True)), y


def scipys(log_p, y, weight, cap):
    """Return the least loss over w >= 0, Σw <= cap that a general solver finds, from two starts."""
    size = len(log_p)
    true = np.stack([rows[np.arange(len(y)), y] for rows in log_p])
    share = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()

    def objective(w):
        logits = np.tensordot(w, log_p, axes=1)
        value = np.logaddexp.reduce(logits, axis=1)
        p = np.exp(logits - value[:, None])
        slope = np.einsum("nk,lnk,n->l", p, log_p, share) - true @ share
        return float(share @ (value - w @ true)), slope

    inside = {"type": "ineq", "fun": lambda w: cap - w.sum(), "jac": lambda _: -np.ones(size)}
    starts = (np.full(size, min(1.0, cap) / size), np.full(size, 0.01 * cap / size))
    options = {"ftol": 1e-14, "maxiter": 1000}
    with np.errstate(all="ignore"):
        return min(
            float(
                scipy.optimize.minimize(
                    objective, start, jac=True, bounds=[(0, cap)] * size, constraints=[inside], options=options
                ).fun
            )
            for start in starts
        )


@few
@given(seeds, weighted, st.sampled_from([2, 3, 5]), st.sampled_from([1, 2, 6]))
def test_it_reaches_what_scipy_reaches(seed, weighted, width, learners):
    log_p, y = drawn(seed, learners, width=width)
    weight = np.random.default_rng(seed).uniform(0.1, 3, len(y)) if weighted else None
    found = log_pool_weights(log_p, y, weight)
    assert found.w.min() >= 0
    assert found.gap <= 1e-10
    np.testing.assert_allclose(found.value, loss(found.w, log_p, y, weight), rtol=1e-10, atol=1e-14)
    theirs = scipys(log_p, y, weight, 10.0 * learners)
    assert found.value <= theirs * (1 + 1e-6) + 1e-9
    np.testing.assert_allclose(found.value, theirs, rtol=1e-6, atol=1e-6)  # near a loss of 0 SciPy stops early


@few
@given(seeds, st.sampled_from([0.05, 0.5, 1.5]))
def test_the_cap_binds(seed, cap):
    log_p, y = drawn(seed, good=3.0)
    found = log_pool_weights(log_p, y, cap=cap)
    np.testing.assert_allclose(found.w.sum(), cap, rtol=1e-9)
    assert found.gap <= 1e-8
    np.testing.assert_allclose(found.value, scipys(log_p, y, None, cap), rtol=1e-6)


@given(seeds, st.floats(0.1, 8.0))
def test_the_gap_bounds_the_excess_wherever_the_solver_stops(seed, cap):
    log_p, y = drawn(seed)
    best = log_pool_weights(log_p, y, cap=cap)
    for steps in range(4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log_pool, "NEWTON_STEPS", steps)
            early = log_pool_weights(log_p, y, cap=cap)
        assert early.value - best.value <= early.gap + 1e-12
        assert early.w.min() >= 0
        assert early.w.sum() <= cap * (1 + 1e-9)


@few
@given(seeds)
def test_no_other_weights_are_better(seed):
    log_p, y = drawn(seed)
    found = log_pool_weights(log_p, y)
    rng = np.random.default_rng(seed)
    others = [*np.eye(4), np.full(4, 0.25), *np.abs(found.w + rng.normal(size=(30, 4)) * 0.2)]
    assert found.value <= min(loss(w, log_p, y) for w in others if w.sum() <= 40) + 1e-10


def test_slope_and_curve_by_differences():
    log_p, y = drawn(3, n=20)
    problem = log_pool._pool_problem(log_p, y, None, 10.0)
    w = np.array([0.3, 0.0, 1.2, 0.4])
    slope, curve = log_pool._second_order(problem, problem.pooled(w))
    for j, step in enumerate(1e-5 * np.eye(4)):
        there, back = (log_pool._second_order(problem, problem.pooled(w + sign * step))[0] for sign in (1, -1))
        change = loss(w + step, log_p, y) - loss(w - step, log_p, y)
        np.testing.assert_allclose(slope[j], change / 2e-5, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(curve[j], (there - back) / 2e-5, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_weights_repeat_rows_and_chunks_change_nothing(seed, monkeypatch):
    log_p, y = drawn(seed)
    count = np.arange(len(y)) % 4
    many = np.repeat(np.arange(len(y)), count)
    found = log_pool_weights(log_p, y, 7.0 * count)
    np.testing.assert_allclose(found.w, log_pool_weights(log_p[:, many], y[many]).w, rtol=1e-6, atol=1e-8)
    monkeypatch.setattr(log_pool, "CHUNK", 7)
    np.testing.assert_allclose(found.w, log_pool_weights(log_p, y, 7.0 * count).w, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n", [2, 5, 400])
@pytest.mark.parametrize("margin", [1e-3, 0.3, 30.0])
def test_learners_that_tell_all_rows_apart(n, margin):
    rng = np.random.default_rng(n)
    y = rng.integers(0, 3, n)
    log_p = margin * np.eye(3)[y] * rng.uniform(0.5, 1, (4, n, 1))
    log_p -= np.logaddexp.reduce(log_p, axis=-1)[..., None]
    found = log_pool_weights(log_p, y)
    assert found.gap <= 1e-8
    assert found.w.sum() <= 40 * (1 + 1e-9)
    best = min(loss(40 * w, log_p, y) for w in np.eye(4))
    assert found.value <= best + 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_learners_that_are_certain_and_at_times_wrong(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 300)
    guesses = np.where(rng.random((8, 300)) < rng.uniform(0.4, 0.95, (8, 1)), y, rng.integers(0, 4, (8, 300)))
    log_p = np.log(np.stack([clip_probabilities(np.eye(4)[guess])[0] for guess in guesses]))
    found = log_pool_weights(log_p, y)
    assert found.gap <= 1e-8
    assert found.value < np.log(4)
    np.testing.assert_allclose(found.value, loss(found.w, log_p, y), rtol=1e-10, atol=1e-14)


def test_copies_share_and_useless_learners_get_nothing():
    log_p, y = drawn(1)
    twice = log_pool_weights(np.repeat(log_p, 2, axis=0), y, cap=40.0)
    once = log_pool_weights(log_p, y)
    assert twice.gap <= 1e-8
    np.testing.assert_allclose(twice.value, once.value, rtol=1e-9)
    np.testing.assert_allclose(twice.w.reshape(4, 2).sum(axis=1), once.w, rtol=1e-4, atol=1e-6)
    wrong = np.log(np.roll(np.exp(log_p[:1]), 1, axis=-1))
    flat = np.full((1, *log_p.shape[1:]), -np.log(3))
    assert log_pool_weights(np.concatenate([log_p, flat]), y).value == pytest.approx(once.value, rel=1e-9)
    assert log_pool_weights(np.concatenate([wrong, flat]), y).w[0] < 0.2


def test_uniform_learners_say_the_uniform_distribution():
    found = log_pool_weights(np.full((2, 6, 3), -np.log(3)), np.arange(6) % 3)
    np.testing.assert_allclose([found.value, found.gap], [np.log(3), 0], atol=1e-12)


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        log_pool_weights(np.array([[[0.0, -np.inf]]]), np.array([0]))


# the scheme


@few
@given(seeds, weighted)
def test_the_pool_is_a_product_of_powers(seed, weighted):
    panel, y = classes(seed, weighted, n=80)
    found = scheme("log-pool", panel, y)
    values = found(panel)
    for n in range(5):
        product = np.prod(
            [predictions[n] ** w for predictions, w in zip(panel.predictions, found.w, strict=True)], axis=0
        )
        np.testing.assert_allclose(values[n], product / product.sum(), rtol=1e-9)
    expected = loss(found.w, np.log(panel.predictions), y, panel.weight)
    np.testing.assert_allclose(loss_of(panel, y, values), expected, rtol=1e-9, atol=1e-14)
    assert loss_of(panel, y, values) <= min(loss_of(panel, y, predictions) for predictions in panel.predictions) + 1e-10


def test_one_learner_is_scaled_in_temperature():
    panel, y = classes(2, learners=1, n=80)
    found = scheme("log-pool", panel, y)
    line = scipy.optimize.minimize_scalar(
        lambda w: loss(np.array([w]), np.log(panel.predictions), y),
        bounds=(0, 10),
        method="bounded",
        options={"xatol": 1e-9},
    )
    np.testing.assert_allclose(found.w, [line.x], rtol=1e-5)


def test_zero_probabilities_are_clipped():
    y = np.array([0, 1, 0, 1])
    panel = panel_of(np.stack([np.eye(2)[y], np.full((4, 2), 0.5)]), "class")
    values = scheme("log-pool", panel, y)(panel)
    np.testing.assert_allclose(values, np.eye(2)[y], atol=1e-9)


@pytest.mark.parametrize("cap", ["0", "-1", "inf", "nan"])
def test_the_cap_is_a_number_above_zero(cap):
    panel, y = classes(0)
    with pytest.raises(BenchError, match="cap of log-pool cannot be"):
        scheme(f"log-pool:cap={cap}", panel, y)
