"""Schemes derived again from their docstrings: by loops, scipy and scikit-learn, without the schemes' own helpers."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from makers.panels import MAKE, classes, points, quantiles, scheme
from scipy.optimize import linprog, minimize
from sklearn.linear_model import QuantileRegressor
from sklearn.tree import DecisionTreeRegressor

FOLDS = 3
KAPPAS = [np.inf, 1, 0.3, 0.1, 0.03, 0]


def dressed(make, seed, *, n=40, learners=3):
    """Return a panel with features, folds and row weights, one of them zero, its y, and the shares of the weights."""
    panel, y = make(seed, n=n, learners=learners)
    rng = np.random.default_rng(seed + 1)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.integers(0, 2, n) * 1.0, "c": rng.normal(size=n)})
    weight = rng.uniform(0.3, 3, n) * (np.arange(n) != 2)
    return replace(panel, X=X, weight=weight, inner_fold=np.arange(n) % FOLDS), y, weight / weight.sum()


def psi(level, error):
    """Return the pinball loss of errors y - prediction."""
    return np.where(error >= 0, level * error, (level - 1) * error)


def folds_of(panel):
    """Return pairs of rows to learn from and held-out rows; the row without weight is in neither."""
    used = np.flatnonzero(panel.weight)
    return [(used[used % FOLDS != k], used[used % FOLDS == k]) for k in range(FOLDS)]


def choose(panel, candidates, learn_and_judge):
    """Return the candidate of the least total of `learn_and_judge(fitted rows, held-out rows)`, one value each."""
    totals = np.sum([learn_and_judge(fitted, held) for fitted, held in folds_of(panel)], axis=0)
    apart = np.sort(totals)[1] - totals.min()
    assert apart > 1e-6 * abs(totals.min())  # or the choice would hang on rounding
    return candidates[int(np.argmin(totals))]


def pinball_program(panel, y, rows, column_of, tie=0.0):
    """Minimise the mean pinball loss + tie × Σ_k |w_k - w_(k+1)|² over weights on the simplex, (L, K).

    Level k has the weights of column `column_of[k]`; a pair's loss u is at least τ e and (τ - 1) e, e = y - prediction.
    Linear programs are solved by HiGHS, quadratic ones by SLSQP.
    """
    L, levels, count = len(panel.predictions), panel.target.levels, max(column_of) + 1
    pairs = list(itertools.product(rows, range(len(levels))))
    A, b = np.zeros((2 * len(pairs), L * count + len(pairs))), np.zeros(2 * len(pairs))
    for place, (row, k) in enumerate(pairs):
        for line, slope in enumerate((levels[k], levels[k] - 1)):
            own = np.arange(L) * count + column_of[k]
            A[2 * place + line, own] = slope * panel.predictions[:, row, k]
            A[2 * place + line, L * count + place] = 1
            b[2 * place + line] = slope * y[row]
    share = panel.weight / panel.weight[rows].sum() / len(levels)
    cost = np.concatenate([np.zeros(L * count), [share[row] for row, _ in pairs]])
    ones = np.zeros((count, len(cost)))
    for column in range(count):
        ones[column, np.arange(L) * count + column] = 1
    z = linprog(cost, -A, -b, ones, np.ones(count), (0, None), method="highs-ds").x
    if tie:

        def steps(z):
            return np.diff(z[: L * count].reshape(L, count), axis=1)

        def slope_of(z):
            bend = np.zeros((L, count))
            bend[:, 1:] += 2 * tie * steps(z)
            bend[:, :-1] -= 2 * tie * steps(z)
            return cost + np.concatenate([bend.ravel(), np.zeros(len(pairs))])

        z = minimize(
            lambda z: cost @ z + tie * np.sum(steps(z) ** 2), z, jac=slope_of, method="SLSQP",
            bounds=[(0, None)] * len(z), options={"ftol": 1e-13, "maxiter": 500},
            constraints=[{"type": "eq", "fun": lambda z: ones @ z - 1, "jac": lambda _: ones},
                         {"type": "ineq", "fun": lambda z: A @ z - b, "jac": lambda _: A}],
        ).x  # fmt: skip
    return z[: L * count].reshape(L, count)[:, column_of]


def coarse_weights(panel, y, rows):
    """Return the best convex weights (L,) for all levels."""
    return pinball_program(panel, y, rows, [0] * panel.target.width)[:, 0]


def predict(panel, rows, w):
    """Return Σ_l w_lk ŷ_lnk, (n, K); w is (L, K), or one such a row."""
    w = np.broadcast_to(w, (len(rows), *np.shape(w)[-2:]))
    return np.array([(w[i] * panel.predictions[:, row]).sum(axis=0) for i, row in enumerate(rows)])


def total_pinball(panel, y, rows, prediction):
    """Return the weighted sum over rows and levels of the pinball loss."""
    return sum(
        panel.weight[row] * psi(level, y[row] - prediction[i, k])
        for i, row in enumerate(rows)
        for k, level in enumerate(panel.target.levels)
    )


# one row after another


@pytest.mark.parametrize("kind", MAKE)
def test_sleeping_experts_by_ranges_of_a_column(kind):
    panel, y, _ = dressed(MAKE[kind], 11)
    a, s = panel.X["a"].to_numpy(), panel.weight
    order = sorted(np.flatnonzero(s), key=lambda i: a[i])
    reached = np.cumsum(s[order]) / s.sum()
    cuts = [next(a[i] for i, share in zip(order, reached, strict=True) if share >= q / 3) for q in (1, 2)]
    group = [sum(x > cut for cut in cuts) for x in a]
    experts = [(lrn, place) for place in (0, 1, 2, "all") for lrn in range(3)]
    regret, squares, largest = dict.fromkeys(experts, 0.0), dict.fromkeys(experts, 0.0), 0.0
    used, mass = np.zeros((3, 3)), np.zeros(3)
    for i in np.random.default_rng(0).permutation(np.flatnonzero(s)):
        weight = s[i] / s[s > 0].mean()
        awake = [(lrn, place) for lrn, place in experts if place in (group[i], "all")]
        odds = {e: max(regret[e], 0) / (largest + squares[e]) if largest else 0.0 for e in awake}
        if not any(odds.values()):
            odds = dict.fromkeys(awake, 1.0)
        w = np.zeros(3)
        for (lrn, _), each in odds.items():
            w[lrn] += each / sum(odds.values())
        used[group[i]] += weight * w
        mass[group[i]] += weight
        pool = w @ panel.predictions[:, i]
        if kind == "point":
            slope = 2 * (pool - y[i])
        elif kind == "class":
            slope = 2 * (pool - (np.arange(len(pool)) == y[i]))
        else:
            slope = 2 / len(pool) * np.where(pool > y[i], 1 - panel.target.levels, -panel.target.levels)
        excess = [weight * float(np.sum(slope * (pool - panel.predictions[lrn, i]))) for lrn in range(3)]
        largest = max(largest, *(each**2 for each in excess))
        for lrn, place in awake:
            regret[lrn, place] += excess[lrn]
            squares[lrn, place] += excess[lrn] ** 2
    found = scheme("sleeping-experts:column=a,levels=3", panel, y)
    np.testing.assert_allclose(found.cuts, cuts, rtol=1e-12)
    np.testing.assert_allclose(found.w, used / mass[:, None], rtol=1e-8)
    expected = [used[g] / mass[g] @ panel.predictions[:, i] for i, g in enumerate(group)]
    np.testing.assert_allclose(found(panel), expected, rtol=1e-8)


# ties between outputs


def elastic_by_slsqp(panel, y, rows, alpha):
    """Return the weights (L, K) of `elastic`, from the epigraph of its objective."""
    K, s = panel.target.width, panel.weight[rows] / panel.weight[rows].sum()
    own = [np.mean([s @ psi(t, y[rows] - q[rows, k]) for k, t in enumerate(panel.target.levels)])
           for q in panel.predictions]  # fmt: skip
    if np.isinf(alpha):
        return pinball_program(panel, y, rows, [0] * K)
    return pinball_program(panel, y, rows, list(range(K)), alpha * np.median(own))


@pytest.mark.parametrize("alpha", [0, 0.01, 1, np.inf])
def test_elastic_is_its_quadratic_program(alpha):
    panel, y, _ = dressed(quantiles, 3, n=20)
    found = scheme(f"elastic:alpha={alpha}", panel, y).w
    np.testing.assert_allclose(found, elastic_by_slsqp(panel, y, np.flatnonzero(panel.weight), alpha), atol=2e-4)


def test_elastic_takes_the_tie_of_the_least_held_out_wis():
    panel, y, _ = dressed(quantiles, 5, n=18)
    alphas = [np.inf, 100, 10, 1, 0.1, 0.01, 1e-3, 0]

    def learn_and_judge(fitted, held):
        values = [np.sort(predict(panel, held, elastic_by_slsqp(panel, y, fitted, each)), axis=1) for each in alphas]
        return [total_pinball(panel, y, held, each) for each in values]

    best = choose(panel, alphas, learn_and_judge)
    expected = elastic_by_slsqp(panel, y, np.flatnonzero(panel.weight), best)
    np.testing.assert_allclose(scheme("elastic", panel, y).w, expected, atol=2e-4)


def elastic_stack_by_slsqp(panel, y, rows, alpha):
    """Return the weights (L, K) of `elastic-stack`, by a solver that knows nothing of Gram matrices."""
    L, K, s = len(panel.predictions), panel.target.width, panel.weight[rows] / panel.weight[rows].sum()
    truth = np.array([[float(y[row] == k) for k in range(K)] for row in rows])
    size = np.mean([s @ (panel.predictions[lrn, rows, k] - truth[:, k]) ** 2 for lrn in range(L) for k in range(K)])

    def value(w):
        brier = s @ ((predict(panel, rows, w) - truth) ** 2).sum(axis=1)
        return brier + (alpha * size * np.sum((w - w.mean(axis=1, keepdims=True)) ** 2) if alpha else 0)

    columns = 1 if np.isinf(alpha) else K
    alpha = 0 if np.isinf(alpha) else alpha
    found = minimize(
        lambda v: value(v.reshape(L, columns) * np.ones((1, K))), np.full(L * columns, 1 / L),
        bounds=[(0, 1)] * (L * columns), method="SLSQP", options={"ftol": 1e-15, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda v: v.reshape(L, columns).sum(axis=0) - 1},
    )  # fmt: skip
    return found.x.reshape(L, columns) * np.ones((1, K))


@pytest.mark.parametrize("alpha", [0, 0.03, 1, np.inf])
def test_elastic_stack_is_its_quadratic_program(alpha):
    panel, y, _ = dressed(classes, 4)
    found = scheme(f"elastic-stack:alpha={alpha}", panel, y)
    expected = elastic_stack_by_slsqp(panel, y, np.flatnonzero(panel.weight), alpha)
    np.testing.assert_allclose(found.w, expected, atol=1e-3)
    values = predict(panel, range(40), expected)
    np.testing.assert_allclose(found(panel), values / values.sum(axis=1, keepdims=True), atol=1e-3)


@pytest.mark.parametrize("seed", [5, 8])
def test_elastic_stack_takes_the_tie_of_the_least_held_out_log_loss(seed):
    panel, y, _ = dressed(classes, seed)
    alphas = [np.inf, 10, 1, 0.1, 0.01, 0]

    def learn_and_judge(fitted, held):
        values = [predict(panel, held, elastic_stack_by_slsqp(panel, y, fitted, each)) for each in alphas]
        return [sum(-panel.weight[row] * np.log(p[i, y[row]] / p[i].sum()) for i, row in enumerate(held))
                for p in values]  # fmt: skip

    best = choose(panel, alphas, learn_and_judge)
    expected = elastic_stack_by_slsqp(panel, y, np.flatnonzero(panel.weight), best)
    np.testing.assert_allclose(scheme("elastic-stack", panel, y).w, expected, atol=1e-3)


# regressions on components


def fqra_by_hand(panel, y, fitted, rows, count):
    """Return predictions (n, K) of `rows`: weighted components of the correlation matrix, and scikit-learn on them."""
    s, predictions = panel.weight[fitted] / panel.weight[fitted].sum(), []
    for k, level in enumerate(panel.target.levels):
        columns = panel.predictions[:, :, k].T
        middle = s @ columns[fitted]
        scale = np.sqrt(s @ (columns[fitted] - middle) ** 2)
        scaled = (columns - middle) / scale
        variance, axes = np.linalg.eigh(scaled[fitted].T @ (s[:, None] * scaled[fitted]))
        factors = scaled @ axes[:, np.argsort(-variance)[:count]]
        line = QuantileRegressor(quantile=level, alpha=0).fit(factors[fitted], y[fitted], sample_weight=s * len(fitted))
        predictions.append(line.predict(factors[rows]))
    return np.transpose(predictions)


@pytest.mark.parametrize("seed", [2, 4])
def test_fqra_chooses_and_regresses_on_weighted_components(seed):
    panel, y, _ = dressed(quantiles, seed)

    def learn_and_judge(fitted, held):
        return [total_pinball(panel, y, held, fqra_by_hand(panel, y, fitted, held, each)) for each in (1, 2, 3)]

    best = choose(panel, [1, 2, 3], learn_and_judge)
    expected = fqra_by_hand(panel, y, np.flatnonzero(panel.weight), np.arange(40), best)
    np.testing.assert_allclose(scheme("fqra", panel, y)(panel), expected, atol=1e-6)


# mixtures


def distribution(q, levels, x):
    """Return F(x) of one learner on one row, straight between its quantiles and on beyond the outermost two."""
    low = q[0] - levels[0] * (q[1] - q[0]) / (levels[1] - levels[0])
    high = q[-1] + (1 - levels[-1]) * (q[-1] - q[-2]) / (levels[-1] - levels[-2])
    return float(np.interp(x, [low, *q, high], [0, *levels, 1]))


def mixture_quantiles(panel, w):
    """Return the quantiles of Σ_l w_l F_l by bisection, the middle of where it stays at a level."""
    levels, predictions = panel.target.levels, []
    for i in range(panel.predictions.shape[1]):

        def mixture(x, i=i):
            return sum(share * distribution(q[i], levels, x) for share, q in zip(w, panel.predictions, strict=True))

        row = []
        for level in levels:
            ends = []
            for shift in (-1e-9, 1e-9):
                left, right = -100.0, 100.0
                for _ in range(70):
                    middle = (left + right) / 2
                    left, right = (middle, right) if mixture(middle) < level + shift else (left, middle)
                ends.append((left + right) / 2)
            row.append(sum(ends) / 2)
        predictions.append(row)
    return np.array(predictions)


def test_the_linear_pool_inverts_the_mean_distribution_by_bisection():
    panel, y, _ = dressed(quantiles, 6, n=12)
    apart = panel.predictions.copy()
    apart[:, 0] = np.array([-9, 0, 9])[:, None] + np.linspace(-0.1, 0.1, 5)  # its mixture stays at a third, two thirds
    apart[:2, 1] = np.array([-9, 9])[:, None] + np.linspace(-0.1, 0.1, 5)
    for members in (panel, replace(panel, predictions=apart)):
        found = scheme("linear-pool", members, y)(members)
        np.testing.assert_allclose(found, mixture_quantiles(members, np.full(3, 1 / 3)), atol=1e-6)
    two = replace(panel, learners=panel.learners[:2], predictions=apart[:2])
    middle = scheme("linear-pool", two, y)(two)[1, 2]
    np.testing.assert_allclose(middle, mixture_quantiles(two, [0.5, 0.5])[1, 2], atol=1e-6)
    np.testing.assert_allclose(middle, 0, atol=1e-6)


def mean_crps(panel, y, w):
    """Return the mean of ∫ (F - H)², knot by knot: between knots the integrand is a parabola, so three points do."""
    levels, s, total = panel.target.levels, panel.weight / panel.weight.sum(), 0.0
    for i, row in enumerate(np.moveaxis(panel.predictions, 1, 0)):
        ends = [q[0] - levels[0] * (q[1] - q[0]) / (levels[1] - levels[0]) for q in row]
        ends += [q[-1] + (1 - levels[-1]) * (q[-1] - q[-2]) / (levels[-1] - levels[-2]) for q in row]
        knots = np.sort([*row.ravel(), *ends, y[i]])
        for left, right in itertools.pairwise(knots):
            step = float(left >= y[i])
            at = [sum(w[lrn] * distribution(q, levels, x) for lrn, q in enumerate(row)) - step
                  for x in (left, (left + right) / 2, right)]  # fmt: skip
            total += s[i] * (right - left) / 6 * (at[0] ** 2 + 4 * at[1] ** 2 + at[2] ** 2)
    return total


def test_crps_simplex_minimises_the_integral():
    panel, y, _ = dressed(quantiles, 7, n=15)
    found = scheme("crps-simplex", panel, y)
    best = minimize(
        lambda w: mean_crps(panel, y, w), np.full(3, 1 / 3), bounds=[(0, 1)] * 3, method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14},
    )  # fmt: skip
    np.testing.assert_allclose(found.w, best.x, atol=1e-4)
    assert mean_crps(panel, y, found.w) <= best.fun * (1 + 1e-9)
    few = panel.rows(np.arange(4))
    np.testing.assert_allclose(found(few), mixture_quantiles(few, found.w), atol=1e-6)


# weights by region


def regional_weights(panel, y, fitted, place):
    """Return the weights of all rows, and by region its own weights (L,) and its share."""
    whole = coarse_weights(panel, y, fitted)
    regions = {}
    for r in np.unique(place[fitted]):
        rows = fitted[place[fitted] == r]
        own = coarse_weights(panel, y, rows)
        regions[r] = own, panel.weight[rows].sum() / panel.weight[fitted].sum()
    return whole, regions


def regional_predictions(panel, rows, place, weights, kappa):
    """Return predictions (n, K) with w_r = (s ŵ_r + κ ŵ) / (s + κ)."""
    whole, regions = weights
    values = []
    for row in rows:
        own, share = regions.get(place[row], (whole, 0.0))
        w = whole if np.isinf(kappa) or share == 0 else (share * own + kappa * whole) / (share + kappa)
        values.append(w @ panel.predictions[:, row])
    return np.array(values)


def tree_leaves(panel, y, fitted):
    """Return the leaf of every row, of a tree that explains each learner's loss less the learners' mean."""
    loss = np.array([[np.mean(2 * psi(panel.target.levels, y[i] - q[i])) for q in panel.predictions] for i in fitted])
    tree = DecisionTreeRegressor(max_depth=2, min_weight_fraction_leaf=0.05, random_state=0)
    X = panel.X.to_numpy()
    tree.fit(X[fitted], loss - loss.mean(axis=1, keepdims=True), sample_weight=panel.weight[fitted])
    return tree.apply(X)


def cut_and_move(panel, y, fitted):
    """Return the cluster of every row: three clusters, cut along principal axes, then moved by Lloyd's rounds."""
    X, s = panel.X.to_numpy(), panel.weight
    parts = [fitted]
    while len(parts) < 3:
        middles = [np.average(X[part], axis=0, weights=s[part]) for part in parts]
        spread = [sum(s[i] * np.sum((X[i] - m) ** 2) for i in part) for part, m in zip(parts, middles, strict=True)]
        widest = int(np.argmax(spread))
        part, middle = parts[widest], middles[widest]
        covariance = sum(s[i] * np.outer(X[i] - middle, X[i] - middle) for i in part)
        axis = np.linalg.eigh(covariance)[1][:, -1]
        side = (X[part] - middle) @ axis > 0
        parts[widest] = part[~side]
        parts.append(part[side])
    centres = [np.average(X[part], axis=0, weights=s[part]) for part in parts]
    for _ in range(100):
        place = np.array([int(np.argmin([np.sum((x - c) ** 2) for c in centres])) for x in X])
        centres = [np.average(X[rows], axis=0, weights=s[rows])
                   for c in range(3) for rows in [fitted[place[fitted] == c]]]  # fmt: skip
    return place


