"""Learners: few and odd rows, seeds, row weights, units of y, peers, and estimators by their import path."""

import functools
import pickle
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge

from bench.core import losses
from bench.core.nouns import BenchError, Target, validate_values
from bench.methods.learners import LearnerOptions, boosting, learner_scheme, registry
from bench.methods.learners.adapters import positive_weight_rows
from bench.methods.learners.imported import import_learners
from bench.methods.learners.trial import try_parameters
from bench.solvers.quantile_regression import TOLERANCE, RegressionProblem, quantile_regression
from bench.tasks.encoders import encoder

TARGETS = {
    "point": Target("point"),
    "quantile": Target("quantile", (0.05, 0.25, 0.5, 0.75, 0.95)),
    "class": Target("class", ("a", "b", "c")),
}
PAIRS = [
    (name, kind) for kind in TARGETS for name, entry in registry.entries(kind).items() if not entry.missing_modules
]
NUMBERS = [(name, kind) for name, kind in PAIRS if kind != "class"]
WEIGHTED = [(name, kind) for name, kind in PAIRS if registry.entries()[name].options.weights]

every = functools.partial(pytest.mark.parametrize, "name, kind")


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            'odd {"name"}, [1]': rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "nothing": np.full(n, np.nan),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue", None], n)),
            "many": pd.Categorical([f"l{i % 40}" for i in range(n)]),
        }
    )
    signal = X.iloc[:, 0] + (X["colour"] == "red") + 0.3 * rng.normal(size=n)
    return X, signal.to_numpy()


def encoded(name, X, train):
    learned = encoder(registry.entries()[name].options.encoding).fit(X.iloc[train])
    return learned.transform(X.iloc[train]), learned.transform(X.drop(index=train))


def targets_of(y, kind):
    return np.digitize(y, [-0.3, 0.9]) if kind == "class" else y


@functools.cache
def case(name, kind):
    """Encoded training rows, their y, and encoded test rows."""
    X, y = table()
    train = np.arange(90)
    return *encoded(name, X, train), targets_of(y, kind)[train], targets_of(y, kind)[90:]


def predictions(name, kind, y=None, weight=None, seed=3):
    train, test, own, _ = case(name, kind)
    model = registry.scheme(name)(TARGETS[kind], seed)
    model.fit(train, own if y is None else y, weight)
    return model.predict(test)


@every([pair for pair in PAIRS if pair[0] in {"forest", "extra-trees", "mlp", "forest-quantile"}])
def test_another_seed_is_another_prediction(name, kind):
    assert predictions(name, kind, seed=3).tobytes() != predictions(name, kind, seed=4).tobytes()


@every(PAIRS)
def test_nobody_else_is_seeded(name, kind):
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    predictions(name, kind)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


@every([(name, kind) for name, kind in PAIRS if kind == "class"])
def test_a_lone_class_is_certain(name, kind):
    train, test, y, _ = case(name, kind)
    rows = np.flatnonzero(y == 1)
    model = registry.scheme(name)(TARGETS[kind], 3)
    model.fit(train.iloc[rows], y[rows], None)
    np.testing.assert_allclose(model.predict(test), np.tile([0.0, 1.0, 0.0], (len(test), 1)), atol=1e-12)


@every(PAIRS)
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_handful_of_rows_is_enough(name, kind, rows):
    """A single test row is enough, too."""
    train, test, y, _ = case(name, kind)
    model = registry.scheme(name)(TARGETS[kind], 3)
    model.fit(train.iloc[:rows], y[:rows], None)
    together = validate_values(TARGETS[kind], model.predict(test), len(test))
    np.testing.assert_allclose(model.predict(test.iloc[[4]]), together[[4]], rtol=1e-9, atol=1e-9)


@every(PAIRS)
def test_rows_that_say_nothing_are_fine(name, kind):
    X, y = table()
    model = registry.scheme(name)(TARGETS[kind], 3)
    train, test = encoded(name, X[["nothing"]], np.arange(90))
    model.fit(train, targets_of(y, kind)[:90], None)
    assert np.ptp(validate_values(TARGETS[kind], model.predict(test), 30), axis=0).max() < 1e-6


@every(NUMBERS)
@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0.0), (1.0, 1e6), (1e12, -1e12)])
def test_units_and_offset_of_y_do_not_matter(name, kind, scale, offset):
    y = case(name, kind)[2]
    error = np.abs((predictions(name, kind, y * scale + offset) - offset) / scale - predictions(name, kind))
    # Rounding decides between cuts that are equally good, so that trees differ on a few rows.
    assert error.mean() < (0.05 if "tree" in name or "forest" in name or "lightgbm" in name else 1e-4)


