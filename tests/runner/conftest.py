"""What tests of the runner share: learners with a memory, inner folds that do not look at y, and plug-ins that fail."""

from dataclasses import replace

import pytest
from makers.leaks import MEMORIES, MEMORY, RollCall
from makers.runs import PLUGIN

from bench.core.scheme import Entry
from bench.methods import learners
from bench.tasks import splits


@pytest.fixture
def known(monkeypatch):
    """Register the learners with a memory, for one test."""
    learners.registry.entries()
    monkeypatch.setattr(RollCall, "fitted", ())
    for name, model in MEMORIES.items():
        entry = Entry(name, lambda target, seed, model=model: model(), frozenset({"point"}), MEMORY)  # noqa: ARG005
        monkeypatch.setitem(learners.registry._entries, name, entry)


@pytest.fixture
def plain_inner_folds(monkeypatch):
    """Cut inner folds without looking at y, so that tampering with y leaves the rows in place."""
    honest = splits.inner_parts

    def unstratified(drawn, *args):
        return honest(replace(drawn, kind="regression"), *args)

    monkeypatch.setattr(splits, "inner_parts", unstratified)


@pytest.fixture
def plugin(tmp_path):
    """Write plug-ins that fail in every way, and return the words that name them."""
    path = tmp_path / "bad_plugin.py"
    path.write_text(PLUGIN)
    return ("--plugin", str(path))
