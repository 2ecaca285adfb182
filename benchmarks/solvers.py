"""The solvers of `bench` and those of other packages on the same problems, in one run, as ratios; see also pinball.py.

python benchmarks/solvers.py [--quick] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import peers

from bench.solvers.simplex_log import simplex_log
from bench.solvers.simplex_qp import residual_gram, simplex_qp

Array = peers.Array

GAP = 1e-10
"""A squared-error peer with a larger gap is marked, and is not the best package."""

PACKAGES = ("numpy", "scipy", "quadprog", "daqp", "piqp", "highspy", "cvxpy", "clarabel")

QP_PEERS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "quadprog": (peers.by_quadprog, 1000),
    "daqp": (peers.by_daqp, 1000),
    "piqp": (peers.by_piqp, 1000),
    "HiGHS": (peers.by_highs, 1000),
    "NNLS": (peers.by_nnls, 1000),
    "SLSQP": (peers.by_slsqp, 100),
    "cvxpy": (peers.by_cvxpy, 300),
}
"""Each peer, and the most learners that it is given."""


def families(L: int) -> Iterator[tuple[str, Array]]:
    """Yield problems of L learners by what is typical of them, as Gram matrices of mean diagonal one."""
    rng = np.random.default_rng(0)
    n = max(5 * L, 500)
    common, noise = rng.normal(size=n), rng.normal(size=(L, n))
    few = rng.normal(size=(max(L // 5, 1), n))
    size = rng.uniform(0.8, 1.3, size=(L, 1))
    rows = max(L // 2, 3)
    yield "sparse", _gram(common + noise * rng.uniform(0.3, 2, size=(L, 1)))
    yield "medium", _gram(0.1 * common + noise * size)
    yield "dense", _gram((noise * size)[:, : max(3 * L, 500)])
    yield "near-duplicates", _gram(common + few[rng.integers(len(few), size=L)] * size + 0.01 * noise)
    yield "L > n", _gram(common[:rows] + noise[:, :rows] * size)


def _gram(E: Array) -> Array:
    G = E @ E.T
    return G / G.diagonal().mean()


def relative_gap(G: Array, w: Array) -> float:
    """Return 1 - min_j (Gw)_j / w'Gw of weights that are clipped and scaled onto the simplex."""
    w = np.maximum(w, 0) / np.maximum(w, 0).sum()
    slope = G @ w
    return float(1 - slope.min() / (w @ slope))


def squared_error(sizes: tuple[int, ...]) -> str:
    """Compare the simplex QP given the Gram matrix."""
    rows = []
    for L in sizes:
        for name, G in families(L):
            print(f"squared error, L = {L}, {name}")
            calls = {peer: partial(solve, G) for peer, (solve, most) in QP_PEERS.items() if most >= L}
            found = measure.by_turns({"bench": partial(simplex_qp, G), **calls})
            rows.append([f"{name}, {L:,}", *_qp_cells(G, found)])
    return measure.markdown(["problem, L", "active", "bench, ms", "gap", "best ÷ bench", *QP_PEERS], rows)


def _qp_cells(G: Array, found: dict[str, measure.Timing]) -> list[str]:
    """Return the active learners, our time and gap, the ratio of the best peer, and that of each."""
    ours, solution = found["bench"].median, found["bench"].prediction
    cells, exact = [], []
    for peer in QP_PEERS:
        timing = found.get(peer)
        if timing is None or not np.all(np.isfinite(timing.prediction)):
            cells.append("–")
            continue
        near = relative_gap(G, timing.prediction) > GAP
        cells.append(measure.ratio(timing.median / ours) + ("*" if near else ""))
        exact += [] if near else [timing.median]
    active, gap = np.count_nonzero(solution.w), relative_gap(G, solution.w)
    best = f"**{measure.ratio(min(exact) / ours)}**"
    return [f"{active}", measure.milliseconds(ours), f"{max(gap, 0):.0e}", best, *cells]