@every(NUMBERS)
def test_a_constant_target_is_learned(name, kind):
    y = np.full_like(case(name, kind)[2], 7.5)
    np.testing.assert_allclose(predictions(name, kind, y), 7.5, atol=1e-12)


@every(WEIGHTED)
def test_weights_are_used_by_their_ratios(name, kind):
    y = case(name, kind)[2]
    weight = np.where(targets_of(y, "class") == 0, 8.0, 1.0) if kind != "class" else np.where(y == 0, 8.0, 1.0)
    plain, weighted = predictions(name, kind), predictions(name, kind, weight=weight)
    assert np.abs(plain - weighted).max() > 1e-3
    rise = (weighted - plain).mean(axis=0)  # the heavy rows have small y, or class 0
    assert rise[0] > 0 if kind == "class" else rise[len(rise) // 2] < 0
    assert predictions(name, kind, weight=4 * weight).tobytes() == weighted.tobytes()
    assert predictions(name, kind, weight=np.full(len(y), 3.0)).tobytes() == plain.tobytes()


@every(PAIRS)
def test_a_row_of_weight_zero_is_not_there(name, kind):
    train, test, y, _ = case(name, kind)
    model = registry.scheme(name)(TARGETS[kind], 3)
    model.fit(train.iloc[:60], y[:60], None)
    nothing = np.repeat([1.0, 0.0], [60, 30])
    assert predictions(name, kind, weight=nothing).tobytes() == model.predict(test).tobytes()


@pytest.mark.parametrize(
    ("twice", "weighted", "kind"),
    [  # where the penalty is not a share of the rows, 90 rows of a sum of 90 count like 60 of mean one
        ("ridge:alpha=1.5", "ridge", "point"),
        ("logistic:C=1", "logistic:C=1.5", "class"),
        ("linear-quantile", "linear-quantile", "quantile"),
    ],
)
def test_a_weight_of_two_is_a_row_twice(twice, weighted, kind):
    train, test, y, _ = case(twice.partition(":")[0], kind)
    times = np.tile([0, 1, 2], 30)
    rows = np.repeat(np.arange(90), times)
    repeated, heavy = (learner_scheme(text)(TARGETS[kind], 3) for text in (twice, weighted))
    repeated.fit(train.iloc[rows], y[rows], None)
    heavy.fit(train, y, times.astype(float))
    np.testing.assert_allclose(heavy.predict(test), repeated.predict(test), atol=1e-3)


def test_weights_alike_count_as_none():
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    assert positive_weight_rows(X, y, np.full(3, 0.1))[2] is None
    rows, kept, weight = positive_weight_rows(X, y, np.array([0.0, 1.0, 3.0]))
    assert rows.tolist() == X[1:].tolist()
    assert kept.tolist() == [1, 2]
    assert weight.tolist() == [0.5, 1.5]


@every([(name, kind) for name, kind in PAIRS if kind == "quantile"])
def test_the_levels_are_met(name, kind):
    rng = np.random.default_rng(5)
    X, noise = rng.normal(size=(1500, 3)), rng.normal(size=1500)
    y = X[:, 0] + noise
    model = registry.scheme(name)(TARGETS[kind], 0)
    model.fit(pd.DataFrame(X[:1000], columns=list("abc")), y[:1000], None)
    prediction = model.predict(pd.DataFrame(X[1000:], columns=list("abc")))
    share = (y[1000:, None] <= prediction).mean(axis=0)
    np.testing.assert_allclose(share, TARGETS[kind].levels, atol=0.09)


def test_ridge_and_logistic_are_those_of_scikit_learn():
    train, test, y, _ = case("ridge", "point")
    oracle = Ridge().fit(train, y).predict(test)
    np.testing.assert_allclose(predictions("ridge", "point")[:, 0], oracle)
    train, test, y, _ = case("logistic", "class")
    oracle = LogisticRegression(tol=1e-8, max_iter=5000).fit(train, y).predict_proba(test)
    np.testing.assert_allclose(predictions("logistic", "class"), oracle, atol=1e-3)


def test_gaussian_leaves_each_row_out():
    train, test, y, _ = case("gaussian", "quantile")
    y = (y - y.mean()) / y.std()
    A = train.to_numpy()
    left_out = [y[i] - Ridge().fit(np.delete(A, i, 0), np.delete(y, i)).predict(A[[i]])[0] for i in range(len(y))]
    mean = Ridge().fit(A, y).predict(test.to_numpy())
    deviation = np.sqrt(np.mean(np.square(left_out)))
    oracle = mean[:, None] + deviation * norm.ppf(TARGETS["quantile"].levels)
    np.testing.assert_allclose(predictions("gaussian", "quantile", y), oracle)


@pytest.mark.parametrize("level", [0.025, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_quantile_regression_is_that_of_scikit_learn(level, seed):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(80, 4)), rng.uniform(0.2, 3, 80)
    y = X @ [1, 2, 0, -1] + rng.standard_t(3, 80)
    oracle = QuantileRegressor(quantile=level, alpha=0).fit(X, y, sample_weight=w)
    b, gap = quantile_regression(RegressionProblem(np.column_stack([np.ones(80), X]), y, w, level, np.zeros(5)))
    assert gap <= TOLERANCE
    np.testing.assert_allclose(b, [oracle.intercept_, *oracle.coef_], atol=1e-6)


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_quantile_regression_minimises_the_loss_where_many_solutions_do(level):
    """Ties in y and indicators that sum to one: the loss is unique though the coefficients are not."""
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(90), np.eye(3)[rng.integers(0, 3, 90)]])
    y, w = rng.integers(0, 4, 90).astype(float), np.ones(90)
    b, gap = quantile_regression(RegressionProblem(X, y, w, level, np.zeros(4)))
    box = np.column_stack([(level - 1) * w, level * w])
    best = -linprog(-y, A_eq=X.T, b_eq=np.zeros(4), bounds=box).fun
    loss = losses.pinball(y, (X @ b)[:, None], np.array([level])).sum()
    np.testing.assert_allclose(loss, best, rtol=1e-7)
    assert gap < 1e-7


