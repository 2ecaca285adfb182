"""The laws have teeth: every wrong scheme planted here is caught by the law that is named beside it."""

# ruff: noqa: ARG002, ARG005, PD011 - planted faults ignore what they should use, and .values is no data frame's

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench import checks
from bench.core import losses
from bench.core.nouns import NotApplicableError, Task, Weights
from bench.core.registry import Entry, PluginOptions, Scheme
from bench.methods.class_weights import averages
from bench.methods.learners import LearnerOptions

MUTANTS = []


def mutant(noun, kind, *laws, breaks=None, **declared):
    """Plant a function; it enters no registry."""

    def enter(function):
        options = checks.REGISTRIES[noun].options(breaks=breaks or {}, **declared)
        entry = Entry(function.__name__, function, frozenset({kind}), options)
        MUTANTS.extend((noun, Scheme(entry), kind, law) for law in laws)
        return function

    return enter


def outcome(noun, scheme, kind, law):
    (case,) = [c for c in checks.cases_of(noun, scheme) if c.law.name == law and c.kind == kind]
    return case.run()


# --- ensembles ------------------------------------------------------------------------------------


@mutant("ensemble", "point", "within_range", "single_learner")
def weights_above_one(panel, y, rng):
    """Weights that do not sum to one."""
    return Weights(np.full(len(panel.predictions), 1.2 / len(panel.predictions)))


@mutant("ensemble", "class", "lawful")
def half_a_distribution(panel, y, rng):
    """Probabilities that do not sum to one."""
    return Weights(np.full(len(panel.predictions), 0.5 / len(panel.predictions)))


@mutant("ensemble", "point", "within_range")
def negative_weights(panel, y, rng):
    """Twice one learner, minus another."""
    w = np.zeros(len(panel.predictions))
    w[0], w[-1] = 2.0, -1.0
    return Weights(w)


@mutant("ensemble", "class", "same_seed_same_bytes")
def global_random(panel, y, rng):
    """Draw from the random state that belongs to nobody."""
    return Weights(np.random.dirichlet(np.ones(len(panel.predictions))))  # noqa: NPY002


@mutant("ensemble", "quantile", "learner_order", "hears_good_learner")
def first_learner(panel, y, rng):
    """Favour whoever comes first."""
    return Weights(np.eye(len(panel.predictions))[0])


@mutant("ensemble", "point", "inputs_unchanged", "lawful")
def writes_into_the_panel(panel, y, rng):
    """Work in the panel's own memory."""
    panel.predictions[:] -= y[:, None]
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)))


@mutant("ensemble", "point", "inputs_unchanged")
def writes_by_force(panel, y, rng):
    """Lift the write protection first."""
    panel.predictions.setflags(write=True)
    panel.predictions[:] -= 1
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)))


@mutant("ensemble", "quantile", "lawful", "few_rows", "constant_learners")
def not_a_number(panel, y, rng):
    """Predict NaN on one row."""

    def combine(test):
        prediction = test.predictions.mean(axis=0)
        prediction[0] = np.nan
        return prediction

    return combine


@mutant("ensemble", "quantile", "lawful")
def wrong_shape(panel, y, rng):
    """Forget the levels."""
    return lambda test: test.predictions.mean(axis=(0, 2))


@mutant("ensemble", "point", "scale_and_shift")
def weighs_by_size(panel, y, rng):
    """Weigh by the predictions, not by the error: no shift leaves it as it is."""
    w = 1 / np.square(panel.predictions[:, :, 0]).mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "scale_and_shift")
def absolute_tolerance(panel, y, rng):
    """Add a constant in units of the target to every error."""
    w = 1 / (losses.of_learners(panel, y) + 1.0)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "hears_good_learner")
@mutant("ensemble", "class", "hears_good_learner")
@mutant("ensemble", "quantile", "hears_good_learner")
def reversed_loss(panel, y, rng):
    """Weigh by the loss instead of its inverse."""
    w = losses.of_learners(panel, y) ** 2
    return Weights(w / w.sum())


@mutant("ensemble", "point", "perfect_learner")
def divides_by_the_loss(panel, y, rng):
    """Give 0/0 when a learner is perfect."""
    w = 1 / losses.of_learners(panel, y)
    return Weights(w / w.sum())


