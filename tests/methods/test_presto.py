"""PRESTO and proportional odds: their two limits, certificates, laws of weights and of crossing thresholds."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from bench.core import losses
from bench.core.nouns import BenchError, Target, validate_values
from bench.methods.learners import learner_scheme
from bench.solvers import presto
from bench.solvers.ordinal import Cumulative, coefficients, ordinal_rows
from bench.solvers.presto import SlopePenalty, largest_penalty, ordinal_fit, path, presto_penalty, proportional_penalty
from bench.solvers.presto_choice import deal_folds
from bench.solvers.presto_lasso import lasso

seeds = st.integers(0, 10**6)
few = settings(max_examples=12)


def drawn(seed, n=200, d=3, width=4, parting=0.3):
    """Draw rows whose slopes differ a little from threshold to threshold, all classes present."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d)) * rng.uniform(0.5, 3, d) + rng.normal(size=d)
    slopes = rng.normal(size=d) + parting * rng.normal(size=(width - 1, d))
    eta = np.linspace(-1.5, 1.5, width - 1) + (X - X.mean(axis=0)) @ slopes.T
    y = (rng.uniform(size=(n, 1)) > np.maximum.accumulate(expit(eta), axis=1)).sum(axis=1)
    y[:width] = np.arange(width)
    return X, y


def loss_of(B, X, y, weight=None):
    """Return the mean -ln P(Y = y) from the definition, row by row; inf where a threshold crosses another."""
    rows = []
    for x, true in zip(X, y, strict=True):
        cumulative = [0.0, *(expit(b[0] + b[1:] @ x) for b in B), 1.0]
        p = np.diff(cumulative)
        rows.append(-np.log(p[true]) if p.min() > 0 else np.inf)
    return float(np.average(rows, weights=weight))


def scipys(X, y, width, penalty=lambda _: 0.0):
    """Return the least F that a general solver finds on standardised columns, from the model without slopes."""
    Z = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
    shape = (width - 1, Z.shape[1])

    def objective(flat):
        B = flat.reshape(shape)
        cumulative = np.column_stack([np.zeros(len(Z)), expit(Z @ B.T), np.ones(len(Z))])
        p = np.diff(cumulative, axis=1)
        if p.min() <= 0:
            return 1e3
        return float(-np.log(p[np.arange(len(y)), y]).mean()) + penalty(B)

    shares = np.cumsum(np.bincount(y) / len(y))[:-1]
    start = np.column_stack([np.log(shares / (1 - shares)), np.zeros((width - 1, shape[1] - 1))])
    flat = start.ravel()
    for _ in range(3):
        flat = scipy.optimize.minimize(objective, flat, method="BFGS", options={"gtol": 1e-8}).x
    return objective(flat), flat.reshape(shape)


def distance_of_thresholds(fit):
    return np.diff(fit.rows.A @ coefficients(fit.theta).T, axis=1).min()


# The model


@few
@given(seeds, st.sampled_from([2, 3, 5]), st.booleans())
def test_the_loss_is_that_of_the_definition(seed, width, weighted):
    X, y = drawn(seed, n=60, width=width)
    weight = np.random.default_rng(seed).uniform(0.1, 3, len(y)) if weighted else None
    rows = ordinal_rows(X, y, weight)
    theta = rows.null + 0.05 * np.random.default_rng(seed).normal(size=rows.shape)
    B = rows.model(theta).B
    found, expected = rows.at(theta).loss(0.0), loss_of(B, X, y, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("fence", [0.0, 0.5])
@pytest.mark.parametrize("width", [2, 3, 5])
def test_slope_and_curve_are_derivatives(fence, width):
    X, y = drawn(1, n=50, width=width)
    rows = ordinal_rows(X, y, np.linspace(0.1, 2, 50))
    theta = rows.null + np.r_[0, np.full(3, 0.01)]
    theta[:, 0] = rows.null[0, 0] + 0.5 * rows.width.min(initial=1.0) * np.arange(width - 1)  # the fence sees it
    theta[1:, 1:] /= 1000
    size, step = theta.size, 1e-7
    slope = rows.at(theta).slope(fence).ravel()
    curve = rows.at(theta).curve(fence).reshape(size, size)
    assert width == 2 or len(rows.at(theta).near[0])
    for j in range(size):
        up, down = theta.copy(), theta.copy()
        up.flat[j] += step
        down.flat[j] -= step
        one = (rows.at(up).loss(fence) - rows.at(down).loss(fence)) / (2 * step)
        np.testing.assert_allclose(slope[j], one, rtol=1e-5, atol=1e-7)
        two = (rows.at(up).slope(fence) - rows.at(down).slope(fence)).ravel() / (2 * step)
        np.testing.assert_allclose(curve[j], two, rtol=1e-4, atol=1e-4 * np.abs(curve).max())


def test_probabilities_by_hand():
    B = np.array([[-1.0, 1.0], [0.5, 1.0]])
    p = Cumulative(B).probabilities(np.array([[0.0], [2.0]]))
    np.testing.assert_allclose(p[0], [expit(-1), expit(0.5) - expit(-1), expit(-0.5)], rtol=1e-12)
    np.testing.assert_allclose(p[1], [expit(1), expit(2.5) - expit(1), expit(-2.5)], rtol=1e-12)


def test_where_thresholds_cross_the_class_between_gets_nothing_and_the_rest_is_scaled():
    B = np.array([[0.0, 1.0], [1.0, -1.0]])
    p = Cumulative(B).probabilities(np.array([[2.0]]))
    below, above = expit(2.0), expit(1.0)  # P(Y <= 0) = σ(2), P(Y > 1) = 1 - σ(-1): their sum is above one
    np.testing.assert_allclose(p, [[below / (below + above), 0.0, above / (below + above)]], rtol=1e-12)


def test_extreme_rows_get_a_distribution():
    B = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, -1.0]])
    p = Cumulative(B).probabilities(np.array([[1e38], [-1e38], [40.0], [-40.0]]))
    validate_values(Target("class", (0, 1, 2, 3)), p, 4)


