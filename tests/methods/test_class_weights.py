"""Class weightings: formulas, laws of every registered weighting, and the scale of fit weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.core.nouns import BenchError, InvalidPredictionError, NotApplicableError
from bench.methods.class_weights import fit_weights, registry

law = settings(derandomize=True, deadline=None, max_examples=30)
NAMES = sorted(registry.entries())
FIT = sorted(registry.entries("fit"))
sizes = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 10**6).map(float), st.floats(0.01, 1e4)), min_size=2, max_size=8
).filter(lambda counts: sum(counts) > 0)


def weigh(name, counts, total=None):
    counts = np.asarray(counts, dtype=float)
    return registry.scheme(name)(counts, counts.sum() if total is None else total)


def test_the_two_kinds_are_complete_and_the_core_is_small():
    core = {"balanced", "effective-number", "inverse-power", "none"}
    extended = {"capped", "cost-matrix", "log-inverse", "matched", "median-frequency"}
    assert set(FIT) == core | extended
    assert set(registry.entries("average")) == {"dodrans", "entropy", "macro", "power", "sqrt", "weighted"}
    assert {name for name in FIT if "core" in registry.entries()[name].options.tags} == core
    assert all(
        entry.summary and set(entry.options.tags) <= {"core", "extended"} for entry in registry.entries().values()
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [1, 1, 1]),
        ("balanced", [120 / (3 * 100), 120 / (3 * 16), 120 / (3 * 4)]),
        ("inverse-power", [0.1, 0.25, 0.5]),
        ("inverse-power:power=1", [0.01, 1 / 16, 0.25]),
        ("effective-number:beta=0.5", [0.5 / (1 - 0.5**100), 0.5 / (1 - 0.5**16), 0.5 / (1 - 0.5**4)]),
        ("effective-number:beta=0", [1, 1, 1]),
        ("log-inverse", np.log([2, 1 + 100 / 16, 26])),
        ("median-frequency", [0.16, 1, 4]),
        ("capped", [1, 6.25, 10]),
        ("capped:cap=5", [1, 5, 5]),
        ("capped:cap=1", [1, 1, 1]),
        ("cost-matrix", [1, 1, 1]),
        ("cost-matrix:costs=0 1 1;2 0 3;0.5 20 0", [1, 2.5, 10.25]),
        ("cost-matrix:costs=1 2 8", [1, 2, 8]),
        ("matched", [100**-0.25, 0.5, 4**-0.25]),
        ("matched:power=1", [1, 1, 1]),
        ("matched:power=0", [0.01, 1 / 16, 0.25]),
        ("macro", [1, 1, 1]),
        ("sqrt", [10, 4, 2]),
        ("power", [10, 4, 2]),
        ("power:a=0.25", [100**0.25, 2, 4**0.25]),
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


@pytest.mark.parametrize(("name", "a"), [("macro", 0), ("sqrt", 0.5), ("dodrans", 0.75), ("weighted", 1)])
@law
@given(counts=sizes)
def test_the_powers_have_names(name, a, counts):
    np.testing.assert_array_equal(weigh(f"power:a={a}", counts), weigh(name, counts))


@pytest.mark.parametrize("a", [0, 0.25, 0.5, 0.75, 1])
@law
@given(counts=sizes)
def test_matched_weights_give_a_class_the_emphasis_of_the_metric(a, counts):
    counts = np.array(counts)
    of_class = counts * fit_weights(registry.scheme(f"matched:power={a}"), counts)
    of_metric = weigh(f"power:a={a}", counts)
    np.testing.assert_allclose(of_class / of_class.sum(), of_metric / of_metric.sum(), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("matched:power=1", "none"),
        ("matched:power=0", "balanced"),
        ("matched:power=0.3", "inverse-power:power=0.7"),
        ("median-frequency", "balanced"),
        ("capped:cap=1", "none"),
        ("capped:cap=1e12", "balanced"),
        ("cost-matrix", "none"),
    ],
)
@law
@given(counts=sizes)
def test_schemes_that_meet_at_their_ends(name, other, counts):
    counts = np.array(counts)
    found, expected = (fit_weights(registry.scheme(each), counts) for each in (name, other))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("capped:cap=0.5", "cap of capped cannot be 0.5: give the highest ratio"),
        ("capped:cap=nan", "cap of capped cannot be nan"),
        ("matched:power=1.5", "power of matched cannot be 1.5: give the exponent of the metric"),
        ("matched:power=nan", "power of matched cannot be nan"),
        ("power:a=-1", "a of power cannot be -1.0: give an exponent"),
        ("entropy:total=none", "total of entropy cannot be 'none': choose from all, listed"),
        ("cost-matrix:costs=0 1;5", "costs of cost-matrix cannot be '0 1;5': give a matrix such as '0 1; 5 0'"),
        ("cost-matrix:costs=0 1 2;5 0 1", "give a matrix"),
        ("cost-matrix:costs=0 one;5 0", "give a matrix"),
        ("cost-matrix:costs=0 nan;5 0", "give a matrix"),
        ("cost-matrix:costs=0 -1;5 0", "a hit must cost less than a miss"),
        ("cost-matrix:costs=5", "a weighting knows no positive class"),
    ],
)
def test_impossible_parameters_are_refused(name, message):
    with pytest.raises(BenchError, match=message):
        weigh(name, [3, 4])


def test_a_cost_matrix_of_another_size_does_not_apply():
    with pytest.raises(NotApplicableError, match="the costs of cost-matrix are for 2 classes, the task has 3"):
        weigh("cost-matrix:costs=0 1;5 0", [5, 3, 4])


def test_two_costs_put_the_cheapest_decision_at_one_half():
    """A model trained with weights w predicts w_k p_k / Σ w_j p_j: above 1/2 where p_1 C[1, 0] > p_0 C[0, 1]."""
    counts, p = np.array([80.0, 20.0]), np.linspace(0.01, 0.99, 99)
    w = fit_weights(registry.scheme("cost-matrix:costs=0 1;5 0"), counts)
    predictions = w[1] * p / (w[0] * (1 - p) + w[1] * p)
    np.testing.assert_array_equal(predictions > 0.5, 5 * p > (1 - p))


def test_a_hit_that_costs_is_taken_off_the_cost_of_a_miss():
    """Elkan's ratio (C[1, 0] - C[1, 1]) / (C[0, 1] - C[0, 0]), here 4, and not that of the sums, 1.2."""
    w = weigh("cost-matrix:costs=4 6;10 2", [80, 20])
    np.testing.assert_allclose(w[1] / w[0], 4)


def test_log_inverse_of_a_thousandfold_imbalance_is_about_ten_times_that_of_none():
    ratio = weigh("log-inverse", [1000, 1])[1] / np.log(2)
    assert 9.9 < ratio < 10


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
    np.testing.assert_allclose(weigh("entropy:total=listed", counts, 100), [-40 * np.log(0.8), -10 * np.log(0.2)])
    np.testing.assert_allclose(weigh("entropy:total=all", counts, 100), weigh("entropy", counts, 100))
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
    with pytest.raises(InvalidPredictionError, match=r"each must be finite and not negative"):
        fit_weights(lambda *_: np.array(bad), np.array([3, 4]))


def test_fit_weights_takes_integers():
    np.testing.assert_allclose(fit_weights(lambda counts, _: 2 / counts, np.array([1, 3])), [2, 2 / 3])
