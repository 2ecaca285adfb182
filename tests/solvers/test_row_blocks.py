"""Functions of single rows, called with blocks of them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.solvers import row_blocks


@pytest.mark.parametrize("block", [1, 3, 10, 11, 100])
def test_blocks_give_what_the_whole_gives(monkeypatch, block):
    predictions = np.random.default_rng(0).normal(size=(4, 10, 3))
    sizes = []

    def middle(part):
        sizes.append(part.shape[1])
        return np.median(part, axis=0)

    monkeypatch.setattr(row_blocks, "BLOCK", block)
    found = row_blocks.by_row_blocks(middle, predictions)
    np.testing.assert_array_equal(found, np.median(predictions, axis=0))
    assert max(sizes) <= max(block, 1)
    assert sum(sizes) == 10