def end_to_end(sizes: tuple[tuple[int, int], ...]) -> str:
    """Compare from the predictions on, the Gram matrix included; and its memory."""
    rows = []
    for n, L in sizes:
        print(f"from the predictions, n = {n}, L = {L}")
        predictions, y = _predictions(n, L)
        found = measure.by_turns(
            {
                "bench": lambda predictions=predictions, y=y: simplex_qp(residual_gram(predictions, y)),
                "product": lambda predictions=predictions, y=y: _plain_gram(predictions, y),
                "piqp": lambda predictions=predictions, y=y: peers.by_piqp(_plain_gram(predictions, y)),
                "NNLS": lambda predictions=predictions, y=y: peers.by_nnls(_plain_gram(predictions, y)),
                **(
                    {"SLSQP": lambda predictions=predictions, y=y: peers.by_slsqp(_plain_gram(predictions, y))}
                    if L <= 100
                    else {}
                ),
            }
        )
        ours = found["bench"].median
        others = (
            measure.ratio(found[peer].median / ours) if peer in found else "–"
            for peer in ("product", "piqp", "NNLS", "SLSQP")
        )
        rate = n * L * (L + 1) / found["bench"].median / 1e9
        rows.append(
            [f"{n:,} × {L}", measure.milliseconds(ours), f"{rate:.1f}", *others, f"{_memory(predictions, y):.2f}"]
        )
    columns = ["n × L", "bench, ms", "Gflop/s", "E E' alone", "E E' + piqp", "E E' + NNLS", "E E' + SLSQP", "memory"]
    return measure.markdown(columns, rows)


def _predictions(n: int, L: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    y = rng.normal(size=n)
    predictions = np.empty((L, n))
    common = 0.5 * rng.normal(size=n)
    for row in predictions:
        row[:] = y + common + rng.uniform(0.3, 1.5) * rng.normal(size=n)
    return predictions, y


def _plain_gram(predictions: Array, y: Array) -> Array:
    E = predictions - y
    return E @ E.T / len(y)


def _memory(predictions: Array, y: Array) -> float:
    """Return the array and what is allocated beside it, over the array."""
    tracemalloc.start()
    simplex_qp(residual_gram(predictions, y))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return 1 + peak / predictions.nbytes


def log_loss(sizes: tuple[tuple[int, int], ...]) -> str:
    """Compare the log loss of a linear pool."""
    rows = []
    for n, L in sizes:
        print(f"log loss, n = {n}, L = {L}")
        rng = np.random.default_rng(2)
        truth, size = rng.normal(size=n), rng.uniform(0.2, 2, size=(L, 1))
        p = 1 / (1 + np.exp(-truth - rng.normal(size=(L, n)) * size))
        calls = {"bench": partial(simplex_log, p), "EM": partial(peers.log_by_em, p, 1e-6, 2000)}
        if n * L <= 200_000:
            calls["cvxpy"] = partial(peers.log_by_cvxpy, p)
        found = measure.by_turns(calls)
        ours = found["bench"].median
        cells = [f"{_log_gap(p, found['bench'].prediction.w):.0e}"]
        for peer in ("EM", "cvxpy"):
            timing = found.get(peer)
            cells += (
                [measure.ratio(timing.median / ours), f"{_log_gap(p, timing.prediction):.0e}"] if timing else ["–", "–"]
            )
        rows.append([f"{n:,} × {L}", measure.milliseconds(ours), *cells])
    return measure.markdown(["n × L", "bench, ms", "gap", "EM", "its gap", "cvxpy", "its gap"], rows)


def _log_gap(p: Array, w: Array) -> float:
    w = np.maximum(w, 0) / np.maximum(w, 0).sum()
    return max(float((p / (w @ p)).mean(axis=1).max() - 1), 0.0)


def report(quick: bool) -> str:  # noqa: FBT001
    """Return all tables."""
    parts = {
        "Squared error, the Gram matrix given": squared_error((5, 20, 100) if quick else (5, 20, 100, 300, 1000)),
        "Squared error, from the predictions": end_to_end(
            ((10_000, 20),) if quick else ((10_000, 20), (100_000, 50), (1_000_000, 50), (10_000, 300))
        ),
        "Log loss of a linear pool": log_loss(
            ((1000, 10),) if quick else ((1000, 10), (10_000, 20), (100_000, 20), (10_000, 100))
        ),
    }
    tables = "\n\n".join(f"### {title}\n\n{table}" for title, table in parts.items())
    return f"{measure.machine(PACKAGES)}\n\n{tables}"


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
        measure.write(arguments.write, "solvers", text)


if __name__ == "__main__":
    main()
