"""The pinball loss on the simplex, against HiGHS on the linear program written out."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from bench.solvers import pinball, pinball_problem
from bench.solvers.pinball import simplex_pinball

fixed = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)
LEVELS = np.array([0.1, 0.5, 0.8])


def panel(seed, size, n=60, levels=LEVELS):
    """Learners with noisy centres and wrong widths: predictions (size, n, K) and y (n,)."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    center = truth + rng.normal(size=(size, n)) * rng.uniform(0.2, 1, size=(size, 1))
    width = rng.uniform(0.5, 2, size=(size, 1, 1))
    return center[:, :, None] + width * (levels - 0.5) * 3, truth + rng.standard_t(4, size=n)


def loss(w, predictions, y, levels=LEVELS, weight=None):
    error = y[:, None] - np.tensordot(w, predictions, axes=1)
    return np.average(np.maximum(levels * error, (levels - 1) * error).mean(axis=1), weights=weight)


def by_primal(predictions, y, levels, weight=None):
    """Minimise Σ s (τ u⁺ + (1 - τ) u⁻) over w >= 0, Σw = 1, with predictions'w + u⁺ - u⁻ = y."""
    size, n, K = predictions.shape
    s = np.repeat(np.ones(n) if weight is None else weight, K)
    s, t = s / s.sum(), np.tile(levels, n)
    rows = np.hstack([predictions.reshape(size, -1).T, np.eye(n * K), -np.eye(n * K)])
    total = np.concatenate([np.ones(size), np.zeros(2 * n * K)])
    cost = np.concatenate([np.zeros(size), s * t, s * (1 - t)])
    return linprog(cost, A_eq=np.vstack([rows, total]), b_eq=np.append(np.repeat(y, K), 1.0), method="highs").fun


def by_dual(predictions, y, levels):
    """Maximise d'y - λ over τ - 1 <= d <= τ with predictions d <= λ."""
    size, n, K = predictions.shape
    t = np.tile(levels, n)
    prediction = linprog(
        np.append(-np.repeat(y, K), 1.0),
        A_ub=np.hstack([predictions.reshape(size, -1), -np.ones((size, 1))]),
        b_ub=np.zeros(size),
        bounds=[*zip(t - 1, t, strict=True), (None, None)],
        method="highs",
    )
    return -prediction.fun / (n * K)


def assert_certified(solution, predictions, y, levels=LEVELS, weight=None):
    assert abs(solution.w.sum() - 1) <= 1e-12
    assert solution.w.min() >= 0
    assert 0 <= solution.gap <= 1e-6
    scale = np.abs(y[:, None] - predictions).max()
    np.testing.assert_allclose(
        solution.value, loss(solution.w, predictions, y, levels, weight), rtol=1e-9, atol=1e-14 * scale
    )


@fixed
@given(seeds, sizes, st.booleans())
def test_agrees_with_the_primal_program(seed, size, weighted):
    predictions, y = panel(seed, size, n=25)
    weight = np.random.default_rng(seed).uniform(size=25) if weighted else None
    solution = simplex_pinball(predictions, y, LEVELS, weight)
    assert_certified(solution, predictions, y, weight=weight)
    np.testing.assert_allclose(solution.value, by_primal(predictions, y, LEVELS, weight), rtol=1e-6)


@pytest.mark.parametrize("size", [2, 7, 20])
@pytest.mark.parametrize("levels", [[0.5], [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]])
def test_agrees_with_the_dual_program(size, levels):
    levels = np.array(levels)
    predictions, y = panel(size, size, n=500, levels=levels)
    solution = simplex_pinball(predictions, y, levels)
    assert_certified(solution, predictions, y, levels)
    np.testing.assert_allclose(solution.value, by_dual(predictions, y, levels), rtol=1e-6)


@pytest.mark.parametrize("size", [3, 12])
def test_sampling_the_rows_changes_nothing(size, monkeypatch):
    predictions, y = panel(size, size, n=6000)
    sampled = simplex_pinball(predictions, y, LEVELS, tol=1e-9)
    monkeypatch.setattr(pinball, "DIRECT", predictions.size)
    whole = simplex_pinball(predictions, y, LEVELS, tol=1e-9)
    assert_certified(sampled, predictions, y)
    np.testing.assert_allclose(sampled.value, whole.value, rtol=1e-8)
    np.testing.assert_allclose(sampled.w, whole.w, atol=1e-4)


