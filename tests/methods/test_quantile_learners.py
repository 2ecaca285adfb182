"""Quantile learners without a peer in scikit-learn: each against a slow loop, a planted truth, or another package."""

import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantile_forest import ExtraTreesQuantileRegressor, RandomForestQuantileRegressor
from scipy.optimize import minimize
from scipy.stats import norm

from bench.core.losses import pinball
from bench.core.nouns import BenchError, Panel, Target
from bench.methods import ensembles, learners
from bench.methods.ensembles.rows import lower_quantiles
from bench.methods.learners import boosting, learner_scheme
from bench.methods.learners.empirical import pad_columns, quantiles
from bench.methods.learners.extra_trees_quantile import LeafWeights
from bench.methods.learners.heteroscedastic import _log_variance, _with_constant
from bench.tasks.suites import catalogue

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
TARGET = Target("quantile", LEVELS)
NEED_TORCH = ("gaussian-network", "joint-network", "simultaneous-network")


def fitted(text, X, y, weight=None, seed=0):
    model = learner_scheme(text)(TARGET, seed)
    model.fit(X, y, weight)
    return model


def naive_quantile(values, weight, level, spare):
    """Return a quantile of the rows by the definition, one distinct value after the other."""
    distinct = sorted(set(np.asarray(values).tolist()))
    mass = [sum(w for v, w in zip(values, weight, strict=True) if v == one) for one in distinct]
    least, knots, before = min(mass), [], 0.0
    for one in mass:
        knots += [before + least / 2, before + one - least / 2]
        before += one
    at = (np.array(knots) + spare * least / 2) / (before + spare * least)
    return np.interp(level, at, np.repeat(distinct, 2))


rows_of_whole_weight = st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=12)
spares = st.sampled_from([0.0, 1.0])


def quantiles_of(pairs, levels, spare):
    values, weight = np.array(pairs, dtype=float).T
    order = np.argsort(values, kind="stable")
    return quantiles(values[None, order], weight[None, order], np.asarray(levels), spare)[0]


@given(rows_of_whole_weight, st.floats(0.01, 0.99), spares)
def test_quantiles_are_those_of_a_slow_loop(pairs, level, spare):
    values, weight = np.array(pairs, dtype=float).T
    found = quantiles_of(pairs, [level], spare)[0]
    np.testing.assert_allclose(found, naive_quantile(values, weight, level, spare), atol=1e-9)


