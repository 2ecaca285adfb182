"""Averages, performance weights, least squares and penalised simplex schemes, against slow derivations."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of, probabilities
from makers.panels import MAKE, classes, loss_of, points, quantiles, scheme, simplex_points, weight_of

from bench.core.nouns import BenchError
from bench.methods.ensembles import best_subset_mean, pseudo_bma
from bench.methods.ensembles.cross_validation import choose, fold_grams, fold_rows, pick_first_best
from bench.methods.ensembles.exp_weights import ETAS
from bench.methods.ensembles.qp_ridge_equal import TO_EQUAL
from bench.methods.ensembles.qp_simplex_weighted import decayed_weights
from bench.methods.ensembles.qp_sparse import SPARSE
from bench.methods.ensembles.shrink_to_equal import PSIS

seeds, weighted = st.integers(0, 10**6), st.booleans()
few = settings(max_examples=12)


def folded(panel, folds=3):
    return replace(panel, inner_fold=np.arange(panel.predictions.shape[1]) % folds)


def residuals(panel, y):
    """Return E (L, n K) and the row weights (n K,), written out row by row and class by class."""
    if panel.target.kind == "point":
        return panel.predictions[:, :, 0] - y, weight_of(panel)
    hot = np.eye(panel.target.width)[y]
    E = np.stack([(predictions - hot).ravel() for predictions in panel.predictions])
    return E, np.repeat(weight_of(panel), panel.target.width)


def gram_of(panel, y):
    E, s = residuals(panel, y)
    return (E * s) @ E.T / weight_of(panel).sum()


def squared(panel, y, w):
    return float(w @ gram_of(panel, y) @ w)


def by_folds(panel, y, candidates, learn, score):
    """Return the candidate of least held-out loss, everything learned anew without each fold."""
    total = np.zeros(len(candidates))
    for k in np.unique(panel.inner_fold):
        held = panel.inner_fold == k
        fit_rows, test = panel.rows(~held), panel.rows(held)
        mass = weight_of(test).sum()
        for c, candidate in enumerate(candidates):
            total[c] += mass * score(test, y[held], learn(fit_rows, y[~held], candidate))
    return candidates[int(np.flatnonzero(total <= total.min() * (1 + 1e-12))[0])]


# folds and Gram matrices


def test_rows_of_folds():
    panel, _ = points(0, n=7)
    dealt = [rows.tolist() for rows in fold_rows(panel)]
    assert dealt == [[0, 5], [1, 6], [2], [3], [4]]
    assert [r.tolist() for r in fold_rows(replace(panel, inner_fold=np.full(7, 2)))] == dealt
    own = replace(panel, inner_fold=np.array([4, 4, 1, 1, 1, 9, 9]), weight=np.array([1, 0, 2, 0, 1, 0, 0.0]))
    assert [rows.tolist() for rows in fold_rows(own)] == [[2, 4], [0]]
    assert fold_rows(replace(own, weight=np.eye(7)[3])) == []


def test_the_first_of_equally_good_candidates_is_chosen():
    assert pick_first_best(np.array([2.0, 1 + 1e-15, 1.0])) == 1
    assert choose(0, lambda _: np.array([1.0, 0.0])) == 0
    assert choose(2, lambda k: np.array([[1.0, 0.0], [0.0, 3.0]])[k]) == 0


@pytest.mark.parametrize("make", [points, classes])
@few
@given(seed=seeds, weighted=weighted)
def test_fold_grams(make, seed, weighted):
    panel, y = make(seed, weighted)
    panel = folded(panel)
    grams = fold_grams(panel, y)
    np.testing.assert_allclose(grams.all_rows, gram_of(panel, y), rtol=1e-10, atol=1e-14)
    for k in range(3):
        rest = panel.inner_fold != k
        np.testing.assert_allclose(grams.without(k), gram_of(panel.rows(rest), y[rest]), rtol=1e-10, atol=1e-14)


SCHEMES = ["exp-weights", "qp-sparse", "qp-ridge-equal", "shrink-to-equal"]


@pytest.mark.parametrize("name", SCHEMES)
def test_one_row_leaves_the_simplest_candidate(name):
    panel, y = points(0, n=1)
    expected = scheme("single-best" if name == "qp-sparse" else "equal", panel, y).w
    np.testing.assert_allclose(scheme(name, panel, y).w, expected, rtol=1e-14)


@pytest.mark.parametrize("name", SCHEMES)
def test_panels_without_folds_are_cross_validated_all_the_same(name):
    panel, y = points(3, n=40)
    own = scheme(name, replace(panel, inner_fold=np.arange(40) % 5), y)
    np.testing.assert_array_equal(scheme(name, panel, y).w, own.w)


# averages


@pytest.mark.parametrize("learners", [3, 4])
def test_median_of_classes(learners):
    panel, y = classes(2, learners=learners)
    found = scheme("median", panel, y)(panel)
    for n, row in enumerate(found):
        middle = [np.median([predictions[n, k] for predictions in panel.predictions]) for k in range(3)]
        np.testing.assert_allclose(row, np.array(middle) / sum(middle), rtol=1e-12)


def test_median_of_classes_on_which_all_disagree_is_the_mean():
    panel = panel_of(np.eye(3)[:, None, :], "class")
    np.testing.assert_allclose(scheme("median", panel, np.array([0]))(panel), [[1 / 3] * 3])


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(("trim", "learners"), [(0.2, 5), (0.25, 4), (0.1, 10), (0.0, 3), (0.4, 5)])
def test_trimmed_mean_of_whole_learners(kind, trim, learners):
    panel, y = MAKE[kind](1, learners=learners)
    expected = scipy.stats.trim_mean(panel.predictions, trim, axis=0)
    expected = expected / expected.sum(axis=1, keepdims=True) if kind == "class" else expected
    found = scheme(f"trimmed-mean:trim={trim}", panel, y)(panel)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("learners", [1, 2, 4, 6])
def test_trimmed_mean_of_parts_is_that_of_copies(learners):
    panel, y = quantiles(1, learners=learners)
    expected = scipy.stats.trim_mean(np.repeat(panel.predictions, 10, axis=0), 0.1, axis=0)
    np.testing.assert_allclose(scheme("trimmed-mean", panel, y)(panel), expected, rtol=1e-10, atol=1e-12)


def test_trimmed_mean_ends_at_the_median():
    panel, y = points(1, learners=6)
    found = scheme("trimmed-mean:trim=0.4999", panel, y)(panel)
    np.testing.assert_allclose(found, scheme("median", panel, y)(panel), rtol=1e-10)


@pytest.mark.parametrize("kind", MAKE)
@few
@given(seed=seeds, weighted=weighted, k=st.integers(1, 6))
def test_top_k(kind, seed, weighted, k):
    panel, y = MAKE[kind](seed, weighted)
    order = np.argsort([loss_of(panel, y, predictions) for predictions in panel.predictions])[:k]
    expected = [1 / min(k, 4) if j in order else 0 for j in range(4)]
    np.testing.assert_allclose(scheme(f"top-k:k={k}", panel, y).w, expected)


def test_top_k_by_a_metric_and_by_name():
    panel, y = classes(4)
    one = scheme("top-k:k=1,metric=macro_f1", panel, y).w
    np.testing.assert_array_equal(one, scheme("single-best:metric=macro_f1", panel, y).w)
    same = panel_of(np.repeat(panel.predictions[:1], 3, axis=0), "class", names=("c", "a", "b"))
    np.testing.assert_array_equal(scheme("top-k:k=2", same, y).w, [0, 0.5, 0.5])


@pytest.mark.parametrize("kind", MAKE)
@few
@given(seed=seeds, weighted=weighted)
def test_best_subset_mean_is_exact_for_few_learners(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted, learners=5)
    subsets = [s for size in range(1, 6) for s in itertools.combinations(range(5), size)]
    best = min(subsets, key=lambda s: loss_of(panel, y, panel.predictions[list(s)].mean(axis=0)))
    np.testing.assert_allclose(scheme("best-subset-mean", panel, y).w, [(j in best) / len(best) for j in range(5)])


@pytest.mark.parametrize("kind", MAKE)
def test_best_subset_mean_of_many_learners_is_the_best_prefix(kind, monkeypatch):
    monkeypatch.setattr(best_subset_mean, "EXACT_UP_TO", dict.fromkeys(MAKE, 3))
    panel, y = MAKE[kind](5, weighted=True, learners=7)
    chosen, prefixes = [], []
    for _ in range(7):
        left = [j for j in range(7) if j not in chosen]
        tried = {j: loss_of(panel, y, panel.predictions[[*chosen, j]].mean(axis=0)) for j in left}
        chosen.append(min(tried, key=tried.get))
        prefixes.append((min(tried.values()), list(chosen)))
    best = min(prefixes)[1]
    np.testing.assert_allclose(scheme("best-subset-mean", panel, y).w, [(j in best) / len(best) for j in range(7)])


def test_best_subset_mean_breaks_ties_by_size_and_name():
    panel, y = points(0)
    same = panel_of(np.repeat(panel.predictions[:1], 3, axis=0), names=("c", "a", "b"))
    np.testing.assert_array_equal(scheme("best-subset-mean", same, y).w, [0, 1, 0])


# performance weights


def exponential(panel, y, eta):
    loss = np.array([loss_of(panel, y, predictions) for predictions in panel.predictions])
    if eta == np.inf:
        return np.eye(len(loss))[np.argmin(loss)]
    w = np.exp(-eta * (loss - loss.min()) / (loss.mean() - loss.min()))
    return w / w.sum()


def pooled(panel, y, w):
    return loss_of(panel, y, np.tensordot(w, panel.predictions, axes=1))


@pytest.mark.parametrize("kind", MAKE)
@few
@given(seed=seeds, weighted=weighted)
def test_exp_weights(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted)
    panel = folded(panel)
    for eta in (0.0, 0.7, 3.0, np.inf):
        found = scheme(f"exp-weights:eta={eta}", panel, y).w
        np.testing.assert_allclose(found, exponential(panel, y, eta), rtol=1e-9, atol=1e-14)
    eta = by_folds(panel, y, ETAS, exponential, pooled)
    np.testing.assert_allclose(scheme("exp-weights", panel, y).w, exponential(panel, y, eta), rtol=1e-9, atol=1e-14)


def log_density(panel, y):
    if panel.target.kind == "class":
        return np.log(np.stack([predictions[np.arange(len(y)), y] for predictions in panel.predictions]))
    error = panel.predictions[:, :, 0] - y
    spread = np.sqrt(np.average(error**2, axis=1, weights=panel.weight))
    return np.stack([scipy.stats.norm.logpdf(e, scale=s) for e, s in zip(error, spread, strict=True)])


@pytest.mark.parametrize("make", [points, classes])
@few
@given(seed=seeds, weighted=weighted)
def test_pseudo_bma(make, seed, weighted):
    panel, y = make(seed, weighted)
    total = len(y) * np.average(log_density(panel, y), axis=1, weights=panel.weight)
    w = np.exp(total - total.max())
    np.testing.assert_allclose(scheme("pseudo-bma", panel, y).w, w / w.sum(), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("make", [points, classes])
@few
@given(seed=seeds, weighted=weighted)
def test_pseudo_bma_plus_draw_by_draw(make, seed, weighted):
    panel, y = make(seed, weighted)
    lpd, draws = log_density(panel, y), np.random.default_rng(0).standard_exponential((50, len(y)))
    w = []
    for draw in draws:
        total = len(y) * np.average(lpd, axis=1, weights=draw * weight_of(panel))
        one = np.exp(total - total.max())
        w.append(one / one.sum())
    found = scheme("pseudo-bma-plus:draws=50", panel, y).w
    np.testing.assert_allclose(found, np.mean(w, axis=0), rtol=1e-8, atol=1e-14)


def test_pseudo_bma_plus_in_chunks_is_the_bayesian_bootstrap(monkeypatch):
    monkeypatch.setattr(pseudo_bma, "CHUNK", 7)
    panel, y = classes(1, learners=3, n=30)
    lpd = log_density(panel, y)
    total = 30 * np.random.default_rng(5).dirichlet(np.ones(30), 20_000) @ lpd.T
    w = np.exp(total - total.max(axis=1, keepdims=True))
    expected = (w / w.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(scheme("pseudo-bma-plus:draws=20000", panel, y).w, expected, atol=0.015)


@pytest.mark.parametrize("name", ["pseudo-bma", "pseudo-bma-plus"])
def test_pseudo_bma_of_perfect_learners_and_of_rows_without_weight(name):
    panel, y = points(0)
    perfect = panel.predictions.copy()
    perfect[[1, 3], :, 0] = y
    np.testing.assert_allclose(scheme(name, panel_of(perfect), y).w, [0, 0.5, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(scheme(name, panel_of(perfect[[1, 3]]), y).w, [0.5, 0.5])
    some = np.arange(25) % 2 * 1.0
    fewer = scheme(name, panel.rows(some > 0), y[some > 0])
    np.testing.assert_allclose(scheme(name, replace(panel, weight=some), y).w, fewer.w, rtol=1e-10)


# least squares


@given(seeds, weighted)
@few
def test_ols(seed, weighted):
    panel, y = points(seed, weighted)
    root = np.sqrt(weight_of(panel))[:, None]
    design = np.column_stack([np.ones(len(y)), panel.predictions[:, :, 0].T])
    expected = np.linalg.lstsq(root * design, root[:, 0] * y, rcond=None)[0]
    found = scheme("ols", panel, y)
    np.testing.assert_allclose([*found.intercept, *found.w], expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_ols_of_dependent_learners_has_the_least_norm(shift):
    panel, y = points(0)
    a, b = panel.predictions[0, :, 0] + shift, panel.predictions[1, :, 0] + shift
    predictions = np.stack([a, b, a, np.full(len(y), 4.0), a + b])
    found = scheme("ols", panel_of(predictions), y)
    centred = (predictions - predictions.mean(axis=1, keepdims=True)).T
    w = np.linalg.pinv(centred, rcond=1e-9) @ (y - y.mean())
    np.testing.assert_allclose(found.w, w, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.intercept[0], y.mean() - w @ predictions.mean(axis=1), rtol=1e-6)


def test_ols_of_nearly_equal_learners_shares():
    panel, y = points(0)
    a = panel.predictions[0, :, 0]
    near = panel_of(np.stack([a, a + 1e-12 * panel.predictions[1, :, 0], panel.predictions[2, :, 0]]))
    w = scheme("ols", near, y).w
    np.testing.assert_allclose(w[0], w[1], rtol=1e-6)


def test_ols_of_constant_learners_is_the_mean():
    _, y = points(0)
    found = scheme("ols", panel_of(np.full((2, 25), 1e6)), y)
    np.testing.assert_allclose(found(panel_of(np.full((2, 3), 1e6))), y.mean(), rtol=1e-9)


@given(seeds, weighted)
def test_nnls(seed, weighted):
    panel, y = points(seed, weighted)
    root = np.sqrt(weight_of(panel))
    expected = scipy.optimize.nnls((panel.predictions[:, :, 0] * root).T, y * root)[0]
    np.testing.assert_allclose(scheme("nnls", panel, y).w, expected, rtol=1e-7, atol=1e-10)
    norm = expected / expected.sum()
    np.testing.assert_allclose(scheme("nnls-normalised", panel, y).w, norm, rtol=1e-7, atol=1e-10)


@few
@given(seeds, weighted)
def test_nnls_normalised_of_classes(seed, weighted):
    panel, y = classes(seed, weighted)
    root = np.sqrt(np.repeat(weight_of(panel), 3))
    stacked = panel.predictions.reshape(4, -1)
    v = scipy.optimize.nnls((stacked * root).T, np.eye(3)[y].ravel() * root)[0]
    np.testing.assert_allclose(scheme("nnls-normalised", panel, y).w, v / v.sum(), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_nnls_corrects_learners_that_fall_short(unit):
    _, y = points(0)
    short = panel_of(0.5 * unit * np.tile(y, (2, 1)))
    np.testing.assert_allclose(scheme("nnls", short, unit * y).w.sum(), 2, rtol=1e-9)
    np.testing.assert_allclose(scheme("nnls-normalised", short, unit * y).w.sum(), 1, rtol=1e-12)


def test_nnls_that_finds_nothing():
    _, y = points(0)
    panel = panel_of(-np.tile(y, (2, 1)) - 10)
    assert scheme("nnls", panel, y).w.tolist() == [0, 0]
    assert scheme("nnls-normalised", panel, y).w.tolist() == [0.5, 0.5]


@given(seeds, weighted)
def test_min_variance(seed, weighted):
    panel, y = points(seed, weighted)
    inverse = np.linalg.inv(gram_of(panel, y))
    w = scheme("min-variance", panel, y).w
    np.testing.assert_allclose(w, inverse.sum(axis=1) / inverse.sum(), rtol=1e-4, atol=1e-5)
    assert squared(panel, y, w) <= squared(panel, y, scheme("qp-simplex", panel, y).w) * (1 + 1e-6)


def test_min_variance_of_perfect_and_of_equal_learners_shares():
    panel, y = points(0)
    np.testing.assert_allclose(scheme("min-variance", panel_of(np.tile(y, (3, 1))), y).w, np.full(3, 1 / 3))
    same = panel_of(np.repeat(panel.predictions[:1], 3, axis=0))
    np.testing.assert_allclose(scheme("min-variance", same, y).w, np.full(3, 1 / 3), rtol=1e-6)


# exact convex combinations


def slsqp(objective, size):
    """Return the least value of a convex function on the simplex, from scipy's general solver."""
    start = np.full(size, 1 / size)
    sum_one = {"type": "eq", "fun": lambda w: w.sum() - 1}
    options = {"ftol": 1e-14, "maxiter": 500}
    done = scipy.optimize.minimize(objective, start, bounds=[(0, 1)] * size, constraints=[sum_one], options=options)
    return float(done.fun)