def test_the_programs_stay_small(monkeypatch):
    predictions, y = panel(1, 4, n=20000)
    seen = []
    solve = pinball.interior
    monkeypatch.setattr(pinball, "interior", lambda program, *rest: seen.append(program) or solve(program, *rest))
    assert simplex_pinball(predictions, y, LEVELS).gap <= 1e-6
    assert len(seen) <= 4
    below = predictions < y[:, None]
    turning = np.count_nonzero(below.any(axis=0) & ~below.all(axis=0))
    assert max(program.D[0].shape[1] for program in seen) < turning / 2


def test_ignores_rows_without_weight():
    predictions, y = panel(13, 3)
    weight = np.ones(len(y))
    weight[:5], predictions[:, :5] = 0, np.nan
    expected = simplex_pinball(predictions[:, 5:], y[5:], LEVELS)
    np.testing.assert_allclose(simplex_pinball(predictions, y, LEVELS, weight).w, expected.w, atol=1e-7)


def test_widens_until_the_certificate_holds(monkeypatch):
    predictions, y = panel(0, 5, n=2000)
    expected = simplex_pinball(predictions, y, LEVELS).value
    for name, value in (("DIRECT", 50), ("BAND", 1e-3), ("SAMPLE", 40)):
        monkeypatch.setattr(pinball, name, value)
    solution = simplex_pinball(predictions, y, LEVELS)
    assert_certified(solution, predictions, y)
    np.testing.assert_allclose(solution.value, expected, rtol=1e-6)


@fixed
@given(seeds, sizes)
def test_is_never_worse_than_the_best_learner_or_equal_weights(seed, size):
    predictions, y = panel(seed, size)
    best = min(loss(w, predictions, y) for w in [*np.eye(size), np.full(size, 1 / size)])
    assert simplex_pinball(predictions, y, LEVELS).value <= best * (1 + 1e-6)


@fixed
@given(seeds, sizes)
def test_follows_the_order_of_learners_and_of_rows(seed, size):
    predictions, y = panel(seed, size)
    rng = np.random.default_rng(seed)
    order, rows = rng.permutation(size), rng.permutation(len(y))
    moved = simplex_pinball(predictions[order][:, rows], y[rows], LEVELS, tol=1e-9)
    plain = simplex_pinball(predictions, y, LEVELS, tol=1e-9)
    np.testing.assert_allclose(moved.value, plain.value, rtol=1e-8)
    np.testing.assert_allclose(moved.w, plain.w[order], atol=1e-4)


@fixed
@given(seeds, sizes, st.floats(-9, 9), st.floats(-1e6, 1e6))
def test_follows_scale_and_offset(seed, size, power, offset):
    predictions, y = panel(seed, size)
    plain = simplex_pinball(predictions, y, LEVELS).value
    np.testing.assert_allclose(simplex_pinball(predictions + offset, y + offset, LEVELS).value, plain, rtol=2e-6)
    scaled = simplex_pinball(predictions * 10**power, y * 10**power, LEVELS).value
    np.testing.assert_allclose(scaled, plain * 10**power, rtol=2e-6)


@fixed
@given(seeds, sizes)
def test_weights_of_rows_are_repeated_rows(seed, size):
    predictions, y = panel(seed, size)
    weight = np.random.default_rng(seed).integers(0, 4, size=len(y))
    weighted = simplex_pinball(predictions, y, LEVELS, weight.astype(float))
    repeated = simplex_pinball(np.repeat(predictions, weight, axis=1), np.repeat(y, weight), LEVELS)
    np.testing.assert_allclose(weighted.value, repeated.value, rtol=2e-6)


@fixed
@given(seeds, sizes)
def test_gains_nothing_from_duplicates(seed, size):
    predictions, y = panel(seed, size)
    twice = simplex_pinball(np.concatenate([predictions, predictions, predictions[:1]]), y, LEVELS)
    np.testing.assert_allclose(twice.value, simplex_pinball(predictions, y, LEVELS).value, rtol=2e-6)


def test_mirrors_with_its_levels():
    predictions, y = panel(5, 4)
    mirrored = simplex_pinball(-predictions, -y, 1 - LEVELS)
    np.testing.assert_allclose(mirrored.value, simplex_pinball(predictions, y, LEVELS).value, rtol=2e-6)