@pytest.mark.parametrize(
    ("name", "divide"), [("local-leaf:depth=2", tree_leaves), ("local-cluster:clusters=3", cut_and_move)]
)
@pytest.mark.parametrize("seed", [1, 5])
def test_regional_weights_are_pinball_programs_shrunk_to_that_of_all_rows(name, divide, seed):
    panel, y, _ = dressed(quantiles, seed, n=48)
    # the first learner is better where a > 0, so that regions matter
    good = (
        panel.predictions[0] + (y - panel.predictions[0, :, 2])[:, None] * 0.9 * (panel.X["a"].to_numpy() > 0)[:, None]
    )
    panel = replace(panel, predictions=np.concatenate([good[None], panel.predictions[1:]]))

    def learn_and_judge(fitted, held):
        place = divide(panel, y, fitted)
        weights = regional_weights(panel, y, fitted, place)
        values = [np.sort(regional_predictions(panel, held, place, weights, each), axis=1) for each in KAPPAS]
        return [total_pinball(panel, y, held, each) for each in values]

    best = choose(panel, KAPPAS, learn_and_judge)
    used = np.flatnonzero(panel.weight)
    place = divide(panel, y, used)
    expected = regional_predictions(panel, range(48), place, regional_weights(panel, y, used, place), best)
    # the solver stops at a gap, and so does the oracle
    np.testing.assert_allclose(scheme(name, panel, y)(panel), expected, atol=2e-5)


