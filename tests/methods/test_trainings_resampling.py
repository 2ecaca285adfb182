"""Resampling and balanced ensembles: what is fitted on, row by row."""

# ruff: noqa: ARG002 - stand-ins and planted faults ignore what they are given

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.core.nouns import BenchError, NotApplicableError, Split, Target, Task, clip_probabilities
from bench.core.settings import Settings
from bench.methods.learners import LearnerOptions, learner_scheme
from bench.methods.trainings import FitContext, asym_boost, balance_cascade, boost, registry
from bench.methods.trainings.balanced_ensembles import draw_sizes
from bench.methods.trainings.numeric_view import View
from bench.methods.trainings.sample import resampling_weights, rows_to_add, rows_to_keep
from bench.methods.trainings.self_paced import draw_odds
from bench.runner import out_of_fold
from bench.runner.fit_spec import Fit, rows_of
from bench.tasks.encoders import encoder

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

law = settings(derandomize=True, deadline=None, max_examples=15)
OVER = ["smote", "borderline-smote", "svm-smote", "kmeans-smote", "adasyn", "random-over", "random-over:shrinkage=0.5"]
CLEANED = ["smote-enn", "smote-tomek"]
UNDER = ["random-under", "near-miss", "near-miss:version=2", "near-miss:version=3", "instance-hardness"]
UNDER += ["tomek-links", "enn", "renn", "all-knn", "neighbourhood-cleaning", "condensed-nn", "one-sided-selection"]
RESAMPLE = [*OVER, *CLEANED, *UNDER, "cluster-centroids"]
KNOWN = {"smote", "random-over", "random-over:shrinkage=0.5", "random-under"}
"""Those that draw the rows of a class without a look at where they lie: their class weights are known."""

ENSEMBLES = ["balanced-bagging", "balanced-forest", "easy-ensemble", "rus-boost", "self-paced"]


class Recorder:
    """A learner that keeps its training rows and predicts all classes alike."""

    def __init__(self):
        self.fitted = []
        self.entry = SimpleNamespace(name="recorder", options=LearnerOptions())

    def __call__(self, target, seed):
        def fit(X, y, weight):
            self.fitted.append((X, y, weight))

        return SimpleNamespace(fit=fit, predict=lambda X: np.full((len(X), target.width), 1 / target.width))


def context_of(X, y, *, width=None, weight=None, seed=0, learner=None):
    width = width or int(np.max(y)) + 1
    target = Target("class", tuple("abcdefgh"[:width]))
    plain = SimpleNamespace(transform=lambda X: X)
    read = plain if learner is None else encoder(learner.options.encoding).fit(X)
    y = np.asarray(y)
    y.setflags(write=False)
    return FitContext(X, y, weight, target, learner or Recorder(), read, seed, cut=None)


def fit_recorded(name, context):
    """Return the rows, classes and weights that one model was fitted on, and the result of the scheme."""
    fitted = registry.scheme(name)(context)
    ((X, y, weight),) = context.learner.fitted
    return X, y, weight, fitted


