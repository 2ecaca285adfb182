"""Schemes of quantile boards: regressions, mixtures, weights by region; each against a naive oracle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog
from scipy.stats import norm
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import QuantileRegressor

from bench.core import losses
from bench.core.nouns import BenchError, Panel, Target
from bench.core.settings import DEFAULT_LEVELS
from bench.methods.ensembles import registry
from bench.methods.ensembles.level_features import feature_weighted_levels
from bench.methods.ensembles.local_cluster import _clusters
from bench.methods.ensembles.mixture import LinearPool, _quantiles, crps_gram
from bench.methods.ensembles.regional import Regions, regional_combiner
from bench.methods.ensembles.smoothed_qra import smoothed_pinball
from bench.solvers import quantile_regression as solver
from bench.solvers.pinball import simplex_pinball

law = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 10**6)
THREE = (0.1, 0.5, 0.8)


def panel_of(predictions, levels=THREE, X=None, weight=None, folds=5):
    """Return a panel of learners' quantiles (L, n, K)."""
    n = predictions.shape[1]
    columns = pd.DataFrame(np.zeros((n, 1)) if X is None else X).rename(columns=lambda j: f"x{j}")
    names = tuple(f"learner-{j}" for j in range(len(predictions)))
    return Panel(Target("quantile", tuple(levels)), names, columns, predictions, weight, np.arange(n) % folds)


def sample(n=120, L=4, levels=THREE, seed=0):
    """Draw y, and learners of different skill that do not cross."""
    rng = np.random.default_rng(seed)
    y = 3 + 2 * rng.normal(size=n)
    centre = y + rng.normal(size=(L, n)) * np.linspace(0.5, 2, L)[:, None]
    spread = rng.uniform(0.5, 2.5, size=(L, n))
    return y, centre[:, :, None] + spread[:, :, None] * norm.ppf(levels)


def learn(name, panel, y):
    return registry.scheme(name)(panel, y, np.random.default_rng(0))


def pinball(y, predictions, level, weight=None):
    return np.average(losses.pinball(y, predictions[:, None], np.array([level]))[:, 0], weights=weight)


# --- the solver -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("ties", [False, True])
def test_rows_far_from_the_solution_change_nothing(level, ties):
    """Of many rows a part is solved; all of them at once give the same loss, and so does a linear program."""
    rng = np.random.default_rng(3)
    n = 12000
    X = np.column_stack([np.ones(n), 100 * rng.normal(size=n), rng.standard_t(2, size=n)])
    y = 0.02 * X[:, 1] + X[:, 2] + (1 + np.abs(X[:, 2])) * rng.standard_t(2, size=n)
    X, y = (np.round(X), np.round(y)) if ties else (X, y)
    w = rng.uniform(0.1, 3, n)
    problem = solver.RegressionProblem(X, y, w, level, np.zeros(3))
    b, gap = solver.quantile_regression(problem)
    assert gap <= solver.TOLERANCE
    best = -linprog(-y, A_eq=X.T, b_eq=np.zeros(3), bounds=np.column_stack([(level - 1) * w, level * w])).fun
    np.testing.assert_allclose(w @ losses.pinball(y, (X @ b)[:, None], np.array([level]))[:, 0], best, rtol=1e-8)