# feature-weighted stacking


def components_of(panel, count):
    """Return the constant and the weighted principal components of the columns, held within three deviations."""
    X, s = panel.X.to_numpy(), panel.weight / panel.weight.sum()
    centred = X - s @ X
    variance, axes = np.linalg.eigh(centred.T @ (s[:, None] * centred))
    leading = np.argsort(-variance)[:count]
    return np.column_stack([np.ones(len(X)), np.clip(centred @ axes[:, leading] / np.sqrt(variance[leading]), -3, 3)])


@pytest.mark.parametrize(("make", "seed"), [(points, 3), (points, 4), (classes, 5)])
def test_feature_weighted_chooses_its_ridge_by_held_out_squares(make, seed):
    panel, y, s = dressed(make, seed, n=60)
    truth = np.eye(3)[y] if make is classes else y[:, None]
    level, g = s @ truth, components_of(panel, 2)
    # one row of the design for each row and output
    pairs = list(itertools.product(range(60), range(truth.shape[1])))
    D = np.array([np.outer(panel.predictions[:, n, k] - level[k], g[n]).ravel() for n, k in pairs])
    t = np.array([truth[n, k] - level[k] for n, k in pairs])
    weight = np.array([panel.weight[n] for n, _ in pairs])

    def ridge(rows, price):
        of = np.isin([n for n, _ in pairs], rows)
        normal = D[of].T @ (weight[of][:, None] * D[of])
        penalty = price * np.trace(normal) / len(normal)
        return np.linalg.solve(normal + penalty * np.eye(len(normal)), D[of].T @ (weight[of] * t[of]))

    prices = [10.0**power for power in range(2, -7, -1)]

    def learn_and_judge(fitted, held):
        of = np.isin([n for n, _ in pairs], held)
        return [weight[of] @ (D[of] @ ridge(fitted, price) - t[of]) ** 2 for price in prices]

    v = ridge(np.arange(60), choose(panel, prices, learn_and_judge))
    expected = level + (D @ v).reshape(60, -1)
    if make is classes:
        expected = np.maximum(expected, 1e-15)
        expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scheme("feature-weighted:features=2", panel, y)(panel), expected, atol=1e-7)