def demand_optimal(objective, found, seed):
    assert abs(found.w.sum() - 1) < 1e-12
    assert found.w.min() >= 0
    assert found.gap <= 1e-8
    reached = objective(found.w)
    np.testing.assert_allclose(reached, slsqp(objective, len(found.w)), rtol=1e-5, atol=1e-9)
    assert reached <= min(objective(w) for w in simplex_points(len(found.w), seed, 200)) + 1e-9


@few
@given(seeds, weighted)
def test_brier_simplex(seed, weighted):
    panel, y = classes(seed, weighted)

    def brier(w):
        rows = (np.tensordot(w, panel.predictions, axes=1) - np.eye(3)[y]) ** 2
        return float(np.average(rows.sum(axis=1), weights=panel.weight))

    demand_optimal(brier, scheme("brier-simplex", panel, y), seed)


@few
@given(seeds, weighted, st.sampled_from(["recency", "magnitude"]), st.sampled_from([0.1, 0.5, 3.0]))
def test_qp_simplex_weighted(seed, weighted, by, half_life):
    panel, y = points(seed, weighted)
    s = weight_of(panel) / weight_of(panel).sum()
    order = np.argsort(np.abs(y - np.quantile(y, 0.5, weights=s, method="inverted_cdf")))
    order = np.arange(len(y)) if by == "recency" else order
    weight, grid = np.zeros(len(y)), 2000
    for position, row in enumerate(order):  # the mean of 2^(-above / half_life) over the row's share, by midpoints
        above = s[order[position + 1 :]].sum() + s[row] * (np.arange(grid) + 0.5) / grid
        weight[row] = s[row] * np.mean(2 ** (-above / half_life))

    def objective(w):
        return float(np.average((w @ panel.predictions[:, :, 0] - y) ** 2, weights=weight))

    demand_optimal(objective, scheme(f"qp-simplex-weighted:by={by},half_life={half_life}", panel, y), seed)


