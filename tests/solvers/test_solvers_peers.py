"""The exact simplex QP beside two independent packages, an active set and an interior point method."""

from ctypes import c_int

import daqp
import numpy as np
import piqp
import pytest

from bench.solvers.simplex_qp import residual_gram, simplex_qp


def by_daqp(gram):
    """The dual active set of DAQP; 5 marks the equality."""
    L = len(gram)
    sense = np.append(np.zeros(L), 5).astype(c_int)
    bounds = np.ones(L + 1), np.append(np.zeros(L), 1.0)
    return daqp.solve(gram, np.zeros(L), np.ones((1, L)), *bounds, sense)[0]


def by_piqp(gram):
    """The proximal interior point method of PIQP, with tight tolerances."""
    solver = piqp.DenseSolver()
    for name in ("eps_abs", "eps_rel", "eps_duality_gap_abs", "eps_duality_gap_rel"):
        setattr(solver.settings, name, 1e-12)
    solver.setup(gram, np.zeros(len(gram)), np.ones((1, len(gram))), np.ones(1), x_l=np.zeros(len(gram)))
    solver.solve()
    return solver.result.x


def problem(L, common, seed):
    """A Gram matrix of L errors of unequal size that share a part."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=20 * L)
    errors = common * rng.normal(size=len(y)) + (0.5 + rng.random((L, 1))) * rng.normal(size=(L, len(y)))
    gram = residual_gram(y + errors, y)
    return gram / np.diag(gram).mean()


@pytest.mark.parametrize("peer", [by_daqp, by_piqp])
@pytest.mark.parametrize("common", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("L", [2, 7, 30, 120])
def test_no_other_package_finds_a_smaller_error(peer, common, L):
    for seed in range(3):
        gram = problem(L, common, seed)
        ours, theirs = simplex_qp(gram), np.clip(peer(gram), 0, None)
        theirs = theirs / theirs.sum()
        assert ours.gap <= 1e-10
        np.testing.assert_allclose(ours.value, theirs @ gram @ theirs, rtol=1e-8)
        np.testing.assert_allclose(ours.w, theirs, atol=1e-5)