@mutant("ensemble", "class", "class_order")
def scores_one_class(panel, y, rng):
    """Weigh by the error on the first class alone."""
    w = 1 / np.square(panel.predictions[:, :, 0] - (y == 0)).mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "row_weights", "zero_weight_rows")
def ignores_row_weights(panel, y, rng):
    """Take every row alike."""
    w = 1 / losses.squared_error(y, panel.predictions).mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "weight_unit")
def adds_to_the_weights(panel, y, rng):
    """Depend on the unit of the row weights."""
    s = 1.0 + (1.0 if panel.weight is None else panel.weight)
    w = 1 / np.average(losses.squared_error(y, panel.predictions), axis=1, weights=s * np.ones(len(y)))
    return Weights(w / w.sum())


@mutant("ensemble", "point", "row_order")
def last_rows_only(panel, y, rng):
    """Learn from the last rows, in whatever order they come."""
    w = 1 / losses.squared_error(y, panel.predictions)[:, -40:].mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "class", "test_rows_apart")
def looks_at_the_test_rows(panel, y, rng):
    """Weigh by agreement with the consensus of the test panel."""

    def combine(test):
        w = 1 / np.abs(test.predictions - test.predictions.mean(axis=0)).mean(axis=(1, 2))
        return np.tensordot(w / w.sum(), test.predictions, axes=1)

    return combine


@mutant("ensemble", "point", "certificate")
@mutant("ensemble", "class", "certificate")
def false_certificate(panel, y, rng):
    """Claim an optimum that the plain average is not."""
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)), gap=0.0)


@mutant("ensemble", "point", "certificate")
def open_gap(panel, y, rng):
    """Stop too soon."""
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)), gap=1e-3)


@mutant("ensemble", "class", "absent_class", "lone_class")
def divides_by_the_class(panel, y, rng):
    """Give 0/0 when a class has no row."""
    counts = np.bincount(y, minlength=panel.target.width)
    w = np.array(
        [np.bincount(y, p[np.arange(len(y)), y], panel.target.width) / counts for p in panel.predictions]
    ).mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "class", "certain_learners")
def counts_certainty(panel, y, rng):
    """Weigh by entropy, which is 0 for the certain."""
    w = 1 / np.round(-(panel.predictions * np.log(panel.predictions)).sum(axis=2).mean(axis=1), 9)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "equal_learners")
def inverts_the_gram_matrix(panel, y, rng):
    """Invert a matrix that may be singular."""
    error = panel.predictions[:, :, 0] - y
    w = np.linalg.inv(error @ error.T).sum(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "few_rows")
def holds_out_late_rows(panel, y, rng):
    """Validate on rows that a small panel does not have."""
    w = 1 / losses.squared_error(y, panel.predictions)[:, 50:].mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "class", "one_learner", "equal_learners")
def needs_disagreement(panel, y, rng):
    """Weigh by the distance to the others, of whom there may be none."""
    w = np.abs(panel.predictions - panel.predictions.mean(axis=0)).sum(axis=(1, 2))
    return Weights(w / w.sum())


@mutant("ensemble", "class", "two_classes")
def second_class_first(panel, y, rng):
    """Weigh by the log loss of the second class alone."""
    w = -1 / np.log(panel.predictions[:, y == 1, 1]).mean(axis=1)
    return Weights(w / w.sum())


@mutant("ensemble", "point", "within_range", breaks={"within_range": "an excuse that outlived its cause"})
@mutant("ensemble", "point", "known_excuses", breaks={"inside_range": "there is no such law"})
def needless_excuse(panel, y, rng):
    """Declare a break that does not happen."""
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)))


@mutant("ensemble", "point", "lawful")
def never_applies(panel, y, rng):
    """Apply to nothing at all."""
    raise NotApplicableError("today is Friday")


@mutant("ensemble", "point", "documented")
def undocumented(panel, y, rng):
    return Weights(np.full(len(panel.predictions), 1 / len(panel.predictions)))


# --- metrics --------------------------------------------------------------------------------------


@mutant("metric", "class", "truth_is_best", direction="max", label=True)
def reversed_accuracy(target, y, prediction):
    """Count the errors, and call more of them better."""
    return np.average(prediction.labels != y, weights=prediction.weight)


