"""Units: the one of the target and the one of row weights change no weight of an ensemble scheme."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers.panels import MAKE, scheme

from bench.core.nouns import BenchError, NotApplicableError, Prediction
from bench.methods import postprocess
from bench.methods.ensembles import registry
from bench.methods.metrics.selection import for_target

NAMES = {
    kind: [name for name, entry in registry.entries().items() if kind in entry.kinds] for kind in ("point", "quantile")
}
ROUGH = {"cma-es": 1e-4, "quality-diversity": 1e-4, "mixture": 1e-4}
"""Searches, whose steps round otherwise in another unit."""


COUNT_ROWS = {"platt", "beta", "weighted-cqr", "venn-abers", "miss-rate"}
"""Steps for which a weight of two is two rows: the unit of weights is set where a table becomes a task."""


def predictions_of(name, panel, y):
    """Return the predictions of a scheme on its own rows, or skip."""
    try:
        return scheme(name, panel, y)(panel)
    except (NotApplicableError, BenchError) as error:  # it needs what the panel lacks, or a library
        pytest.skip(str(error))


@pytest.mark.parametrize("power", [-40, 40])
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_the_unit_of_the_target_changes_no_weight(kind, name, power):
    """Targets and predictions times 2^±40, about 10^±12, which is exact in binary."""
    panel, y = MAKE[kind](0, n=40)
    unit = 2.0**power
    found = predictions_of(name, panel, y)
    other = predictions_of(name, replace(panel, predictions=panel.predictions * unit), y * unit)
    np.testing.assert_allclose(other / unit, found, rtol=ROUGH.get(name, 1e-6), atol=1e-6)


@pytest.mark.parametrize("power", [-40, 30])
@pytest.mark.parametrize(("kind", "name"), [
    (kind, name) for kind in MAKE for name, entry in registry.entries().items() if kind in entry.kinds
])  # fmt: skip
def test_the_unit_of_row_weights_changes_nothing(kind, name, power):
    panel, y = MAKE[kind](0, weighted=True, n=40)
    found = predictions_of(name, panel, y)
    other = predictions_of(name, replace(panel, weight=panel.weight * 2.0**power), y)
    np.testing.assert_allclose(other, found, rtol=ROUGH.get(name, 1e-6), atol=1e-6)


@pytest.mark.parametrize("power", [-40, 30])
@pytest.mark.parametrize(("kind", "name"), [
    (kind, name) for kind in MAKE for name, entry in postprocess.registry.entries().items()
    if kind in entry.kinds and name not in COUNT_ROWS
])  # fmt: skip
def test_the_unit_of_row_weights_changes_no_step(kind, name, power):
    panel, y = MAKE[kind](0, weighted=True, n=60)

    def processed(unit):
        weight = panel.weight * unit
        known = Prediction(panel.target, panel.predictions[0].copy(), weight=weight)
        step = postprocess.registry.scheme(name)(known, y, np.random.default_rng(0))
        changed = step(known)
        return changed.values, changed.rule

    try:
        found, other = processed(1.0), processed(2.0**power)
    except (NotApplicableError, BenchError) as error:
        pytest.skip(str(error))
    np.testing.assert_allclose(other[0], found[0], rtol=1e-6, atol=1e-9)
    if found[1] is not None:
        np.testing.assert_allclose(other[1], found[1], rtol=1e-6)


@pytest.mark.parametrize("power", [-40, 30])
@pytest.mark.parametrize("kind", MAKE)
def test_the_unit_of_row_weights_changes_no_metric(kind, power):
    panel, y = MAKE[kind](0, weighted=True, n=60)
    plain, other = (
        Prediction(panel.target, panel.predictions[0], weight=panel.weight * unit) for unit in (1.0, 2.0**power)
    )
    for name, metric in for_target(panel.target).items():
        values = [metric.function(panel.target, y, each) for each in (plain, other)]
        np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12, err_msg=name)