def test_a_penalised_quantile_regression_is_at_its_optimum():
    rng = np.random.default_rng(2)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 100))])
    y, w, penalty = rng.normal(size=60), rng.uniform(0.5, 2, 60), np.r_[0, np.full(100, 0.6)]

    def loss(b):
        return w @ losses.pinball(y, (X @ b)[:, None], np.array([0.2]))[:, 0] + penalty @ b**2 / 2

    b, gap = quantile_regression(RegressionProblem(X, y, w, 0.2, penalty))
    assert gap < 1e-6
    assert all(loss(b) <= loss(b + step * rng.normal(size=101)) for step in np.repeat([1e-4, 1e-2, 1], 50))


@pytest.mark.parametrize(
    "given",
    ["max_depth=3,max_bin=15", "subsample=0.6,colsample_bytree=0.5", "reg_alpha=2,reg_lambda=5,min_child_weight=9"],
)
def test_lightgbm_takes_the_parameters_of_its_scikit_learn_interface(given):
    from lightgbm import LGBMRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = X[:, 0] ** 2 + rng.normal(size=300)
    y = (y - y.mean()) / y.std()
    parameters = dict(part.split("=") for part in given.split(","))
    theirs = {"max_bin": 63, "subsample_freq": int("subsample" in parameters)}
    theirs |= {name: float(value) if "." in value else int(value) for name, value in parameters.items()}
    oracle = LGBMRegressor(
        num_leaves=15, random_state=4, n_jobs=1, deterministic=True, force_row_wise=True, verbosity=-1, **theirs
    )
    model = learner_scheme(f"lightgbm:{given}")(TARGETS["point"], 4)
    model.fit(X, y, None)
    np.testing.assert_allclose(model.predict(X)[:, 0], oracle.fit(X, y).predict(X), atol=1e-9)


@pytest.mark.parametrize(("max_bin", "n", "bins"), [(None, 9_999, 63), (None, 10_000, 255), (31, 10_000, 31)])
def test_bins_depend_on_the_rows_unless_they_are_given(max_bin, n, bins):
    growth = boosting.TreeParameters(learning_rate=0.1, num_leaves=15, min_child_samples=20, max_bin=max_bin)
    assert boosting.tree_settings(0, growth, n)["max_bin"] == bins


def imported(text):
    """Return the scheme of an estimator that a user names."""
    import_learners([text])
    return learner_scheme(text)