def numbers(counts, *, columns=2, seed=0, spread=2.0):
    """Draw a table of numbers of different units, whose classes overlap."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    values = rng.normal(size=(len(y), columns)) + spread * y[:, None] / len(counts)
    return pd.DataFrame(1000 * values ** np.arange(1, columns + 1), columns=[f"x{j}" for j in range(columns)]), y


def mixed(counts, *, gaps=0.2, seed=0, levels=4):
    rng = np.random.default_rng(seed + 1)
    X, y = numbers(counts, seed=seed)
    n = len(y)
    X["x1"] = X["x1"].mask(rng.random(n) < gaps)
    codes = np.where(rng.random(n) < gaps, -1, rng.integers(0, levels, n))
    names = pd.Index([f"level {j}" for j in range(levels + 1)])  # the last one has no row
    X["colour"] = pd.Categorical.from_codes(codes, names)
    X["grade"] = pd.Categorical.from_codes(
        np.minimum(y, 1) ^ (rng.random(n) < 0.2), pd.Index(["low", "high"]), ordered=True
    )
    return X, y


def same_table(found, expected):
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))


# --- over-sampling --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OVER)
def test_rows_that_were_there_stay_as_they_are_and_dtypes_with_them(name):
    X, y = mixed([60, 20, 9])
    found, classes, weight, _ = fit_recorded(name, context_of(X, y))
    same_table(found.iloc[: len(y)], X)
    assert classes[: len(y)].tolist() == y.tolist()
    assert weight is None
    assert found.dtypes.tolist() == X.dtypes.tolist()


@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize("name", ["smote", "borderline-smote", "random-over", "random-over:shrinkage=2"])
def test_every_class_grows_to_its_share_of_the_largest(name, ratio):
    X, y = mixed([60, 40, 9])
    _, classes, _, fitted = fit_recorded(f"{name}{',' if ':' in name else ':'}ratio={ratio}", context_of(X, y, width=4))
    counts = [60, 40, 30] if ratio < 1 else [60, 60, 60]
    assert np.bincount(classes).tolist() == counts
    if name == "borderline-smote":
        assert np.isnan(fitted.effective_class_weights).all()
        return
    np.testing.assert_allclose(
        fitted.effective_class_weights[:3] / fitted.effective_class_weights[0], np.array(counts) / [60, 40, 9]
    )
    assert fitted.effective_class_weights[3] == 0


@pytest.mark.parametrize("name", ["kmeans-smote", "adasyn", "svm-smote"])
def test_those_that_round_come_close(name):
    X, y = numbers([80, 30])
    _, classes, _, _ = fit_recorded(name, context_of(X, y))
    assert 72 <= np.bincount(classes)[1] <= 80  # never more than was wanted


def off_segments(new, own, k):
    """Return how far each new point is from the nearest segment between a point and one of its k nearest."""
    between = np.sqrt(((own[:, None] - own) ** 2).sum(axis=2))
    near = np.argsort(between + np.diag(np.full(len(own), np.inf)), axis=1)[:, :k]
    a, d = own[:, None], own[near] - own[:, None]
    length = np.maximum((d**2).sum(axis=2), 1e-300)
    off = []
    for point in new:
        u = np.clip(((point - a) * d).sum(axis=2) / length, 0, 1)
        off.append(np.sqrt(((a + u[:, :, None] * d - point) ** 2).sum(axis=2)).min())
    return np.array(off)


@pytest.mark.parametrize("name", ["smote", "smote:k=2", "borderline-smote", "adasyn", "kmeans-smote"])
def test_new_rows_lie_between_neighbours_of_their_class_in_units_of_the_table(name):
    X, y = numbers([70, 25, 12])
    found, classes, _, fitted = fit_recorded(name, context_of(X, y))
    assert fitted.note == "" or re.fullmatch(r"(made \d+ rows where \d+ were wanted for class .(; )?)+", fitted.note)
    standard = (found - X.mean()) / X.std(ddof=0)
    k = {"smote:k=2": 2, "kmeans-smote": 40}.get(name, 5)  # neighbours within a cluster may be any of the class
    for code in (1, 2):
        own = standard[: len(y)][y == code].to_numpy()
        new = standard[len(y) :][classes[len(y) :] == code].to_numpy()
        assert len(new) > 10
        np.testing.assert_allclose(off_segments(new, own, k), 0, atol=1e-9)


def test_segments_know_what_is_no_neighbour():
    own = np.array([[0.0, 0], [1, 0], [10, 0]])
    np.testing.assert_allclose(off_segments(np.array([[0.5, 0], [0.5, 1], [5.5, 0]]), own, 1), [0, 1, 0], atol=1e-12)
    assert off_segments(np.array([[-1.0, 0]]), own, 2)[0] == 1


def test_numbers_are_those_of_imbalanced_learn():
    from imblearn.over_sampling import SMOTE

    X, y = numbers([70, 30])
    context = context_of(X, y, seed=11)
    found, _, _, _ = fit_recorded("smote:k=4", context)
    standard = (X - X.mean()) / X.std(ddof=0)
    sampler = SMOTE(k_neighbors=4, random_state=context.seed_of("resample", 1))
    expected = sampler.fit_resample(standard, y)[0] * X.std(ddof=0) + X.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_mixed_tables_get_the_most_frequent_level_of_the_neighbours():
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(size=60), rng.normal(20, 0.1, 8), rng.normal(40, 0.1, 8)])
    level = np.array(["far"] * 60 + ["left"] * 8 + ["right"] * 8)
    X, y = pd.DataFrame({"x": x, "level": pd.Categorical(level)}), np.repeat([0, 1], [60, 16])
    found, _, _, _ = fit_recorded("smote", context_of(X, y))
    new = found.iloc[76:]
    assert new["level"].tolist() == np.where(new["x"] < 30, "left", "right").tolist()


def test_tables_of_categories_get_the_most_frequent_levels_of_the_neighbours():
    texts = {"a": list("uuuuvvvv") * 8 + list("xxxxxy"), "b": list("pqpqpqpq") * 8 + list("rrrrrr")}
    X, y = pd.DataFrame({name: pd.Categorical(text) for name, text in texts.items()}), np.repeat([0, 1], [64, 6])
    found, classes, _, _ = fit_recorded("smote:k=3", context_of(X, y))
    assert np.bincount(classes).tolist() == [64, 64]
    assert found.iloc[70:].drop_duplicates().to_numpy().tolist() == [["x", "r"]]


@pytest.mark.parametrize("name", [*OVER, *CLEANED, "cluster-centroids"])
def test_levels_and_gaps_of_new_rows_are_those_of_their_class(name):
    X, y = mixed([60, 25, 9], levels=45)
    found, classes, _, _ = fit_recorded(name, context_of(X, y))
    for code in range(3):
        own, all_of = X[y == code], found[classes == code]
        assert set(all_of["grade"].dropna()) <= set(own["grade"].dropna())
        assert set(all_of["colour"].dropna()) <= set(own["colour"].dropna())
        assert abs(all_of["x1"].isna().mean() - own["x1"].isna().mean()) < 0.35
        assert not all_of["x0"].isna().any()


def test_a_class_of_one_row_is_copied_and_of_two_lies_between_them():
    X, y = mixed([30, 12])
    rare = pd.DataFrame(X.iloc[:3])
    rare["x0"], rare["x1"] = [5e4, 1e4, 2e4], [np.nan, 3.0, 4.0]
    X, y = pd.concat([X, rare], ignore_index=True), np.append(y, [2, 3, 3])
    found, classes, _, fitted = fit_recorded("smote", context_of(X, y))
    assert np.bincount(classes).tolist() == [30] * 4
    same_table(found[classes == 2].iloc[1:], pd.concat([rare.iloc[:1]] * 29))
    assert found[classes == 3]["x0"].between(1e4, 2e4).all()
    assert found[classes == 3]["x0"].nunique() > 20
    assert fitted.note == "rows copied, since it has one row, for class c; k clamped to 1 for class d"


def test_classes_with_the_same_trouble_share_a_note():
    X, y = numbers([30, 3, 3, 4])
    assert (
        fit_recorded("smote", context_of(X, y))[3].note == "k clamped to 2 for class b, c; k clamped to 3 for class d"
    )


def apart(counts=(40, 10)):
    """Draw classes that are nowhere near each other."""
    X, y = numbers(counts)
    return X + 1e9 * y[:, None], y


def surrounded():
    """Draw rows of a class each amid rows of the other."""
    centres = np.repeat(np.arange(6.0) * 100, 12)
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": centres + rng.normal(size=72)})
    y = np.zeros(72, dtype=int)
    y[::12] = 1
    return x, y


@pytest.mark.parametrize(
    ("name", "table", "why"),
    [
        ("borderline-smote", apart(), "no row of it lies at the border"),
        ("borderline-smote", surrounded(), "no row of it lies at the border"),
        ("svm-smote", surrounded(), "all of its support vectors are noise"),
        ("kmeans-smote", surrounded(), "no cluster holds enough of its rows"),
        ("adasyn", apart(), "no other class is near it"),
    ],
)
def test_what_a_method_cannot_grow_grows_by_plain_smote(name, table, why):
    found, classes, _, fitted = fit_recorded(name, context_of(*table))
    assert fitted.note == f"plain SMOTE, since {why}, for class b"
    same_table(found, fit_recorded("smote:k=2" if name == "kmeans-smote" else "smote", context_of(*table))[0])
    assert len(set(np.bincount(classes))) == 1


def test_equal_rows_in_a_cluster_have_no_spread():
    X, y = numbers([60, 12])
    X[y == 1] = 7e4
    found, _, _, fitted = fit_recorded("kmeans-smote", context_of(X, y))
    assert "plain SMOTE, since its clusters hold equal rows," in fitted.note
    np.testing.assert_allclose(found.iloc[72:], 7e4)


def test_a_table_that_tells_nothing_is_copied():
    X, y = pd.DataFrame({"x": np.ones(20), "z": np.full(20, np.nan)}), np.repeat([0, 1], [15, 5])
    _, classes, _, fitted = fit_recorded("smote", context_of(X, y))
    assert fitted.note == "rows copied, since no column varies, for class b"
    assert np.bincount(classes).tolist() == [15, 15]


def test_a_library_that_fails_otherwise_is_heard(monkeypatch):
    from imblearn.over_sampling import ADASYN

    def broken(self, X, y):
        raise ValueError("something else")

    monkeypatch.setattr(ADASYN, "fit_resample", broken)
    with pytest.raises(ValueError, match="something else"):
        fit_recorded("adasyn", context_of(*numbers([20, 6])))


def test_copies_are_drawn_evenly_and_from_their_class():
    X, y = mixed([1000, 10])
    found, _, _, fitted = fit_recorded("random-over", context_of(X, y))
    copied = found.iloc[1010:]["x0"].value_counts()
    assert set(copied.index) == set(X["x0"][y == 1])
    p, draws = 1 / 10, 990
    assert np.abs(copied - draws * p).max() < 4 * np.sqrt(draws * p * (1 - p))  # binomial
    assert fitted.note == ""


def test_smoothed_copies_have_the_stated_deviation_and_the_gaps_and_levels_of_their_row():
    X, y = mixed([4000, 8], gaps=0.3)
    found, _, _, _ = fit_recorded("random-over:shrinkage=0.7", context_of(X, y))
    copies = fit_recorded("random-over", context_of(X, y))[0].iloc[4008:]
    new = found.iloc[4008:]
    pd.testing.assert_series_equal(new["colour"], copies["colour"])
    assert (new["x1"].isna() == copies["x1"].isna()).all()
    d, n = 2, 4008
    deviation = 0.7 * (4 / ((d + 2) * n)) ** (1 / (d + 4)) * X["x0"][y == 1].std(ddof=0)
    np.testing.assert_allclose((new["x0"] - copies["x0"]).std(), deviation, rtol=0.05)


# --- under-sampling and cleaning ------------------------------------------------------------------


@pytest.mark.parametrize("name", UNDER)
def test_rows_that_stay_are_original_rows_in_their_order(name):
    X, y = mixed([60, 30, 9])
    X.insert(0, "row", np.arange(len(y)) * 1e-9)
    found, classes, _, fitted = fit_recorded(name, context_of(X, y, width=4))
    index = np.rint(found["row"] * 1e9).astype(int).to_numpy()
    assert (np.diff(index) > 0).all()
    same_table(found, X.iloc[index])
    assert classes.tolist() == y[index].tolist()
    counts = np.bincount(classes, minlength=4)
    assert counts[2] == 9
    assert 9 <= len(index) < len(y)
    if name in KNOWN:
        expected = [*(counts / [60, 30, 9, 1] * 99 / len(index))[:3], 0]
        np.testing.assert_allclose(fitted.effective_class_weights, expected)


@pytest.mark.parametrize(("ratio", "counts"), [(1.0, [10, 10, 10]), (0.5, [20, 20, 10]), (0.1, [80, 25, 10])])
@pytest.mark.parametrize("name", ["random-under", "near-miss", "near-miss:version=2", "cluster-centroids"])
def test_large_classes_shrink_to_their_share_of_the_smallest(name, ratio, counts):
    X, y = mixed([80, 25, 10])
    _, classes, _, _ = fit_recorded(f"{name}{',' if ':' in name else ':'}ratio={ratio}", context_of(X, y))
    assert np.bincount(classes).tolist() == counts


def test_rows_are_kept_at_random():
    X, y = numbers([40, 10])
    kept = np.zeros(40)
    for seed in range(200):
        found, _, _, _ = fit_recorded("random-under", context_of(X, y, seed=seed))
        kept += np.isin(X["x0"][y == 0], found["x0"])
    assert kept.sum() == 200 * 10
    assert np.abs(kept - 50).max() < 4.5 * np.sqrt(200 * 0.25 * 0.75)  # binomial


def neighbours(X):
    """Return the other rows by distance in units of deviation (n, n - 1)."""
    points = ((X - X.mean()) / X.std(ddof=0)).to_numpy()
    distance = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1)[:, :-1], np.sort(distance, axis=1)[:, :-1], distance


def test_tomek_links_are_pairs_of_nearest_rows():
    X, y = numbers([60, 30, 20])
    near = neighbours(X)[0][:, 0]
    link = (near[near] == np.arange(110)) & (y[near] != y)
    found, _, _, _ = fit_recorded("tomek-links", context_of(X, y))
    assert link.sum() > 10
    same_table(found, X[~(link & (y != 2))])


@pytest.mark.parametrize("k", [1, 3])
def test_edited_rows_are_those_of_one_mind_with_their_neighbours(k):
    X, y = numbers([60, 30, 20], spread=5)
    alike = (y[neighbours(X)[0][:, :k]] == y[:, None]).all(axis=1)
    found, _, _, _ = fit_recorded(f"enn:k={k}", context_of(X, y))
    same_table(found, X[alike | (y == 2)])


@pytest.mark.parametrize("version", [1, 2])
def test_near_misses_are_the_nearest_to_the_smallest_class(version):
    X, y = numbers([60, 12])
    distance = np.sort(neighbours(X)[2][np.ix_(y == 0, y == 1)], axis=1)
    mean = (distance[:, :3] if version == 1 else distance[:, -3:]).mean(axis=1)
    expected = np.flatnonzero(y == 0)[np.argsort(mean)[:12]]
    found, _, _, _ = fit_recorded(f"near-miss:version={version}", context_of(X, y))
    same_table(found, X.iloc[np.sort(np.append(expected, np.flatnonzero(y == 1)))])


def test_the_rest_can_be_told_from_condensed_rows():
    X, y = numbers([80, 20], spread=4)
    found, classes, _, _ = fit_recorded("condensed-nn", context_of(X, y))
    kept = np.isin(X["x0"], found["x0"])
    distance = neighbours(X)[2][:, kept]
    assert (classes[np.argmin(distance, axis=1)] == y)[~kept].mean() > 0.9


def test_hard_rows_go_first():
    X, y = apart((60, 20))
    X = pd.DataFrame(X)
    wrong = np.flatnonzero(y == 0)[:10]
    X.iloc[wrong] = X[y == 1].sample(10, replace=True, random_state=0).to_numpy() + 1.0
    found, _, _, _ = fit_recorded("instance-hardness", context_of(X, y))
    assert not np.isin(X["x0"].iloc[wrong], found["x0"]).any()


@pytest.mark.parametrize(("name", "left"), [("instance-hardness", (14, 11)), ("near-miss:version=3", (3, 3))])
def test_rows_that_are_left_are_counted(name, left):
    X, y = numbers([60, 30, 9])
    _, _, _, fitted = fit_recorded(name, context_of((X > 0) * 1.0, y))  # rows are alike, and stay or go together
    names = {left[0]: "a", left[1]: "a, b" if left[0] == left[1] else "b"}
    expected = [f"{n} rows left where 9 were wanted for class {of}" for n, of in names.items()]
    assert fitted.note == "; ".join(expected)


def test_one_centre_is_the_mean_of_the_class():
    X, y = numbers([30, 1])
    found, classes, _, fitted = fit_recorded("cluster-centroids", context_of(X, y))
    np.testing.assert_allclose(found[classes == 0], X[y == 0].mean().to_numpy()[None])
    assert fitted.note == "1 rows a class left"


def test_a_class_that_would_vanish_stays():
    x = pd.DataFrame({"x": np.append(np.repeat(np.arange(10.0), 2) + np.tile([0, 0.1], 10), -0.05)})
    y = np.append(np.tile([0, 1], 10), 1)  # each row of one class is next to one of the other
    _, classes, _, fitted = fit_recorded("enn:k=1", context_of(x, y))
    assert np.bincount(classes).tolist() == [10, 11]
    assert fitted.note == "all rows kept, since none would stay, for class b"


def test_nothing_is_cleaned_where_no_column_varies():
    X, y = pd.DataFrame({"x": np.ones(20)}), np.repeat([0, 1], [15, 5])
    assert fit_recorded("enn", context_of(X, y))[3].note == "all rows kept, since no column varies"


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESAMPLE)
@law
@given(
    counts=st.lists(st.integers(0, 12), min_size=2, max_size=5).filter(sum),
    gaps=st.sampled_from([0.0, 0.5, 1.0]),
    columns=st.sampled_from([["x0"], ["colour"], ["x1", "grade"], ["x0", "x1", "colour", "grade"]]),
    repeat=st.sampled_from([1, 3]),
    seed=st.integers(0, 3),
)
def test_any_table_is_borne(name, counts, gaps, columns, repeat, seed):
    X, y = mixed(counts, gaps=gaps, seed=seed)
    index = np.tile(np.arange(len(y)), repeat)
    context = context_of(X[columns].iloc[index], y[index], width=len(counts), seed=seed)
    found, classes, weight, fitted = fit_recorded(name, context)
    assert found.dtypes.tolist() == X[columns].dtypes.tolist()
    assert set(classes) == set(y)
    assert weight is None
    if name in KNOWN:
        np.testing.assert_allclose(fitted.effective_class_weights @ context.counts, len(index))
        assert ((fitted.effective_class_weights > 0) == (context.counts > 0)).all()
    else:
        assert np.isnan(fitted.effective_class_weights).all()


@pytest.mark.parametrize("name", RESAMPLE)
def test_copies_keep_their_weight_and_new_rows_have_the_mean_of_their_class(name):
    X, y = mixed([50, 20, 8])
    X.insert(0, "row", np.arange(len(y)) * 1e-9)
    weight = np.random.default_rng(0).choice([0.0, 0.5, 2.0], len(y))
    context = context_of(X, y, weight=weight)
    found, classes, used, fitted = fit_recorded(name, context)
    assert used.min() > 0
    mean = np.array([weight[(y == code) & (weight > 0)].mean() for code in range(3)])
    if name in {*UNDER, "random-over"}:
        place = np.rint(found["row"] * 1e9).astype(int).to_numpy()
        np.testing.assert_array_equal(used, weight[place])
    for code in range(3):
        of_class = {*weight[y == code].tolist(), *([mean[code]] * (not name.startswith("random-over")))}
        assert all(min(abs(one - other) for other in of_class) < 1e-12 for one in used[classes == code])
    if name not in KNOWN:
        return
    after = np.bincount(classes, weights=used, minlength=3)
    np.testing.assert_allclose(
        fitted.effective_class_weights / fitted.effective_class_weights[0],
        after / context.counts / (after / context.counts)[0],
    )
    np.testing.assert_allclose(fitted.effective_class_weights @ context.counts, weight.sum())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smote:ratio=0", "'ratio' of a resampling is 0.0: give a number above 0"),
        ("random-under:ratio=1.5", "'ratio' of a resampling is 1.5"),
        ("adasyn:k=0", "'k' of a training scheme is 0: give 1 or more"),
        ("borderline-smote:kind=3", "'kind' of borderline-smote is 3: give 1 or 2"),
        ("borderline-smote:m=0", "'m' of a training scheme is 0"),
        ("svm-smote:m=0", "'m' of a training scheme is 0"),
        ("kmeans-smote:clusters=0", "'clusters' of a training scheme is 0"),
        ("kmeans-smote:balance=2", "'balance' of kmeans-smote is 2.0"),
        ("smote-enn:clean=0", "'clean' of a training scheme is 0"),
        ("random-over:shrinkage=-1", "'shrinkage' of random-over is -1.0"),
        ("near-miss:version=4", "'version' of near-miss is 4: give 1, 2 or 3"),
        ("enn:k=0", "'k' of a training scheme is 0"),
        ("condensed-nn:k=0", "'k' of a training scheme is 0"),
        ("neighbourhood-cleaning:threshold=-1", "'threshold' of neighbourhood-cleaning is -1.0"),
        ("instance-hardness:folds=1", "'folds' of a training scheme is 1: give 2 or more"),
        ("balanced-bagging:models=0", "'models' of a training scheme is 0"),
        ("self-paced:bins=0", "'bins' of a training scheme is 0"),
        ("easy-ensemble:rounds=0", "'rounds' of a training scheme is 0"),
        ("rus-boost:depth=0", "'depth' of a training scheme is 0"),
    ],
)
def test_impossible_parameters_are_refused(name, message):
    with pytest.raises(BenchError, match=message):
        registry.scheme(name)(context_of(*mixed([20, 8])))


def test_how_many_rows_are_wanted():
    y = np.repeat([0, 2, 3], [40, 10, 19])
    assert rows_to_add(y, 0.5) == {2: 10, 3: 1}
    assert rows_to_add(y, 1.0) == {2: 30, 3: 21}
    assert rows_to_keep(y, 0.5) == {0: 20}
    assert draw_sizes(y, 5, 1.0).tolist() == [10, 0, 10, 10, 0]


def test_emphasis_is_rows_after_over_rows_before():
    np.testing.assert_allclose(resampling_weights(np.array([80.0, 20, 0]), np.array([80.0, 80, 0])), [0.625, 2.5, 0])


def test_a_tag_chooses_all_resamplings_and_none_is_core():
    names = {scheme.id for scheme in registry.select(["resampling"], "fit")}
    assert names == {name.partition(":")[0] for name in RESAMPLE}
    ensembles = {scheme.id for scheme in registry.select(["balanced-ensemble"], "fit")}
    assert ensembles == {*ENSEMBLES, "asym-boost", "balance-cascade", "over-boost", "smote-bagging", "smote-boost"}
    assert not {scheme.id for scheme in registry.select(["core"], "fit")} & {*names, *ensembles}


def test_the_view_leads_back_to_the_table():
    X, _ = mixed([300, 100], levels=40)
    view = View.fit(X)
    same_table(view.rows(X, view.scaled(X), view.codes(X)), X)
    assert view.points(X).shape == (400, 2 + 31 + 2)  # thirty levels and the rest; two grades


@pytest.mark.parametrize("name", ["smote", "random-over", "cluster-centroids", "enn", "self-paced"])
def test_no_model_is_fitted_on_a_test_row(name, monkeypatch):
    X, y = mixed([60, 30], gaps=0.0)
    test = np.arange(0, 90, 3)
    X.loc[test, ["x0", "x1"]] += 1e9
    X["colour"] = X["colour"].cat.add_categories("test").mask(np.isin(np.arange(90), test), "test")
    task = Task("leak", X, y, "classification", (), ("a", "b"))
    seen = []
    fit = FitContext.fit

    def spy(self, X=None, y=None, weight=None, part=None):
        seen.append(self.X if X is None else X)
        return fit(self, X, y, weight, part)

    monkeypatch.setattr(FitContext, "fit", spy)
    split = Split(0, 0, np.setdiff1d(np.arange(90), test), test)
    given = Settings(inner=3)
    out_of_fold.predict(rows_of(task, split, given), Fit(Target("class", ("a", "b")), "knn", name), given)
    assert len(seen) >= 4
    assert max(table["x0"].max() for table in seen) < 1e8
    assert not any((table["colour"] == "test").any() for table in seen)


def test_what_is_undone_is_as_good_as_never_done():
    """A draw of the rows moves the shares of the classes, and its class weights move them back."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12000, 2))
    y = (rng.random(12000) < 1 / (1 + np.exp(3.5 - x[:, 0]))).astype(int)
    X = pd.DataFrame(x, columns=["a", "b"])
    loss = {}
    for name in ("random-under", "random-over"):
        context = context_of(X[:6000], y[:6000], learner=learner_scheme("logistic"))
        fitted = registry.scheme(name)(context)
        for undone, odds in (("as it is", 1.0), ("undone", fitted.effective_class_weights)):
            p = fitted.predict(X[6000:]) / odds
            p, _ = clip_probabilities(p / p.sum(axis=1, keepdims=True))
            loss[name, undone] = -np.log(p[np.arange(6000), y[6000:]]).mean()
        plain, _ = clip_probabilities(context.fit()(X[6000:]))
        loss["plain"] = -np.log(plain[np.arange(6000), y[6000:]]).mean()
    for name in ("random-under", "random-over"):
        assert loss[name, "as it is"] > loss["plain"] + 0.2
        assert loss[name, "undone"] < loss["plain"] + 0.005


