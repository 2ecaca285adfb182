"""Schemes on panels of more rows than one block: they give what they give at once, and copy no panel."""

from __future__ import annotations

from dataclasses import replace

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
