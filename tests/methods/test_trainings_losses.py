"""Training schemes that change the loss: gradients, agreement with plain learners, and what each loss is for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.core.nouns import BenchError, Prediction, Target
from bench.methods.class_weights import fit_weights
from bench.methods.class_weights import registry as weightings
from bench.methods.learners import learner_scheme
from bench.methods.metrics import get_metric
from bench.methods.postprocess.prior_correction import prior_correction
from bench.methods.trainings import (
    FitContext,
    against_rest,
    auc_loss,
    class_rows,
    etf_network,
    ldam,
    networks,
    objectives,
    registry,
    score_oriented,
    sigmoid_f1,
    soft_confusion,
)
from bench.methods.trainings.against_rest import RunningWeights
from bench.tasks import encoders

law = settings(derandomize=True, deadline=None, max_examples=25)
ON_NETWORKS = (
    "anyloss",
    "auc-loss",
    "class-balanced",
    "dynamic",
    "focal",
    "ldam",
    "ldam-drw",
    "logit-adjusted",
    "sigmoid-f1",
    "tau-norm",
    "vs-loss",
    "weight-balancing",
)
ON_TREES = ("class-balanced", "focal", "logit-adjusted")
PAIRS = [(name, learner) for learner in ("logistic", "mlp") for name in ON_NETWORKS]
PAIRS += [(name, "lightgbm") for name in ON_TREES]
BESIDE_LOGISTIC = [pair for pair in PAIRS if pair[1] != "logistic"]
"""The laws of training schemes try the first learner that a scheme is written for, here logistic."""
METRICS = ("f1", "f2", "f0.5", "g_mean", "balanced_accuracy", "accuracy")
DIFFERENCED = ("mcc", "kappa", "macro_f1", "dodrans_f1", "index_balanced_accuracy")
"""Metrics of labels whose gradient is taken by differences."""
SHARES = {2: (0.94, 0.06), 3: (0.75, 0.19, 0.06)}


def table(n=400, classes=2, seed=0, columns=5):
    """Draw classes of unequal size whose columns have different means."""
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=SHARES[classes])
    y[:classes] = np.arange(classes)
    X = rng.normal(size=(n, columns)) + 0.6 * np.random.default_rng(99).normal(size=(classes, columns))[y]
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(columns)]), y


def context(X, y, learner="logistic", *, width=None, weight=None, seed=0):
    scheme = learner_scheme(learner)
    encoder = encoders.encoder(scheme.options.encoding).fit(X)
    target = Target("class", tuple("abcdefgh"[: width or y.max() + 1]))
    return FitContext(X, y, weight, target, scheme, encoder, seed, lambda _: [])


def fit(name, given):
    return registry.scheme(name)(given)


def predictions(name, given, X=None):
    return fit(name, given).predict(given.X if X is None else X)


def numeric_gradient(function, at, step=1e-6):
    gradient = np.zeros_like(at)
    for position in np.ndindex(*at.shape):
        move = np.zeros_like(at)
        move[position] = step
        gradient[position] = (function(at + move) - function(at - move)) / (2 * step)
    return gradient


def logits(n=8, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, classes)), np.arange(n) % classes, rng.uniform(0.5, 2, n)


# --- losses of logits ------------------------------------------------------------------------------------------------

ROW_LOSSES = {
    "cross-entropy": objectives.cross_entropy,
    "focal 0": objectives.focal(0.0),
    "focal 0.5": objectives.focal(0.5),
    "focal 1": objectives.focal(1.0),
    "focal 2": objectives.focal(2.0),
    "shifted": objectives.with_shift(objectives.cross_entropy, np.array([-1.0, 0.3, 2.0])),
    "margin": objectives.with_margins(objectives.cross_entropy, np.array([0.3, 0.6, 1.5])),
    "scales": objectives.with_scales(objectives.focal(1.0), np.array([0.5, 1.0, 3.0])),
    "class weights": objectives.with_class_weights(objectives.focal(2.0), np.array([0.5, 1.0, 3.0])),
}


@pytest.mark.parametrize("name", ROW_LOSSES)
def test_gradients_of_row_losses(name):
    f, y, weight = logits()
    loss = networks.mean_of(ROW_LOSSES[name])
    found = numeric_gradient(lambda moved: loss(moved, y, weight)[0], f)
    np.testing.assert_allclose(loss(f, y, weight)[1], found, atol=1e-8)


@pytest.mark.parametrize("name", ["cross-entropy", "shifted", "margin"])
def test_curvature_of_cross_entropy_is_the_diagonal_of_the_hessian(name):
    f, y, _ = logits()
    loss = ROW_LOSSES[name]
    for k in range(3):
        step = np.eye(3)[k] * 1e-5
        found = (loss(f + step, y)[1] - loss(f - step, y)[1])[:, k] / 2e-5
        np.testing.assert_allclose(loss(f, y)[2]()[:, k], found, rtol=1e-5, atol=1e-8)


@law
@given(st.floats(0, 5), st.floats(1e-3, 600), st.integers(0, 10**6))
def test_focal_is_finite_with_positive_curvature_above_the_hessian(gamma, scale, seed):
    f, y, _ = logits(seed=seed)
    value, gradient, curvature = objectives.focal(gamma)(scale * f, y)
    assert np.isfinite(value).all()
    assert (value >= 0).all()
    assert np.isfinite(gradient).all()
    assert np.isfinite(curvature()).all()
    assert (curvature() >= 0).all()
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-9)


def test_focal_by_its_formula():
    f, y, _ = logits()
    p = np.exp(f)[np.arange(8), y] / np.exp(f).sum(axis=1)
    np.testing.assert_allclose(objectives.focal(2.0)(f, y)[0], -((1 - p) ** 2) * np.log(p), rtol=1e-12)


def anyloss_of(metric, classes, steepness=73.0, positive=1):
    """Return the loss of logits for a metric, all classes being present."""
    target = Target("class", tuple("abc"[:classes]), positive=positive)
    measure = soft_confusion.measure_of(get_metric(target, metric), target, np.arange(classes))
    return soft_confusion.soft_loss(measure, steepness)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", METRICS + DIFFERENCED)
def test_gradients_of_anyloss(metric, classes):
    f, y, weight = logits(classes=classes)
    f *= 0.1  # near p = 1/2, where there is a slope
    loss = anyloss_of(metric, classes, 20.0)
    found = numeric_gradient(lambda moved: loss(moved, y, weight)[0], f)
    assert np.abs(found).max() > 1e-3
    np.testing.assert_allclose(loss(f, y, weight)[1], found, atol=1e-7)


def published(metric, p, y):
    """AnyLoss for two classes, as in the paper: sums of A and y, class 1 positive."""
    A = 1 / (1 + np.exp(-73 * (p - 0.5)))
    n, sy, sA, syA = len(y), y.sum(), A.sum(), (y * A).sum()
    beta = {"f1": 1, "f2": 2, "f0.5": 0.5}.get(metric)
    if beta:
        return 1 - (1 + beta**2) * syA / (beta**2 * sy + sA)
    return (
        1
        - {
            "accuracy": (n - sy - sA + 2 * syA) / n,
            "balanced_accuracy": (n * (syA + sy) - sy * (sA + sy)) / (2 * sy * (n - sy)),
            "g_mean": np.sqrt(syA * (n - sA - sy + syA) / (sy * (n - sy))),
        }[metric]
    )


@pytest.mark.parametrize("metric", METRICS)
def test_anyloss_is_as_published_for_two_classes(metric):
    rng = np.random.default_rng(3)
    y = (np.arange(60) % 5 == 0).astype(int)
    p = rng.uniform(0.4, 0.6, 60)
    f = np.column_stack([np.zeros(60), np.log(p / (1 - p))])
    loss, flipped = anyloss_of(metric, 2), anyloss_of(metric, 2, positive=0)
    np.testing.assert_allclose(loss(f, y, np.ones(60))[0], published(metric, p, y), rtol=1e-10)
    np.testing.assert_allclose(flipped(f[:, ::-1], 1 - y, np.ones(60))[0], published(metric, p, y), rtol=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_anyloss_of_certain_predictions_is_one_minus_the_metric(metric):
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, fbeta_score, recall_score

    rng = np.random.default_rng(5)
    y, label = np.arange(90) % 3, rng.integers(0, 3, 90)
    weight = rng.integers(1, 4, 90).astype(float)
    beta = {"f1": 1.0, "f2": 2.0, "f0.5": 0.5}.get(metric)
    recalls = recall_score(y, label, average=None, sample_weight=weight)
    others = {
        "accuracy": accuracy_score(y, label, sample_weight=weight),
        "balanced_accuracy": balanced_accuracy_score(y, label, sample_weight=weight),
        "g_mean": recalls.prod() ** (1 / 3),
    }
    expected = fbeta_score(y, label, beta=beta, average="macro", sample_weight=weight) if beta else others[metric]
    loss = anyloss_of(metric, 3)
    np.testing.assert_allclose(loss(50.0 * np.eye(3)[label], y, weight)[0], 1 - expected, rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_gradients_of_losses_against_the_rest(classes):
    f, y, weight = logits(classes=classes)
    if classes == 2:
        f = networks.logits_of(f[:, :1])
    slope = against_rest.class_losses(f, y, weight, 2.0)[1]
    z = networks.output_of(f)
    for k in range(z.shape[1]):

        def own(moved, k=k):
            return against_rest.class_losses(networks.logits_of(moved), y, weight, 2.0)[0][k]

        np.testing.assert_allclose(slope[:, k], numeric_gradient(own, z)[:, k], atol=1e-9)


def test_two_classes_against_the_rest_are_one_focal_loss():
    f, y, weight = logits(classes=2)
    share = weight / weight.sum()
    expected = share @ objectives.focal(2.0)(f, y)[0]
    np.testing.assert_allclose(against_rest.class_losses(f, y, weight, 2.0)[0], [expected], rtol=1e-12)


def test_running_losses_by_hand():
    loss = RunningWeights(0.0, 0.25, 3)
    f, y, weight = logits()
    r = against_rest.class_losses(f, y, weight, 0.0)[0]
    value, _ = loss(f, y, weight)
    R = 0.25 * r + 0.75 / 3
    w = 1 / (1e-5 + R)
    np.testing.assert_allclose(loss.running, R, rtol=1e-12)
    np.testing.assert_allclose(value, 3 * (w / w.sum()) @ r, rtol=1e-12)


def test_margins_by_hand():
    np.testing.assert_allclose(ldam.margins(np.array([16.0, 81.0, 1.0]), 0.6), [0.3, 0.2, 0.6], rtol=1e-12)


# --- losses of sums --------------------------------------------------------------------------------------------------


def expected_score(f, y, weight, positive):
    """One minus the mean F1 over thresholds drawn from the raised cosine around 1/2, by a sum over many of them."""
    p = np.exp(f)[:, positive] / np.exp(f).sum(axis=1)
    cut = np.linspace(0.2, 0.8, 6001)
    density = 1 + np.cos(np.pi * (cut - 0.5) / 0.3)
    decided = ((p[:, None] >= cut) * density).sum(axis=1) / density.sum()
    hits, size = weight @ (decided * (y == positive)), weight @ decided + weight @ (y == positive)
    return 1 - 2 * hits / size


@pytest.mark.parametrize("positive", [0, 1])
def test_score_oriented_is_the_score_of_the_expected_matrix(positive):
    f, _, weight = logits(12, 2)
    y = np.where(np.arange(12) % 4 == 0, positive, 1 - positive)
    target = Target("class", ("a", "b"), positive=positive)
    measure = soft_confusion.measure_of(get_metric(target, "f1"), target, np.arange(2))
    loss = score_oriented.expected_loss(measure, positive, 0.5, 0.3)
    value, slope = loss(0.5 * f, y, weight)
    np.testing.assert_allclose(value, expected_score(0.5 * f, y, weight, positive), atol=1e-3)
    np.testing.assert_allclose(slope, numeric_gradient(lambda moved: loss(moved, y, weight)[0], 0.5 * f), atol=1e-8)


@pytest.mark.parametrize("classes", [2, 3])
def test_sigmoid_f1_by_its_formula(classes):
    f, _, weight = logits(12, classes)
    y = np.arange(12) % 4 % classes
    loss = sigmoid_f1.smooth_f1_loss(np.arange(3) if classes > 2 else np.array([1]), 2.0, -0.3)
    z = f if classes > 2 else f[:, [1]] - f[:, [0]]
    f1 = []
    for c, column in zip(range(3) if classes > 2 else [1], z.T, strict=True):
        S = 1 / (1 + np.exp(-2.0 * (column - 0.3)))
        tp, fp, fn = (weight @ each for each in (S * (y == c), S * (y != c), (1 - S) * (y == c)))
        f1.append(2 * tp / (2 * tp + fn + fp))
    value, slope = loss(f, y, weight)
    np.testing.assert_allclose(value, 1 - np.mean(f1), rtol=1e-12)
    np.testing.assert_allclose(slope, numeric_gradient(lambda moved: loss(moved, y, weight)[0], f), atol=1e-8)


@pytest.mark.parametrize("classes", [2, 3])
def test_pairwise_squares_are_those_of_all_pairs(classes):
    f, y, weight = logits(12, classes)
    z = f if classes > 2 else f[:, [1]] - f[:, [0]]
    found = []
    for c, column in zip(range(3) if classes > 2 else [1], z.T, strict=True):
        pairs = [
            ((1 - (column[i] - column[j])) ** 2, weight[i] * weight[j])
            for i in np.flatnonzero(y == c)
            for j in np.flatnonzero(y != c)
        ]
        found.append(np.average(*np.transpose(pairs)[:1], weights=np.transpose(pairs)[1]))
    value, slope = auc_loss.pairwise_squares(f, y, weight)
    np.testing.assert_allclose(value, np.mean(found), rtol=1e-12)
    expected = numeric_gradient(lambda moved: auc_loss.pairwise_squares(moved, y, weight)[0], f)
    np.testing.assert_allclose(slope, expected, atol=1e-7)


@pytest.mark.parametrize("learner", ["logistic", "mlp"])
@pytest.mark.parametrize("name", ["sigmoid-f1", "sigmoid-f1:slope=5", "score-oriented"])
def test_losses_of_f1_beat_plain_training_in_it(name, learner):
    rng = np.random.default_rng(0)
    y = (rng.random(800) < 0.06).astype(int)
    X = pd.DataFrame(rng.normal(size=(800, 6)) + 0.8 * y[:, None] * (np.arange(6) < 3))
    given = context(X, y, learner)
    plain, ours = (scores(p, y)["f1"] for p in (given.fit()(X), predictions(name, given)))
    assert ours > plain + 0.05


@pytest.mark.parametrize("learner", ["logistic", "mlp"])
def test_auc_loss_ranks_as_well_as_plain_training_and_keeps_the_shares(learner):
    from sklearn.metrics import roc_auc_score

    X, y = table(1000)
    X_new, y_new = table(4000, seed=1)
    given = context(X, y, learner)
    plain, ours = given.fit()(X_new)[:, 1], predictions("auc-loss", given, X_new)[:, 1]
    assert roc_auc_score(y_new, ours) > roc_auc_score(y_new, plain) - 0.04  # a network overfits pairs
    np.testing.assert_allclose(predictions("auc-loss", given)[:, 1].mean(), y.mean(), atol=0.005)


def test_a_head_is_fitted_again_on_the_hidden_units():
    from sklearn.linear_model import LogisticRegression

    X, y = table(300, 3)
    given = context(X, y, "mlp:epochs=10")
    rows = class_rows.encode_rows(given)
    plain = networks.fit_network(given, rows, networks.mean_of(objectives.cross_entropy))
    units = plain.network.units(plain.theta, rows.X.to_numpy())
    head = LogisticRegression(C=1 / 0.1, class_weight="balanced", tol=1e-8, max_iter=5000).fit(units, y)
    np.testing.assert_allclose(predictions("crt", given), head.predict_proba(units), atol=2e-3)
    f = plain.logits(rows.X)
    w = 1 / np.bincount(y)[y]
    scaled = np.log(predictions("lws", given))

    def balanced(logs):
        return w @ -logs[np.arange(300), y] / 3

    assert balanced(scaled) < balanced(np.log(objectives.softmax(f)))
    ratio = (scaled - scaled[:, :1])[:, 1:]
    s, *_ = np.linalg.lstsq(np.column_stack([-f[:, 0], f[:, 1]]), ratio[:, 0])
    np.testing.assert_allclose(np.column_stack([-f[:, 0], f[:, 1]]) @ s, ratio[:, 0], atol=1e-6)


def test_vs_loss_without_scales_is_logit_adjusted():
    X, y = table(classes=3)
    given = context(X, y)
    np.testing.assert_allclose(
        predictions("vs-loss:gamma=0,tau=0.5", given), predictions("logit-adjusted:tau=0.5", given), atol=1e-12
    )


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["linear", "hidden"])
def test_gradients_of_networks(kind, classes):
    rng = np.random.default_rng(1)
    X, (_, y, weight) = rng.normal(size=(8, 4)), logits(classes=classes)
    network = networks.Linear(4, classes) if kind == "linear" else networks.Hidden(4, 6, classes)
    theta = rng.normal(size=len(network.penalised))
    loss = networks.mean_of(objectives.cross_entropy)
    f, back = network.forward(theta, X)
    found = numeric_gradient(lambda moved: loss(network.forward(moved, X)[0], y, weight)[0], theta)
    np.testing.assert_allclose(back(loss(f, y, weight)[1]), found, atol=1e-7)


def test_gradient_of_a_network_with_a_frame():
    rng = np.random.default_rng(1)
    X, (_, y, weight) = rng.normal(size=(8, 4)), logits()
    network = etf_network.FixedHead(4, etf_network.equiangular_frame(6, 3, rng))
    theta = rng.normal(size=len(network.penalised))
    loss = etf_network.with_features(networks.mean_of(objectives.cross_entropy), 3, 0.3)
    outputs, back = network.forward(theta, X)
    found = numeric_gradient(lambda moved: loss(network.forward(moved, X)[0], y, weight)[0], theta)
    np.testing.assert_allclose(back(loss(outputs, y, weight)[1]), found, atol=1e-7)


@pytest.mark.parametrize(("units", "classes"), [(2, 2), (6, 3), (64, 10)])
def test_a_frame_has_equal_angles(units, classes):
    M = etf_network.equiangular_frame(units, classes, np.random.default_rng(0))
    expected = np.full((classes, classes), -1 / (classes - 1)) + np.eye(classes) * (1 + 1 / (classes - 1))
    np.testing.assert_allclose(M.T @ M, expected, atol=1e-12)


def test_hidden_layer_is_that_of_scikit_learn():
    from sklearn.neural_network import MLPClassifier

    X, y = table(60, 3)
    theirs = MLPClassifier((7,), max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs.fit(X.to_numpy(), y)
    parts = [theirs.coefs_[0], theirs.intercepts_[0], theirs.coefs_[1], theirs.intercepts_[1]]
    theta = np.concatenate([part.ravel() for part in parts])
    ours = networks.FittedNetwork(networks.Hidden(5, 7, 3), theta)
    np.testing.assert_allclose(ours.predict(X), theirs.predict_proba(X.to_numpy()), atol=1e-7)


@law
@given(st.integers(1, 300), st.integers(1, 64), st.integers(0, 10**6))
def test_batches_hold_every_row_once_and_each_class_evenly(n, size, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    dealt = list(networks.even_batches(y, size, rng))
    assert sorted(np.concatenate(dealt)) == list(range(n))
    counts = np.array([np.bincount(y[index], minlength=3) for index in dealt])
    assert np.ptp(counts, axis=0).max() <= 1


# --- agreement with the plain learners -------------------------------------------------------------------------------

PLAIN = ("focal:gamma=0", "logit-adjusted:tau=0", "ldam:margin=0", "tau-norm:tau=0")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", PLAIN)
def test_plain_losses_agree_with_logistic_regression(name, classes):
    X, y = table(classes=classes)
    given = context(X, y)
    np.testing.assert_allclose(predictions(name, given), exact(given), atol=1e-4)
    np.testing.assert_allclose(predictions(name, given), given.fit()(X), atol=1e-3)


def exact(given, weight=None, C=1.0):
    """Return the predictions of logistic regression, solved with patience; the learner stops earlier."""
    from sklearn.linear_model import LogisticRegression

    X = given.encode(given.X).to_numpy()
    return LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, given.y, weight).predict_proba(X)


def test_plain_losses_agree_under_row_weights_and_another_penalty():
    X, y = table()
    weight = np.random.default_rng(0).uniform(0, 3, len(y))
    weight /= weight.mean()
    given = context(X, y, "logistic:C=0.05", weight=weight)
    np.testing.assert_allclose(predictions("focal:gamma=0", given), exact(given, weight, 0.05), atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("learner", ["logistic", "mlp:epochs=10", "lightgbm:n_estimators=20"])
def test_class_balanced_without_focus_is_the_class_weighting(learner, classes):
    X, y = table(classes=classes)
    given = context(X, y, learner)
    w = fit_weights(weightings.scheme("effective-number:beta=0.99"), given.counts)
    fitted = fit("class-balanced:beta=0.99,gamma=0", given)
    np.testing.assert_allclose(fitted.predict(X), given.fit(weight=w[y])(X), atol=1e-3)
    np.testing.assert_allclose(fitted.effective_class_weights, w)


@pytest.mark.parametrize("learner", ["logistic", "mlp:epochs=10"])
def test_dynamic_without_focus_is_plain_for_two_classes(learner):
    X, y = table()
    given = context(X, y, learner)
    np.testing.assert_allclose(predictions("dynamic:gamma=0", given), given.fit()(X), atol=1e-3)


def test_a_loss_without_neutral_parameters_is_known_not_to_have_any():
    """The others are under the law `neutral_parameters`."""
    losses = {name for name, entry in registry.entries().items() if entry.options.hook == "loss"}
    without = {name for name in losses if not registry.scheme(name).options.neutral}
    ratios = {"anyloss", "auc-loss", "score-oriented", "sigmoid-f1"}
    assert without == {*ratios, "crt", "dynamic", "lws", "weight-balancing"}


def test_the_margin_counts_in_units_of_logits():
    X, y = table(classes=3)
    first, second = (
        predictions(f"ldam:{given}", context(X, y)) for given in ("margin=0.5,scale=4", "margin=2,scale=1")
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["focal:gamma=0", "logit-adjusted:tau=0"])
def test_plain_losses_agree_with_lightgbm(name, classes):
    X, y = table(classes=classes)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    given = context(X, y, "lightgbm:n_estimators=30", weight=weight)
    np.testing.assert_allclose(predictions(name, given), given.fit(weight=weight)(X), atol=1e-4)


@pytest.mark.parametrize("tau", [0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_logit_adjusted_is_plain_after_prior_correction(classes, tau):
    X, y = table(classes=classes)
    given = context(X, y)
    fitted = fit(f"logit-adjusted:tau={tau}", given)
    np.testing.assert_allclose(fitted.effective_class_weights @ given.counts, len(y))
    prediction = Prediction(given.target, fitted.predict(X), effective_class_weights=fitted.effective_class_weights)
    corrected = prior_correction(prediction, y, np.random.default_rng(0))(prediction)
    np.testing.assert_allclose(corrected.values, exact(given), atol=2e-4)


# --- what the losses are for -----------------------------------------------------------------------------------------


def scores(p, y):
    from sklearn.metrics import balanced_accuracy_score, f1_score

    label = p.argmax(axis=1)
    return {"f1": f1_score(y, label), "balanced_accuracy": balanced_accuracy_score(y, label)}


@pytest.mark.parametrize("learner", ["logistic", "mlp"])
@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy"])
@pytest.mark.parametrize("seed", [0, 1])
def test_anyloss_beats_plain_training_in_its_metric(metric, learner, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(800) < 0.06).astype(int)
    X = pd.DataFrame(rng.normal(size=(800, 6)) + 0.8 * y[:, None] * (np.arange(6) < 3))
    given = context(X, y, learner)
    plain, ours = (scores(p, y)[metric] for p in (given.fit()(X), predictions(f"anyloss:metric={metric}", given)))
    assert ours > plain + 0.05


def test_anyloss_finds_the_positive_class_under_either_code():
    X, y = table()
    turned = context(X, 1 - y)
    turned = replace(turned, target=replace(turned.target, positive=0))
    p, flipped = predictions("anyloss", context(X, y)), predictions("anyloss", turned)
    assert (p.argmax(axis=1) == flipped[:, ::-1].argmax(axis=1)).mean() > 0.98


@pytest.mark.parametrize("learner", ["logistic", "mlp", "lightgbm"])
def test_logit_adjusted_raises_balanced_accuracy(learner):
    X, y = table(1000)
    X_new, y_new = table(4000, seed=1)
    given = context(X, y, learner)
    plain, ours = given.fit()(X_new), predictions("logit-adjusted", given, X_new)
    assert scores(ours, y_new)["balanced_accuracy"] > scores(plain, y_new)["balanced_accuracy"] + 0.02


def test_deferred_weights_raise_the_recall_of_the_rare_class():
    X, y = table(1000)
    for learner in ("logistic", "mlp"):
        given = context(X, y, learner)
        plain, late = (predictions(name, given).argmax(axis=1)[y == 1].mean() for name in ("ldam", "ldam-drw"))
        assert late > plain


def test_tau_norm_and_weight_balancing_leave_the_labels_of_two_classes():
    X, y = table()
    given = context(X, y)
    np.testing.assert_array_equal(predictions("tau-norm", given).argmax(axis=1), given.fit()(X).argmax(axis=1))
    few, many = (predictions(f"weight-balancing:tau={tau}", given).argmax(axis=1) for tau in (0, 2))
    np.testing.assert_array_equal(few, many)


def test_weight_balancing_lifts_rare_classes_of_several():
    X, y = table(1000, 3)
    for learner in ("logistic", "mlp"):
        few, many = (predictions(f"weight-balancing:tau={tau}", context(X, y, learner)) for tau in (0, 1))
        assert (many.argmax(axis=1) == 2).sum() > (few.argmax(axis=1) == 2).sum()


def test_dynamic_evens_out_the_losses_of_the_classes():
    X, y = table(1000, 3)
    given = context(X, y)
    for gamma in (0, 2):
        p = predictions(f"dynamic:gamma={gamma}", given)
        assert (p.argmax(axis=1) == y).mean() > 0.8


def test_learner_parameters_are_read():
    X, y = table()
    strong, weak = (predictions("focal", context(X, y, f"logistic:C={C}")) for C in (0.001, 10))
    assert np.ptp(strong[:, 1]) < np.ptp(weak[:, 1])
    with pytest.raises(BenchError, match="'C'"):
        fit("focal", context(X, y, "logistic:C=-1"))
    assert not np.array_equal(*(predictions("focal", context(X, y, f"mlp:hidden={h}")) for h in (4, 8)))


# --- laws of every scheme, with the learners that the laws do not try ------------------------------------------------


def test_all_are_registered_with_their_traits():
    for name in ON_NETWORKS:
        entry = registry.entries("fit")[name]
        expected = ("logistic", "mlp", "lightgbm") if name in ON_TREES else ("logistic", "mlp")
        assert entry.options.hook == "loss"
        assert entry.options.learners == expected
        assert set(entry.options.tags) == {"extended", "loss"}
        assert len(entry.summary) <= 120


@pytest.mark.parametrize(("name", "learner"), BESIDE_LOGISTIC)
def test_predictions_are_distributions_and_absent_classes_get_nothing(name, learner):
    X, y = table(200, 3)
    given = context(X, np.array([0, 2, 3])[y], learner, width=5)
    p = predictions(name, given)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p.shape == (200, 5)
    assert (p >= 0).all()
    assert not p[:, [1, 4]].any()


@pytest.mark.parametrize(("name", "learner"), BESIDE_LOGISTIC)
def test_a_single_class_is_predicted(name, learner):
    X, _ = table(30)
    fitted = fit(name, context(X, np.full(30, 1), learner, width=3))
    np.testing.assert_array_equal(fitted.predict(X[:4]), np.eye(3)[[1] * 4])


@pytest.mark.parametrize(("name", "learner"), BESIDE_LOGISTIC)
def test_same_bytes_again_without_a_trace(name, learner):
    X, y = table(150, 3)
    before, frozen = X.copy(), y.copy()
    y.setflags(write=False)
    np.random.seed(0)  # noqa: NPY002 - the state that must not matter
    first = predictions(name, context(X, y, learner, seed=5))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(predictions(name, context(X, y, learner, seed=5)), first)
    np.random.seed(0)  # noqa: NPY002
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    pd.testing.assert_frame_equal(X, before)
    np.testing.assert_array_equal(y, frozen)


@pytest.mark.parametrize(("name", "learner"), BESIDE_LOGISTIC)
def test_rows_of_weight_zero_do_not_exist(name, learner):
    X, y = table(200)
    weight = np.where(np.arange(200) % 4 == 0, 0.0, 1.0)
    given = context(X, y, learner, weight=weight)
    kept = np.flatnonzero(weight)
    alone = context(X.iloc[kept], y[kept], learner)
    alone = FitContext(alone.X, alone.y, None, given.target, given.learner, given.encoder, 0, given.cut)
    np.testing.assert_allclose(predictions(name, given, X), predictions(name, alone, X), atol=1e-9)


@pytest.mark.parametrize("name", [name for name in ON_NETWORKS if name not in {"anyloss", "dynamic"}])
def test_whole_weights_are_copies_of_rows(name):
    X, y = table(150)
    times = np.arange(150) % 3 + 1
    copies = np.repeat(np.arange(150), times)
    given = context(X, y, "logistic:C=1", weight=times / times.mean())
    more = context(X.iloc[copies], y[copies], f"logistic:C={150 / len(copies)}")
    more = FitContext(more.X, more.y, None, given.target, more.learner, given.encoder, 0, given.cut)
    # margins and effective numbers count rows; of a mean weight of one there are fewer
    exact = name not in {"class-balanced", "ldam-drw"}
    np.testing.assert_allclose(predictions(name, given), predictions(name, more, X), atol=1e-3 if exact else 0.2)


@pytest.mark.parametrize(("name", "learner"), BESIDE_LOGISTIC)
def test_small_and_odd_tables(name, learner):
    y = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 2])
    X = pd.DataFrame({"a": np.r_[np.nan, 1e6 * np.arange(9.0)], "b": pd.Categorical(list("xyxyxyxyxz")), "c": 1.0})
    p = predictions(name, context(X, y, learner))
    assert p.shape == (10, 3)
    assert np.isfinite(p).all()


@pytest.mark.parametrize("name", ON_NETWORKS)
def test_separable_classes_and_far_rows_stay_finite(name):
    X = pd.DataFrame({"a": np.r_[np.linspace(-2, -1, 40), np.linspace(1, 2, 8)]})
    y = np.repeat([0, 1], [40, 8])
    for learner in ("logistic:C=1e8", "mlp:learning_rate=0.5,alpha=0"):
        fitted = fit(name, context(X, y, learner))
        assert np.isfinite(fitted.predict(pd.DataFrame({"a": [-1e9, 0.0, 1e9]}))).all()


def test_trees_do_not_run_away_under_focal_loss():
    rng = np.random.default_rng(0)
    y = (np.arange(8000) % 1000 == 0).astype(int)
    X = pd.DataFrame(rng.normal(size=(8000, 5)))
    p = predictions("focal", context(X, y, "lightgbm:n_estimators=20"))
    assert p[:, 1].mean() < 0.05


def test_class_weights_in_effect_are_unknown_unless_they_are_known():
    X, y = table()
    for name in ON_NETWORKS:
        effective_class_weights = fit(name, context(X, y)).effective_class_weights
        assert effective_class_weights.shape == (2,)
        assert np.isfinite(effective_class_weights).all() == (name == "logit-adjusted")


@pytest.mark.parametrize(
    "name",
    [
        "focal:gamma=-1",
        "class-balanced:gamma=-1",
        "class-balanced:beta=1",
        "ldam:margin=-1",
        "ldam-drw:scale=0",
        "dynamic:smoothing=0",
        "anyloss:metric=auc",
        "anyloss:steepness=0",
        "weight-balancing:decay=0",
        "vs-loss:gamma=-1",
        "sigmoid-f1:slope=0",
        "score-oriented:metric=auc",
        "score-oriented:centre=0.1",
    ],
)
def test_wrong_parameters_are_refused(name):
    X, y = table(50)
    with pytest.raises(BenchError):
        fit(name, context(X, y))


def test_a_frame_needs_a_hidden_unit_for_each_class():
    X, y = table(50, 3)
    with pytest.raises(BenchError, match="hidden"):
        fit("weight-balancing", context(X, y, "mlp:hidden=2"))