# --- ensembles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "counts"), [("balanced-bagging", [9, 9, 9]), ("self-paced:ratio=0.5", [18, 18, 9])])
def test_every_model_is_fitted_on_a_balanced_draw_of_its_own(name, counts):
    X, y = mixed([60, 30, 9])
    X.insert(0, "row", np.arange(len(y)))
    context = context_of(X, y, width=4)
    fitted = registry.scheme(name)(context)
    rows = [table["row"].to_numpy() for table, _, _ in context.learner.fitted]
    assert len(rows) == 10
    assert len({index.tobytes() for index in rows}) == 10
    for index, (table, classes, _) in zip(rows, context.learner.fitted, strict=True):
        assert np.bincount(classes).tolist() == counts
        same_table(table, X.iloc[index])
    known = [*(np.array(counts) / [60, 30, 9] * 99 / sum(counts)), 0]
    np.testing.assert_allclose(fitted.effective_class_weights, known if name == "balanced-bagging" else [np.nan] * 4)


def test_rows_of_bags_are_drawn_with_replacement_and_evenly():
    X, y = numbers([50, 20])
    context = context_of(X, y)
    registry.scheme("balanced-bagging:models=400")(context)
    drawn = pd.concat([table["x0"] for table, _, _ in context.learner.fitted]).value_counts()
    assert any(table["x0"].duplicated().any() for table, _, _ in context.learner.fitted)
    for code, p in ((0, 1 / 50), (1, 1 / 20)):
        found = drawn[X["x0"][y == code]].to_numpy()
        assert np.abs(found - 8000 * p).max() < 4 * np.sqrt(8000 * p * (1 - p))  # binomial


