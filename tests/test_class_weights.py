"""Class weightings: formulas, laws of every registered weighting, and the scale of fit weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.class_weights import fit_weights, registry
from bench.core import BenchError, InvalidAnswerError

law = settings(derandomize=True, deadline=None, max_examples=30)
NAMES = sorted(registry.entries())
FIT = sorted(registry.entries("fit"))
sizes = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 10**6).map(float), st.floats(0.01, 1e4)), min_size=2, max_size=8
).filter(lambda counts: sum(counts) > 0)


def weigh(name, counts, total=None):
    counts = np.asarray(counts, dtype=float)
    return registry.scheme(name)(counts, counts.sum() if total is None else total)


def test_the_two_kinds_are_complete_and_core():
    assert FIT == ["balanced", "effective-number", "inverse-power", "none"]
    assert sorted(registry.entries("average")) == ["dodrans", "entropy", "macro", "weighted"]
    assert all("core" in entry.tags and entry.summary for entry in registry.entries().values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [1, 1, 1]),
        ("balanced", [120 / (3 * 100), 120 / (3 * 16), 120 / (3 * 4)]),
        ("inverse-power", [0.1, 0.25, 0.5]),
        ("inverse-power:power=1", [0.01, 1 / 16, 0.25]),
        ("effective-number:beta=0.5", [0.5 / (1 - 0.5**100), 0.5 / (1 - 0.5**16), 0.5 / (1 - 0.5**4)]),
        ("effective-number:beta=0", [1, 1, 1]),
        ("macro", [1, 1, 1]),
        ("weighted", [100, 16, 4]),
        ("dodrans", [100**0.75, 8, 4**0.75]),
        ("entropy", [-100 * np.log(100 / 120), -16 * np.log(16 / 120), -4 * np.log(4 / 120)]),
    ],
)
def test_formula(name, expected):
    np.testing.assert_allclose(weigh(name, [100, 16, 4]), expected, rtol=1e-12)


def test_effective_number_takes_beta_from_the_number_of_rows():
    given_beta = registry.scheme(f"effective-number:beta={119 / 120}")
    np.testing.assert_allclose(
        weigh("effective-number", [100, 16, 4]), given_beta(np.array([100, 16, 4]), 120), rtol=1e-12
    )


def test_effective_number_lies_between_none_and_balanced():
    counts = np.array([9000.0, 900.0, 100.0])
    near = fit_weights(registry.scheme("effective-number:beta=0.999999999"), counts)
    np.testing.assert_allclose(near, fit_weights(registry.scheme("balanced"), counts), rtol=1e-4)


@pytest.mark.parametrize("beta", [-0.1, 1.0, 2.0, float("nan")])
def test_effective_number_refuses_an_impossible_beta(beta):
    with pytest.raises(BenchError, match=r"beta of effective-number cannot be .*: give a number from 0"):
        weigh(f"effective-number:beta={beta}", [3, 4])


def test_balanced_is_that_of_sklearn():
    from sklearn.utils.class_weight import compute_class_weight

    y = np.repeat([0, 1, 2], [70, 20, 10])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    np.testing.assert_allclose(weigh("balanced", np.bincount(y)), expected)


def test_entropy_uses_the_total_of_all_rows():
    counts = np.array([40.0, 10.0])
    np.testing.assert_allclose(weigh("entropy", counts, 100), [-40 * np.log(0.4), -10 * np.log(0.1)])
    np.testing.assert_array_equal(weigh("entropy", [50, 0]), [0, 0])
    rounded_up = [0.1 + 0.2, 0]  # a total that is summed in another order may be smaller in the last digit
    np.testing.assert_array_equal(weigh("entropy", rounded_up, 0.3), [0, 0])


@pytest.mark.parametrize("name", NAMES)
@law
@given(counts=sizes)
def test_weights_are_finite_and_not_negative_and_absent_classes_get_none(name, counts):
    counts = np.array(counts)
    counts.flags.writeable = False
    weights = weigh(name, counts)
    assert weights.shape == counts.shape
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (weights[counts == 0] == 0).all()
    if name != "entropy":
        assert (weights[counts > 0] > 0).all()


@pytest.mark.parametrize("name", NAMES)
@law
@given(counts=sizes, data=st.data())
def test_the_order_of_classes_is_irrelevant(name, counts, data):
    counts = np.array(counts)
    order = data.draw(st.permutations(range(len(counts))))
    total = counts.sum()
    np.testing.assert_allclose(weigh(name, counts[order], total), weigh(name, counts, total)[order], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_equal_counts_give_equal_weights(name):
    np.testing.assert_allclose(np.ptp(weigh(name, [17, 17, 17])), 0)


@pytest.mark.parametrize("name", NAMES)
@law
@given(counts=sizes)
def test_absent_classes_do_not_move_the_others(name, counts):
    more = np.array([*counts, 0.0])
    np.testing.assert_allclose(weigh(name, more, sum(counts))[:-1], weigh(name, counts, sum(counts)))


@pytest.mark.parametrize("name", FIT)
@law
@given(counts=sizes)
def test_the_mean_row_weight_is_one(name, counts):
    counts = np.array(counts)
    weights = fit_weights(registry.scheme(name), counts)
    np.testing.assert_allclose(weights @ counts, counts.sum(), rtol=1e-12)


@pytest.mark.parametrize("name", FIT)
@law
@given(counts=sizes)
def test_a_rarer_class_never_weighs_less(name, counts):
    counts = np.sort([count for count in counts if count > 0])
    weights = weigh(name, counts)
    assert (np.diff(weights) <= 1e-9 * weights[:-1]).all()


@pytest.mark.parametrize("bad", [[0, 0], [-1, 2], [np.nan, 1], [np.inf, 1], [1, 1, 1]])
def test_unlawful_fit_weights_are_refused(bad):
    with pytest.raises(InvalidAnswerError, match=r"each must be finite and not negative"):
        fit_weights(lambda *_: np.array(bad), np.array([3, 4]))


def test_fit_weights_takes_integers():
    np.testing.assert_allclose(fit_weights(lambda counts, _: 2 / counts, np.array([1, 3])), [2, 2 / 3])