def test_feature_weighted_quantiles_minimise_their_penalised_pinball_loss(monkeypatch):
    monkeypatch.setattr("bench.methods.ensembles.level_features.PENALTIES", (0.1,))
    panel, y, _ = dressed(quantiles, 6, n=30)
    used, g = np.flatnonzero(panel.weight), components_of(panel, 1)
    s = panel.weight[used] / panel.weight[used].sum()
    w = coarse_weights(panel, y, used)
    unit = s @ np.abs(y[used] - s @ y[used])
    found = scheme("feature-weighted:features=1", panel, y)(panel)
    for k, level in enumerate(panel.target.levels):
        c = np.mean([s @ q[used, k] for q in panel.predictions])
        D = np.array([[1.0, *np.outer(panel.predictions[:, i, k] - c, g[i]).ravel()] for i in used])
        rest = y[used] - panel.predictions[:, used, k].T @ w
        n, p = D.shape

        # z = coefficients and the losses u of the rows: u ≥ τ e, u ≥ (τ - 1) e
        def value(z, p=p, s=s):
            return s @ z[p:] / unit + 0.1 * 3 / 2 * np.sum(z[1:p] ** 2)

        def slope(z, p=p, s=s):
            return np.concatenate([[0.0], 0.1 * 3 * z[1:p], s / unit])

        A = np.vstack([np.hstack([tau * D, np.eye(n)]) for tau in (level, level - 1)])
        b = np.concatenate([tau * rest for tau in (level, level - 1)])
        start = np.concatenate([np.zeros(p), np.abs(rest)])
        best = minimize(
            value, start, jac=slope, method="SLSQP", options={"ftol": 1e-13, "maxiter": 1000},
            constraints={"type": "ineq", "fun": lambda z, A=A, b=b: A @ z - b, "jac": lambda _, A=A: A},
        )  # fmt: skip
        expected = panel.predictions[:, used, k].T @ w + D @ best.x[:p]
        np.testing.assert_allclose(found[used, k], expected, atol=2e-3)