@pytest.mark.parametrize("name", ["balanced-bagging", "self-paced"])
def test_an_ensemble_predicts_the_mean_of_its_models(name):
    X, y = numbers([40, 15])
    context = context_of(X, y, learner=learner_scheme("logistic"))
    predictors = []
    fitted = registry.scheme(f"{name}:models=3")(
        SimpleNamespace(
            X=X,
            y=context.y,
            weight=None,
            target=context.target,
            counts=context.counts,
            rng=context.rng,
            fit=lambda *given, part: predictors.append(context.fit(*given, part=part)) or predictors[-1],
        )
    )
    np.testing.assert_allclose(fitted.predict(X), np.mean([predict(X) for predict in predictors], axis=0), rtol=1e-12)
    assert len(predictors) == 3


def test_draws_turn_from_equal_bins_to_equal_rows():
    hardness = np.array([0.0, 0.1, 0.1, 0.2, 0.9, 1.0, 0.3])
    y = np.array([0, 0, 0, 0, 0, 0, 1])
    odds = draw_odds(hardness, y, 2, 0.5)
    easy, hard = 1 / (0.1 + 0.5), 1 / (0.95 + 0.5)
    np.testing.assert_allclose(odds, [*[easy / 4] * 4, *[hard / 2] * 2, 1 / (0.3 + 0.5)])
    late = draw_odds(hardness, y, 2, np.tan(np.pi / 2))
    np.testing.assert_allclose(late[:6] / late[0], [1, 1, 1, 1, 2, 2])  # every bin alike
    np.testing.assert_allclose(np.ptp(draw_odds(np.full(5, 0.4), np.zeros(5, dtype=int), 5, 0.1)), 0)


