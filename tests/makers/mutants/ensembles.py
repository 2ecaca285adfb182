"""Wrong plug-ins: ensembles."""

import numpy as np

from bench.core import losses
from bench.core.nouns import NotApplicableError, Weights
from makers.mutants import mutant


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