def test_emphasis_of_equal_rows_halves_every_half_life():
    weight = decayed_weights(np.arange(10), np.full(10, 0.1), 0.3)
    np.testing.assert_allclose(weight[3:] / weight[:-3], 2, rtol=1e-12)
    np.testing.assert_allclose(weight[1:] / weight[:-1], 2 ** (1 / 3), rtol=1e-12)


@given(seeds, st.sampled_from([0.01, 0.5, 10.0]))
def test_emphasis_of_weighted_rows_is_that_of_repeated_rows(seed, half_life):
    rng = np.random.default_rng(seed)
    rank, count = rng.integers(0, 6, 12).astype(float), rng.integers(0, 4, 12)
    count[0] = 1
    many = np.repeat(np.arange(12), count)
    repeated = decayed_weights(rank[many], np.full(len(many), 1 / len(many)), half_life)
    expected = np.bincount(many, weights=repeated, minlength=12)
    np.testing.assert_allclose(decayed_weights(rank, count / count.sum(), half_life), expected, rtol=1e-9, atol=1e-300)


def test_a_long_half_life_weighs_all_rows_alike_and_a_short_one_the_last():
    panel, y = points(1, n=40)
    long = scheme("qp-simplex-weighted:half_life=1e6", panel, y).w
    np.testing.assert_allclose(long, scheme("qp-simplex", panel, y).w, atol=1e-4)
    short = scheme("qp-simplex-weighted:half_life=0.0005", panel, y).w
    assert abs(short @ panel.predictions[:, -1, 0] - y[-1]) <= np.abs(panel.predictions[:, -1, 0] - y[-1]).min() + 1e-9