def test_later_draws_hold_harder_rows():
    X, y = numbers([600, 30], spread=3)
    context = context_of(X, y, learner=learner_scheme("logistic"))
    plain = context.fit()(X)[:, 1]
    means = []
    fake = replace(context)
    object.__setattr__(fake, "learner", Spy(context.learner, means, dict(zip(X["x0"], plain, strict=True)), X))
    registry.scheme("self-paced:models=6")(fake)
    assert np.mean(means[1:3]) < np.mean(means[-2:])


class Spy:
    """A learner that notes how hard its training rows of the large class are."""

    def __init__(self, learner, means, hardness, X):
        self.learner, self.means = learner, means
        self.known = np.array(list(hardness.values()))
        self.x = (np.array(list(hardness)) - X["x0"].mean()) / X["x0"].std(ddof=0)
        self.entry = learner.entry

    def __call__(self, target, seed):
        model = self.learner(target, seed)

        def fit(X, y, weight):
            place = np.abs(X["x0"].to_numpy()[y == 0][:, None] - self.x).argmin(axis=1)
            self.means.append(self.known[place].mean())
            model.fit(X, y, weight)

        return SimpleNamespace(fit=fit, predict=model.predict)


def test_the_balanced_forest_is_that_of_imbalanced_learn():
    from imblearn.ensemble import BalancedRandomForestClassifier

    X, y = numbers([60, 30, 9])
    y = np.where(y == 2, 3, y)  # a class without rows in between
    context = context_of(X, y, learner=learner_scheme("forest:n_estimators=7"))
    found = registry.scheme("balanced-forest")(context).predict(X)
    forest = BalancedRandomForestClassifier(
        7, min_samples_leaf=2, sampling_strategy="all", replacement=True, random_state=context.seed_of("forest")
    )
    expected = forest.fit(context.encode(X).to_numpy(), y).predict_proba(context.encode(X).to_numpy())
    np.testing.assert_allclose(found[:, [0, 1, 3]], expected)
    assert (found[:, 2] == 0).all()


