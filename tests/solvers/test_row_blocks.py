"""Functions of single rows, called with blocks of them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.solvers import row_blocks


@pytest.mark.parametrize("block", [1, 3, 10, 11, 100])
def test_blocks_give_what_the_whole_gives(monkeypatch, block):
    predictions = np.random.default_rng(0).normal(size=(4, 10, 3))
    sizes = []

    def middle(rows):
        sizes.append(rows.stop - rows.start)
        return np.median(predictions[:, rows], axis=0)

    monkeypatch.setattr(row_blocks, "WHOLE", 2)
    monkeypatch.setattr(row_blocks, "BLOCK", block)
    found = row_blocks.by_row_blocks(middle, 10)
    np.testing.assert_array_equal(found, np.median(predictions, axis=0))
    assert max(sizes) <= block
    assert sum(sizes) == 10


def test_few_rows_are_one_block(monkeypatch):
    assert list(row_blocks.row_blocks(10)) == [slice(0, 10)]
    assert list(row_blocks.row_blocks(0)) == []
    monkeypatch.setattr(row_blocks, "WHOLE", 9)
    monkeypatch.setattr(row_blocks, "BLOCK", 4)
    assert list(row_blocks.row_blocks(10)) == [slice(0, 4), slice(4, 8), slice(8, 10)]
