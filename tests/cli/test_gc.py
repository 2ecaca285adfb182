"""What `bench gc` finds and frees, and `bench doctor` of a store."""

import json
import os
import shutil
from pathlib import Path

import pytest
from makers.runs import SMALL

from bench.core.hashing import digest
from bench.core.settings import Settings
from bench.runner.journal import Journal
from bench.runner.progress import Progress

RUN = ("-b", "regression", "-e", "equal", *SMALL)
LONG_AGO = 1_000_000_000


@pytest.fixture
def shared(bench, reg, few_metrics):
    """Run two experiments with one store, and return its entries by the learner of each."""
    for learner, results in (("ridge", "one"), ("knn", "two")):
        words = ("run", *reg, *RUN, "-l", learner, "--results", results, "--store", "store")
        assert bench(*words).code == 0
    notes = {path.parent: json.loads(path.read_text()) for path in Path("store").rglob("meta.json")}
    return {learner: [path for path in notes if notes[path]["learner"] == learner] for learner in ("ridge", "knn")}


def numbers(done):
    return {(row["place"], row["what"]): row["number"] for row in json.loads(done.out)}


def test_what_no_named_results_refer_to_is_shown_and_freed_on_request(bench, shared):
    words = ("gc", "--store", "store", "--format", "json")
    both = numbers(bench(*words, "--results", "one", "--results", "two"))
    assert both["store", "entries that records refer to"] == 4
    assert both["store", "entries that no record refers to"] == 0
    shown = bench(*words, "--results", "one")
    assert numbers(shown)["store", "entries that no record refers to"] == 2
    assert "records of one count, and of no other results" in shown.err
    assert "nothing was deleted" in shown.err
    assert all(folder.is_dir() for folder in [*shared["ridge"], *shared["knn"]])
    assert bench(*words, "--results", "one", "--free").code == 0
    assert all(folder.is_dir() for folder in shared["ridge"])
    assert not any(folder.exists() for folder in shared["knn"])


def test_only_what_bench_made_goes(bench, shared):
    """Left over are temporary files an hour after they were written, by the names that bench gives them."""
    key = digest("nobody")
    kept = ["store/README", f"store/{key}", f"store/zz/{key}", f"store/{key[:2]}/notes", "one/mine.tmp"]
    gone = [f"store/{key[:2]}/.{key}.0123456789abcdef.tmp", f"store/{key[:2]}/{key}"]
    for name in [*kept, *gone]:
        Path(name).mkdir(parents=True)
    Path(f"store/{key[:2]}/{digest('link')}").symlink_to(shared["ridge"][0].absolute(), target_is_directory=True)
    for name in ("one/.scores.csv.0123456789abcdef.tmp", "one/records/.tasks.json.0123456789abcdef.tmp"):
        Path(name).touch()
        gone.append(name)
    young = Path("one/.cells.csv.0123456789abcdef.tmp")
    for name in gone:
        os.utime(name, (LONG_AGO, LONG_AGO))
    young.touch()
    words = ("gc", "--store", "store", "--results", "one", "--results", "two", "--free")
    assert bench(*words).code == 0
    assert [name for name in kept if not Path(name).exists()] == []
    assert [name for name in gone if Path(name).exists()] == []
    assert young.exists()
    assert all(folder.is_dir() for folder in [*shared["ridge"], *shared["knn"]])


def test_a_run_that_goes_on_is_said(bench, shared):
    Progress.of_this_process(1, 2, (), 1.0, 1.0).write(Path("one"))
    done = bench("gc", "--store", "store", "--results", "one", "--results", "two")
    assert "a run is writing to one: what it has fitted may have no record yet" in done.err
    assert "writing to two" not in done.err


def test_where_references_are_not_known_nothing_goes(bench, shared):
    words = ("gc", "--store", "store", "--results", "one", "--free")
    assert "holds no records" in bench(*words, "--results", "three").err
    (record, *_) = Path("one/records").glob("*/*-r0-f0.json")
    record.write_text(record.read_text().replace("ridge", "fridge"))
    refused = bench(*words)
    assert (refused.code, "is damaged, so what it refers to is not known: run again" in refused.err) == (2, True)
    with Journal(Path("two")).open(Settings(inner=2)):
        busy = bench("gc", "--store", "store", "--results", "two", "--free")
        assert (busy.code, f"another run (process {os.getpid()})" in busy.err) == (2, True)
    assert all(folder.is_dir() for folder in [*shared["ridge"], *shared["knn"]])


def test_the_doctor_verifies_a_store(bench, shared):
    assert bench("doctor", "--offline", "--store", "store").code == 0
    assert bench("doctor", "--offline").code == 0  # the usual one is not there
    first, second = shared["ridge"]
    shutil.copy(first / "oof.npy", second / "oof.npy")
    done = bench("doctor", "--offline", "--store", "store", "--format", "csv")
    assert done.code == 1
    assert f"{second},its checksum is that of other contents,delete it: a run makes it anew" in done.out
    assert str(first) not in done.out