@pytest.mark.parametrize("name", ["easy-ensemble", "rus-boost"])
def test_trees_that_are_no_better_than_chance_hold_all_classes_alike(name):
    X, y = pd.DataFrame({"x": np.ones(24)}), np.repeat([0, 2], [8, 16])
    fitted = registry.scheme(name)(context_of(X, y, learner=learner_scheme("forest")))
    np.testing.assert_allclose(fitted.predict(X), np.tile([0.5, 0, 0.5], (24, 1)))
    assert fitted.note == "no tree is better than chance"


def test_row_weights_that_nobody_would_hear_are_refused():
    X, y = numbers([20, 10])
    context = context_of(X, y, weight=np.linspace(0.5, 1.5, 30), learner=learner_scheme("forest"))
    with pytest.raises(NotApplicableError, match="easy-ensemble takes no row weights"):
        registry.scheme("easy-ensemble")(context)


def test_boosted_ensembles_do_not_claim_class_weights_that_nobody_knows():
    context = context_of(*numbers([20, 10]), learner=learner_scheme("forest"))
    assert np.isnan(registry.scheme("rus-boost")(context).effective_class_weights).all()


def test_a_cascade_keeps_the_hardest_rows():
    p_true = np.array([0.9, 0.2, 0.5, 0.1, 0.5, 0.7])
    assert balance_cascade.hardest(np.array([0, 1, 2, 4, 5]), p_true, 2).tolist() == [1, 2]
    assert balance_cascade.hardest(np.array([5, 0]), p_true, 1).tolist() == [5]