def test_rows_that_change_sides_enter_after_all():
    """A first solution that is off still ends at the optimum, or is reported as one that does not."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(3000), rng.normal(size=3000)])
    problem = solver.RegressionProblem(X, X[:, 1] + rng.normal(size=3000), np.ones(3000), 0.3, np.zeros(2))
    best, _ = solver._interior(problem, 1.0, 1e-11)
    for step in (0.01, 0.1):
        b, gap = solver._solve_from_near(problem, best + step, 400, 1.0, 1e-11)
        assert gap <= 1e-7
        np.testing.assert_allclose(b, best, atol=1e-5)
    assert solver._solve_from_near(problem, np.array([0.3, 0.7]), 1200, 1.0, 1e-11) is None


def test_all_rows_are_solved_at_once_where_the_near_ones_do_not_do(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(9000), rng.normal(size=9000)])
    problem = solver.RegressionProblem(X, X[:, 1] + rng.normal(size=9000), np.ones(9000), 0.3, np.zeros(2))
    b, _ = solver.quantile_regression(problem)
    monkeypatch.setattr(solver, "SIDE_CHANGES", 0)
    np.testing.assert_allclose(solver.quantile_regression(problem)[0], b, atol=1e-6)


def test_a_penalty_counts_the_same_in_a_part_of_the_rows():
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(9000), rng.normal(size=(9000, 6))])
    y = X @ rng.normal(size=7) + rng.normal(size=9000)
    problem = solver.RegressionProblem(X, y, np.ones(9000), 0.8, np.r_[0, np.full(6, 900.0)])
    b, gap = solver.quantile_regression(problem, 1e-11)
    assert gap <= 1e-11
    np.testing.assert_allclose(b, solver._interior(problem, 1.0, 1e-11)[0], atol=1e-6)


# --- regressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_qra_is_linear_quantile_regression(seed):
    y, predictions = sample(seed=seed)
    weight = np.random.default_rng(seed).uniform(0.2, 2, len(y))
    found = learn("qra", panel_of(predictions, weight=weight), y)
    assert found.gap <= 1e-6
    for k, level in enumerate(THREE):
        oracle = QuantileRegressor(quantile=level, alpha=0).fit(predictions[:, :, k].T, y, sample_weight=weight)
        np.testing.assert_allclose(found.w[:, k], oracle.coef_, atol=1e-6)
        np.testing.assert_allclose(found.intercept[k], oracle.intercept_, atol=1e-6)


def test_qra_finds_a_planted_combination_of_any_sign_and_sum():
    _, predictions = sample(n=200)
    y = -3 + 2 * predictions[0, :, 1] - 0.5 * predictions[2, :, 1]
    found = learn("qra", panel_of(predictions), y)
    np.testing.assert_allclose(found.w[:, 1], [2, 0, -0.5, 0], atol=1e-7)
    np.testing.assert_allclose(found.intercept[1], -3, atol=1e-6)


def test_qra_bears_equal_constant_and_collinear_learners():
    y, predictions = sample(L=3)
    plain = learn("qra", panel_of(predictions), y)
    extra = np.concatenate(
        [predictions, predictions[:1], np.full_like(predictions[:1], 7.0), (2 * predictions[1] - predictions[2])[None]]
    )
    found = learn("qra", panel_of(extra), y)
    assert found.gap <= 1e-6
    np.testing.assert_allclose(found(panel_of(extra)), plain(panel_of(predictions)), atol=1e-5)
    np.testing.assert_allclose(found.w[0], found.w[3], atol=1e-9)
    assert np.abs(found.w[4]).max() == 0
    alone = learn("qra", panel_of(np.full((2, 40, 3), 5.0)), y[:40])
    np.testing.assert_allclose(alone.w, 0)
    for k, level in enumerate(THREE):
        best = pinball(y[:40], np.full(40, np.quantile(y[:40], level, method="inverted_cdf")), level)
        np.testing.assert_allclose(pinball(y[:40], alone(panel_of(np.full((2, 40, 3), 5.0)))[:, k], level), best)


def test_qra_of_many_rows_has_a_certificate():
    y, predictions = sample(n=20000, L=5, levels=DEFAULT_LEVELS)
    found = learn("qra", panel_of(predictions, DEFAULT_LEVELS), y)
    assert found.gap <= 1e-6
    medium = simplex_pinball(predictions[:, :, :1], y, np.array(DEFAULT_LEVELS[:1]))
    assert pinball(y, found(panel_of(predictions, DEFAULT_LEVELS))[:, 0], DEFAULT_LEVELS[0]) <= medium.value


def test_fqra_regresses_on_standardised_principal_components():
    y, predictions = sample(L=5)
    found = learn("fqra:factors=2", panel_of(predictions), y)
    assert found.gap <= 1e-6
    for k, level in enumerate(THREE):
        columns = predictions[:, :, k].T
        factors = PCA(2).fit_transform((columns - columns.mean(axis=0)) / columns.std(axis=0))
        oracle = QuantileRegressor(quantile=level, alpha=0).fit(factors, y)
        np.testing.assert_allclose(found(panel_of(predictions))[:, k], oracle.predict(factors), atol=1e-6)


def test_fqra_with_all_factors_is_qra():
    y, predictions = sample(L=4)
    every, more, qra = (learn(name, panel_of(predictions), y) for name in ("fqra:factors=4", "fqra:factors=99", "qra"))
    for found in (every, more):
        np.testing.assert_allclose(found.w, qra.w, atol=1e-9)


def test_fqra_takes_the_number_of_factors_that_is_best_out_of_fold():
    rng = np.random.default_rng(2)
    y, predictions = sample(n=90, L=6, seed=3)
    panel = panel_of(predictions, weight=rng.integers(0, 3, 90).astype(float))
    totals = []
    for count in range(1, 7):
        total = 0.0
        for fold in range(5):
            held = panel.inner_fold == fold
            found = learn(f"fqra:factors={count}", panel.rows(~held), y[~held])
            prediction = found(panel.rows(held))
            total += panel.weight[held] @ losses.pinball(y[held], prediction, panel.target.levels).sum(axis=1)
        totals.append(total)
    best = learn(f"fqra:factors={1 + int(np.argmin(totals))}", panel, y)
    np.testing.assert_allclose(learn("fqra", panel, y).w, best.w, atol=1e-9)


# --- mixtures -------------------------------------------------------------------------------------


def cdf(quantiles, levels, x):
    """Return F(x) of one learner on one row: straight lines, and tails at the outermost slopes."""
    q, p = np.sort(quantiles), np.array(levels)
    low = q[0] - p[0] / (p[1] - p[0]) * (q[1] - q[0])
    high = q[-1] + (1 - p[-1]) / (p[-1] - p[-2]) * (q[-1] - q[-2])
    return np.interp(x, [low, *q, high], [0, *p, 1], left=0, right=1)


@law
@given(seed=seeds, L=st.integers(1, 5), K=st.integers(2, 9))
def test_the_linear_pool_is_the_inverse_of_the_mean_distribution_function(seed, L, K):
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice(np.arange(1, 100), K, replace=False)) / 100
    predictions, w = np.sort(rng.normal(size=(L, 6, K)) * 3, axis=2), rng.dirichlet(np.ones(L))
    prediction = LinearPool(w)(panel_of(predictions, levels))
    for i in range(6):
        ends = 1000 * np.array([-1, 1]) + predictions[:, i].mean()

        def mixture(x, i=i):
            return sum(share * cdf(one, levels, x) for share, one in zip(w, predictions[:, i], strict=True))

        for k, level in enumerate(levels):
            left = brentq(lambda x, level=level: mixture(x) - level + 1e-10, *ends, xtol=1e-10)
            right = brentq(lambda x, level=level: mixture(x) - level - 1e-10, *ends, xtol=1e-10)
            assert left - 1e-6 <= prediction[i, k] <= right + 1e-6


def test_the_linear_pool_of_one_learner_is_that_learner():
    _, predictions = sample(L=3, levels=DEFAULT_LEVELS)
    panel = panel_of(predictions, DEFAULT_LEVELS)
    np.testing.assert_allclose(LinearPool(np.array([0.0, 1, 0]))(panel), predictions[1], atol=1e-12)
    assert LinearPool(np.array([0.0, 1, 0])).used == (False, True, False)


def test_the_linear_pool_takes_the_middle_where_the_mixture_stays_at_a_level():
    predictions = np.array([[[-2.0, -1.5, -1.0]], [[4.0, 4.5, 5.0]]])
    found = LinearPool(np.array([0.5, 0.5]))(panel_of(predictions, (0.25, 0.5, 0.75)))
    np.testing.assert_allclose(found, [[-1.5, (-0.5 + 3.5) / 2, 4.5]])
    points = np.array([[[0.0, 0.0, 0.0]], [[3.0, 3.0, 3.0]]])
    np.testing.assert_allclose(LinearPool(np.array([0.5, 0.5]))(panel_of(points, (0.25, 0.5, 0.75))), [[0, 1.5, 3]])
    np.testing.assert_allclose(LinearPool(np.array([0.3, 0.7]))(panel_of(points, (0.25, 0.5, 0.75))), [[0, 3, 3]])


def test_the_linear_pool_of_one_level_is_the_quantile_of_the_predictions():
    predictions = np.array([1.0, 5.0, 2.0])[:, None, None]
    found = LinearPool(np.full(3, 1 / 3))(panel_of(predictions, (0.6,)))
    np.testing.assert_allclose(found, [[2.0]])


def test_the_linear_pool_is_wider_than_the_average_of_quantiles():
    y, predictions = sample(L=4, levels=DEFAULT_LEVELS)
    panel = panel_of(predictions, DEFAULT_LEVELS)
    pool, average = (learn(name, panel, y)(panel) for name in ("linear-pool", "vincentize"))
    np.testing.assert_array_equal(average, learn("equal", panel, y)(panel))
    assert (np.diff(pool[:, [0, -1]]) > np.diff(average[:, [0, -1]])).mean() > 0.95


@law
@given(seed=seeds, ties=st.booleans())
def test_the_gram_matrix_gives_the_crps_of_every_mixture(seed, ties):
    """Against ∫ (F - H)² on a fine grid, and E|X - y| - ½ E|X - X'| from many quantiles of each learner."""
    rng = np.random.default_rng(seed)
    L, n = 3, 4
    predictions, y = np.sort(2 * rng.normal(size=(L, n, 3)), axis=2), 2 * rng.normal(size=n)
    predictions, y = (np.round(predictions), np.round(y)) if ties else (predictions, y)
    weight = rng.uniform(0.5, 2, n)
    gram = crps_gram(panel_of(predictions, weight=weight), y)
    w, grid, step = rng.dirichlet(np.ones(L)), np.linspace(-60, 60, 120001), 0.001
    each = np.empty(n)
    for i in range(n):
        mixture = sum(share * cdf(one, THREE, grid) for share, one in zip(w, predictions[:, i], strict=True))
        each[i] = np.sum(np.square(mixture - (grid >= y[i]))) * step
    np.testing.assert_allclose(w @ gram @ w, np.average(each, weights=weight), atol=5e-3)