@given(rows_of_whole_weight, spares, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_quantiles_depend_on_the_law_alone(pairs, spare, random, unit):
    levels = np.linspace(0.01, 0.99, 41)
    found = quantiles_of(pairs, levels, spare)
    other = list(pairs)
    random.shuffle(other)
    np.testing.assert_allclose(quantiles_of(other, levels, spare), found, atol=1e-9)
    repeated = [(value, 1) for value, times in pairs for _ in range(times)]
    np.testing.assert_allclose(quantiles_of(repeated, levels, spare), found, atol=1e-9)
    scaled = [(value, times * unit) for value, times in pairs]
    np.testing.assert_allclose(quantiles_of(scaled, levels, spare), found, atol=1e-9)


@given(rows_of_whole_weight, spares)
def test_quantiles_rise_with_the_level_and_are_symmetric(pairs, spare):
    levels = np.linspace(0.01, 0.99, 41)
    found = quantiles_of(pairs, levels, spare)
    assert (np.diff(found) >= -1e-12).all()
    mirrored = quantiles_of([(-value, times) for value, times in pairs], 1 - levels, spare)
    np.testing.assert_allclose(-mirrored, found, atol=1e-9)


@given(rows_of_whole_weight, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_lower_quantiles_of_whole_weights_are_those_of_repeated_rows(pairs, random, unit):
    values, weight = np.array(pairs, dtype=float).T
    levels = np.arange(1, 20) / 20
    expected = np.quantile(np.repeat(values, weight.astype(int)), levels, method="inverted_cdf")
    order = random.sample(range(len(pairs)), len(pairs))
    np.testing.assert_array_equal(lower_quantiles(values[order], weight[order] * unit, levels), expected)


@pytest.mark.parametrize(("spare", "method"), [(0.0, "hazen"), (1.0, "weibull")])
def test_quantiles_of_like_rows_are_those_of_numpy(spare, method):
    values = np.sort(np.random.default_rng(0).normal(size=(4, 17)), axis=1)
    levels = np.array([0.001, 0.03, 0.31, 0.5, 0.77, 0.999])
    found = quantiles(values, np.ones_like(values), levels, spare)
    np.testing.assert_allclose(found, np.quantile(values, levels, axis=1, method=method).T, atol=1e-12)


def test_values_without_weight_are_not_there():
    values = np.array([[1.0, 2.0, 4.0, 4.0, 4.0]])
    found = quantiles(values, np.array([[1.0, 1.0, 2.0, 0.0, 0.0]]), np.array(LEVELS), 1.0)
    np.testing.assert_allclose(found, quantiles(values[:, :3], np.array([[1.0, 1.0, 2.0]]), np.array(LEVELS), 1.0))


def test_padding_repeats_the_last_column():
    columns, real = pad_columns(np.array([0, 1, 1, 1, 2, 2]), np.array([7, 0, 3, 4, 1, 9]), 3)
    assert columns.tolist() == [[7, 7, 7], [0, 3, 4], [1, 9, 9]]
    assert real.tolist() == [[True, False, False], [True, True, True], [True, True, False]]


@pytest.mark.parametrize("weighted", [False, True])
def test_knn_quantile_is_a_slow_loop(weighted):
    rng = np.random.default_rng(1)
    X, X_test, y = rng.normal(size=(80, 3)), rng.normal(size=(15, 3)), rng.normal(size=80)
    weight = rng.integers(0, 4, 80).astype(float) if weighted else None
    kept = np.flatnonzero(np.ones(80) if weight is None else weight)
    found = fitted("knn-quantile:n_neighbors=7", X, y, weight).predict(X_test)
    for x, prediction in zip(X_test, found, strict=True):
        near = kept[np.argsort(np.linalg.norm(X[kept] - x, axis=1))[:7]]
        w = np.ones(7) if weight is None else weight[near]
        expected = [naive_quantile(y[near], w, level, 1.0) for level in LEVELS]
        np.testing.assert_allclose(prediction, expected, atol=1e-12)


def test_all_rows_at_the_distance_of_the_last_neighbour_are_neighbours():
    X, y = np.repeat([[0.0], [1.0], [5.0]], [1, 4, 3], axis=0), np.arange(8.0)
    found = fitted("knn-quantile:n_neighbors=2", X, y).predict([[0.0]])[0]
    np.testing.assert_allclose(found, [naive_quantile(y[:5], np.ones(5), level, 1.0) for level in LEVELS])


@pytest.mark.parametrize("learner", ["knn-quantile:n_neighbors=500", "extra-trees-quantile:min_samples_leaf=500"])
def test_a_weight_of_three_is_three_rows_in_any_order(learner):
    rng = np.random.default_rng(2)
    X, y = np.zeros((50, 1)), rng.integers(0, 12, 50).astype(float)
    times, order = rng.integers(1, 4, 50), rng.permutation(50)
    heavy = fitted(learner, X, y, times.astype(float)).predict([[0.0]])
    repeated = fitted(learner, np.repeat(X, times, 0), np.repeat(y, times)).predict([[0.0]])
    np.testing.assert_allclose(heavy, repeated, atol=1e-9)
    np.testing.assert_allclose(fitted(learner, X, y[order], times[order] / 7).predict([[0.0]]), heavy, atol=1e-9)


def trees_of(seed=4, n=120):
    rng = np.random.default_rng(seed)
    X, X_test = rng.normal(size=(n, 3)), rng.normal(size=(25, 3))
    return X, X[:, 0] + rng.normal(size=n), X_test, rng.uniform(0.2, 3, n)


def test_extra_trees_weigh_the_rows_of_the_leaves():
    from sklearn.ensemble import ExtraTreesRegressor

    X, y, X_test, w = trees_of()
    w /= w.mean()
    forest = ExtraTreesRegressor(n_estimators=10, min_samples_leaf=4, random_state=0)
    model = LeafWeights(forest, TARGET.levels).fit(X, y, w)
    leaf, leaf_test, order = forest.apply(X), forest.apply(X_test), np.argsort(y)
    expected = np.zeros((25, 120))
    for row, tree in np.ndindex(leaf_test.shape):
        inside = leaf[:, tree] == leaf_test[row, tree]
        expected[row] += w * inside / (w @ inside) / 10
    np.testing.assert_allclose(model.weights(X_test).toarray(), expected[:, order], atol=1e-12)
    prediction = [[naive_quantile(y[v > 0], v[v > 0], level, 0.0) for level in LEVELS] for v in expected]
    np.testing.assert_allclose(model.predict(X_test), prediction, atol=1e-9)


def test_extra_trees_quantile_is_that_of_quantile_forest():
    X, y, X_test, _ = trees_of()
    settings = {"n_estimators": 50, "min_samples_leaf": 3, "max_features": 0.7, "random_state": 3}
    oracle = ExtraTreesQuantileRegressor(**settings, max_samples_leaf=None).fit(X, (y - y.mean()) / y.std())
    predictions = oracle.predict(X_test, quantiles=list(LEVELS), weighted_leaves=True) * y.std() + y.mean()
    found = fitted("extra-trees-quantile:n_estimators=50,min_samples_leaf=3,max_features=0.7", X, y, seed=3)
    # The same trees and the same rows in the leaves; quantile-forest puts a value elsewhere between its neighbours.
    np.testing.assert_allclose(found.predict(X_test), predictions, atol=0.5)
    assert np.abs(found.predict(X_test) - predictions).mean() < 0.05


def test_a_forest_that_keeps_all_targets_is_that_of_quantile_forest():
    X, y, X_test, _ = trees_of()
    settings = {"n_estimators": 20, "min_samples_leaf": 8, "max_features": 1.0, "random_state": 3}
    oracle = RandomForestQuantileRegressor(**settings, max_samples_leaf=None).fit(X, (y - y.mean()) / y.std())
    predictions = oracle.predict(X_test, quantiles=list(LEVELS)) * y.std() + y.mean()
    text = "forest-quantile:n_estimators=20,min_samples_leaf=8,max_features=1.0,max_samples_leaf=0"
    np.testing.assert_allclose(fitted(text, X, y, seed=3).predict(X_test), predictions, atol=1e-9)


def test_the_forest_of_panel_dqa_finds_the_one_column_that_counts():
    """The paper's code lets a split look at every column: on yacht, one of six decides."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(400, 6))
    y = np.exp(4 * X[:, 0]) + rng.normal(size=400)
    panel = catalogue().panel("dqa").learners["quantile"]
    (paper,) = [learner for learner in panel if learner.startswith("forest-quantile")]
    losses = [
        pinball(y[300:], fitted(text, X[:300], y[:300]).predict(X[300:]), np.array(LEVELS)).mean()
        for text in (paper, "forest-quantile:n_estimators=50,min_samples_leaf=8")
    ]
    assert losses[0] < 0.5 * losses[1]


def noisy(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    deviation = np.exp(0.2 + 0.6 * X[:, 0] - 0.3 * X[:, 1])
    return X, X @ [1.0, -2.0, 0.0] + deviation * rng.normal(size=n), deviation


def test_heteroscedastic_recovers_the_planted_deviation():
    X, y, _ = noisy(3000)
    X_test, _, deviation = noisy(200, seed=1)
    predictions = fitted("heteroscedastic", X, y).predict(X_test)
    found = (predictions[:, -1] - predictions[:, 0]) / (norm.ppf(LEVELS[-1]) - norm.ppf(LEVELS[0]))
    np.testing.assert_allclose(found, deviation, rtol=0.15)
    np.testing.assert_allclose(predictions[:, 2], X_test @ [1.0, -2.0, 0.0], atol=0.15)


def test_heteroscedastic_without_freedom_is_gaussian():
    X, y, _ = noisy(60)
    weight = np.random.default_rng(3).uniform(0.5, 2, 60)
    stiff = fitted("heteroscedastic:spread_alpha=1e12,rounds=1", X, y, weight).predict(X)
    np.testing.assert_allclose(stiff, fitted("gaussian", X, y, weight).predict(X), rtol=1e-6)


def test_the_log_variance_is_at_its_optimum():
    X, y, _ = noisy(80, seed=5)
    A, square, w = _with_constant(X), y**2, np.random.default_rng(6).uniform(0.2, 2, 80)

    def badness(g):
        s = A @ g
        return w @ (square * np.exp(-s) + s) / 2 + 3.0 * g[1:] @ g[1:] / 2

    found = _log_variance(A, square, w, 3.0)
    best = minimize(badness, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(found, best.x, atol=1e-5)


def test_one_wild_row_does_not_upset_the_log_variance():
    X, y, _ = noisy(80)
    y[3] = 1e6
    assert np.isfinite(fitted("heteroscedastic", X, y).predict(1e9 * X)).all()


def test_residual_quantile_covers_exchangeable_rows():
    shares, train, test = [], 400, 1000
    for seed in range(6):
        X, y, _ = noisy(train + test, seed=seed)
        model = fitted("residual-quantile", X[:train], y[:train], seed=seed)
        shares.append((y[train:, None] <= model.predict(X[train:])).mean(axis=0))
    tau = np.array(LEVELS)
    deviation = np.sqrt(tau * (1 - tau) / 6 * (1 / train + 1 / test))
    assert (np.abs(np.mean(shares, axis=0) - tau) < 4 * deviation).all()


def test_residual_quantile_of_locality_nought_gives_all_rows_one_law():
    X, y, _ = noisy(150)
    y = (y - y.mean()) / y.std()
    found = fitted("residual-quantile:locality=0", X, y, seed=2).predict(X)
    growth = boosting.TreeParameters(learning_rate=0.1, num_leaves=15, min_child_samples=20)
    given = {**boosting.tree_settings(2, growth, 150), "objective": "regression"}

    def predict(fit_rows, held):
        return lightgbm.train(given, lightgbm.Dataset(X[fit_rows], y[fit_rows], params=given), 100).predict(X[held])

    fold, residual = np.random.default_rng(2).permutation(150) % 5, np.empty(150)
    for k in range(5):
        residual[fold == k] = y[fold == k] - predict(fold != k, fold == k)
    law = np.quantile(residual, LEVELS, method="weibull")
    np.testing.assert_allclose(found, predict(fold >= 0, fold >= 0)[:, None] + law, atol=1e-9)


def test_residual_quantile_stretches_with_the_size_of_residuals():
    X, y, deviation = noisy(1500)
    predictions = fitted("residual-quantile", X, y).predict(X)
    assert np.corrcoef(np.log(predictions[:, -1] - predictions[:, 0]), np.log(deviation))[0, 1] > 0.7


@pytest.mark.parametrize(
    "text",
    [
        "knn-quantile:n_neighbors=0",
        "heteroscedastic:alpha=0",
        "heteroscedastic:spread_alpha=-1",
        "heteroscedastic:rounds=0",
        "residual-quantile:locality=-1",
        "residual-quantile:num_leaves=1",
    ],
)
def test_a_wrong_parameter_is_a_mistake_of_the_user(text):
    with pytest.raises(BenchError, match="give"):
        learner_scheme(text)(TARGET, 0)


# torch is optional


@pytest.mark.parametrize("name", NEED_TORCH)
def test_a_network_without_torch_names_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BenchError, match=rf"^learner '{name}' needs torch: pip install 'bench\[torch\]'$"):
        learner_scheme(name)(TARGET, 0)


def test_a_gate_without_torch_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    panel = Panel(TARGET, ("a",), pd.DataFrame({"x": [0.0]}), np.zeros((1, 1, 5)))
    with pytest.raises(BenchError, match=r"^ensemble 'local-network' needs torch: pip install 'bench\[torch\]'$"):
        ensembles.registry.scheme("local-network")(panel, np.zeros(1), np.random.default_rng(0))


def test_what_needs_torch_is_listed_with_the_reason():
    for name in NEED_TORCH:
        assert learners.registry.scheme(name).options.requires == ("torch",)
    assert ensembles.registry.scheme("local-network").options.requires == ("torch",)


def test_looking_up_plug_ins_imports_no_torch():
    code = (
        "import sys; from bench import ensembles, learners;"
        "ensembles.registry.scheme('local-network'), learners.registry.scheme('joint-network');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
