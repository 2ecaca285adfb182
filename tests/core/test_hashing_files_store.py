"""Content keys, atomic files, and the store of predictions."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers.runs import hold

from bench.core.files import temporary_folder, write_bytes, write_json, write_text
from bench.core.hashing import digest, generator, seed
from bench.core.nouns import BenchError
from bench.core.settings import Settings
from bench.runner.journal import Journal
from bench.runner.store import FitPredictions, Store

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, width=16) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# keys

DIFFERENT = [
    (),
    (None,),
    ("",),
    ("None",),
    ([],),
    ([], []),
    ([[]],),
    (0,),
    (0.0,),
    (False,),
    ("0",),
    (1,),
    (True,),
    ("ab", "c"),
    ("a", "bc"),
    (["a", "b"],),
    ("a", "b"),
    ("a,b",),
    (["a", ["b"]],),
    ({"a": 1},),
    ({"a": [1]},),
    (np.zeros(0),),
    (np.zeros((0, 2)),),
    (np.zeros(2),),
    (np.zeros((2, 1)),),
    (np.zeros((1, 2)),),
    (np.zeros(2, dtype=int),),
    (np.zeros(2, dtype=np.float32),),
    (np.zeros(2, dtype=bool),),
    (np.zeros(4, dtype=np.float32),),
    (np.array([0.0, np.nan]),),
    (np.array([np.nan, 0.0]),),
    (np.array([-0.0, 0.0]),),
    (pd.Series([0.0, 0.0]), 1),
    (pd.DataFrame({"a": [0.0, 0.0]}),),
    (pd.DataFrame({"b": [0.0, 0.0]}),),
    (pd.DataFrame({"a": [0.0], "b": [0.0]}),),
    (pd.DataFrame({"a": ["0", "0"]}),),
    (pd.DataFrame({"a": ["nan", "0"]}),),
    (pd.DataFrame({"a": [None, "0"]}),),
    (pd.DataFrame({"a": ["", "0"]}),),
    (pd.DataFrame({"a": ["00", ""]}),),
    (pd.DataFrame({"a": ["x\x1f", "y"]}),),
    (pd.DataFrame({"a": ["x", "\x1fy"]}),),
]


def test_different_parts_have_different_digests():
    found = {}
    for parts in DIFFERENT:
        other = found.setdefault(digest(*parts), parts)
        assert other is parts, (other, parts)


def test_ordered_categories_of_another_order_are_other_data():
    """The encoders number the levels in their order, so the order is part of what a fit sees."""
    columns = [pd.Series(pd.Categorical(["a", "b"], levels, ordered=True)) for levels in (["a", "b"], ["b", "a"])]
    assert digest(columns[0]) != digest(columns[1])


def test_a_column_has_one_digest_whatever_file_it_came_from():
    texts = pd.Series(["b", None, "a"])
    assert digest(texts) == digest(texts.astype("category"))
    assert digest(texts) == digest(pd.Series(pd.Categorical(["b", None, "a"], ["c", "b", "a"])))
    assert digest(pd.Series([1, 2])) == digest(pd.Series([1.0, 2.0]))
    assert digest(pd.Series([1.0, 2.0], index=[5, 3])) == digest(pd.Series([1.0, 2.0]))


def test_a_view_has_the_digest_of_its_copy():
    array = np.arange(12.0).reshape(3, 4)
    assert digest(array[:, ::2]) == digest(array[:, ::2].copy())
    assert digest(array.T) == digest(array.T.copy())
    assert digest(array) != digest(array.T)


@pytest.mark.parametrize("array", [np.array(["a", "b"]), np.array(0.5), np.array([1], dtype=">i4"), np.array([True])])
def test_every_plain_array_has_a_digest(array):
    assert digest(array) == digest(array.copy())


@given(plain, plain)
def test_values_with_one_digest_are_written_alike(one, other):
    assert (digest(one) == digest(other)) == (json.dumps(one) == json.dumps(other))


@given(st.lists(plain, max_size=3), st.lists(plain, max_size=3))
def test_lists_of_parts_do_not_run_together(one, other):
    if json.dumps(one) != json.dumps(other):
        assert digest(*one) != digest(*other)


def test_known_digests_stay():
    """Stored predictions are found by these: a change of this value makes every store useless."""
    assert digest("a", 1, [2.5, None]) == digest("a", 1, (2.5, None))
    assert len(digest()) == 32


def test_what_has_no_lasting_meaning_is_refused():
    with pytest.raises(TypeError):
        digest(object())


@given(st.integers(), st.text())
def test_seeds_are_small_and_depend_on_the_parts(number, text):
    assert 0 <= seed(number, text) < 2**31
    assert generator(number, text).integers(2**60) == generator(number, text).integers(2**60)
    assert seed(number, text) != seed(text, number)


# files


def test_text_is_written_with_its_line_ends(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "ä\nb\n")
    assert path.read_bytes() == "ä\nb\n".encode()
    assert names(path.parent) == ["a.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="space") as caught:
        write_text(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


def test_a_temporary_folder_is_renamed_or_goes(tmp_path):
    with temporary_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("1")
        folder.rename(tmp_path / "a")
    assert (tmp_path / "a" / "x").read_text() == "1"

    def broken():
        with temporary_folder(tmp_path / "b") as folder:
            (folder / "x").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_who_may_read_what_is_kept_is_for_the_umask_to_say(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "of" / "file", "x")
        with temporary_folder(tmp_path / "folder") as folder:
            (folder / "inside").write_text("x")
            folder.rename(tmp_path / "folder")
        with Journal(tmp_path / "results").open(Settings()):
            pass
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    private = ~mask
    assert {modes[name] for name in ("file", "inside", ".lock", "experiment.json")} == {0o666 & private}
    assert {modes[name] for name in ("of", "folder", "results", "records")} == {0o777 & private}


def test_a_store_that_cannot_be_made_is_refused_in_one_line(tmp_path):
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(BenchError, match="cannot be written: use another --store"):
        Store(tmp_path / "store").require_writable()


# store


def stored(value=0.5, *, folds=True):
    return FitPredictions(
        np.full((4, 2), value), np.full((3, 2), value), np.full((2, 3, 2), value) if folds else None, {"t": 1}
    )


@pytest.mark.parametrize("folds", [True, False])
def test_what_is_stored_reads_back(tmp_path, folds):
    store = Store(tmp_path)
    assert not store.has("ab12")
    store.write("ab12", stored(folds=folds))
    assert store.has("ab12")
    assert not store.has("ab13")
    back = store.read("ab12")
    for name in ("oof", "test", "folds"):
        kept = getattr(back, name)
        assert (kept is None) == (not folds and name == "folds")
        if kept is not None:
            np.testing.assert_array_equal(kept, getattr(stored(folds=folds), name))
            assert isinstance(kept, np.memmap)
            assert kept.dtype == np.float64
    assert back.meta["t"] == 1


@pytest.mark.parametrize("name", ["oof.npy", "test.npy", "folds.npy", "meta.json"])
@pytest.mark.parametrize("harm", ["removed", "truncated", "emptied"])
def test_a_harmed_entry_is_not_there_and_is_written_again(tmp_path, name, harm):
    store = Store(tmp_path)
    store.write("ab12", stored())
    path = store.folder("ab12") / name
    content = path.read_bytes()
    path.unlink()
    if harm != "removed":
        path.write_bytes(content[: len(content) // 2 if harm == "truncated" else 0])
    assert not store.has("ab12")
    store.write("ab12", stored(0.25))
    assert store.has("ab12")
    np.testing.assert_array_equal(store.read("ab12").oof, stored(0.25).oof)


def test_the_first_entry_of_a_key_stays(tmp_path):
    store = Store(tmp_path)
    store.write("ab12", stored(0.5))
    store.write("ab12", stored(0.25))
    np.testing.assert_array_equal(store.read("ab12").test, stored(0.5).test)
    assert names(store.folder("ab12").parent) == ["ab12"]


def test_an_entry_that_cannot_be_written_is_not_there(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="space"):
        store.write("ab12", stored())
    assert not store.has("ab12")
    assert names(tmp_path / "ab") == []


def test_two_writers_at_once_leave_one_whole_entry(tmp_path):
    store, start = Store(tmp_path), threading.Barrier(4)
    faults = []

    def write(value):
        start.wait()
        try:
            for j in range(10):
                store.write(f"ab{j}", stored(value))
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(value,)) for value in (0.1, 0.2, 0.3, 0.4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for j in range(10):
        assert store.has(f"ab{j}")
        back = store.read(f"ab{j}")
        assert len({*np.unique(back.oof), *np.unique(back.test)}) == 1
    assert names(tmp_path / "ab") == [f"ab{j}" for j in range(10)]


# the journal


def test_a_directory_belongs_to_one_run_at_a_time(tmp_path):
    journal = Journal(tmp_path)
    with journal.open(Settings()), pytest.raises(BenchError, match="another --results"):  # noqa: SIM117
        with Journal(tmp_path).open(Settings()):
            pass
    with journal.open(Settings()):
        pass


def test_the_lock_of_a_killed_run_is_free(tmp_path):
    context = multiprocessing.get_context("forkserver")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path), Settings(), ready, done), daemon=True)
    holder.start()
    assert ready.wait(60)
    with pytest.raises(BenchError, match=f"another run .process {holder.pid}."), Journal(tmp_path).open(Settings()):
        pass
    holder.kill()
    holder.join()
    with Journal(tmp_path).open(Settings()):
        pass


def test_a_run_waits_for_another_one_where_it_is_asked_to(tmp_path):
    context = multiprocessing.get_context("forkserver")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path), Settings(), ready, done), daemon=True)
    holder.start()
    assert ready.wait(60)
    threading.Thread(target=done.set).start()
    with Journal(tmp_path).open(Settings(), patience=-1):
        assert (tmp_path / ".lock.pid").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / ".lock.pid").exists()
    holder.join()


@pytest.mark.parametrize(
    ("name", "other"), [("seed", 1), ("inner", 3), ("protocol", "bag"), ("levels", (0.1, 0.5, 0.9))]
)
def test_a_directory_belongs_to_one_experiment(tmp_path, name, other):
    with Journal(tmp_path).open(Settings()):
        pass
    with (
        pytest.raises(BenchError, match=f"{name}.*another --results"),
        Journal(tmp_path).open(Settings(**{name: other})),
    ):
        pass
    with Journal(tmp_path).open(Settings()):
        pass


def test_an_experiment_file_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    with Journal(tmp_path).open(Settings()):
        pass
    (tmp_path / "records" / "experiment.json").write_text("{")
    with pytest.raises(BenchError, match=r"experiment\.json"), Journal(tmp_path).open(Settings()):
        pass
