"""The same problems by other packages: see requirements.txt. None of them is needed by `bench`.

Each gets the data in float64, scaled so that the Gram matrix has a mean diagonal of one, and is asked for as many
digits as it gives.
"""

from __future__ import annotations

from ctypes import c_int

import cvxpy as cp
import daqp
import highspy
import numpy as np
import piqp
import quadprog
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize, nnls

Array = NDArray[np.float64]

TIGHT = 1e-12


def by_quadprog(G: Array) -> Array:
    """Minimise by the dual active set of Goldfarb and Idnani."""
    L = len(G)
    return quadprog.solve_qp(G, np.zeros(L), np.hstack((np.ones((L, 1)), np.eye(L))), np.eye(L + 1)[0], 1)[0]


def by_daqp(G: Array) -> Array:
    """Minimise by a dual active set; 5 marks an equality."""
    L = len(G)
    sense = np.append(np.zeros(L), 5).astype(c_int)
    return daqp.solve(G, np.zeros(L), np.ones((1, L)), np.ones(L + 1), np.append(np.zeros(L), 1.0), sense)[0]


def by_piqp(G: Array) -> Array:
    """Minimise by a proximal interior point method."""
    solver = piqp.DenseSolver()
    for name in ("eps_abs", "eps_rel", "eps_duality_gap_abs", "eps_duality_gap_rel"):
        setattr(solver.settings, name, TIGHT)
    solver.setup(G, np.zeros(len(G)), np.ones((1, len(G))), np.ones(1), x_l=np.zeros(len(G)))
    solver.solve()
    return solver.result.x


def by_highs(G: Array) -> Array:
    """Minimise by the active set of HiGHS; the model is built in the clock."""
    L, inf = len(G), highspy.kHighsInf
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("primal_feasibility_tolerance", 1e-10)
    solver.setOptionValue("dual_feasibility_tolerance", 1e-10)
    model = highspy.HighsModel()
    lp, hessian = model.lp_, model.hessian_
    lp.num_col_, lp.num_row_ = L, 1
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.zeros(L), np.zeros(L), np.full(L, inf)
    lp.row_lower_ = lp.row_upper_ = np.ones(1)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = np.arange(L + 1), np.zeros(L, dtype=np.int32)
    lp.a_matrix_.value_ = np.ones(L)
    hessian.dim_, hessian.format_ = L, highspy.HessianFormat.kTriangular
    column, row = np.triu_indices(L)
    hessian.start_ = np.concatenate(([0], np.cumsum(np.arange(L, 0, -1))))
    hessian.index_, hessian.value_ = row, G[row, column]
    solver.passModel(model)
    solver.run()
    return np.array(solver.getSolution().col_value)


def by_nnls(G: Array) -> Array:
    """Minimise u'Gu / 2 - Σu over u >= 0 by Lawson and Hanson, as least squares; u / Σu solves the problem."""
    R = cholesky(G + 1e-13 * np.eye(len(G)))
    return nnls(R, solve_triangular(R, np.ones(len(G)), trans=1))[0]


def by_slsqp(G: Array) -> Array:
    """Minimise by sequential least squares, as in most examples on the web, but with a gradient."""
    L = len(G)
    sum_is_one = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(L)}  # noqa: ARG005
    start, options = np.full(L, 1 / L), {"ftol": TIGHT, "maxiter": 1000}
    found = minimize(
        lambda w: w @ G @ w,
        start,
        jac=lambda w: 2 * G @ w,
        bounds=[(0, None)] * L,
        constraints=sum_is_one,
        method="SLSQP",
        options=options,
    )
    return found.x


def by_cvxpy(G: Array) -> Array:
    """Minimise by Clarabel through cvxpy, which also needs time to put the problem into its form."""
    w = cp.Variable(len(G), nonneg=True)
    cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(G))), [cp.sum(w) == 1]).solve(cp.CLARABEL, **_clarabel())
    return w.value


def _clarabel() -> dict[str, float]:
    return {"tol_gap_abs": TIGHT, "tol_gap_rel": TIGHT, "tol_feas": TIGHT}


def log_by_em(p: Array, gap: float, steps: int) -> Array:
    """Maximise the mean of log(p'w) by expectation-maximisation."""
    w = np.full(len(p), 1 / len(p))
    for _ in range(steps):
        slope = (p / (w @ p)).mean(axis=1)
        if slope.max() - 1 <= gap:
            break
        w = w * slope
    return w


def log_by_cvxpy(p: Array) -> Array:
    """Maximise the mean of log(p'w) by Clarabel through cvxpy, with exponential cones."""
    w = cp.Variable(len(p), nonneg=True)
    cp.Problem(cp.Maximize(cp.sum(cp.log(p.T @ w)) / p.shape[1]), [cp.sum(w) == 1]).solve(cp.CLARABEL)
    return w.value
