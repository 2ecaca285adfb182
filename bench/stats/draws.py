"""Draws that any program can repeat: flips of signs and bootstraps of tasks, from a hash of draw and task name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.core.nouns import Array

ENUMERATED = 12
"""Up to so many tasks beyond the first all 2^(T-1) flips are taken: 4,096 at 13 tasks. Beyond, so many are drawn."""

DRAWS = 1000
"""Draws of an interval: 25 of them lie beyond each of its ends."""


def task_counts(tasks: Sequence[str], draws: int = DRAWS) -> Array:
    """Return how often each draw takes each of T tasks, shape (draws, T); rows sum to T.

    A draw has one place a task. The place of task t takes the task at floor(T hash(draw, t) / 2³²) of the list, counted
    from 0 (see `draw_hash`).
    """
    T = len(tasks)
    taken = (draw_hash(draws, tasks).astype(np.uint64) * np.uint64(T)) >> np.uint64(32)
    cells = np.arange(draws)[:, None] * T + taken.astype(np.int64)
    return np.bincount(cells.ravel(), minlength=draws * T).reshape(draws, T).astype(float)


def flips(tasks: Sequence[str]) -> Array:
    """Return signs (F, T) of the tasks, the first row all ones: all that differ by more than a turn of every sign.

    Beyond 13 tasks 4,096 are drawn: the sign of task t in draw f is -1 where the top bit of hash(f, t) is set (see
    `draw_hash`), so that any program can repeat them.
    """
    T = len(tasks)
    if T - 1 <= ENUMERATED:
        bits = np.arange(2 ** max(T - 1, 0))[:, None] >> np.arange(max(T - 1, 0)) & 1
        return np.column_stack([np.ones(len(bits)), 1.0 - 2.0 * bits])[:, :T]
    signs = 1.0 - 2.0 * (draw_hash(2**ENUMERATED, tasks) >> np.uint32(31)).astype(float)
    signs[0] = 1.0
    return signs


def draw_hash(draws: int, tasks: Sequence[str]) -> Array:
    """Return 32 bits for each draw and task, (draws, T) unsigned, that depend on the number and the name alone.

        hash(f, t) = mix(fnv1a(name of t in UTF-8) xor (f × 2654435769 mod 2³²))

    `fnv1a` is the 32-bit FNV-1a hash, `mix` the finaliser of MurmurHash3 (shift 16, × 2246822507, shift 13,
    × 3266489909, shift 16).
    """
    names = np.array([_fnv1a(name.encode("utf-8", "surrogatepass")) for name in tasks], dtype=np.uint32)
    counter = np.arange(draws, dtype=np.uint32) * np.uint32(2654435769)
    h = counter[:, None] ^ names[None, :]
    h ^= h >> np.uint32(16)
    h *= np.uint32(2246822507)
    h ^= h >> np.uint32(13)
    h *= np.uint32(3266489909)
    h ^= h >> np.uint32(16)
    return h


def _fnv1a(content: bytes) -> int:
    h = 2166136261
    for byte in content:
        h = (h ^ byte) * 16777619 % 2**32
    return h
