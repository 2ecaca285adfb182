"""The simplex QP and the log loss on the simplex, against slow and simple solvers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize, nnls

from bench.solvers import active_set
from bench.solvers import simplex_log as log_solver
from bench.solvers import simplex_qp as qp_solver
from bench.solvers.active_set import ActiveSets, solve_positive
from bench.solvers.simplex_log import simplex_log
from bench.solvers.simplex_qp import residual_gram, simplex_qp

fixed = settings(derandomize=True, deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 12)


def errors(seed, size, n=60):
    """Residuals of learners that share a common part, shape (size, n)."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n) * rng.uniform(0, 2)
    return common + rng.normal(size=(size, n)) * rng.uniform(0.3, 2, size=(size, 1))


def gram_of(E):
    return E @ E.T / E.shape[1]


def assert_on_simplex(w):
    assert abs(w.sum() - 1) <= 1e-12
    assert w.min() >= 0


def assert_optimal(G, solution):
    """The Karush-Kuhn-Tucker conditions, free of scale."""
    w = solution.w
    assert_on_simplex(w)
    assert solution.gap <= 1e-10
    slope, value = G @ w, w @ G @ w
    np.testing.assert_allclose(solution.value, value, rtol=1e-12, atol=1e-15 * G.max(initial=0))
    np.testing.assert_allclose(slope[w > 0], value, rtol=1e-9, atol=1e-12 * np.abs(G).max())
    assert slope.min() >= value - 1e-9 * value - 1e-12 * np.abs(G).max()


# the Gram matrix


@pytest.mark.parametrize("chunk", [1, 7, 100, 65536])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_is_the_mean_product_of_residuals(monkeypatch, chunk, weighted):
    rng = np.random.default_rng(0)
    predictions, y = rng.normal(size=(4, 100)), rng.normal(size=100)
    weight = rng.uniform(size=100) if weighted else None
    monkeypatch.setattr(qp_solver, "CHUNK", chunk)
    G = residual_gram(predictions, y, weight)
    E = predictions - y
    naive = [[np.average(E[j] * E[k], weights=weight) for k in range(4)] for j in range(4)]
    np.testing.assert_allclose(G, naive, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(G, G.T)


def test_gram_reads_a_float32_memory_map_in_double_precision(monkeypatch, tmp_path):
    rng = np.random.default_rng(1)
    y = rng.normal(size=300) + 1e6
    predictions = np.memmap(tmp_path / "predictions", dtype=np.float32, mode="w+", shape=(3, 300))
    predictions[:] = y + rng.normal(size=(3, 300))
    monkeypatch.setattr(qp_solver, "CHUNK", 64)
    G = residual_gram(predictions, y)
    E = predictions.astype(np.float64) - y
    np.testing.assert_allclose(G, gram_of(E), rtol=1e-12)


def test_gram_with_integer_weights_is_the_gram_of_repeated_rows():
    rng = np.random.default_rng(2)
    predictions, y, weight = rng.normal(size=(3, 50)), rng.normal(size=50), rng.integers(0, 4, size=50)
    repeated = residual_gram(np.repeat(predictions, weight, axis=1), np.repeat(y, weight))
    np.testing.assert_allclose(residual_gram(predictions, y, weight.astype(float)), repeated, rtol=1e-12)


# the QP


def by_nnls(G):
    """Minimise u'Gu / 2 - Σu over u >= 0; u / Σu solves the simplex problem."""
    R = cholesky(G + 1e-13 * np.trace(G) / len(G) * np.eye(len(G)))
    u = nnls(R, solve_triangular(R, np.ones(len(G)), trans=1))[0]
    return u / u.sum()


@fixed
@given(seeds, sizes)
def test_qp_agrees_with_nnls(seed, size):
    G = gram_of(errors(seed, size))
    solution = simplex_qp(G)
    assert_optimal(G, solution)
    np.testing.assert_allclose(solution.w, by_nnls(G), atol=1e-8)


@pytest.mark.parametrize("size", [40, 150])
@pytest.mark.parametrize("share", [0.0, 0.3, 3.0])
def test_qp_agrees_with_nnls_on_many_learners(size, share):
    rng = np.random.default_rng(size)
    E = share * rng.normal(size=500) + rng.normal(size=(size, 500)) * rng.uniform(0.8, 1.3, size=(size, 1))
    solution = simplex_qp(gram_of(E))
    assert_optimal(gram_of(E), solution)
    np.testing.assert_allclose(solution.w, by_nnls(gram_of(E)), atol=1e-8)


@fixed
@given(seeds, st.integers(2, 6), st.floats(0.01, 100))
def test_qp_with_a_linear_term_is_not_beaten_by_slsqp(seed, size, strength):
    G = gram_of(errors(seed, size))
    c = strength * np.random.default_rng(seed).normal(size=size)
    solution = simplex_qp(G, c)
    assert_on_simplex(solution.w)
    assert solution.gap <= 1e-10
    np.testing.assert_allclose(solution.value, solution.w @ G @ solution.w + c @ solution.w, rtol=1e-10, atol=1e-12)
    slow = minimize(
        lambda w: w @ G @ w + c @ w,
        np.full(size, 1 / size),
        jac=lambda w: 2 * G @ w + c,
        bounds=[(0, 1)] * size,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-12},
    )
    assert solution.value <= slow.fun + 1e-8 * (1 + strength)


