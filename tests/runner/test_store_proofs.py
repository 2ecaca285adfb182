"""Entries of the store that are not what was written: each is found, dropped, said, and made anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from makers import bytes_of

from bench.core.hashing import digest
from bench.runner.store import FitPredictions, Store

ONE, OTHER = digest("one"), digest("other")
RUN = ("-b", "regression", "-l", "ridge,knn", "--folds", 2, "--inner", 2, "--json")


def predictions(value):
    return FitPredictions(np.full((4, 2), value), np.full((3, 2), value), meta={"effective_class_weights": {"all": 2}})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.write(ONE, predictions(0.5))
    store.write(OTHER, predictions(0.25))
    return store


def swap(folder, other):
    for name in ("oof.npy", "test.npy", "meta.json"):
        (folder / name).write_bytes((other / name).read_bytes())


def flip(folder, _):
    content = bytearray((folder / "test.npy").read_bytes())
    content[-3] ^= 1
    (folder / "test.npy").write_bytes(content)


def edit_notes(folder, _):
    notes = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(notes | {"effective_class_weights": {"all": 3}}))


def rename_array(folder, _):
    """Make the out-of-fold predictions pass for those of the calibration rows."""
    notes = json.loads((folder / "meta.json").read_text())
    (folder / "test.npy").rename(folder / "calibration.npy")
    notes["bytes"]["calibration.npy"] = notes["bytes"].pop("test.npy")
    (folder / "meta.json").write_text(json.dumps(notes))


def forget_checksum(folder, _):
    notes = json.loads((folder / "meta.json").read_text())
    del notes["checksum"]
    (folder / "meta.json").write_text(json.dumps(notes))


def replace_by_link(folder, other):
    folder.rename(folder.with_name("away"))
    folder.symlink_to(other, target_is_directory=True)


def replace_by_file(folder, _):
    folder.rename(folder.with_name("away"))
    folder.write_text("no folder")


def link_array(folder, other):
    (folder / "oof.npy").unlink()
    (folder / "oof.npy").symlink_to(other / "oof.npy")


HARMS = {
    "swapped": (swap, "checksum"),
    "flipped": (flip, "checksum"),
    "notes edited": (edit_notes, "checksum"),
    "array renamed": (rename_array, "name other files"),
    "without checksum": (forget_checksum, "earlier version"),
    "truncated": (lambda folder, _: os.truncate(folder / "oof.npy", 100), "cut short"),
    "longer": (lambda folder, _: os.truncate(folder / "oof.npy", 1000), "too long"),
    "file too many": (lambda folder, _: (folder / "nested.npy").write_text("x"), "too many"),
    "folder in it": (lambda folder, _: (folder / "deep").mkdir(), "no file"),
    "pipe in it": (lambda folder, _: os.mkfifo(folder / "pipe"), "no file"),
    "file too few": (lambda folder, _: (folder / "test.npy").unlink(), "is gone"),
    "without notes": (lambda folder, _: (folder / "meta.json").unlink(), "is gone"),
    "notes garbled": (lambda folder, _: (folder / "meta.json").write_bytes(b'{"bytes": \xff'), "garbled"),
    "notes deep": (lambda folder, _: (folder / "meta.json").write_text("[" * 100_000), "garbled"),
    "notes of a long number": (lambda folder, _: (folder / "meta.json").write_text("9" * 6000), "garbled"),
    "notes of another kind": (lambda folder, _: (folder / "meta.json").write_text('{"bytes": [1]}'), "garbled"),
    "a link": (replace_by_link, "no folder"),
    "a file": (replace_by_file, "no folder"),
    "array a link": (link_array, "no file"),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_harmed_entry_is_found_and_written_again(store, name):
    harm, why = HARMS[name]
    assert store.fault(ONE) is None
    harm(store.folder(ONE), store.folder(OTHER))
    assert why in store.fault(ONE)
    store.write(ONE, predictions(0.125))
    assert store.fault(ONE) is None
    np.testing.assert_array_equal(store.read(ONE).test, predictions(0.125).test)
    assert store.fault(OTHER) is None  # a link in its place is removed, and not what it leads to
    np.testing.assert_array_equal(store.read(OTHER).oof, predictions(0.25).oof)


def test_an_entry_that_another_run_drops_while_this_one_plans_is_made_anew(bench, reg, few_metrics, monkeypatch):
    """What looks whole is damaged, and gone before it can be proved."""
    assert bench("run", *reg, *RUN, "-e", "equal").code == 0
    (first, *_) = sorted(Path("results/store").glob("*/*"))
    prove = Store.fault

    def drop_and_prove(self, key):
        if key == first.name and not dropped:
            dropped.append(key)
            self.drop(key)
        return prove(self, key)

    dropped = []
    monkeypatch.setattr(Store, "fault", drop_and_prove)
    done = bench("run", *reg, *RUN, "-e", "equal,greedy")
    assert (done.code, done.json["fitted"]) == (0, 1)
    assert f"{first.name} (it is not there)" in done.err


def test_an_entry_that_another_run_makes_meanwhile_stays(store, monkeypatch):
    """Both found it unsound; the first one to make it anew is not undone."""
    flip(store.folder(ONE), None)
    slow, quick = predictions(0.75), predictions(0.5)
    save = np.save

    def save_late(*args, **how):
        monkeypatch.setattr(np, "save", save)
        store.write(ONE, quick)
        save(*args, **how)

    monkeypatch.setattr(np, "save", save_late)
    store.write(ONE, slow)
    assert store.fault(ONE) is None
    np.testing.assert_array_equal(store.read(ONE).oof, quick.oof)


def test_only_names_of_keys_are_entries(store):
    for name in ("README", "ab/notes.txt", f"{ONE[:2]}/{OTHER}", f"{ONE[:2]}/.{ONE}.0123456789abcdef.tmp", "xy/z"):
        (store.root / name).mkdir(parents=True)
    (store.root / "zz").symlink_to(store.folder(ONE).parent, target_is_directory=True)
    assert sorted(store.entry_keys()) == sorted([ONE, OTHER])
    assert list(Store(store.root / "nowhere").entry_keys()) == []


def harm_every_entry():
    """Harm the four entries of a run, each in a way that leaves all sizes as they were."""
    first, second, third, last = sorted(path.parent for path in Path("results/store").rglob("meta.json"))
    first.rename("away")
    second.rename(first)
    Path("away").rename(second)
    flip(third, None)
    edit_notes(last, None)


def test_entries_that_are_read_are_proved_and_made_anew_in_the_same_run(bench, reg):
    assert bench("run", *reg, *RUN, "-e", "equal").json["fitted"] == 4
    harm_every_entry()
    idle = bench("run", *reg, *RUN, "-e", "equal")  # nothing reads them
    assert (idle.code, idle.json["fitted"], idle.err.count("checksum")) == (0, 0, 0)
    planned = bench("plan", *reg, *RUN[:-1], "-e", "equal,greedy")
    assert "4 fits to do, 0 stored" in planned.out
    done = bench("run", *reg, *RUN, "-e", "equal,greedy")
    assert (done.code, done.json["fitted"], done.json["reused"]) == (0, 4, 0)
    (said,) = [line for line in done.err.splitlines() if "unusable" in line]
    assert said.startswith("bench: the store has unusable entries (4), which are dropped and made anew: ")
    assert said.count("checksum") == 3
    assert said.endswith(", …")
    again = bench("run", *reg, *RUN, "-e", "equal,greedy,median")
    assert (again.code, again.json["fitted"]) == (0, 0)
    assert "unusable" not in again.err
    clean = bench("run", *reg, *RUN, "-e", "equal,greedy,median", "--results", "clean")
    assert clean.code == 0
    found, expected = bytes_of("results", "clean")
    assert found == expected
