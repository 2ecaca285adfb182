"""The triangle R of a QR decomposition of many rows, a block of them at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array
from bench.solvers.row_blocks import row_blocks


def triangle(read: Callable[[slice], Array], n: int, width: int) -> Array:
    """Return R (width, width) of n rows, which `read` gives a block at a time, (rows, width).

    R'R is the Gram matrix of the rows, and R keeps the digits that a Gram matrix loses. Each block is decomposed below
    the R of those before it: Demmel, Grigori, Hoemmen and Langou (2012), "Communication-optimal parallel and sequential
    QR and LU factorizations".
    """
    R = np.zeros((width, width))
    for rows in row_blocks(n):
        R = upper(np.vstack([R, read(rows)]))
    return R


def upper(rows: Array) -> Array:
    """Return R of the QR decomposition of rows that are all in memory."""
    return np.asarray(np.linalg.qr(rows, mode="r"))