# searches, replayed step by step


def naive_loss(panel, y, w):
    """Return the weighted mean proper loss of Σ_l w_l ŷ_l."""
    s, total = panel.weight / panel.weight.sum(), 0.0
    for i in range(len(y)):
        pool = sum(w[lrn] * panel.predictions[lrn, i] for lrn in range(len(w)))
        if panel.target.kind == "point":
            total += s[i] * (y[i] - pool[0]) ** 2
        elif panel.target.kind == "class":
            pool = np.maximum(pool, 1e-15)
            total -= s[i] * np.log(pool[y[i]] / pool.sum())
        else:
            total += s[i] * np.mean(2 * psi(panel.target.levels, y[i] - np.sort(pool)))
    return total


def softmax_of_nonzero(v):
    odds = [np.exp(each) if each != 0 else 0.0 for each in v]
    return np.array(odds) / sum(odds) if any(odds) else np.full(len(v), 1 / len(v))


def whole_picks(v, picks=10):
    """Return multiples of 1 / picks near the softmax of v: repaired from the smallest, filled from the largest."""
    w = softmax_of_nonzero(v)
    counts = [round(each * picks) if each > 0.5 / picks else 0 for each in w]
    while sum(counts) > picks:
        least = min(each for each in counts if each)
        counts[min((j for j in range(len(w)) if counts[j] == least), key=lambda j: w[j])] -= 1
    order = [j for j in sorted(range(len(w)), key=lambda j: -w[j]) if counts[j]]
    for turn in range(picks - sum(counts)):
        counts[order[turn % len(order)]] += 1
    return np.array(counts) / picks


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("name", "decode"),
    [
        ("cma-es", lambda v: v + (1 - sum(v)) / len(v)),
        ("cma-es-softmax", softmax_of_nonzero),
        ("cma-es-explicit:picks=10", whole_picks),
    ],
)
def test_cma_es_keeps_the_best_point_of_fifty_trials_a_learner(kind, name, decode):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it misses a library for plots
        import cma

    panel, y, _ = dressed(MAKE[kind], 8, n=12, learners=4)
    rng = np.random.default_rng(0)
    singles = [naive_loss(panel, y, corner) for corner in np.eye(4)]
    w, reached = np.eye(4)[int(np.argmin(singles))], min(singles)
    size, trials = 4 + int(3 * np.log(4)), 0
    quiet = {"verbose": -10, "verb_log": 0, "verb_disp": 0, "signals_filename": ""}
    search = cma.CMAEvolutionStrategy(
        w, 0.2, {"popsize": size, "randn": lambda *shape: rng.standard_normal(shape), "seed": np.nan, **quiet}
    )
    while trials + size <= 50 * 4:
        candidates = search.ask()
        tried = [decode(np.array(v)) for v in candidates]
        values = [naive_loss(panel, y, each) for each in tried]
        search.tell(candidates, [each / abs(min(singles)) for each in values])
        trials += size
        if min(values) < reached:
            w, reached = tried[int(np.argmin(values))], min(values)
    assert reached < min(singles)  # or the replay would show nothing
    np.testing.assert_allclose(scheme(name, panel, y).w, w, atol=1e-8)


