"""A deprecation breaks a law only where our own code is to blame."""

import warnings
from importlib import import_module

import pytest

from bench import checks


def deprecated(monkeypatch, where, category):
    """Let a function warn of itself as its kind of library does, and return the list of its calls."""
    package, _, name = where.rpartition(".")
    real, calls = getattr(import_module(package), name), []

    def spy(*args, **kwargs):
        calls.append(where)
        if category is FutureWarning:  # scikit-learn: at its own door
            warnings.warn_explicit("deprecated", category, "deprecation.py", 1, module="sklearn.utils.deprecation")
        else:  # NumPy, SciPy: at the door of the module that calls
            warnings.warn("deprecated", category, stacklevel=2)
        with warnings.catch_warnings(action="ignore"):  # the spy calls the real one, and would be to blame for it
            return real(*args, **kwargs)

    monkeypatch.setattr(where, spy)
    return calls


@pytest.mark.parametrize("category", [DeprecationWarning, PendingDeprecationWarning, FutureWarning])
@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("imblearn.metrics.pairwise.distance_matrix", "passed"),  # imbalanced-learn calls it
        ("sklearn.metrics.pairwise_distances_argmin", "broken"),  # we do
    ],
)
def test_a_deprecation_breaks_a_law_only_where_we_call(monkeypatch, where, status, category):
    (case,) = [case for case in checks.cases("training", ["smote"]) if case.law.name == "categories_alone"]
    calls = deprecated(monkeypatch, where, category)
    outcome = case.run()
    assert calls
    assert outcome.status == status, outcome.reason
    assert (category.__name__ in outcome.reason) is (status == "broken")