@mutant("metric", "point", "truth_is_best", direction="min")
def always_zero(target, y, prediction):
    """Find everything perfect."""
    return 0.0


@mutant("metric", "class", "row_weights", direction="max", label=True)
@mutant("metric", "class", "row_weights", direction="min", label=True)
def deaf_to_weights(target, y, prediction):
    """Take every row alike."""
    return (prediction.labels == y).mean()


@mutant("metric", "point", "weight_unit", direction="min")
def weighted_sum(target, y, prediction):
    """Forget to divide by the weights."""
    weight = 1.0 if prediction.weight is None else prediction.weight
    return (weight * np.abs(prediction.values[:, 0] - y)).sum()


@mutant("metric", "class", "ignores_rule", direction="max", label=False)
def probability_metric_with_labels(target, y, prediction):
    """Read the rule where only probabilities count."""
    return np.average(prediction.labels == y, weights=prediction.weight)


@mutant("metric", "class", "hears_rule", direction="max", label=True)
def label_metric_with_probabilities(target, y, prediction):
    """Decide by the largest probability, whatever the rule."""
    return np.average(prediction.values.argmax(axis=1) == y, weights=prediction.weight)


@mutant("metric", "class", "class_names", direction="max", label=True)
def first_class_only(target, y, prediction):
    """Score the recall of one class."""
    return np.average(
        (prediction.labels == y)[y == 0], weights=None if prediction.weight is None else prediction.weight[y == 0]
    )


@mutant("metric", "class", "proper", direction="min", proper=True)
def linear_score(target, y, prediction):
    """Claim to be proper: 1 - p of the true class rewards overconfidence."""
    return 1 - np.average(losses.true_class(y, prediction.values), weights=prediction.weight)


@mutant("metric", "quantile", "proper", direction="min", proper=True)
def squared_quantile_error(target, y, prediction):
    """Claim to be proper: every quantile is drawn to the mean."""
    return np.average(np.square(prediction.values - y[:, None]).mean(axis=1), weights=prediction.weight)


