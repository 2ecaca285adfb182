"""What two processes do that share a store: they mend the same entries at once, round by round."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import BrokenBarrierError

import numpy as np

from bench.core.hashing import digest
from bench.runner.store import FitPredictions, Store
from makers import Inline


def flip_every_entry(store):
    """Change one bit in an array of every entry; all sizes stay."""
    for path in Path(store).glob("??/*/test.npy"):
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(content)


def begin_round(n, start, store):
    """Damage the store once, while nobody is at work."""
    start.wait(60)
    if n == 0:
        flip_every_entry(store)
    start.wait(60)


def mend(n, start, told, store, rounds):
    """Write an entry over a damaged one and read it, in every round."""
    key, predictions = digest("one"), FitPredictions(np.full((400, 2), 0.5), np.full((300, 2), 0.5))
    fault = ""
    try:
        for _ in range(rounds):
            begin_round(n, start, store)
            Store(store).write(key, predictions)
            for _ in range(5):
                np.testing.assert_array_equal(Store(store).read(key).test, predictions.test)
    except (OSError, ValueError, AssertionError, BrokenBarrierError) as error:
        fault = repr(error)
        start.abort()
    told.put((n, fault))


def run_rounds(n, start, told, words, rounds):
    """Run the program in every round, with results of its own, on a store that is damaged before."""
    from bench.cli import main
    from bench.runner.executors import choice, fork_server

    choice.Pool, fork_server.start_server = Inline, lambda: None  # the processes that meet are these two
    codes = []
    for j in range(rounds):
        begin_round(n, start, "store")
        sys.argv = ["bench", *words, "--results", f"results-{n}-{j}"]
        try:
            main()
        except SystemExit as ended:
            codes.append(ended.code)
    told.put((n, codes))
