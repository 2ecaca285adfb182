"""Hashes of contents: keys, and seeds that do not depend on which other methods are run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

_encode = json.JSONEncoder(sort_keys=True).encode  # made once, which `json.dumps` would do at each call


def digest(*parts: Any) -> str:
    """Return 32 hex digits that depend on the parts' contents, types and order alone.

    Parts are JSON values, None, numpy arrays, pandas objects, or tuples and lists of them.
    """
    state = hashlib.blake2b(digest_size=16)  # 128 bits: two contents do not share a key by chance
    for part in parts:
        _feed(state, part)
    return state.hexdigest()


def seed(*parts: Any) -> int:
    """Return a seed below 2**31, as much as every library takes, that depends on the parts alone."""
    return int(digest(*parts)[:15], 16) % 2**31  # 60 bits of the digest, of which 31 stay


def generator(*parts: Any) -> np.random.Generator:
    """Return a random generator that depends on the parts alone."""
    return np.random.default_rng(seed(*parts))


def _feed(state: Any, part: Any) -> None:
    """Add one part, with its type and length, so that no two different lists of parts collide."""
    if part is None or isinstance(part, (str, int, float, dict)):  # first, since a suite has millions of these
        text = _encode(part)
        state.update(f"json {len(text)};{text}".encode())
    elif isinstance(part, np.ndarray) and part.dtype != object:
        state.update(f"array {part.dtype.str} {part.shape};".encode())
        state.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, pd.DataFrame):
        _feed(state, [str(name) for name in part.columns])
        for position in range(part.shape[1]):
            _feed(state, part.iloc[:, position])
    elif isinstance(part, pd.Series):
        _feed_column(state, part)
    elif isinstance(part, (list, tuple)) and all(isinstance(item, str) for item in part):
        _feed(state, {"texts": list(part)})
    elif isinstance(part, (list, tuple)):
        state.update(f"list {len(part)};".encode())
        for item in part:
            _feed(state, item)
    else:
        text = _encode(part)
        state.update(f"json {len(text)};{text}".encode())


def _feed_column(state: Any, column: pd.Series[Any]) -> None:
    """Add a column by values, so that it hashes alike whatever file format it came from."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        _feed(state, column.to_numpy(dtype=float, na_value=np.nan))
    else:
        missing = column.isna().to_numpy()
        texts = column.astype(str).to_numpy(dtype=object)
        _feed(state, ["" if is_missing else text for is_missing, text in zip(missing, texts, strict=True)])
        _feed(state, missing)
        if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
            _feed(state, [str(category) for category in column.dtype.categories])
