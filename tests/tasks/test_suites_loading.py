"""`datasets.yaml`, task names, and tasks that cannot be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from makers import class_columns, read, regression_columns, write_table

from bench.core.nouns import BenchError
from bench.runner.rerun_command import task_flags
from bench.tasks import loading, sources
from bench.tasks.sources import LoadError
from bench.tasks.suites import NamedPanel, catalogue
from bench.tasks.task_spec import TaskSpec, read_task

FILE = Path("datasets.yaml")


def test_the_packaged_suite_needs_no_network():
    quick = catalogue().suite("quick")
    assert len(quick.tasks) > 5
    assert {task.source for task in quick.tasks} == {"bundled"}


def test_the_packaged_panels_name_learners_of_their_kind():
    from bench.methods.learners import learner_scheme

    for panel in catalogue().panels.values():
        for kind, members in panel.learners.items():
            assert all(kind in learner_scheme(name).entry.kinds for name in members)


@pytest.mark.parametrize(
    ("name", "source", "rest", "full"),
    [
        ("37", "openml", "37", "openml:37"),
        ("openml:37", "openml", "37", "openml:37"),
        ("bundled:wine", "bundled", "wine", "bundled:wine"),
        ("file:a:b.csv", "file", "a:b.csv", "file:a:b.csv"),
    ],
)
def test_a_task_name_has_a_source_and_a_rest(name, source, rest, full):
    spec = TaskSpec(name)
    assert (spec.source, spec.rest, spec.full) == (source, rest, full)


def test_a_file_of_the_working_directory_adds_to_the_packaged_one():
    FILE.write_text(
        "suites:\n"
        "  quick: {tasks: [bundled:wine], folds: 2}\n"
        "  mine:\n"
        "    description: My own.\n"
        "    repeats: 3\n"
        "    tasks: [37, {task: 'file:a.csv', target: y, time: 2020}]\n"
        "panels:\n"
        "  two: {point: [ridge, knn]}\n"
    )
    found = catalogue()
    assert [task.name for task in found.suite("quick").tasks] == ["bundled:wine"]
    mine = found.suite("mine")
    assert (mine.cv.folds, mine.cv.repeats, mine.description) == (5, 3, "My own.")
    assert tuple(mine.tasks) == (TaskSpec("37"), TaskSpec("file:a.csv", target="y", time="2020"))
    assert found.panel("two") == NamedPanel({"point": ("ridge", "knn")})
    assert "default" in found.panels


WRITTEN = [
    "0123",
    "1_0",
    "no",
    "on",
    "010",
    "1.10",
    "1:30",
    "1e3",
    "0777",
    "2024-01-01",
    "null",
    "~",
    "0x1F",
    ".5",
    "true",
]


@pytest.mark.parametrize("name", WRITTEN)
def test_names_of_a_file_come_as_they_are_written(name):
    """YAML 1.1 has another meaning for each of them."""
    task = f"{{task: 'file:{name}.csv', target: {name}}}"
    panel = f"panels:\n  {name}:\n    point: [{name}]\n"
    FILE.write_text(f"suites:\n  {name}:\n    folds: 4\n    tasks: [{name}, {task}]\n{panel}", encoding="utf-8")
    suite = catalogue().suite(name)
    assert tuple(suite.tasks) == (TaskSpec(name), TaskSpec(f"file:{name}.csv", target=name))
    assert suite.cv.folds == 4
    assert catalogue().panel(name).learners == {"point": (name,)}


def test_merge_keys_still_merge():
    text = "suites:\n  a: &a\n    folds: 4\n    tasks: [bundled:iris]\n  b:\n    <<: *a\n    repeats: 2\n"
    FILE.write_text(text, encoding="utf-8")
    assert catalogue().suite("b").cv[:2] == (4, 2)


@pytest.mark.parametrize("name", ["quick", "imbalanced"])
def test_what_a_suite_says_of_a_bundled_table_is_true(name):
    for spec, outline in catalogue().suite(name).tasks.items():
        ((_, task),) = loading.load([spec], offline=True)
        found = (task.kind, *task.X.shape, len(task.classes) or None)
        assert found == (outline.kind, outline.rows, outline.columns, outline.classes), spec.name


SIZES = {"cc18": 72, "ctr23": 35, "amlb-classification": 71, "amlb-regression": 33, "tabarena": 51, "tabzilla": 36,
         "dqa34": 34, "climb73": 73}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_published_suites_are_whole_and_their_kinds_known(name, size):
    tasks = catalogue().suite(name).tasks
    assert len(tasks) == size
    assert None not in {outline.kind for outline in tasks.values()}


def test_cells_of_a_suite_are_planned_without_its_tables(bench, monkeypatch):
    chosen = ("-b", "classification", "-l", "logistic,knn", "-e", "greedy")
    a_split = int(bench("plan", "-t", "bundled:iris", *chosen).out.splitlines()[-1].split()[0]) // 5
    monkeypatch.setattr("bench.tasks.loading.load_task", lambda *_: pytest.fail("a table was loaded"))
    done = bench("plan", "-s", "cc18", *chosen)
    assert done.code == 0, done.err
    cells = 720 * a_split
    said = f"{cells} cells; {720 * 2} fits to do, 0 stored; up to {cells} cells to evaluate; about"
    assert done.out.splitlines()[-1].startswith(said)
    listed = bench("list", "suites", "--format", "csv")
    assert "\ncc18,72,unknown,63360,unknown," in listed.out


def test_a_foreign_file_in_the_working_directory_is_passed_over(bench):
    FILE.write_text("suites: [not, mine]")
    assert bench("list", "suites").code == 2
    Path("own.yaml").write_text("suites: {own: {tasks: [bundled:iris]}}")
    assert "\nown," not in bench("list", "suites", "--datasets", "none", "--format", "csv").out
    assert "\nown,1," in bench("list", "suites", "--datasets", "own.yaml", "--format", "csv").out
    assert bench("plan", "-s", "own", "--datasets", "own.yaml").code == 0
    assert bench("plan", "-s", "own", "--datasets", "none").code == 2


REFUSED_LINES = {
    "suites:\n  a: {tasks: [x]}\n  a: {tasks: [y]}\n": "line 3: 'a' of 'suites' of the file stands there twice",
    "suites:\n  a:\n    tasks: [x]\n    fold: 3\n": "line 4: 'fold' of 'a' of 'suites' of the file is not known",
    "suites:\n  a:\n    tasks:\n      - {task: t, about: {rows: many}}\n": "line 4: .* not 'many'",
    "suites:\n  a: &a\n    <<: *a\n    tasks: [x]\n": "line 3: '<<' of 'a' .* must be names with their contents",
    "[" * 100_000: "nested more than 50 deep",
    "suites: {a: {tasks: [x], folds: " + "9" * 6000 + "}}": "not '999.*999'",
    "a: &a [x, x]\nb: &b [*a, *a]\nsuites: {c: {tasks: [[*b, *b]]}}\n": "'a' of the file is not known",
}  # fmt: skip


@pytest.mark.parametrize("content", REFUSED_LINES, ids=range(len(REFUSED_LINES)))
def test_a_refusal_names_the_line(content):
    FILE.write_text(content)
    with pytest.raises(BenchError, match=REFUSED_LINES[content]) as refused:
        catalogue()
    assert len(str(refused.value)) < 500


def test_an_empty_file_adds_nothing():
    before = catalogue()
    FILE.write_text("")
    assert catalogue() == before


@pytest.mark.parametrize(
    "content",
    [
        "suites: [",
        "- a",
        "suite: {}",
        "suites: [a, b]",
        "suites: {mine: [bundled:wine]}",
        "suites: {mine: {}}",
        "suites: {mine: {tasks: []}}",
        "suites: {mine: {tasks: [bundled:wine], fold: 3}}",
        "suites: {mine: {tasks: [bundled:wine], folds: three}}",
        "suites: {mine: {tasks: [bundled:wine], folds: 1}}",
        "suites: {mine: {tasks: [bundled:wine], repeats: 0}}",
        "suites: {mine: {tasks: bundled:wine}}",
        "suites: {mine: {tasks: [{target: y}]}}",
        "suites: {mine: {tasks: [{task: 'file:a.csv', taget: y}]}}",
        "suites: {mine: {tasks: [[a]]}}",
        "panels: [a]",
        "panels: {mine: [ridge]}",
        "panels: {mine: {point: ridge}}",
        "panels: {mine: {points: [ridge]}}",
        b"suites: \xff",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(bench, content):
    FILE.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BenchError, match=r"datasets\.yaml") as refused:
        catalogue()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("what", ["suite", "panel"])
def test_an_unknown_name_is_refused_with_the_known_ones(what):
    with pytest.raises(BenchError, match=f"unknown {what} 'nope'"):
        getattr(catalogue(), what)("nope")


# loading


@pytest.mark.parametrize("name", ["iris", "nope:1", "", ":", "bundled", "bundled:", "bundled:iriss", "openml:x"])
def test_a_task_that_does_not_exist_is_refused(name):
    with pytest.raises(BenchError) as refused:
        list(loading.load([TaskSpec(name)], offline=True))
    assert "\n" not in str(refused.value)


def test_an_unknown_kind_is_refused():
    with pytest.raises(BenchError, match="'clasification'"):
        list(loading.load([TaskSpec("file:a.csv", kind="clasification")], offline=True))


def test_columns_for_a_source_that_brings_its_own_are_refused():
    with pytest.raises(BenchError, match="target"):
        list(loading.load([TaskSpec("bundled:wine", target="y")], offline=True))


@pytest.fixture
def flaky():
    """A source that fails while `down` exists."""

    @sources.register("regression", tags=("core",))
    def flaky(request):
        """Fail at times."""
        if Path("down").exists():
            raise LoadError("the server does not answer", "infra")
        return loading.load_task("file", sources.TaskRequest("t.csv", "y"))

    write_table(Path("t.csv"), regression_columns())


def test_a_task_that_cannot_be_loaded_is_kept_and_the_others_go_on(flaky):
    Path("down").touch()
    specs = [TaskSpec("flaky:1"), TaskSpec("file:t.csv", target="y")]
    (_, first), (_, second) = loading.load(specs, offline=False)
    assert isinstance(first, LoadError)
    assert second.name == "file:t"


def test_a_run_goes_on_without_a_task_that_cannot_be_loaded(bench, flaky):
    Path("down").touch()
    write_table(Path("other.csv"), regression_columns(seed=2))
    words = ("-t", "flaky:1,file:other.csv", "--target", "y", "-b", "regression", "-l", "ridge", "-e", "equal",
             "--folds", 2, "--inner", 2, "--json")  # fmt: skip
    done = bench("run", *words)
    assert done.code == 1, done.err
    assert done.json["failed"] == 1
    assert done.json["ok"] == done.json["planned"] - 1
    (row,) = read("results/failures.csv").to_dict("records")
    assert (row["task_id"], row["status"], row["cause"]) == ("flaky:1", "failed", "infra")
    assert "does not answer" in row["detail"]
    assert row["rerun"].startswith("bench run -t flaky:1")
    Path("down").unlink()
    again = bench("run", *words)
    assert again.code == 0, again.err
    assert read("results/failures.csv").empty


def test_a_run_of_nothing_but_tasks_that_cannot_be_loaded_ends_with_1(bench, flaky):
    Path("down").touch()
    done = bench("run", "-t", "flaky:1", "-b", "regression", "-l", "ridge", "--json")
    assert done.code == 1, done.err
    assert (done.json["planned"], done.json["failed"]) == (1, 1)


def test_an_openml_task_without_a_network_fails_as_infrastructure(bench):
    done = bench("run", "-t", "37", "--offline", "--json")
    assert done.code == 1, done.err
    (row,) = read("results/failures.csv").to_dict("records")
    assert (row["task_id"], row["cause"]) == ("openml:37", "infra")


# suites through the program


def test_a_suite_gives_its_tasks_their_folds_and_columns(bench):
    write_table(Path("a.csv"), {**regression_columns(), "g": [j % 6 for j in range(40)]})
    write_table(Path("b.csv"), class_columns())
    FILE.write_text(
        "suites:\n  mine:\n    folds: 2\n    tasks:\n"
        "      - {task: 'file:a.csv', target: y, group: g, kind: regression}\n"
        "      - {task: 'file:b.csv', target: y}\n"
        "panels:\n  two: {point: [ridge, knn], class: [logistic]}\n"
    )
    done = bench(
        "run", "-s", "mine", "--panel", "two", "-b", "regression,classification", "-e", "equal", "--json", "--inner", 2
    )
    assert done.code == 0, done.err
    table = read("results/cells.csv")
    assert table.groupby("task_id")["fold"].unique().map(sorted).to_dict() == {
        "file:a": ["0", "1"],
        "file:b": ["0", "1"],
    }
    assert set(table["panel"]) == {"", "two"}
    assert set(table.loc[table["method"] == "alone", "learner"]) == {"ridge", "knn", "logistic"}


def planned(done):
    """Return the rows of the table that a plan prints, by task."""
    assert done.code == 0, done.err
    return {line.split()[0]: line.split()[1:] for line in done.out.splitlines()[1:-1]}


def test_two_files_of_one_name_and_two_targets_of_a_file_have_names_of_their_own(bench):
    for folder in ("one", "two"):
        Path(folder).mkdir()
        write_table(Path(folder) / "t.csv", regression_columns())
    tasks = "file:one/t.csv@y,file:one/t.csv@x0,file:two/t.csv@y"
    words = ("-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 1, "--inner", 2, "-q")
    assert set(planned(bench("plan", "-t", tasks, *words[:-1]))) == {"file:one/t@y", "file:one/t@x0", "file:two/t"}
    assert bench("run", "-t", tasks, *words).code == 0
    record = json.loads(Path("results/records/tasks.json").read_text())["file:one/t@x0"]
    again = load_one(TaskSpec(**record["spec"]))
    assert again.name == "file:one/t@x0"
    words = task_flags(TaskSpec(**record["spec"]))
    assert words == ["-t", "file:one/t.csv@id=one/t@x0", "--target", "x0"]
    assert read_task(words[1]).filled_in({"target": "x0"}) == TaskSpec(**record["spec"])


def load_one(spec):
    ((_, task),) = loading.load([spec], offline=True)
    return task


def test_a_target_reaches_the_files_of_a_suite_that_name_none(bench):
    for name in ("a", "b"):
        write_table(Path(f"{name}.csv"), regression_columns())
    FILE.write_text("suites:\n  mine: {tasks: ['file:a.csv', {task: 'file:b.csv', target: x0}, 'bundled:diabetes']}\n")
    words = ("-s", "mine", "--target", "y", "--sample-rows", 30, "-b", "regression", "-l", "ridge", "-e", "equal")
    rows = planned(bench("plan", *words))
    assert {name: row[0] for name, row in rows.items()} == dict.fromkeys(
        ["file:a@rows=30", "file:b@rows=30", "bundled:diabetes@rows=30"], "30"
    )


def test_tasks_beyond_a_size_are_skipped_with_the_reason(bench):
    words = ("-b", "classification,regression", "-l", "knn", "-e", "equal", "--folds", 1, "--inner", 2, "-q")
    tasks = ("-t", "bundled:iris,bundled:wine,bundled:diabetes")
    done = bench("run", *tasks, *words, "--max-features", 10, "--max-rows", 400)
    assert done.code == 0, done.err
    assert "bundled:wine: skipped: 13 features, and --max-features is 10" in done.err
    assert "bundled:diabetes: skipped: 442 rows, and --max-rows is 400" in done.err
    cells = read(Path("results") / "cells.csv")
    held = cells[cells["board"] == "load"].set_index("task_id")
    assert held["status"].to_dict() == {"bundled:wine": "skipped", "bundled:diabetes": "skipped"}
    assert "13 features" in held.loc["bundled:wine", "detail"]
    assert bench("run", *tasks, *words).code == 0  # within no bounds they are run, and the record of the skip goes
    assert "load" not in set(read(Path("results") / "cells.csv")["board"])
    none = bench("plan", "-t", "bundled:iris", "--max-classes", 2)
    assert (none.code, "3 classes, and --max-classes is 2" in none.err) == (5, True)


def test_one_task_named_twice_is_run_once(bench):
    write_table(Path("t.csv"), regression_columns())
    words = ("--target", "y", "-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 1, "--inner", 2, "--json")
    one = bench("run", "-t", "file:t.csv", *words, "--results", "one")
    two = bench("run", "-t", "file:t.csv,file:t.csv", *words, "--results", "two")
    assert two.code == 0, two.err
    assert two.json["planned"] == one.json["planned"]