# penalised convex combinations


def penalised(name, panel, y, penalty):
    gram, size = gram_of(panel, y), len(panel.predictions)
    if name == "qp-sparse":
        return lambda w: float(w @ gram @ w + penalty * w @ np.diag(gram))
    return lambda w: float(w @ gram @ w + penalty * np.trace(gram) / size * np.sum((w - 1 / size) ** 2))


@pytest.mark.parametrize("name", ["qp-sparse", "qp-ridge-equal"])
@pytest.mark.parametrize("make", [points, classes])
@few
@given(seed=seeds, weighted=weighted, penalty=st.sampled_from([0.0, 0.01, 0.3, 4.0]))
def test_penalised_simplex(name, make, seed, weighted, penalty):
    panel, y = make(seed, weighted)
    demand_optimal(penalised(name, panel, y, penalty), scheme(f"{name}:penalty={penalty}", panel, y), seed)


@pytest.mark.parametrize(("name", "end"), [("qp-sparse", "single-best"), ("qp-ridge-equal", "equal")])
@given(seed=seeds)
@few
def test_limits_of_the_penalty(name, end, seed):
    panel, y = points(seed)
    expected = scheme(end, panel, y).w
    np.testing.assert_allclose(scheme(f"{name}:penalty=inf", panel, y).w, expected, rtol=1e-12)
    np.testing.assert_allclose(scheme(f"{name}:penalty=1e9", panel, y).w, expected, atol=1e-6)
    exact = scheme("qp-simplex", panel, y).w
    np.testing.assert_allclose(scheme(f"{name}:penalty=0", panel, y).w, exact, atol=1e-12)
    np.testing.assert_allclose(scheme(f"{name}:penalty=1e-12", panel, y).w, exact, atol=1e-6)


