"""How a training scheme is applied: the row weights of a fit, and the class weights in effect."""

from types import SimpleNamespace

import numpy as np
import pytest
from makers import class_task

from bench.core.nouns import Target
from bench.core.settings import Settings
from bench.methods.trainings import FitContext, FittedModel, fit_training, is_weighting, registry
from bench.methods.trainings.fit_context import combined_row_weights
from bench.runner import fit_spec


def recorded(y, weight, fits):
    """Return the context of a learner that notes the row weights of its fits."""

    def learner(target, seed):
        return SimpleNamespace(
            fit=lambda *table: fits.append(table[2]), predict=lambda X: np.full((len(X), target.width), 0.5)
        )

    encoder = SimpleNamespace(transform=lambda X: X)
    target = Target("class", ("a", "b"))
    scaled = None if weight is None else weight / weight.mean()
    return FitContext(
        X=np.zeros((len(y), 1)),
        y=y,
        weight=scaled,
        target=target,
        learner=learner,
        encoder=encoder,
        seed=0,
        cut=lambda _: [],
    )


def test_row_weights_are_those_of_the_task_times_those_of_the_classes():
    y, weight = np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])
    found = combined_row_weights(y, weight, np.array([1.0, 4.0]))
    np.testing.assert_allclose(found, np.array([1.0, 2.0, 12.0]) / 5)


@pytest.mark.parametrize("weight", [None, np.full(4, 7.3)])
def test_equal_row_weights_are_none(weight):
    assert combined_row_weights(np.array([0, 1, 0, 1]), weight, np.ones(2)) is None
    assert combined_row_weights(np.array([0.5, 1.5, 2.5, 3.5]), weight) is None


@pytest.mark.parametrize("weighted", [False, True])
def test_a_weighting_is_fitted_with_the_numbers_of_its_key(weighted):
    weight = np.random.default_rng(0).uniform(0.1, 3, 60) if weighted else None
    task = class_task(60, shares=(0.8, 0.2), weight=weight)
    rows, training, fits = task.splits[0].train, registry.scheme("balanced"), []
    of_rows = None if weight is None else weight[rows]
    fitted = fit_training(recorded(task.y[rows], of_rows, fits), training, of_rows)
    expected = fit_spec.fit_row_weights(fit_spec.rows_of(task, task.splits[0], Settings()), training)
    np.testing.assert_array_equal(fits[0], expected[0])  # to the last bit
    shares = np.bincount(task.y[rows], weights=of_rows) / (len(rows) if of_rows is None else of_rows.sum())
    np.testing.assert_allclose(fitted.effective_class_weights, 0.5 / shares)


def test_a_scheme_that_is_no_weighting_is_called_with_the_context():
    context, result = recorded(np.array([0, 1]), None, []), FittedModel(lambda X: X)

    class Scheme:
        entry = SimpleNamespace(name="of-its-own")

        def __call__(self, given):
            assert given is context
            return result

    assert not is_weighting(Scheme())
    assert fit_training(context, Scheme(), None) is result