def likeness_of(panel, y):
    """Return the weighted correlations of the learners' losses, stretched to 0 … 1 over all pairs."""
    alone = [replace(panel.rows(np.array([i])), weight=np.ones(1)) for i in range(len(y))]
    corners = np.eye(len(panel.predictions))
    rows = [[naive_loss(alone[i], y[[i]], corner) for i in range(len(y))] for corner in corners]
    covariance = np.cov(rows, aweights=panel.weight)
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    pairs = [correlation[pair] for pair in itertools.combinations(range(len(corners)), 2)]
    return (correlation - min(pairs)) / (max(pairs) - min(pairs))


def settle(archive, members, likeness, badness):
    """Give each member its niche, if that is free or held by a worse one."""
    for member in members:
        present = np.flatnonzero(member)
        own = [likeness[pair] for pair in itertools.combinations(present, 2)]
        niche = min(len(present), 7), min(int(7 * np.mean(own)), 6) if own else 6
        value = badness(np.array(member) / sum(member))
        if niche not in archive or value < archive[niche][1] - 1e-12 * abs(archive[niche][1]):
            archive[niche] = member, value


def parent(archive, rng):
    """Draw a member evenly, or the better of two."""
    members = list(archive.values())
    return min((members[j] for j in rng.integers(len(members), size=rng.integers(1, 3))), key=lambda m: m[1])[0]