def test_the_gram_matrix_is_the_energy_form():
    rng = np.random.default_rng(0)
    predictions, y = np.sort(rng.normal(size=(2, 1, 3)), axis=2), np.array([0.4])
    levels = (np.arange(4000) + 0.5) / 4000
    draws = []
    for q in predictions[:, 0]:
        low = q[0] - 0.1 / 0.4 * (q[1] - q[0])
        high = q[2] + 0.2 / 0.3 * (q[2] - q[1])
        draws.append(np.interp(levels, [0, *THREE, 1], [low, *q, high]))
    to_y = [np.abs(x - y[0]).mean() for x in draws]
    apart = [[np.abs(a[:, None] - b).mean() for b in draws] for a in draws]
    expected = (np.add.outer(to_y, to_y) - np.array(apart)) / 2
    np.testing.assert_allclose(crps_gram(panel_of(predictions), y), expected, atol=2e-3)


def test_crps_simplex_is_at_the_optimum_and_counts_rows_by_weight():
    y, predictions = sample(n=150, L=5, levels=DEFAULT_LEVELS, seed=4)
    weight = np.arange(150) % 3 * 1.0
    panel = panel_of(predictions, DEFAULT_LEVELS, weight=weight)
    found, gram = learn("crps-simplex", panel, y), crps_gram(panel, y)
    assert 0 <= found.gap <= 1e-9
    least = found.w @ gram @ found.w
    others = np.concatenate([np.eye(5), np.random.default_rng(0).dirichlet(np.ones(5), 200)])
    assert (np.einsum("cl,lm,cm->c", others, gram, others) >= least - 1e-12).all()
    rows = np.repeat(np.arange(150), weight.astype(int))
    np.testing.assert_allclose(crps_gram(panel_of(predictions[:, rows], DEFAULT_LEVELS), y[rows]), gram, rtol=1e-10)