def test_a_wrong_parameter_is_a_mistake_of_the_user():
    for text in ("ridge:alpha=0", "logistic:C=-1", "gaussian:alpha=0", "linear-quantile:alpha=-1"):
        kind = min(registry.entries()[text.partition(":")[0]].kinds)
        with pytest.raises(BenchError, match="give"):
            learner_scheme(text)(TARGETS[kind], 0)
    for text in ("knn:n_neighbors=0", "lightgbm:num_leaves=1"):
        with pytest.raises(BenchError, match="or more"):
            learner_scheme(text)(TARGETS["point"], 0)
    with pytest.raises(BenchError, match="unknown learner 'rigde'"):
        learner_scheme("rigde:alpha")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sklearn.linear_model:Lasso:alpha=0.01", "point"),
        ("sklearn.dummy:DummyRegressor", "point"),
        ("sklearn.linear_model:SGDClassifier:loss=log_loss", "class"),
        ("sklearn.tree:ExtraTreeClassifier:max_depth=3,min_samples_leaf=2", "class"),
    ],
)
def test_any_estimator_is_a_learner_by_its_path(text, kind):
    scheme = pickle.loads(pickle.dumps(imported(text)))
    assert scheme.id == text
    assert scheme.entry.kinds == {kind}
    assert scheme.options == LearnerOptions(encoding="scaled", weights=True) or "Dummy" in text
    assert scheme.entry.source != learner_scheme("ridge").entry.source
    train, test, y, _ = case("ridge" if kind == "point" else "logistic", kind)
    models = [scheme(TARGETS[kind], seed) for seed in (1, 1, 2)]
    for model in models:
        model.fit(train, y, np.linspace(1, 2, len(y)))
    one, again, _ = (validate_values(TARGETS[kind], model.predict(test), len(test)) for model in models)
    assert one.tobytes() == again.tobytes()


def test_an_estimator_is_fitted_on_y_as_it_is_and_seeded_unless_the_user_did():
    X, y = np.zeros((20, 1)), np.arange(20.0) + 100
    model = imported("sklearn.dummy:DummyRegressor:strategy=median")(TARGETS["point"], 0)
    model.fit(X, y, None)
    assert model.predict(X[:2]).tolist() == [[109.5], [109.5]]
    text = "sklearn.tree:ExtraTreeClassifier:random_state=5"
    train, test, codes, _ = case("logistic", "class")
    predictions = []
    for seed in (1, 2):
        model = imported(text)(TARGETS["class"], seed)
        model.fit(train, codes, None)
        predictions.append(model.predict(test).tobytes())
    assert predictions[0] == predictions[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sklearn.nowhere:Lasso", "does not import"),
        ("sklearn.linear_model:Laso", "does not import"),
        ("sklearn:__version__", "is no class"),
        ("sklearn.preprocessing:StandardScaler", "neither classifier nor regressor"),
        ("sklearn.svm:LinearSVC", "predict_proba"),
        ("sklearn.linear_model:Lasso:beta=1", "unknown parameter 'beta=1'"),
        ("os:system:command=touch reached", "is a function"),
        ("sklearn.datasets:make_regression", "is a function"),
        ("subprocess:Popen:args=['touch','reached']", "neither classifier nor regressor"),
        ("sklearn.pipeline:Pipeline", "inherit from ClassifierMixin or RegressorMixin"),
    ],
)
def test_an_estimator_that_is_none_is_a_mistake_of_the_user(text, message):
    with pytest.raises(BenchError, match=message):
        imported(text)
    assert not Path("reached").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sklearn.ensemble:VotingRegressor", "cannot be built"),
        ("sklearn.linear_model:SGDClassifier", "gives no probabilities as it is built"),
        ("sklearn.linear_model:Lasso:alpha=-1", "does not work with these parameters"),
    ],
)
def test_what_the_class_does_not_tell_of_an_estimator_shows_in_the_trial_fit(text, message):
    (kind,) = imported(text).entry.kinds
    with pytest.raises(BenchError, match=message):
        try_parameters(text, kind)


def test_an_estimator_is_known_once_the_user_named_it():
    path = "sklearn.gaussian_process:GaussianProcessRegressor"
    with pytest.raises(BenchError, match=f"give -l {path}"):
        learner_scheme(path)
    import_learners([f"{path}:alpha=0.1"])
    assert learner_scheme(path).entry.kinds == {"point"}


@pytest.mark.parametrize(("text", "value"), [
    ("sklearn.svm:SVR:gamma=0.1", 0.1), ("sklearn.svm:SVR:gamma=scale", "scale"),
    ("sklearn.ensemble:RandomForestClassifier:max_features=None", None),
    ("sklearn.ensemble:RandomForestClassifier:max_features=0.5", 0.5),
    ("sklearn.ensemble:RandomForestRegressor:max_features=sqrt", "sqrt"),
    ("sklearn.ensemble:HistGradientBoostingRegressor:early_stopping=False", False),
    ("sklearn.linear_model:LinearRegression:fit_intercept=false", False),
    ("sklearn.neighbors:KNeighborsRegressor:n_neighbors=3", 3),
    ("sklearn.neural_network:MLPRegressor:hidden_layer_sizes=(9,5)", (9, 5)),
])  # fmt: skip
def test_parameters_of_imported_estimators_are_read_as_python_reads_them(text, value):
    ((_, found),) = imported(text).parameters
    assert (found, type(found)) == (value, type(value))