# The limits


@few
@given(seeds, st.sampled_from([3, 4, 6]))
def test_proportional_odds_are_statsmodels(seed, width):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    X, y = drawn(seed, n=150, width=width)
    fit = ordinal_fit(ordinal_rows(X, y), proportional_penalty(ordinal_rows(X, y), 0.0))
    assert fit.gap <= 1e-9
    model = OrderedModel(y, X, distr="logit")
    theirs = model.fit(method="newton", disp=False, maxiter=200, start_params=None)
    np.testing.assert_allclose(fit.value, -theirs.llf / len(y), rtol=1e-8)
    np.testing.assert_allclose(fit.model.B[0, 1:], -theirs.params[: X.shape[1]], atol=2e-4)
    np.testing.assert_allclose(fit.model.probabilities(X), model.predict(theirs.params, exog=X), atol=1e-4)


def test_a_large_penalty_on_the_steps_alone_gives_proportional_odds():
    X, y = drawn(2)
    rows = ordinal_rows(X, y)
    l1 = np.zeros(rows.shape)
    l1[1:, 1:] = 10.0
    found = ordinal_fit(rows, SlopePenalty(l1, np.zeros(rows.shape), np.zeros(rows.shape, dtype=bool)))
    assert not found.theta[1:, 1:].any()
    np.testing.assert_allclose(found.theta, ordinal_fit(rows, proportional_penalty(rows, 0.0)).theta, atol=1e-7)


def test_a_large_penalty_leaves_the_shares_of_the_classes():
    X, y = drawn(3)
    rows = ordinal_rows(X, y)
    largest = largest_penalty(rows)
    assert not ordinal_fit(rows, presto_penalty(rows, largest)).theta[:, 1:].any()
    assert ordinal_fit(rows, presto_penalty(rows, 0.99 * largest)).theta[:, 1:].any()
    p = ordinal_fit(rows, presto_penalty(rows, largest)).model.probabilities(X)
    np.testing.assert_allclose(p, np.tile(np.bincount(y) / len(y), (len(y), 1)), rtol=1e-9)


@pytest.mark.parametrize(("seed", "width"), [(0, 3), (1, 3), (2, 4)])
def test_without_penalty_it_is_the_likelihood_of_slopes_of_their_own(seed, width):
    X, y = drawn(seed, n=300, d=2, width=width, parting=0.1)
    rows = ordinal_rows(X, y)
    fit = ordinal_fit(rows, presto_penalty(rows, 0.0))
    assert fit.gap <= 1e-9
    assert fit.owed == 0
    best, B = scipys(X, y, width)
    np.testing.assert_allclose(fit.value, best, atol=1e-9)
    np.testing.assert_allclose(coefficients(fit.theta), B, atol=1e-3)


