"""Schemes on panels of more rows than one block: they give what they give at once, and copy no panel."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from makers.panels import MAKE, scheme

from bench.methods.ensembles import registry
from bench.solvers import row_blocks

SEARCHES = ("cma-es", "cma-es-explicit", "cma-es-softmax", "quality-diversity")
"""Schemes that may go another way from a loss that differs by rounding."""

EVERY = [(kind, found.id) for kind in MAKE for found in registry.select(["*"], kind) if not found.entry.missing_modules]


@pytest.mark.parametrize(("kind", "name"), [pair for pair in EVERY if pair[1] not in SEARCHES])
def test_blocks_of_rows_give_what_all_rows_give_at_once(monkeypatch, kind, name):
    panel, y = MAKE[kind](3, weighted=True, n=40)
    weight = np.where(np.arange(40) % 9 == 0, 0.0, panel.weight)
    panel = replace(panel, weight=weight, inner_fold=np.arange(40) % 3)
    whole = scheme(name, panel, y)(panel)
    monkeypatch.setattr(row_blocks, "WHOLE", 5)
    monkeypatch.setattr(row_blocks, "BLOCK", 4)
    np.testing.assert_allclose(scheme(name, panel, y)(panel), whole, rtol=1e-5)


CHUNKS = {
    "bench.solvers.row_blocks": {"WHOLE": 200, "BLOCK": 100},
    "bench.solvers.simplex_qp": {"CHUNK": 100},
    "bench.solvers.simplex_log": {"CHUNK": 100},
    "bench.solvers.log_pool": {"CHUNK": 100},
    "bench.solvers.pinball_problem": {"CHUNK": 4000},
    "bench.methods.ensembles.feature_weighted": {"CHUNK": 20},
    "bench.methods.ensembles.greedy": {"CHUNK": 100},
    "bench.methods.ensembles.mixture": {"CHUNK": 10_000},
    "bench.methods.ensembles.neighbours": {"CHUNK": 20},
    "bench.methods.ensembles.objective": {"CHUNK": 100},
    "bench.methods.ensembles.pseudo_bma": {"CHUNK": 20},
}
"""Blocks so small that a panel of three thousand rows is to them what a million rows are to the true ones."""

SIZE = {"point": {"learners": 24}, "class": {"learners": 14, "width": 5}, "quantile": {"learners": 16}}

ALLOWED, BESIDE = 0.3, 100_000
"""Share of the panel that a scheme may hold beside it, and bytes that do not grow with it."""

FEW_ROWS = "some thousand pairs enter a linear program however few rows there are: benchmarks/memory.py measures it"
DESIGN = "the design of a level, and a dozen vectors beside it, are in memory"
REGIONS = "the rows of a region are copied"
CALLS = "it holds what the schemes hold that it calls"
NEIGHBOURS = "its index of neighbours does not shrink with the blocks"
SLOW = "too slow for this test; what it reads is read by a scheme that is in it"

NOT_HELD = {
    **dict.fromkeys(("banded", "coarse", "fine", "level-groups", "medium"), FEW_ROWS),
    **dict.fromkeys(("coarse-entropy", "coarse-ridge", "elastic"), FEW_ROWS),
    **dict.fromkeys(("fqra", "lasso-qra", "qra", "smoothed-qra", "quantile feature-weighted"), DESIGN),
    **dict.fromkeys(("local-cluster", "local-leaf", "local-network"), REGIONS),
    **dict.fromkeys(("bootstrap", "discrete-super-learner"), CALLS),
    **dict.fromkeys(("knora-e", "knora-u", "ola"), NEIGHBOURS),
    **dict.fromkeys(("beta-pool", "cma-es", "cma-es-explicit", "cma-es-softmax", "crps-learning"), SLOW),
    **dict.fromkeys(
        (
            "crps-simplex",
            "linear-pool",
            "quantile best-subset-mean",
            "quantile hill-climb",
            "sleeping-experts",
        ),
        SLOW,
    ),
    "log-pool": "the log odds of the classes are kept, without which a fit takes five times as long",
    "pseudo-bma-plus": "its draws do not shrink with the blocks",
}
"""Schemes, of one kind or of all, that this law does not hold for or cannot measure, and why."""

HELD = [pair for pair in EVERY if pair[1] not in NOT_HELD and " ".join(pair) not in NOT_HELD]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), HELD)
def test_a_large_panel_is_not_copied(monkeypatch, kind, name):
    for module, sizes in CHUNKS.items():
        for constant, size in sizes.items():
            monkeypatch.setattr(import_module(module), constant, size)
    panel, y = MAKE[kind](0, n=3000, **SIZE[kind])
    panel = replace(panel, inner_fold=np.arange(3000) % 5)
    scheme(name, panel.rows(np.arange(300)), y[:300])  # what it imports does not count
    tracemalloc.start()
    combiner = scheme(name, panel, y)
    fit = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    combiner(panel)
    predict = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(fit, predict) <= ALLOWED * panel.predictions.nbytes + BESIDE