@pytest.mark.parametrize(("name", "grid"), [("qp-sparse", SPARSE), ("qp-ridge-equal", TO_EQUAL)])
@pytest.mark.parametrize("make", [points, classes])
@settings(max_examples=6)
@given(seed=seeds, weighted=weighted)
def test_penalty_by_cross_validation(name, grid, make, seed, weighted):
    panel, y = make(seed, weighted)
    panel = folded(panel)

    def learn(fit_rows, truth, penalty):
        return scheme(f"{name}:penalty={penalty}", fit_rows, truth).w

    chosen = by_folds(panel, y, grid, learn, squared)
    np.testing.assert_allclose(scheme(name, panel, y).w, learn(panel, y, chosen), atol=1e-10)


@pytest.mark.parametrize("penalty", [0.01, 0.3, 4])
@given(seed=seeds)
@few
def test_order_of_training_errors(penalty, seed):
    panel, y = points(seed)
    best, sparse, ridge, equal, single = (
        squared(panel, y, scheme(name, panel, y).w)
        for name in (
            "qp-simplex",
            f"qp-sparse:penalty={penalty}",
            f"qp-ridge-equal:penalty={penalty}",
            "equal",
            "single-best",
        )
    )
    slack = 1 + 1e-9
    assert best <= sparse * slack
    assert sparse <= single * slack
    assert best <= ridge * slack
    assert ridge <= equal * slack
    ols, nnls = (np.mean((scheme(name, panel, y)(panel)[:, 0] - y) ** 2) for name in ("ols", "nnls"))
    assert ols <= nnls * slack
    assert nnls <= best * slack