def test_without_penalty_in_a_saturated_design_it_is_separate_binary_logits():
    # with one binary column both predict the shares of the classes on either side, exactly
    rng = np.random.default_rng(4)
    x = rng.integers(0, 2, 400)
    y = np.where(x == 1, rng.choice(4, 400, p=[0.1, 0.2, 0.3, 0.4]), rng.choice(4, 400, p=[0.4, 0.1, 0.1, 0.4]))
    rows = ordinal_rows(x[:, None], y)
    B = ordinal_fit(rows, presto_penalty(rows, 0.0)).model.B
    for k in range(3):
        logit = LogisticRegression(C=1e12, tol=1e-12, max_iter=1000).fit(x[:, None], y <= k)
        np.testing.assert_allclose(B[k], [logit.intercept_[0], logit.coef_[0, 0]], atol=1e-4)


def test_without_penalty_it_nears_separate_binary_logits_in_many_rows():
    def apart(n):
        X, y = drawn(5, n=n, d=2, width=3, parting=0.1)
        rows = ordinal_rows(X, y)
        B = ordinal_fit(rows, presto_penalty(rows, 0.0)).model.B
        logits = [LogisticRegression(C=1e9, tol=1e-9, max_iter=1000).fit(X, y <= k) for k in range(2)]
        return np.abs(B[:, 1:] - [logit.coef_[0] for logit in logits]).max()

    assert apart(40_000) < 0.02
    assert apart(400) > apart(40_000)


@few
@given(seeds)
def test_two_classes_are_a_binary_logit(seed):
    X, y = drawn(seed, width=2)
    rows = ordinal_rows(X, y)
    fit = ordinal_fit(rows, presto_penalty(rows, 0.02))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    theirs = LogisticRegression(l1_ratio=1.0, C=1 / (0.02 * len(y)), solver="saga", tol=1e-10, max_iter=100_000)
    theirs.fit(Z, y == 0)
    np.testing.assert_allclose(fit.theta[0, 1:], theirs.coef_[0], atol=1e-5)
    np.testing.assert_allclose(fit.theta[0, 0], theirs.intercept_[0], atol=1e-5)


# The solver


@few
@given(seeds, st.sampled_from([0.002, 0.02, 0.1]), st.sampled_from([1.0, 0.5]))
def test_no_neighbour_of_the_minimum_is_better(seed, strength, alpha):
    X, y = drawn(seed, n=80)
    rows = ordinal_rows(X, y)
    penalty = presto_penalty(rows, strength, alpha)
    fit = ordinal_fit(rows, penalty)
    assert -1e-12 <= fit.gap <= 1e-9
    rng = np.random.default_rng(seed)
    for scale in (1e-1, 1e-2, 1e-3):
        for _ in range(20):
            other = fit.theta + scale * rng.normal(size=rows.shape) * rng.integers(0, 2, rows.shape)
            assert rows.at(other).loss(presto.FENCE) + penalty.value(other) >= fit.value - fit.gap


def test_a_lasso_in_between_is_scipys():
    X, y = drawn(6, n=150, d=2, width=3)
    rows = ordinal_rows(X, y)
    fit = ordinal_fit(rows, presto_penalty(rows, 0.01))

    def smooth(B):  # |t| as the limit of a smooth function: scipy's is an upper bound
        steps = np.diff(B[:, 1:], axis=0, prepend=0.0)
        return 0.01 * np.sqrt(steps**2 + 1e-10).sum()

    best, _ = scipys(X, y, 3, smooth)
    np.testing.assert_allclose(fit.value, best, atol=1e-6)
    assert fit.value <= best + 1e-9


def test_the_gap_bounds_what_a_rough_fit_lacks():
    X, y = drawn(7)
    rows = ordinal_rows(X, y)
    for alpha in (1.0, 0.4):
        penalty = presto_penalty(rows, 0.01, alpha)
        best = ordinal_fit(rows, penalty, tol=1e-12)
        for tol in (1e-1, 1e-2, 1e-3):
            rough = ordinal_fit(rows, penalty, tol=tol)
            assert rough.value - best.value <= rough.gap + 1e-12 <= tol + 1e-12


@few
@given(seeds)
def test_a_path_has_the_fits_of_cold_starts(seed):
    X, y = drawn(seed, n=100)
    rows = ordinal_rows(X, y)
    penalties = np.geomspace(largest_penalty(rows), 0.01 * largest_penalty(rows), 8)
    for penalty, warm in zip(penalties, path(rows, penalties, tol=1e-10), strict=True):
        cold = ordinal_fit(rows, presto_penalty(rows, penalty), tol=1e-10)
        np.testing.assert_allclose(warm.value, cold.value, atol=2e-10)