def child(archive, rng):
    """Cross two members over, or copy one; then add a repetition or take one away, after a crossover by even odds."""
    new = list(parent(archive, rng))
    crossed = rng.random() < 0.5
    if crossed:
        first, last = sorted(rng.choice(len(new) + 1, 2, replace=False))
        mixed = new[:first] + list(parent(archive, rng)[first:last]) + new[last:]
        new = mixed if any(mixed) else new
    if not crossed or rng.random() < 0.5:
        taken = sum(new) > 1 and rng.random() < 0.5
        new[rng.choice(np.flatnonzero(new) if taken else len(new))] += -1 if taken else 1
    return new


def naive_quality_diversity(panel, y, batch=20):
    """Return the weights of the best member, and the number of niches; draws come in the order of the scheme."""
    L, rng, likeness = len(panel.predictions), np.random.default_rng(0), likeness_of(panel, y)

    def badness(w):
        return naive_loss(panel, y, w)

    corners = np.eye(L, dtype=int).tolist()
    best = int(np.argmin([badness(np.array(corner)) for corner in corners]))
    pairs = [[a + b for a, b in zip(corner, corners[best], strict=True)] for corner in corners if not corner[best]]
    archive, left = {}, 50 * L - 2 * L
    settle(archive, [*corners, *pairs, [1] * L], likeness, badness)
    while left > 0:
        members = [child(archive, rng) for _ in range(min(batch, left))]
        settle(archive, members, likeness, badness)
        left -= len(members)
    found = np.array(min(archive.values(), key=lambda member: member[1])[0])
    return found / found.sum(), len(archive)


