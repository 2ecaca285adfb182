"""Logistic regression in blocks of rows against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench.solvers import row_blocks
from bench.solvers.logit import fit_logit


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_blocks_of_rows_find_the_coefficients_of_scikit_learn(monkeypatch, classes, penalty):
    rng = np.random.default_rng(classes)
    X = rng.normal(size=(120, 3))
    y = np.argmax(X[:, :1] * np.arange(classes) + rng.gumbel(size=(120, classes)), axis=1)
    weight = rng.uniform(0.1, 2, 120)
    monkeypatch.setattr(row_blocks, "WHOLE", 10)
    monkeypatch.setattr(row_blocks, "BLOCK", 50)
    found = fit_logit(lambda rows: X[rows], y, weight, penalty)
    expected = LogisticRegression(C=1 / penalty, tol=1e-9, max_iter=1000).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)


def test_odds_beyond_the_range_of_floats_are_no_error():
    X = np.array([[1e4], [-1e4]])
    found = fit_logit(lambda rows: X[rows], np.array([1, 0]), np.ones(2), 1e-9)
    np.testing.assert_allclose(found.predict_proba(X), [[0, 1], [1, 0]], atol=1e-6)