def test_crps_simplex_listens_to_the_learner_that_knows():
    y, predictions = sample(n=100, L=3)
    predictions[1] = y[:, None] + 1e-3 * norm.ppf(THREE)
    np.testing.assert_allclose(learn("crps-simplex", panel_of(predictions), y).w, [0, 1, 0], atol=1e-3)


# --- weights by region ----------------------------------------------------------------------------


def two_regions(n=600, seed=0):
    """Return learners of whom the first knows where x0 < 0, the second elsewhere; x1 is noise."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 2)), rng.normal(size=n) * 2
    X[:, 0] += np.where(X[:, 0] > 0, 3, -3)
    wrong = np.stack([X[:, 0] > 0, X[:, 0] < 0])
    centre = y + rng.normal(size=(2, n)) * np.where(wrong, 3.0, 0.3)
    return y, centre[:, :, None] + norm.ppf(THREE), X


@pytest.mark.parametrize("name", ["local-leaf", "local-leaf:depth=1", "local-cluster:clusters=2"])
def test_each_region_has_its_best_weights(name):
    y, predictions, X = two_regions()
    panel = panel_of(predictions, X=X)
    found = learn(name, panel, y)
    region = found.place(X)
    for r in np.unique(region):
        inside = region == r
        best = simplex_pinball(predictions[:, inside], y[inside], np.array(THREE))
        loss = losses.pinball(y[inside], found(panel.rows(inside)), np.array(THREE)).mean()
        np.testing.assert_allclose(loss, best.value, rtol=0.02)
    left = X[:, 0] < 0
    assert (found.w[region[left], 0] > 0.8).mean() > 0.98
    assert (found.w[region[~left], 1] > 0.8).mean() > 0.98


@pytest.mark.parametrize("name", ["local-leaf", "local-cluster"])
def test_without_regions_weights_are_those_of_all_rows(name):
    y, predictions = sample(n=150)
    coarse = learn("coarse", panel_of(predictions), y)
    for X in (np.zeros((150, 2)), np.zeros((150, 0))):
        panel = panel_of(predictions, X=X)
        np.testing.assert_allclose(learn(name, panel, y)(panel), coarse(panel), atol=1e-9)


@pytest.mark.parametrize("name", ["local-leaf", "local-cluster"])
def test_where_columns_hold_nothing_weights_are_tied(name):
    """Under pure noise the inner folds choose weights that are hardly worse than one weight a learner."""
    rng = np.random.default_rng(5)
    y, predictions = sample(n=400, seed=6)
    y_new, predictions_new = sample(n=4000, seed=7)
    panel = panel_of(predictions, X=rng.normal(size=(400, 3)))
    new = panel_of(predictions_new, X=rng.normal(size=(4000, 3)))
    local, coarse = (learn(each, panel, y)(new) for each in (name, "coarse"))
    loss = [losses.pinball(y_new, np.sort(each, axis=1), np.array(THREE)).mean() for each in (local, coarse)]
    assert loss[0] <= 1.01 * loss[1]


def test_ties_draw_small_regions_to_the_whole():
    regions = Regions(lambda X: X[:, 0].astype(int), np.eye(2), np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    np.testing.assert_allclose(regions.shrink(np.inf).w, 0.5)
    np.testing.assert_allclose(regions.shrink(0.0).w, np.eye(2))
    np.testing.assert_allclose(regions.shrink(0.1).w, [[0.95, 0.05], [0.25, 0.75]])


def test_a_region_without_training_rows_has_the_weights_of_all_rows():
    y, predictions = sample(n=60)
    found = regional_combiner(
        panel_of(predictions, X=np.zeros((60, 1))), y, lambda *_: lambda X: (X[:, 0] + 1).astype(int)
    )
    whole = simplex_pinball(predictions, y, np.array(THREE)).w
    np.testing.assert_allclose(found.w, np.tile(whole, (2, 1)), atol=1e-9)


def test_clusters_are_those_of_k_means_and_no_order_matters():
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [8, 0], [0, 9], [9, 9.0]])
    X = np.concatenate([centre + rng.normal(size=(40, 2)) for centre in centres])
    predictions = np.zeros((1, 160, 3))
    place = _clusters(panel_of(predictions, X=X), np.zeros(160), clusters=4)
    labels = KMeans(4, n_init=5, random_state=0).fit_predict(X)
    assert len({*zip(place(X).tolist(), labels.tolist(), strict=True)}) == 4
    order = rng.permutation(160)
    again = _clusters(panel_of(predictions, X=X[order]), np.zeros(160), clusters=4)
    np.testing.assert_array_equal(again(X), place(X))


def test_more_clusters_than_places_are_as_many_as_there_are_places():
    X = np.repeat([[0.0], [1.0]], 20, axis=0)
    for columns in (X, np.column_stack([X, 1 - X]), np.tile(X, 400)):
        place = _clusters(panel_of(np.zeros((1, 40, 3)), X=columns), np.zeros(40), clusters=7)
        assert sorted(np.unique(place(columns)).tolist()) == [0, 1]


# --- features -------------------------------------------------------------------------------------


def test_weights_that_are_linear_in_a_feature_are_found():
    rng = np.random.default_rng(0)
    n = 1500
    x = rng.normal(size=(n, 1))
    centre = rng.normal(size=(2, n)) * 2
    share = 0.5 + 0.2 * np.clip(x[:, 0], -2, 2)
    y = share * centre[0] + (1 - share) * centre[1] + 0.1 * rng.normal(size=n)
    panel = panel_of(centre[:, :, None] + 0.1 * norm.ppf(THREE), X=x)
    first, rest = np.arange(n) < 1000, np.arange(n) >= 1000
    found, coarse = (learn(name, panel.rows(first), y[first]) for name in ("feature-weighted:features=1", "coarse"))
    loss = [losses.pinball(y[rest], each(panel.rows(rest)), np.array(THREE)).mean() for each in (found, coarse)]
    assert loss[0] < 0.4 * loss[1]


def test_a_dear_price_leaves_the_convex_weights(monkeypatch):
    y, predictions = sample(n=300)
    panel = panel_of(predictions, X=np.random.default_rng(0).normal(size=(300, 2)))
    monkeypatch.setattr("bench.methods.ensembles.level_features.PENALTIES", (1e9,))
    found = feature_weighted_levels(panel, y, lambda X: np.ones((len(X), 1)))
    coarse = learn("coarse", panel, y)
    np.testing.assert_allclose(found.w, coarse.w, atol=1e-9)
    assert np.abs(found.V).max() < 1e-6
    for k, level in enumerate(THREE):
        rest = y - coarse(panel)[:, k]
        best = pinball(rest, np.full(300, np.quantile(rest, level, method="inverted_cdf")), level)
        np.testing.assert_allclose(pinball(y, found(panel)[:, k], level), best, rtol=1e-6)


# --- all of them ----------------------------------------------------------------------------------

SCHEMES = (
    "qra",
    "fqra",
    "vincentize",
    "linear-pool",
    "crps-simplex",
    "local-leaf",
    "local-cluster",
    "feature-weighted",
)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.2, 0.9)])
def test_any_levels_will_do(name, levels):
    y, predictions = sample(n=60, levels=levels)
    panel = panel_of(predictions, levels, X=np.random.default_rng(0).normal(size=(60, 3)))
    prediction = learn(name, panel, y)(panel)
    assert prediction.shape == (60, len(levels))
    assert np.isfinite(prediction).all()


@pytest.mark.parametrize("text", ["fqra:factors=0", "local-leaf:depth=0", "local-cluster:clusters=0"])
def test_a_number_below_one_is_a_mistake_of_the_user(text):
    y, predictions = sample(n=30)
    with pytest.raises(BenchError, match="give a whole number from 1"):
        learn(text, panel_of(predictions), y)


# --- regressions with a price or a smooth loss, weights level by level, transformed pools ----------------------------


@pytest.mark.parametrize("penalty", [0.003, 0.05, 0.4])
def test_lasso_qra_is_at_the_optimum_that_scikit_learn_finds(penalty):
    y, predictions = sample(n=80)
    found = learn(f"lasso-qra:penalty={penalty}", panel_of(predictions), y)
    unit = np.abs(y - y.mean()).mean()
    for k, level in enumerate(THREE):
        X, scale = predictions[:, :, k].T, predictions[:, :, k].std(axis=1)

        def objective(w, intercept, X=X, level=level, scale=scale):
            return losses.pinball(y, (X @ w + intercept)[:, None], np.array([level])).mean() + penalty * scale @ np.abs(
                w
            )

        theirs = QuantileRegressor(quantile=level, alpha=penalty, solver="highs").fit(
            (X - X.mean(axis=0)) / scale, (y - y.mean()) / unit
        )
        w = unit * theirs.coef_ / scale
        expected = objective(w, unit * theirs.intercept_ + y.mean() - w @ X.mean(axis=0))
        np.testing.assert_allclose(objective(found.w[:, k], found.intercept[k]), expected, rtol=1e-6)
    assert found.gap < 1e-6


def test_lasso_qra_without_a_price_is_qra_and_with_a_large_one_a_constant():
    y, predictions = sample(n=60)
    panel = panel_of(predictions)
    free, plain = (
        losses.pinball(y, learn(name, panel, y)(panel), np.array(THREE)).mean()
        for name in ("lasso-qra:penalty=0", "qra")
    )
    np.testing.assert_allclose(free, plain, rtol=1e-6)
    assert np.abs(learn("lasso-qra:penalty=10", panel, y).w).max() < 1e-6


def test_lasso_qra_drops_learners_that_know_nothing():
    y, predictions = sample(n=200, L=2)
    noise = np.random.default_rng(1).normal(size=(10, 200, 1)) + norm.ppf(THREE)
    panel, (y_new, test) = panel_of(np.concatenate([predictions, noise])), sample(n=2000, L=2, seed=5)
    test = panel_of(np.concatenate([test, np.random.default_rng(2).normal(size=(10, 2000, 1)) + norm.ppf(THREE)]))
    lasso, free = (
        losses.wis(y_new, learn(name, panel, y)(test), np.array(THREE)).mean() for name in ("lasso-qra", "qra")
    )
    assert lasso < free


@pytest.mark.parametrize("bandwidth", [0.05, 0.3, 2.0])
def test_smoothed_qra_is_at_the_optimum_of_a_slow_search(bandwidth):
    from scipy.integrate import quad
    from scipy.optimize import minimize

    y, predictions = sample(n=50, L=2)
    found = learn(f"smoothed-qra:bandwidth={bandwidth}", panel_of(predictions), y)
    h = bandwidth * np.abs(y - y.mean()).mean()
    expected = quad(lambda z: max(0.8 * (1.3 + h * z), -0.2 * (1.3 + h * z)) * norm.pdf(z), -9, 9, points=[-1.3 / h])[0]
    np.testing.assert_allclose(smoothed_pinball(np.array([1.3]), 0.8, h), [expected], rtol=1e-6)
    for k, level in enumerate(THREE):

        def loss(b, k=k, level=level):
            return smoothed_pinball(y - b[0] - b[1:] @ predictions[:, :, k], level, h).mean()

        start = np.r_[found.intercept[k], found.w[:, k]]
        least = minimize(loss, start + 0.1, method="BFGS", options={"gtol": 1e-9}).fun
        np.testing.assert_allclose(loss(start), least, rtol=1e-7)


def test_a_narrow_bandwidth_is_qra():
    y, predictions = sample(n=60)
    panel = panel_of(predictions)
    smooth, exact = (
        losses.pinball(y, learn(name, panel, y)(panel), np.array(THREE)).mean()
        for name in ("smoothed-qra:bandwidth=0.001", "qra")
    )
    np.testing.assert_allclose(smooth, exact, rtol=2e-3)


def test_crps_learning_is_boa_of_each_level():
    y, predictions = sample(n=70)
    found = learn("crps-learning", panel_of(predictions), y).w
    for k, level in enumerate(THREE):
        alone = learn("boa", panel_of(predictions[:, :, [k]], (level,)), y).w
        np.testing.assert_allclose(found[:, k], alone, rtol=1e-12)
    smooth, flat = (learn(f"crps-learning:smoothing={lam}", panel_of(predictions), y).w for lam in (1, 1e9))
    np.testing.assert_allclose(flat, np.repeat(found.mean(axis=1, keepdims=True), 3, axis=1), atol=1e-6)
    np.testing.assert_allclose(smooth.sum(axis=0), 1)
    assert smooth.min() >= 0
    assert np.ptp(smooth, axis=1).max() < np.ptp(found, axis=1).max()


def test_a_beta_pool_is_the_transform_of_the_pool():
    y, predictions = sample(n=150)
    panel = panel_of(predictions)
    found = learn("beta-pool", panel, y)
    pool = LinearPool(found.w)
    between = _quantiles(panel.predictions, found.w, np.array(THREE), np.linspace(0.001, 0.999, 999))
    for row, quantile in zip(between[:20], found(panel)[:20], strict=True):
        np.testing.assert_allclose(np.interp(quantile, row, np.linspace(0.001, 0.999, 999)), found.levels, atol=2e-3)
    plain, better = (losses.wis(y, each(panel), np.array(THREE)).mean() for each in (pool, found))
    assert better < plain
    np.testing.assert_allclose(learn("crps-simplex", panel, y).w, found.w)


def test_a_beta_pool_narrows_a_pool_of_calibrated_learners():
    """Each of three learners sees its own part of y, and is calibrated: their mixture is too wide."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(3, 600))
    y = parts.sum(axis=0) + 0.3 * rng.normal(size=600)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    predictions = parts[:, :, None] + np.sqrt(2.09) * norm.ppf(levels)
    panel = panel_of(predictions, levels)
    pool, transformed = (learn(name, panel, y)(panel) for name in ("crps-simplex", "beta-pool"))
    covers = [np.mean((each[:, 0] < y) & (y < each[:, 4])) for each in (pool, transformed)]
    assert abs(covers[1] - 0.9) < abs(covers[0] - 0.9)


@pytest.mark.parametrize(("text", "message"), [
    ("lasso-qra:penalty=-1", "give 0 or more"),
    ("smoothed-qra:bandwidth=0", "above zero"),
    ("crps-learning:smoothing=-1", "give 0 or more"),
])  # fmt: skip
def test_parameters_that_make_no_sense_are_refused(text, message):
    y, predictions = sample(n=20)
    with pytest.raises(BenchError, match=message):
        learn(text, panel_of(predictions), y)