@pytest.mark.parametrize("kind", MAKE)
def test_quality_diversity_breeds_in_its_niches(kind):
    panel, y, _ = dressed(MAKE[kind], 2, n=10, learners=9)
    w, niches = naive_quality_diversity(panel, y)
    assert niches > 6
    assert np.ptp(w) > 0
    np.testing.assert_allclose(scheme("quality-diversity", panel, y).w, w, atol=1e-12)


@pytest.mark.parametrize("kind", MAKE)
def test_hill_climb_takes_the_best_step_of_all_until_none_helps(kind):
    panel, y, _ = dressed(MAKE[kind], 3, n=8)
    w = np.eye(3)[int(np.argmin([naive_loss(panel, y, corner) for corner in np.eye(3)]))]
    reached, rounds = naive_loss(panel, y, w), 0
    while True:
        tried = [(1 - a / 100) * w + a / 100 * corner for corner in np.eye(3) for a in range(1, 51)]
        values = [naive_loss(panel, y, each) for each in tried]
        if min(values) >= reached * (1 - 1e-12 * np.sign(reached)):
            break
        w, reached, rounds = tried[int(np.argmin(values))], min(values), rounds + 1
    assert 1 <= rounds < 100
    np.testing.assert_allclose(scheme("hill-climb", panel, y).w, w, atol=1e-9)