@fixed
@given(seeds, sizes, st.floats(-3, 3))
def test_qp_does_not_see_a_constant_in_the_linear_term(seed, size, shift):
    G = gram_of(errors(seed, size))
    plain, shifted = simplex_qp(G), simplex_qp(G, np.full(size, shift))
    np.testing.assert_allclose(shifted.value - shift, plain.value, rtol=1e-9, atol=1e-12)


@fixed
@given(seeds, sizes)
def test_qp_is_never_worse_than_the_best_learner_or_equal_weights(seed, size):
    G = gram_of(errors(seed, size))
    assert simplex_qp(G).value <= min(G.diagonal().min(), G.mean()) * (1 + 1e-12)


@fixed
@given(seeds, sizes)
def test_qp_follows_the_order_of_the_learners(seed, size):
    G = gram_of(errors(seed, size))
    order = np.random.default_rng(seed).permutation(size)
    np.testing.assert_allclose(simplex_qp(G[np.ix_(order, order)]).w, simplex_qp(G).w[order], atol=1e-9)


@fixed
@given(seeds, sizes, st.integers(-24, 24))
def test_qp_is_free_of_scale(seed, size, power):
    G = gram_of(errors(seed, size))
    scaled = simplex_qp(G * 10.0**power)
    np.testing.assert_allclose(scaled.w, simplex_qp(G).w, atol=1e-9)
    assert scaled.gap <= 1e-10


@fixed
@given(seeds, sizes)
def test_qp_gains_nothing_from_duplicates(seed, size):
    E = errors(seed, size)
    twice = gram_of(np.concatenate([E, E, E[:1]]))
    solution = simplex_qp(twice)
    assert_optimal(twice, solution)
    np.testing.assert_allclose(solution.value, simplex_qp(gram_of(E)).value, rtol=1e-9)


@fixed
@given(seeds, st.integers(2, 10))
def test_qp_value_is_the_mean_loss_less_the_ambiguity(seed, size):
    E = errors(seed, size)
    w = simplex_qp(gram_of(E)).w
    spread = np.square(E - w @ E).mean(axis=1)
    np.testing.assert_allclose(simplex_qp(gram_of(E)).value, w @ (np.square(E).mean(axis=1) - spread), rtol=1e-9)


def test_ridge_leads_to_equal_weights():
    G = gram_of(errors(0, 5))
    np.testing.assert_allclose(simplex_qp(G + 1e9 * np.eye(5)).w, 0.2, atol=1e-8)