@pytest.mark.parametrize("models", [1, 4])
def test_a_cascade_shrinks_every_class_to_the_size_of_the_smallest(models):
    X, y = mixed([64, 30, 8])
    X.insert(0, "row", np.arange(len(y)))
    context = context_of(X, y, width=4)
    fitted = registry.scheme(f"balance-cascade:models={models}")(context)
    draws = [table["row"].to_numpy() for table, _, _ in context.learner.fitted]
    assert [np.bincount(classes).tolist() for _, classes, _ in context.learner.fitted] == [[8, 8, 8]] * models
    # the recorder finds all rows alike, so that the first of a class stay: 64 (1/8)^(t/3) are left
    for rows, left in zip(draws, [64, 32, 16, 8], strict=False):
        assert np.isin(rows[y[rows] == 0], np.flatnonzero(y == 0)[:left]).all()
    assert np.isnan(fitted.effective_class_weights).all()


def test_bags_grow_by_smote_less_and_less():
    X, y = numbers([60, 30, 9])
    context = context_of(X, y)
    fitted = registry.scheme("smote-bagging:models=4")(context)
    for (table, classes, _), share in zip(context.learner.fitted, np.linspace(0.1, 1, 4), strict=True):
        assert np.bincount(classes).tolist() == [60, 60, 60]
        own = table["x0"].isin(X["x0"]).to_numpy()
        assert [np.count_nonzero(own & (classes == code)) for code in (1, 2)] == [max(1, round(60 * share))] * 2
        assert own[classes == 0].all()
    np.testing.assert_allclose(fitted.effective_class_weights, 60 / np.array([60, 30, 9]) * 99 / 180)