@mutant("metric", "point", "row_order", direction="min")
def first_half_only(target, y, prediction):
    """Score the rows that come first."""
    return np.abs(prediction.values[: len(y) // 2, 0] - y[: len(y) // 2]).mean()


@mutant("metric", "point", "one_class", direction="max")
def divides_by_the_spread(target, y, prediction):
    """Give x/0 where y is constant."""
    return 1 - np.square(prediction.values[:, 0] - y).mean() / np.var(y)


@mutant("metric", "point", "same_bytes", direction="min")
def subtracts_in_place(target, y, prediction):
    """Work in the prediction's own memory."""
    prediction.values[:, 0] -= y
    return np.abs(prediction.values).mean()


# --- learners -------------------------------------------------------------------------------------


class Line:
    """Least squares on the encoded columns; classes are separated by squared error, clipped to a distribution."""

    def __init__(self, target, *, columns=None):
        self.target, self.columns = target, columns

    def fit(self, X, y, weight):
        A, s = self.design(X), np.sqrt(np.ones(len(y)) if weight is None else weight)
        self.width = self.columns(y) if self.columns else self.target.width
        goal = np.eye(self.target.width)[y][:, : self.width] if self.target.kind == "class" else y[:, None]
        penalty = 1e-3 * np.eye(A.shape[1])
        B = np.vstack([A * s[:, None], penalty])
        self.w = np.linalg.lstsq(
            B, np.vstack([goal * s[:, None], np.zeros((len(penalty), goal.shape[1]))]), rcond=None
        )[0]
        return self

    def design(self, X):
        return np.column_stack([np.ones(len(X)), np.clip(np.asarray(X, dtype=float), -9, 9)])

    def predict(self, X):
        predictions = self.design(X) @ self.w
        if self.target.kind != "class":
            return predictions
        predictions = np.where(self.w.any(axis=0), np.clip(predictions, 0.01, None), 0.0)
        return predictions / predictions.sum(axis=1, keepdims=True)


@mutant("learner", "class", "absent_class", encoding="scaled", weights=True)
def drops_a_class(target, seed):
    """Return as many columns as the largest class that was seen."""
    return Line(target, columns=lambda y: y.max() + 1)


@mutant("learner", "class", "absent_class", encoding="scaled", weights=True)
def smooths_over_all_classes(target, seed):
    """Give every class a chance, seen or not."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: 0.9 * predict(X) + 0.1 / target.width
    return line


@mutant("learner", "point", "test_rows_apart", encoding="scaled", weights=True)
def scales_by_the_test_rows(target, seed):
    """Standardise the test rows by themselves."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: predict((X - X.mean()) / X.std().clip(lower=0.1))
    return line


@mutant("learner", "point", "uses_row_weights", encoding="scaled", weights=True)
def ignores_claimed_weights(target, seed):
    """Claim to use row weights."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y, None)
    return line


@mutant("learner", "point", "same_seed_same_bytes", encoding="scaled", weights=True)
def unseeded(target, seed):
    """Fit on rows drawn from the random state that belongs to nobody."""
    line = Line(target)
    fit = line.fit

    def fit_some(X, y, weight):
        rows = np.random.randint(len(y), size=len(y))  # noqa: NPY002
        return fit(X.iloc[rows], y[rows], weight)

    line.fit = fit_some
    return line


@mutant("learner", "point", "inputs_unchanged", encoding="scaled", weights=True)
def fills_in_place(target, seed):
    """Write into the table that it gets."""
    line = Line(target)
    fit = line.fit

    def fit_changed(X, y, weight):
        X.iloc[:, 0] = 0.0
        return fit(X, y, weight)

    line.fit = fit_changed
    return line


@mutant("learner", "class", "learns", "two_classes", encoding="scaled", weights=True)
def mixed_up(target, seed):
    """Predict the next class."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: np.roll(predict(X), 1, axis=1)
    return line


@mutant("learner", "point", "equal_weights", encoding="scaled", weights=True)
def other_model_for_weights(target, seed):
    """Take another penalty as soon as there are weights."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y, None if weight is None else 0.001 * weight)
    return line


@mutant("learner", "point", "few_rows", encoding="scaled", weights=True)
def needs_many_rows(target, seed):
    """Scale by rows that a small table does not have."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y / np.std(y[50:]), weight)
    return line


@mutant("learner", "point", "constant_columns", encoding="native", weights=True)
def scales_by_itself(target, seed):
    """Divide by the spread of a column that may have none."""

    class Scaled:
        def fit(self, X, y, weight):
            self.mean, self.slope = y.mean(), np.cov(X["size"], y)[0, 1] / np.var(X["size"])
            return self

        def predict(self, X):
            return (self.mean + self.slope * np.nan_to_num(X["size"].to_numpy()))[:, None]

    return Scaled()


@mutant("learner", "point", "lawful", "odd_test_rows", encoding="native", weights=True)
def passes_gaps_on(target, seed):
    """Predict NaN where a value is missing."""

    class Sum:
        def fit(self, X, y, weight):
            return self

        def predict(self, X):
            return X["age"].to_numpy()[:, None]

    return Sum()


def test_the_base_of_the_planted_learners_keeps_the_laws():
    def line(target, seed):
        """Least squares."""
        return Line(target)

    options = LearnerOptions(encoding="scaled", weights=True)
    scheme = Scheme(Entry("line", line, frozenset({"point", "class"}), options))
    assert {c.id: c.run().reason for c in checks.cases_of("learner", scheme) if c.run().status != "passed"} == {}


# --- class weightings -----------------------------------------------------------------------------


@mutant("class-weight", "fit", "class_order", "equal_counts")
def first_class_heavier(counts, total):
    """Favour the first class."""
    return (counts > 0) * np.linspace(2, 1, len(counts))


@mutant("class-weight", "fit", "empty_class")
def divides_by_zero(counts, total):
    """Give 1/0 to a class without rows."""
    return total / (len(counts) * counts)


@mutant("class-weight", "fit", "empty_class")
def counts_empty_classes(counts, total):
    """Weigh a class that has no row."""
    return 1 / (counts + 1.0)


@mutant("class-weight", "fit", "lawful", "mean_row_weight")
def negative_class_weight(counts, total):
    """Punish the largest class beyond zero."""
    return np.where(counts > total / 2, -1.0, 1.0)


@mutant("class-weight", "fit", "same_bytes")
def random_class_weights(counts, total):
    """Draw from the random state that belongs to nobody."""
    return np.random.random(len(counts))  # noqa: NPY002


@mutant("class-weight", "fit", "rare_not_lighter")
def reversed_balance(counts, total):
    """Give the large classes the large weights."""
    return averages.weighted(counts, total)


# --- post-processing ------------------------------------------------------------------------------


@mutant("postprocess", "class", "keeps_probabilities")
def moves_probabilities(prediction, y, rng):
    """Declare to tune decisions, and change the probabilities."""
    return lambda other: replace(other, values=0.9 * other.values + 0.1 / other.target.width)


@mutant("postprocess", "class", "test_rows_apart")
def normalises_the_batch(prediction, y, rng):
    """Choose the rule by the rows that are to be predicted."""
    return lambda other: replace(other, rule=1 / other.values.mean(axis=0))


@mutant("postprocess", "class", "row_weights")
def unweighted_rule(prediction, y, rng):
    """Take every row alike."""
    rule = 1 / (1 + np.bincount(y, minlength=prediction.target.width))
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "class_order")
def favours_the_last_class(prediction, y, rng):
    """Multiply by the number of the class."""
    return lambda other: replace(other, rule=1.0 + np.arange(other.target.width))


@mutant("postprocess", "class", "row_order")
def last_rows_decide(prediction, y, rng):
    """Learn from the last rows, in whatever order they come."""
    rule = 1.0 / (1 + np.bincount(y[-30:], minlength=prediction.target.width))
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "same_seed_same_bytes")
def random_rule(prediction, y, rng):
    """Draw from the random state that belongs to nobody."""
    rule = np.random.random(prediction.target.width)  # noqa: NPY002
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "certain_answers")
def divides_by_the_error(prediction, y, rng):
    """Give x/0 where every row is alike."""
    temperature = 1 / np.ptp(prediction.values, axis=0)
    return lambda other: replace(other, rule=temperature)