def hard_residuals():
    rng = np.random.default_rng(3)
    E, common = rng.normal(size=(8, 40)), rng.normal(size=40)
    y = rng.normal(size=40)
    sign = np.where(np.arange(8) % 2, 1, -1)[:, None]
    return {
        "plain": E,
        "one learner": E[:1],
        "duplicates": np.repeat(E, 3, axis=0),
        "nearly duplicates": np.concatenate([E, E + 1e-9 * rng.normal(size=E.shape)]),
        "offset 1e9": (E + y + 1e9) - (y + 1e9),
        "scale 1e-12": 1e-12 * E,
        "scale 1e12": 1e12 * E,
        "more learners than rows": rng.normal(size=(60, 20)),
        "one row": rng.normal(size=(5, 1)),
        "exact cancellation": np.concatenate([E, -E]),
        "large common part of both signs": 1e4 * sign * common + E,
        "perfect learner": np.concatenate([E, np.zeros((1, 40))]),
        "useless learner": np.concatenate([E, 1e10 * E[:1] + common]),
        "graded": E * 10.0 ** np.arange(-4, 4)[:, None],
        "zero": np.zeros((4, 40)),
        "constant": np.ones((4, 40)),
        "integers": rng.integers(-1, 2, size=(30, 20)).astype(float),
    }


@pytest.mark.parametrize("case", sorted(hard_residuals()))
def test_qp_survives(case):
    E = hard_residuals()[case]
    G = gram_of(E)
    solution = simplex_qp(G)
    assert_on_simplex(solution.w)
    assert solution.gap <= 1e-10
    assert solution.value <= G.diagonal().min() * (1 + 1e-12)
    np.testing.assert_array_equal(solution.w, simplex_qp(G).w)
    tilted = simplex_qp(G, np.linspace(-1, 1, len(G)) * G.diagonal().min())
    assert_on_simplex(tilted.w)
    assert tilted.gap <= 1e-10


def test_qp_has_exact_zeros_and_leaves_its_input_alone():
    E = errors(1, 3)
    G = gram_of(np.concatenate([E, 2 * E]))
    before = G.copy()
    np.testing.assert_array_equal(simplex_qp(G).w[3:], 0.0)
    np.testing.assert_array_equal(G, before)


@pytest.mark.parametrize("case", sorted(hard_residuals()))
def test_qp_gets_there_one_learner_at_a_time(case, monkeypatch):
    G = gram_of(hard_residuals()[case])
    expected = simplex_qp(G).value
    monkeypatch.setattr("bench.solvers.simplex_qp._block", lambda _, w, __: w)
    solution = simplex_qp(G)
    assert solution.gap <= 1e-10
    np.testing.assert_allclose(solution.value, expected, rtol=1e-9, atol=1e-13 * G.diagonal().min())


def test_cholesky_takes_a_matrix_that_is_singular_but_for_rounding():
    G = np.ones((3, 3)) - 1e-13 * np.eye(3)
    x = solve_positive(G, np.full(3, 1e-16), np.ones(3))
    np.testing.assert_allclose(G @ x, 1, rtol=1e-6)
    with pytest.raises(np.linalg.LinAlgError, match="positive"):
        solve_positive(-np.eye(3), np.full(3, 1e-300), np.ones(3))


@pytest.fixture
def small_is_large(monkeypatch):
    """Keep the factor of ten learners already, so that small problems take the paths of large ones."""
    monkeypatch.setattr(active_set, "LARGE", 10)
    monkeypatch.setattr(active_set, "MOST_LEFT_OUT", 3)


@fixed
@given(seeds)
def test_active_sets_one_after_another_are_as_good_as_each_alone(seed):
    rng = np.random.default_rng(seed)
    G = gram_of(rng.normal(size=(400, 900)) + rng.normal(size=900))
    kept = ActiveSets(G, 1e-14 * G.diagonal())
    support = np.sort(rng.choice(400, rng.integers(300, 401), replace=False))
    for _ in range(6):
        np.testing.assert_allclose(
            kept.solve(support),
            np.linalg.solve(G[np.ix_(support, support)], np.ones(len(support))),
            rtol=1e-9,
            atol=1e-9,
        )
        changed = np.isin(np.arange(400), support)
        changed[rng.choice(400, rng.integers(0, 25))] ^= True
        support = np.flatnonzero(changed)


