"""The exact pinball weights of `bench` beside HiGHS, Adam, scikit-learn and statsmodels, in one run, as ratios.

python benchmarks/pinball.py [--quick] [--write docs/performance.md]

*Coarse*, *medium* and *fine* are one problem each: solved here with a certificate, by HiGHS as the dual linear program
of the same problem (scipy.optimize.linprog), and by Adam on softmax weights in full batches. Quantile regression (an
intercept, no simplex) is another problem; there `bench`, scikit-learn and statsmodels solve the same one. A peer that
is not installed, or would take minutes, has a dash.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import ndtri

from bench.core.losses import pinball
from bench.solvers.pinball import simplex_pinball
from bench.solvers.pinball_levels import each_level, pinball_banded, pinball_by_groups
from bench.solvers.quantile_regression import RegressionProblem, quantile_regression

Array = NDArray[np.float64]

PEERS = ("numpy", "scipy", "scikit-learn", "statsmodels", "torch")
METHODS = ("highs-ds", "highs-ipm")
STEPS = 500
"""Steps of Adam."""

RATE = 0.05
"""Its learning rate, which falls to zero along a cosine."""


def panel(n: int, K: int, L: int, dtype: str = "float64") -> tuple[Array, Array, Array]:
    """Draw predictions (L, n, K) of learners of unequal quality, with errors of scale, shape and level; y; levels."""
    rng = np.random.default_rng(3)
    levels = np.arange(1, K + 1) / (K + 1)
    y, normal = rng.normal(size=n), ndtri(levels)
    predictions = np.empty((L, n, K), dtype=dtype)
    for part in predictions:
        centre = 0.5 * y + rng.normal(size=n) * rng.uniform(0.2, 1)
        scale = rng.uniform(0.5, 1.5) * np.exp(0.2 * rng.normal(size=n))
        bend = 0.15 * rng.normal(size=n)[:, None] * (normal**2 - 1)
        part[:] = np.sort(centre[:, None] + scale[:, None] * normal + bend + 0.15 * rng.normal(size=(n, K)), axis=1)
    return predictions, y, levels


# the same problems by others


def by_highs(predictions: Array, y: Array, levels: Array, method: str) -> Array:
    """Minimise over one simplex as a linear program, in the dual: N columns in a box, and L rows.

    Maximise λ over levels - 1 <= N e <= levels and λ <= (D e)_l; the weights (L,) are the multipliers of the rows.
    """
    L, n, _ = predictions.shape
    D = (y[:, None] - predictions).reshape(L, -1)
    N = D.shape[1]
    top = np.tile(levels, n) / N
    cost, rows = np.append(np.zeros(N), -1.0), np.hstack((-D, np.ones((L, 1))))
    bounds = np.column_stack((np.append(top - 1 / N, -np.inf), np.append(top, np.inf)))
    found = linprog(cost, A_ub=rows, b_ub=np.zeros(L), bounds=bounds, method=method)
    return -found.ineqlin.marginals


def medium_by_highs(predictions: Array, y: Array, levels: Array, method: str) -> Array:
    """Return the weights of each level, (L, K)."""
    parts = [by_highs(predictions[:, :, [k]], y, levels[[k]], method) for k in range(len(levels))]
    return np.stack(parts, axis=1)


def fine_by_highs(predictions: Array, y: Array, levels: Array, method: str) -> Array:
    """Return the weights of each level over all learners and levels, (L, K, K)."""
    L, n, K = predictions.shape
    flat = predictions.transpose(0, 2, 1).reshape(L * K, n, 1)
    return np.stack([by_highs(flat, y, levels[[k]], method) for k in range(K)], axis=1).reshape(L, K, K)


def by_adam(predictions: Array, y: Array, levels: Array, form: str) -> Array:
    """Minimise over softmax weights by PyTorch: logits from zero, full batches."""
    import torch

    torch.set_num_threads(1)
    L, n, K = predictions.shape
    shape, rule = {"coarse": ((L,), "l,lnk->nk"), "medium": ((L, K), "lk,lnk->nk"), "fine": ((L * K, K), "jk,jn->nk")}[
        form
    ]
    words = predictions.transpose(0, 2, 1).reshape(L * K, n) if form == "fine" else predictions
    words, truth, taus = (torch.from_numpy(np.ascontiguousarray(part)) for part in (words, y[:, None], levels))
    logits = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=RATE)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for _ in range(STEPS):
        adam.zero_grad()
        error = truth - torch.einsum(rule, logits.softmax(0), words)
        torch.maximum(taus * error, (taus - 1) * error).mean().backward()
        adam.step()
        plan.step()
    w = logits.detach().softmax(0).numpy()
    return w.reshape(L, K, K) if form == "fine" else w


# tables


def loss(predictions: Array, y: Array, levels: Array, w: Array) -> float:
    """Return the mean pinball loss of weights of any of the three forms, clipped and scaled onto the simplex."""
    form = w.reshape(-1, len(levels)) if w.ndim == 3 else w
    form = np.maximum(form, 0) / np.maximum(form, 0).sum(axis=0)
    rule = {1: "l,lnk->nk", 2: "lk,lnk->nk", 3: "ljk,lnj->nk"}[w.ndim]
    return float(pinball(y, np.einsum(rule, form.reshape(w.shape), predictions, optimize=True), levels).mean())


OURS = {
    "coarse": simplex_pinball,
    "medium": lambda predictions, y, levels: pinball_by_groups(predictions, y, levels, groups=each_level(levels)),
    "fine": lambda predictions, y, levels: pinball_banded(predictions, y, levels, band=len(levels)),
}
HIGHS = {"coarse": by_highs, "medium": medium_by_highs, "fine": fine_by_highs}


def exact(form: str, sizes: tuple[tuple[int, int, int], ...]) -> list[list[str]]:
    """Compare one form of weights: a row for each size n, K, L."""
    rows = []
    for n, K, L in sizes:
        print(f"{form}, n = {n}, K = {K}, L = {L}")
        given = panel(n, K, L)
        calls: dict[str, Callable[[], object]] = {"bench": partial(OURS[form], *given)}
        if n * K * L <= 2_000_000:
            calls |= {method: partial(HIGHS[form], *given, method) for method in METHODS}
        if find_spec("torch"):
            calls["Adam"] = partial(by_adam, *given, form)
        rows.append([f"{form}, {n:,} × {K} × {L}", *_cells(given, measure.by_turns(calls))])
    return rows


def _cells(given: tuple[Array, Array, Array], found: dict[str, measure.Timing]) -> list[str]:
    """Return our time and gap, and the ratio and the excess of the loss of each peer."""
    ours = found["bench"]
    cells = [measure.milliseconds(ours.median), f"{ours.prediction.gap:.0e}"]
    for peer in (*METHODS, "Adam"):
        timing = found.get(peer)
        excess = "–" if timing is None else f"{loss(*given, timing.prediction) / ours.prediction.value - 1:+.0e}"
        cells += [measure.ratio(timing.median / ours.median) if timing else "–", excess]
    return cells


def regression(sizes: tuple[tuple[int, int, int], ...]) -> str:
    """Compare quantile regression level by level: free weights and an intercept, nothing else."""
    rows = []
    for n, K, L in sizes:
        print(f"quantile regression, n = {n}, K = {K}, L = {L}")
        given = panel(n, K, L)
        peers = {"scikit-learn": _by_sklearn, "statsmodels": _by_statsmodels}
        calls = {"bench": partial(_by_bench, *given)} | {peer: partial(call, *given) for peer, call in peers.items()}
        found = measure.by_turns(calls)
        ours = found["bench"]
        cells = []
        for peer in peers:
            if peer in found:
                excess = f"{found[peer].prediction / ours.prediction - 1:+.0e}"
                cells += [measure.ratio(found[peer].median / ours.median), excess]
            else:
                cells += ["–", "–"]
        rows.append([f"{n:,} × {K} × {L}", measure.milliseconds(ours.median), *cells])
    return measure.markdown(["n × K × L", "bench, ms", "scikit-learn", "its loss", "statsmodels", "its loss"], rows)


def _mean_loss(predictions: Array, y: Array, levels: Array, lines: list[Array]) -> float:
    """Return the mean pinball loss of an intercept and weights for each level."""
    values = np.stack([line[0] + line[1:] @ predictions[:, :, k] for k, line in enumerate(lines)], axis=1)
    return float(pinball(y, values, levels).mean())


def _by_bench(predictions: Array, y: Array, levels: Array) -> float:
    lines, ones, none = [], np.ones(len(y)), np.zeros(len(predictions) + 1)
    for k, level in enumerate(levels):
        X = np.column_stack((ones, predictions[:, :, k].T))
        lines.append(quantile_regression(RegressionProblem(X, y, ones, float(level), none))[0])
    return _mean_loss(predictions, y, levels, lines)


def _by_sklearn(predictions: Array, y: Array, levels: Array) -> float:
    from sklearn.linear_model import QuantileRegressor

    lines = []
    for k, level in enumerate(levels):
        fitted = QuantileRegressor(quantile=level, alpha=0, solver="highs").fit(predictions[:, :, k].T, y)
        lines.append(np.append(fitted.intercept_, fitted.coef_))
    return _mean_loss(predictions, y, levels, lines)


def _by_statsmodels(predictions: Array, y: Array, levels: Array) -> float:
    from statsmodels.regression.quantile_regression import QuantReg

    lines = []
    for k, level in enumerate(levels):
        X = np.column_stack((np.ones(len(y)), predictions[:, :, k].T))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it stops at 1,000 iterations: the loss shows what that costs
            lines.append(QuantReg(y, X).fit(q=level).params)
    return _mean_loss(predictions, y, levels, lines)


def report(quick: bool) -> str:  # noqa: FBT001
    """Return all tables."""
    coarse = ((1000, 9, 6),) if quick else ((1000, 9, 6), (10_000, 9, 6), (10_000, 9, 20), (10_000, 99, 6))
    small = ((1000, 9, 6),) if quick else ((1000, 9, 6), (10_000, 9, 6))
    rows = [*exact("coarse", coarse), *exact("medium", small), *exact("fine", small[:1] if quick else small)]
    peers = ("HiGHS simplex", "its loss", "HiGHS interior point", "its loss", f"Adam, {STEPS} steps", "its loss")
    parts = {
        "Pinball loss on the simplex": measure.markdown(["weights, n × K × L", "bench, ms", "gap", *peers], rows),
        "Quantile regression at every level": regression(small),
    }
    tables = "\n\n".join(f"### {title}\n\n{table}" for title, table in parts.items())
    missing = [peer for peer in PEERS if not find_spec({"scikit-learn": "sklearn"}.get(peer, peer))]
    note = f" Not installed: {', '.join(missing)}." if missing else ""
    return f"{measure.machine(peer for peer in PEERS if peer not in missing)}{note}\n\n{tables}"


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small problems only")
    parser.add_argument("--write", metavar="PAGE", help="put the tables into this page")
    arguments = parser.parse_args()
    start = time.perf_counter()
    text = report(arguments.quick)
    print(text)
    print(f"{time.perf_counter() - start:.0f} s")
    if arguments.write:
        measure.write(arguments.write, "pinball", text)


if __name__ == "__main__":
    main()