@mutant("postprocess", "class", "lawful", "two_classes")
def unnormalised(prediction, y, rng):
    """Forget that a row sums to one."""
    return lambda other: replace(other, values=other.values * 1.5)


@mutant("postprocess", "class", "absent_class")
def rule_with_infinity(prediction, y, rng):
    """Give 1/0 where a class has no row."""
    with np.errstate(divide="ignore"):
        rule = 1 / np.bincount(y, minlength=prediction.target.width)
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "lone_class")
def log_odds_of_the_shares(prediction, y, rng):
    """Give 1/0 where a class has all the rows."""
    share = np.bincount(y, minlength=prediction.target.width) / len(y)
    return lambda other: replace(other, rule=1 / (1 - share))


@mutant("postprocess", "quantile", "known_traits", learns="calibration", protocols=("split", "bag"))
def calibrates_without_calibration(prediction, y, rng):
    """Name a protocol that has no calibration rows."""
    return lambda other: other


@mutant("postprocess", "quantile", "nested")
def forgets_the_sort(prediction, y, rng):
    """Return the prediction before the sort."""
    return lambda other: replace(other, values=other.unsorted)


@mutant("postprocess", "quantile", "scale_and_shift")
def rounds_to_units(prediction, y, rng):
    """Take the unit of the target for granted."""
    return lambda other: replace(other, values=np.sort(np.round(other.values), axis=1))


@mutant("postprocess", "quantile", "upside_down")
def sweeps_from_below(prediction, y, rng):
    """Take the maximum so far, from the lowest level on."""
    return lambda other: replace(other, values=np.maximum.accumulate(other.unsorted, axis=1))