def test_active_sets_do_not_factor_again_for_a_few_learners(monkeypatch):
    G = gram_of(errors(0, 300, 900))
    kept, sizes = ActiveSets(G, 1e-14 * G.diagonal()), []
    factored = active_set._factor_and_solve
    monkeypatch.setattr(
        active_set, "_factor_and_solve", lambda gram, *rest: sizes.append(len(gram)) or factored(gram, *rest)
    )
    for support in (np.arange(260), np.arange(5, 260), np.arange(3, 265), np.arange(265)):
        kept.solve(support)
    assert max(sizes[1:]) <= 5
    assert sizes[0] == 260


@pytest.mark.parametrize("case", sorted(hard_residuals()))
@pytest.mark.usefixtures("small_is_large")
def test_qp_survives_the_paths_of_large_problems(case):
    G = gram_of(hard_residuals()[case])
    solution = simplex_qp(G)
    assert_on_simplex(solution.w)
    assert solution.gap <= 1e-10
    assert solution.value <= G.diagonal().min() * (1 + 1e-12)


@pytest.mark.parametrize("rows", [450, 900, 3000])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_qp_of_many_learners_is_optimal(rows, share):
    rng = np.random.default_rng(rows)
    E = share * rng.normal(size=rows) + rng.normal(size=(400, rows)) * rng.uniform(0.8, 1.3, size=(400, 1))
    assert_optimal(gram_of(E), simplex_qp(gram_of(E)))


def test_qp_rejects_what_is_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        simplex_qp(np.diag([1.0, np.nan]))


# the log loss


def densities(seed, size, n=80):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    return 1 / (1 + np.exp(-truth - rng.normal(size=(size, n)) * rng.uniform(0.2, 2, size=(size, 1))))


def by_em(p, weight, steps=3000):
    """Expectation-maximisation: monotone and slow."""
    w = np.full(len(p), 1 / len(p))
    for _ in range(steps):
        w = w * np.average(p / (w @ p), axis=1, weights=weight)
    return -np.average(np.log(w @ p), weights=weight)


def assert_certified(p, solution, weight=None, tol=1e-8):
    assert_on_simplex(solution.w)
    assert 0 <= solution.gap <= tol
    pool = solution.w @ p
    np.testing.assert_allclose(solution.value, -np.average(np.log(pool), weights=weight), rtol=1e-10, atol=1e-12)
    slope = np.average(p / pool, axis=1, weights=weight)
    np.testing.assert_allclose(slope.max() - 1, solution.gap, atol=1e-12)
    np.testing.assert_allclose(slope[solution.w > 1e-6], 1, atol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(seeds, sizes, st.booleans())
def test_log_agrees_with_em(seed, size, weighted):
    p = densities(seed, size)
    weight = np.random.default_rng(seed).uniform(size=p.shape[1]) if weighted else None
    solution = simplex_log(p, weight)
    assert_certified(p, solution, weight)
    slow = by_em(p, weight)
    assert solution.value <= slow + 1e-8
    np.testing.assert_allclose(solution.value, slow, atol=1e-3)


@fixed
@given(seeds, sizes)
def test_log_follows_the_order_of_learners_and_of_rows(seed, size):
    p, rng = densities(seed, size), np.random.default_rng(seed)
    order = rng.permutation(size)
    moved = simplex_log(p[order][:, rng.permutation(p.shape[1])], tol=1e-12)
    np.testing.assert_allclose(moved.w, simplex_log(p, tol=1e-12).w[order], atol=1e-5)


@fixed
@given(seeds, sizes)
def test_log_scale_of_a_row_only_shifts_the_value(seed, size):
    p, rng = densities(seed, size), np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-200, 200, size=p.shape[1])
    plain, scaled = simplex_log(p), simplex_log(p * scale)
    np.testing.assert_allclose(scaled.value + np.log(scale).mean(), plain.value, rtol=1e-9, atol=1e-9)


@fixed
@given(seeds, sizes)
def test_log_weights_of_rows_are_repeated_rows(seed, size):
    p = densities(seed, size)
    weight = np.random.default_rng(seed).integers(0, 4, size=p.shape[1])
    weighted, repeated = simplex_log(p, weight.astype(float)), simplex_log(np.repeat(p, weight, axis=1))
    np.testing.assert_allclose(weighted.value, repeated.value, atol=2e-8)