def hard_panels():
    rng = np.random.default_rng(7)
    predictions, y = panel(7, 6)
    mirror = np.concatenate([predictions, 2 * y[None, :, None] - predictions[:1]])
    many, truth = panel(3, 30, n=20)
    useless = predictions.copy()
    useless[1:] *= 1e10
    return {
        "plain": (predictions, y),
        "one learner": (predictions[:1], y),
        "one row": (predictions[:, :1], y[:1]),
        "duplicates": (np.repeat(predictions, 3, axis=0), y),
        "nearly duplicates": (
            np.concatenate([predictions, predictions + 1e-9 * rng.normal(size=predictions.shape)]),
            y,
        ),
        "constant answers": (np.broadcast_to(predictions[:, :1], predictions.shape), y),
        "all the same": (np.ones_like(predictions), y),
        "perfect learner": (np.concatenate([predictions, np.broadcast_to(y[:, None], (1, *predictions.shape[1:]))]), y),
        "perfect pair": (mirror, y),
        "perfect pool": (predictions[:, :, :1].repeat(3, axis=2), predictions[:, :, 0].mean(axis=0)),
        "all too low": (predictions - 100, y),
        "useless learners": (useless, y),
        "one useless learner of many": (np.concatenate([1e10 * many[:1], many[1:]]), truth),
        "graded": (predictions * 10.0 ** np.arange(-3, 3)[:, None, None], y),
        "integers": (np.round(predictions), np.round(y)),
        "more learners than rows": (panel(8, 30, n=12)),
        "scale 1e-9": (1e-9 * predictions, 1e-9 * y),
        "scale 1e9": (1e9 * predictions, 1e9 * y),
        "offset 1e6": (predictions + 1e6, y + 1e6),
        "float32": (predictions.astype(np.float32), y),
    }


@pytest.mark.parametrize("case", sorted(hard_panels()))
def test_survives(case):
    predictions, y = hard_panels()[case]
    solution = simplex_pinball(predictions, y, LEVELS)
    assert_certified(solution, predictions.astype(float), y)
    np.testing.assert_array_equal(solution.w, simplex_pinball(predictions, y, LEVELS).w)


def test_a_perfect_learner_takes_all():
    predictions, y = hard_panels()["perfect learner"]
    solution = simplex_pinball(predictions, y, LEVELS)
    np.testing.assert_array_equal(solution.w, np.eye(7)[6])
    assert solution.gap == 0
    assert solution.value == 0


def test_useless_learners_get_exact_zeros():
    predictions, y = panel(9, 3, n=400)
    bad = predictions + 20 * np.random.default_rng(9).choice([-1, 1], size=(1, 400, 1))
    np.testing.assert_array_equal(simplex_pinball(np.concatenate([predictions, bad]), y, LEVELS).w[3:], 0.0)


def test_finds_planted_weights():
    predictions, _ = panel(10, 4, n=400)
    planted = np.array([0.5, 0.0, 0.2, 0.3])
    y = np.tensordot(planted, predictions[:, :, 1], axes=1)
    np.testing.assert_allclose(simplex_pinball(predictions[:, :, 1:2], y, LEVELS[1:2]).w, planted, atol=1e-6)


def test_reads_a_memory_map_in_chunks(tmp_path, monkeypatch):
    predictions, y = panel(11, 3, n=200)
    stored = np.memmap(tmp_path / "predictions", dtype=np.float64, mode="w+", shape=predictions.shape)
    stored[:] = predictions
    expected = simplex_pinball(predictions, y, LEVELS).value
    monkeypatch.setattr(pinball_problem, "CHUNK", 100)
    np.testing.assert_allclose(simplex_pinball(stored, y, LEVELS).value, expected, rtol=1e-9)


def test_takes_little_memory_beside_the_panel():
    levels = np.arange(1, 10) / 10
    predictions, y = panel(14, 6, n=200_000, levels=levels)
    tracemalloc.start()
    found = simplex_pinball(predictions, y, levels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.gap <= 1e-6
    assert peak <= 0.6 * predictions.nbytes


def test_rejects_what_is_not_finite():
    predictions, y = panel(12, 3)
    predictions[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        simplex_pinball(predictions, y, LEVELS)