@mutant("postprocess", "quantile", "keeps_median", guarantee="none")
def moves_the_median(prediction, y, rng):
    """Centre the predictions, median and all."""
    bias = np.median(y - prediction.values[:, prediction.target.width // 2])
    return lambda other: replace(other, values=other.values + bias)


def _split_conformal(prediction, y, rank_of):
    """Move both ends of every interval by the miss of a rank, and sort."""
    margins = []
    for lower, upper in prediction.target.intervals.values():
        missed = np.sort(np.maximum(prediction.values[:, lower] - y, y - prediction.values[:, upper]))
        rank = rank_of(prediction.target.levels[upper] - prediction.target.levels[lower], len(y))
        margins.append((lower, upper, missed[min(rank, len(y)) - 1]))

    def change(other):
        values = other.values.copy()
        for lower, upper, margin in margins:
            values[:, lower] -= margin
            values[:, upper] += margin
        return replace(other, values=np.sort(values, axis=1))

    return change


@mutant("postprocess", "quantile", "few_rows", protocols=("split",), learns="calibration", guarantee="none")
def clamps_the_rank(prediction, y, rng):
    """Take the largest miss where the rank is beyond it."""
    return _split_conformal(prediction, y, lambda coverage, n: int(np.ceil(coverage * (n + 1) - 1e-9)))


@mutant("postprocess", "quantile", "covers", protocols=("split",), learns="calibration", guarantee="none")
def forgets_the_row_to_be_predicted(prediction, y, rng):
    """Take the rank among n rows, in place of n + 1."""
    return _split_conformal(prediction, y, lambda coverage, n: int(np.ceil(coverage * n - 1e-9)))


# --- sources --------------------------------------------------------------------------------------

CATALOGUE = ("table",)
"""What the planted sources can read."""


def table(y=None, x=None, meta=None, kind="classification"):
    X = pd.DataFrame({"x": np.arange(6.0) if x is None else x})
    predictions = {"about": "numbers", "source": "nowhere", "licence": "none"}
    y = np.arange(6) % 2 if y is None else np.asarray(y)
    classes = tuple(str(k) for k in range(2)) if kind == "classification" else ()
    return Task("planted", X, y, kind, (), classes, meta=predictions if meta is None else meta)


@mutant("source", "table", "same_hash")
def another_table_each_time(request):
    """Draw the table afresh."""
    return table(x=np.random.default_rng().normal(size=6))


@mutant("source", "table", "columns")
def column_of_objects(request):
    """Leave a column as it came."""
    return table(x=np.array(["a", 1, None, 2, 3, 4], dtype=object))


@mutant("source", "table", "columns")
def infinite_column(request):
    """Leave an infinite number."""
    return table(x=np.array([1.0, np.inf, 2, 3, 4, 5]))


@mutant("source", "table", "target")
def codes_with_a_gap(request):
    """Leave a class out of the codes."""
    return table(y=[0, 2, 0, 2, 0, 2])


@mutant("source", "table", "target")
def missing_target(request):
    """Leave a gap in y."""
    return table(y=[0.1, np.nan, 1, 2, 3, 4], kind="regression")


@mutant("source", "table", "parts")
def short_groups(request):
    """Give fewer groups than rows."""
    return replace(table(), groups=np.arange(3))


@mutant("source", "table", "described")
def without_licence(request):
    """Leave out the licence."""
    return table(meta={"about": "numbers", "source": "nowhere", "licence": " "})


def test_a_sound_planted_source_keeps_the_laws():
    def sound(request):
        """Read six rows."""
        return table()

    scheme = Scheme(Entry("sound", sound, frozenset(), PluginOptions()))
    assert {c.law.name: c.run().status for c in checks.cases_of("source", scheme)}.keys() >= {"columns", "target"}
    assert {c.run().reason for c in checks.cases_of("source", scheme)} == {""}


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noun", "scheme", "kind", "law"), MUTANTS, ids=[f"{n}/{s.id}/{k}/{w}" for n, s, k, w in MUTANTS]
)
def test_the_named_law_catches_the_mutant(noun, scheme, kind, law):
    found = outcome(noun, scheme, kind, law)
    assert found.status == "broken"
    assert found.reason


def test_every_law_has_caught_a_mutant():
    """The laws about declarations are tried out on ensembles alone."""
    caught = {(noun, law) for noun, _, _, law in MUTANTS}
    elsewhere = {"training"}  # tests/methods/test_trainings_resampling.py has the mutants of these laws
    laws = {(noun, law.name) for noun in set(checks.NOUNS) - elsewhere for law in checks.LAWS[noun]}
    assert {law for law in laws - caught if law[1] not in {"documented", "known_excuses"}} == set()