# shrinking to equal weights


def shrunk(panel, y, psi):
    full = scheme("qp-simplex" if panel.target.kind == "point" else "log-stack", panel, y).w
    return (1 - psi) * full + psi / len(full)


@pytest.mark.parametrize("make", [points, classes])
@few
@given(seed=seeds, weighted=weighted)
def test_shrink_to_equal(make, seed, weighted):
    panel, y = make(seed, weighted)
    panel = folded(panel)
    for psi in (0.0, 0.3, 1.0):
        found = scheme(f"shrink-to-equal:psi={psi}", panel, y).w
        np.testing.assert_allclose(found, shrunk(panel, y, psi), rtol=1e-7, atol=1e-9)
    chosen = by_folds(panel, y, PSIS, shrunk, pooled)
    np.testing.assert_allclose(scheme("shrink-to-equal", panel, y).w, shrunk(panel, y, chosen), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("make", [points, classes])
@pytest.mark.parametrize(("n", "kappa", "psi"), [(25, 1.0, 0.2), (25, 0.25, 0.05), (25, 0, 0), (8, 1, 1), (5, 1, 1)])
def test_shrink_composite(make, n, kappa, psi):
    panel, y = make(3, n=n)
    found = scheme(f"shrink-composite:kappa={kappa}", panel, y).w
    np.testing.assert_allclose(found, shrunk(panel, y, psi), rtol=1e-7, atol=1e-9)
    padded = np.concatenate([panel.predictions, panel.predictions[:, :3]], axis=1)
    padded_panel = panel_of(padded, panel.target.kind, weight=np.append(np.full(n, 2.0), np.zeros(3)))
    again = scheme(f"shrink-composite:kappa={kappa}", padded_panel, np.append(y, y[:3])).w
    np.testing.assert_allclose(again, found, rtol=1e-6, atol=1e-9)


# mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trimmed-mean:trim=0.5", "trim of trimmed-mean cannot be 0.5"),
        ("trimmed-mean:trim=-1", "give a share from 0"),
        ("top-k:k=0", "k of top-k cannot be 0"),
        ("top-k:metric=macro_f1", "'macro_f1' does not exist for a point"),
        ("exp-weights:eta=-1", "eta of exp-weights cannot be -1"),
        ("exp-weights:eta=nan", "eta of exp-weights cannot be nan"),
        ("pseudo-bma-plus:draws=0", "draws of pseudo-bma-plus cannot be 0"),
        ("min-variance:ridge=0", "ridge of min-variance cannot be 0"),
        ("qp-simplex-weighted:by=luck", "by of qp-simplex-weighted cannot be 'luck': choose from recency, magnitude"),
        ("qp-simplex-weighted:half_life=0", "half_life of qp-simplex-weighted cannot be 0"),
        ("qp-sparse:penalty=-1", "penalty of qp-sparse cannot be -1"),
        ("qp-ridge-equal:penalty=-1", "penalty of qp-ridge-equal cannot be -1"),
        ("shrink-to-equal:psi=2", "psi of shrink-to-equal cannot be 2"),
        ("shrink-composite:kappa=-1", "kappa of shrink-composite cannot be -1"),
    ],
)
def test_mistakes_are_refused_in_words(text, message):
    panel, y = points(0)
    with pytest.raises(BenchError, match=message):
        scheme(text, panel, y)


def test_probabilities_of_trimmed_classes_are_lawful():
    rng = np.random.default_rng(0)
    panel = panel_of(probabilities(rng, 7, 9, 4), "class")
    found = scheme("trimmed-mean:trim=0.3", panel, np.zeros(9, int))(panel)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