# --- boosting -------------------------------------------------------------------------------------


def test_boosting_without_a_lean_is_that_of_scikit_learn():
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    X, y = numbers([120, 60, 30])
    context = context_of(X, y, learner=learner_scheme("forest"))
    theirs = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=20, random_state=0).fit(
        X.to_numpy(), y
    )
    ours = registry.scheme("asym-boost:power=0,rounds=20,depth=2")(context).predict(X)
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.predict(X.to_numpy()))


def test_one_round_of_samme_by_hand():
    D, right = np.array([0.4, 0.3, 0.2, 0.1]), np.array([True, True, True, False])
    vote, after = boost.samme(3)(D, right)
    np.testing.assert_allclose(vote, np.log(0.9 / 0.1) + np.log(2))
    np.testing.assert_allclose(after, [0.4, 0.3, 0.2, 0.1 * 18])
    assert boost.samme(2)(D, ~right) is None


def test_a_lean_is_spread_over_the_rounds():
    """Without any mistake the weights of the last round are those of the costs."""
    X, y = apart([40, 10])
    context = context_of(pd.DataFrame(X), y, learner=learner_scheme("forest"))
    seen = []
    real = boost.boost
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asym_boost, "boost", lambda *args, **more: seen.append(more) or real(*args, **more))
        registry.scheme("asym-boost:rounds=5")(context)
    D = seen[0]["start"] / seen[0]["start"].sum()
    for _ in range(4):
        _, D = seen[0]["reweigh"](D, np.ones(50, dtype=bool))
        D = D / D.sum()
    np.testing.assert_allclose(D[y == 1].sum(), 0.5)


@pytest.mark.parametrize("name", ["over-boost", "smote-boost"])
def test_every_tree_is_grown_on_classes_of_one_size(name, monkeypatch):
    from sklearn.tree import DecisionTreeClassifier

    X, y = numbers([60, 20])
    context = context_of(X, y, learner=learner_scheme("forest"))
    grown, fit_tree = [], DecisionTreeClassifier.fit

    def spy(self, X, y, sample_weight):
        grown.append((X, y, sample_weight))
        return fit_tree(self, X, y, sample_weight=sample_weight)

    monkeypatch.setattr(DecisionTreeClassifier, "fit", spy)
    registry.scheme(f"{name}:rounds=3")(context)
    assert [np.bincount(classes).tolist() for _, classes, _ in grown] == [[60, 60]] * 3
    for rows, _, weight in grown:
        own = np.isin(rows[:, 0], X["x0"])
        np.testing.assert_array_equal(rows[:80], X.to_numpy(dtype=rows.dtype))
        assert own.all() == (name == "over-boost")
        if name == "smote-boost":
            np.testing.assert_allclose(weight[80:], 1 / 80)