@fixed
@given(seeds, sizes)
def test_log_is_never_worse_than_the_best_learner_or_equal_weights(seed, size):
    p = densities(seed, size)
    ours = simplex_log(p).value
    assert ours <= -np.log(p).mean(axis=1).max() + 1e-8
    assert ours <= -np.log(p.mean(axis=0)).mean() + 1e-8


@fixed
@given(seeds, sizes)
def test_log_gains_nothing_from_duplicates(seed, size):
    p = densities(seed, size)
    np.testing.assert_allclose(simplex_log(np.repeat(p, 2, axis=0)).value, simplex_log(p).value, atol=2e-8)


def hard_densities():
    rng = np.random.default_rng(4)
    p = rng.uniform(0.05, 1, size=(6, 100))
    sure = np.where(rng.uniform(size=(6, 100)) < 0.8, 1 - 1e-15, 1e-15)
    rare = np.full((3, 2000), 0.9)
    rare[:2, :2], rare[2] = 1e-15, 1e-15
    rare[2, :2] = 0.5
    width = np.geomspace(0.05, 20, 30)[:, None]
    return {
        "plain": p,
        "one learner": p[:1],
        "one row": p[:, :1],
        "all the same": np.full((3, 10), 0.3),
        "duplicates": np.repeat(p, 2, axis=0),
        "hopeless rows": np.where(np.arange(100) < 10, 1e-15, p),
        "zeros and ones, clipped": sure,
        "sure of many rows": np.where(rng.uniform(size=(20, 1000)) < rng.uniform(0.6, 0.99, (20, 1)), 1 - 1e-15, 1e-15),
        "one learner for two rows": rare,
        "full step too long": np.stack([np.append(np.ones(999), 1e-15), np.append(np.full(999, 0.99), 1)]),
        "perfect learner": np.concatenate([p, np.ones((1, 100))]),
        "more learners than rows": rng.uniform(0.01, 1, size=(50, 20)),
        "densities": np.exp(-0.5 * np.square(3 * rng.normal(size=500) / width)) / width + 1e-300,
        "tiny": p * 1e-290,
        "several chunks": rng.uniform(0.01, 1, size=(3, 10000)),
        "float32": p.astype(np.float32),
    }


@pytest.mark.parametrize("case", sorted(hard_densities()))
def test_log_survives(case):
    p = hard_densities()[case]
    solution = simplex_log(p)
    assert_certified(p.astype(float), solution)
    np.testing.assert_array_equal(solution.w, simplex_log(p).w)


@pytest.mark.parametrize("case", sorted(hard_densities()))
def test_log_never_rises_and_needs_few_steps(case, monkeypatch):
    p = hard_densities()[case]
    path = []
    model = log_solver._second_order
    monkeypatch.setattr(log_solver, "_second_order", lambda problem, w: path.append(w) or model(problem, w))
    simplex_log(p)
    values = [-np.log(w @ p.astype(float)).mean() for w in path]
    assert len(path) <= 20
    assert np.diff(values).max(initial=0) <= 1e-12 * np.abs(values).max()


def test_log_ignores_rows_without_weight():
    p, weight = densities(0, 3), np.ones(80)
    weight[:5], p[:, :5] = 0, np.nan
    np.testing.assert_allclose(simplex_log(p, weight).w, simplex_log(p[:, 5:]).w, atol=1e-12)


def test_log_reaches_a_strict_tolerance_where_the_value_is_flat():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        width = np.geomspace(0.05, 20, 3)[:, None]
        x = rng.normal(size=100) * rng.choice([1, 3], size=100)
        assert simplex_log(np.exp(-0.5 * np.square(x / width)) / width + 1e-300, tol=1e-12).gap <= 1e-12


def test_log_gives_a_perfect_learner_all_the_weight():
    p = hard_densities()["perfect learner"]
    np.testing.assert_array_equal(simplex_log(p).w, np.eye(7)[6])


def test_log_rejects_a_row_without_density():
    with pytest.raises(ValueError, match="above zero"):
        simplex_log(np.array([[0.5, 0.0], [0.5, 0.0]]))