def test_thresholds_do_not_cross_on_training_rows():
    # classes 0 and 2 where x > 0, class 1 elsewhere: with crossing thresholds both 0 and 2 could be held certain
    rng = np.random.default_rng(8)
    X = rng.normal(size=(400, 2))
    y = np.where(X[:, 0] > 0, 2 * rng.integers(0, 2, 400), 1)
    rows = ordinal_rows(X, y)
    for strength in (0.0, 1e-3, 1e-2):
        fit = ordinal_fit(rows, presto_penalty(rows, strength))
        assert distance_of_thresholds(fit) > 0
        assert fit.gap <= 1e-7
        assert 0 < fit.owed <= presto.FENCE
        assert loss_of(fit.model.B, X, y) > 0.5 * np.log(2)  # half of the rows are a fair coin


@few
@given(seeds)
def test_the_lasso_is_optimal(seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(30, 12))
    H, c, l1 = A.T @ A / 30, rng.normal(size=12), rng.choice([0.0, 0.1, 0.5], 12)
    for start in (np.zeros(12), rng.normal(size=12)):
        z = lasso(H, c, l1, start)
        slope = c + H @ z
        np.testing.assert_allclose(slope[z != 0], -(l1 * np.sign(z))[z != 0], atol=1e-9)
        assert (np.abs(slope) <= l1 + 1e-9).all()


