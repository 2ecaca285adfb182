import json
from pathlib import Path

import pytest
from makers import read, regression_columns, write_table

SUITE = "suites:\n  mine:\n    folds: 2\n    tasks:\n" + "".join(
    f"      - {{task: 'file:{name}.csv', target: y}}\n" for name in ("one", "two", "gone")
)
RUN = ("run", "-s", "mine", "-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 1, "--inner", 2, "-q")


@pytest.fixture
def suite():
    """A suite of two tables and one that is not there."""
    Path("datasets.yaml").write_text(SUITE)
    for name in ("one", "two"):
        write_table(Path(f"{name}.csv"), regression_columns())


def rows_of(done):
    return {row["task"]: row["status"] for row in json.loads(done.out)}


def test_a_suite_is_fetched_locked_and_stops_where_it_changed(bench, suite, few_metrics):
    done = bench("fetch", "-s", "mine", "--format", "json")
    assert done.code == 1
    assert rows_of(done) == {"file:one.csv": "fetched", "file:two.csv": "fetched", "file:gone.csv": "failed"}
    assert "gone.csv" in done.err
    columns = regression_columns()
    columns["y"] = [value + 1 for value in columns["y"]]
    write_table(Path("one.csv"), columns)
    held = Path("bench.lock").read_bytes()
    done = bench(*RUN)
    assert (done.code, "file:one.csv: could not be loaded" in done.err) == (1, True)
    cells = read("results/cells.csv")
    failed = cells[cells["status"] == "failed"]
    assert sorted(failed["task_id"]) == ["file:gone.csv", "file:one.csv"]
    assert set(failed["cause"]) == {"data"}
    assert "column 'y' holds other values" in failed.set_index("task_id")["detail"]["file:one.csv"]
    assert (cells["status"] == "ok").any()
    assert Path("bench.lock").read_bytes() == held
    done = bench(*RUN, "--update-lock")
    assert "file:one.csv: accepted: column 'y' holds other values" in done.err
    assert set(read("results/cells.csv").query("status == 'failed'")["task_id"]) == {"file:gone.csv"}


def test_nothing_to_fetch_is_an_exit_code_of_its_own(bench):
    done = bench("fetch")
    assert (done.code, done.out) == (5, "")
    assert "name tasks with -t or suites with -s" in done.err


def test_the_doctor_names_damage_and_how_to_mend_it(bench):
    assert bench("doctor", "--offline").code == 0
    folder = Path("openml/org/openml/www/tasks/7")
    folder.mkdir(parents=True)
    (folder / "task.xml").write_text("<oml:task")
    done = bench("doctor", "--offline", "--format", "csv")
    assert done.code == 1
    assert "delete it, then bench fetch -t openml:7" in done.out
    assert "1 damaged file or entry" in done.err