@few
@given(seeds)
def test_integer_weights_are_repeated_rows(seed):
    X, y = drawn(seed, n=60)
    weight = np.random.default_rng(seed).integers(1, 4, len(y))
    one, other = ordinal_rows(X, y, weight), ordinal_rows(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    fits = [ordinal_fit(rows, presto_penalty(rows, 0.01), tol=1e-12) for rows in (one, other)]
    np.testing.assert_allclose(fits[0].model.B, fits[1].model.B, atol=1e-5)


def test_units_and_offsets_of_columns_mean_nothing():
    X, y = drawn(9)
    moved = X * [1e-6, 1e3, 1.0] + [0.0, 1e4, -5.0]
    fits = [ordinal_fit(rows, presto_penalty(rows, 0.01)) for rows in (ordinal_rows(X, y), ordinal_rows(moved, y))]
    np.testing.assert_allclose(fits[0].model.probabilities(X), fits[1].model.probabilities(moved), atol=1e-6)


def test_the_other_way_round_the_classes_stand_the_other_way_round():
    X, y = drawn(10)
    predictions = []
    for codes in (y, 3 - y):
        rows = ordinal_rows(X, codes)
        predictions.append(ordinal_fit(rows, proportional_penalty(rows, 0.01), tol=1e-12).model.probabilities(X))
    np.testing.assert_allclose(predictions[0], predictions[1][:, ::-1], atol=1e-6)


# The learners


def test_learners_are_their_solvers():
    X, y = drawn(11)
    target = Target("class", (0, 1, 2, 3), ordered=True)
    rows = ordinal_rows(X, y)
    found = learner_scheme("presto:penalty=0.01")(target, 0).fit(X, y, None).predict(X)
    np.testing.assert_allclose(found, ordinal_fit(rows, presto_penalty(rows, 0.01)).model.probabilities(X))
    found = learner_scheme("proportional-odds")(target, 0).fit(X, y, None).predict(X)
    np.testing.assert_allclose(found, ordinal_fit(rows, proportional_penalty(rows, 1 / len(y))).model.probabilities(X))


def test_the_penalty_is_the_largest_of_the_least_brier_score_out_of_fold():
    X, y = drawn(12, n=120)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    rows = ordinal_rows(X, y, weight)
    top = largest_penalty(rows)
    fold, scores = deal_folds(y, 4, 7), []
    penalties = top * 0.01 ** (np.arange(6) / 5)
    for penalty in penalties:
        predictions = np.zeros((len(y), 4))
        for held in range(4):
            part = ordinal_rows(X[fold != held], y[fold != held], weight[fold != held])
            predictions[fold == held] = ordinal_fit(part, presto_penalty(part, penalty)).model.probabilities(
                X[fold == held]
            )
        scores.append(np.average(losses.brier(y, predictions), weights=weight))
    chosen = penalties[int(np.argmin(scores))]
    target = Target("class", (0, 1, 2, 3), ordered=True)
    found = learner_scheme("presto:n_penalties=6,folds=4")(target, 7).fit(X, y, weight / weight.mean()).predict(X)
    expected = ordinal_fit(rows, presto_penalty(rows, chosen)).model.probabilities(X)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_of_equal_scores_the_largest_penalty_is_used():
    # no column is informative: all penalties predict the same, and the model has no slopes
    y = np.arange(40) % 4
    found = (
        learner_scheme("presto")(Target("class", (0, 1, 2, 3)), 0)
        .fit(np.ones((40, 2)), y, None)
        .predict(np.array([[5.0, -5.0]]))
    )
    np.testing.assert_allclose(found, [[0.25] * 4], rtol=1e-9)


@few
@given(seeds, st.integers(2, 6))
def test_folds_spread_every_class(seed, folds):
    y = np.random.default_rng(seed).choice(4, 60, p=[0.7, 0.2, 0.07, 0.03])
    fold = deal_folds(y, folds, seed)
    for k in np.unique(y):
        counts = np.bincount(fold[y == k], minlength=folds)
        assert counts.max() - counts.min() <= 1


HOSTILE = {
    "separable": lambda rng: (X := rng.normal(size=(60, 3)), np.digitize(X[:, 0], [-0.5, 0.0, 0.7])),
    "no columns": lambda _: (np.zeros((40, 0)), np.arange(40) % 4),
    "twice the same column": lambda rng: (np.repeat(rng.normal(size=(60, 2)), 2, axis=1), rng.integers(0, 4, 60)),
    "more columns than rows": lambda rng: (rng.normal(size=(20, 40)), np.arange(20) % 4),
    "one row a class": lambda rng: (rng.normal(size=(4, 3)), np.arange(4)),
    "two rows": lambda rng: (rng.normal(size=(2, 3)), np.array([1, 3])),
    "one class": lambda rng: (rng.normal(size=(5, 3)), np.full(5, 2)),
    "a far row": lambda rng: (np.vstack([rng.normal(size=(39, 2)), [1e6, -1e6]]), np.arange(40) % 4),
    "a class of one row": lambda rng: (rng.normal(size=(50, 2)), np.r_[3, np.arange(49) % 3]),
}


@pytest.mark.parametrize("name", ["presto:n_penalties=6", "presto:penalty=1e-6", "proportional-odds"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_tables_get_valid_predictions(name, case):
    X, y = HOSTILE[case](np.random.default_rng(0))
    target = Target("class", (0, 1, 2, 3), ordered=True)
    for weight in (None, 10.0 ** np.linspace(-6, 3, len(y))):
        predictions = validate_values(target, learner_scheme(name)(target, 0).fit(X, y, weight).predict(3 * X), len(y))
        absent = np.setdiff1d(np.arange(4), y)
        assert not predictions[:, absent].any()


@pytest.mark.parametrize(
    "name",
    [
        *(f"presto:{given}" for given in ("penalty=0", "penalty=much", "n_penalties=0", "folds=1", "alpha=0")),
        "proportional-odds:alpha=0",
    ],
)
def test_parameters_of_no_use_are_refused(name):
    with pytest.raises(BenchError, match="give"):
        learner_scheme(name)(Target("class", (0, 1, 2)), 0)


@pytest.mark.parametrize(("counts", "noted"), [((60, 30, 9), False), ((9, 30, 60), True), ((30, 9, 9), False)])
def test_it_says_where_the_rarest_class_is_not_the_last(counts, noted):
    X, y = np.random.default_rng(0).normal(size=(99, 2))[: sum(counts)], np.repeat(np.arange(3), counts)
    model = learner_scheme("presto:penalty=0.1")(Target("class", ("a", "b", "c"), ordered=True), 0).fit(X, y, None)
    assert ("rarest class last" in model.note) is noted


def test_it_tells_rare_classes_better_than_a_logit_of_the_rare_class():
    # the design of section 4.1 of the paper, smaller: common classes show the direction of the rare one
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(3):
        slopes = rng.normal(size=5)
        X = rng.uniform(-1, 1, (1200, 5))
        cumulative = expit(np.array([0.0, 2.0, 4.0]) + (X @ slopes)[:, None])
        y = (rng.uniform(size=(1200, 1)) > cumulative).sum(axis=1)
        target, rare = Target("class", (0, 1, 2, 3), ordered=True), 1 - cumulative[:, 2]
        predictions = learner_scheme("presto")(target, 0).fit(X, y, None).predict(X)[:, 3]
        logit = LogisticRegression(C=1e6, max_iter=1000).fit(X, y == 3).predict_proba(X)[:, 1]
        errors.append([np.mean((predictions - rare) ** 2), np.mean((logit - rare) ** 2)])
    presto_error, logit_error = np.mean(errors, axis=0)
    assert presto_error < 0.7 * logit_error
