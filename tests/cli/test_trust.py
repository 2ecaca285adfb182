"""What lies in a working directory is data: the program, in a process of its own, imports and runs nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from makers import Done

MARK = "open('reached-' + __name__, 'w')"
HIDING = ("numpy", "yaml", "random", "pickle", "socket", "signal", "threading", "tempfile", "zstandard", "numexpr")
"""Names that the program, its libraries, or the processes that it starts look for."""
RUN = ("run", "-t", "bundled:diabetes", "-b", "regression", "-e", "equal", "--folds", 1, "--inner", 2, "--quiet")


def module(*words):
    """Run `python -m bench`, which puts the working directory on the path."""
    command = [sys.executable, "-m", "bench", *map(str, words)]
    path = os.pathsep.join(part for part in sys.path if part)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=os.environ | {"PYTHONPATH": path}
    )
    return Done(done.returncode, done.stdout, done.stderr)


def reached():
    return sorted(path.name for path in Path().glob("**/reached*"))


@pytest.mark.parametrize("words", [("list", "boards"), (*RUN, "-l", "ridge,sklearn.linear_model:Lasso")], ids=str)
def test_files_and_folders_named_as_libraries_are_not_imported(words):
    for name in HIDING:
        Path(f"{name}.py").write_text(MARK)
    for name in ("bottleneck", "torch", "bench_plugins.dist-info"):
        Path(name).mkdir()
    Path("bench_plugins.dist-info/METADATA").write_text("Name: bench-plugins\nVersion: 1\n")
    Path("bench_plugins.dist-info/entry_points.txt").write_text("[bench.plugins]\nhostile = random\n")
    done = module(*words)
    assert (done.code, reached()) == (0, []), done.err


def test_what_the_command_line_names_finds_its_neighbours(pooled):
    Path("neighbour_a.py").write_text("WORTH = 1.0")
    Path("mine_a.py").write_text(
        "from neighbour_a import WORTH\n"
        "from sklearn.linear_model import Ridge\n"
        "class Mine(Ridge):\n"
        "    def fit(self, X, y, sample_weight=None):\n"
        "        import neighbour_b\n"
        "        return super().fit(X, y, sample_weight)\n"
    )
    Path("neighbour_b.py").write_text("")
    assert pooled(*RUN, "-l", "ridge,mine_a:Mine").code == 0


@pytest.mark.parametrize("learner", ["os:system:command=touch reached", "marks:Estimator:a=1", "marks.deep:Estimator"])
def test_a_datasets_yaml_that_lies_there_names_learners_of_the_registry_alone(bench, learner):
    Path("marks.py").write_text(MARK)
    Path("datasets.yaml").write_text(f"panels: {{default: {{point: ['{learner}', ridge]}}}}")
    for command in (RUN, ("plan", *RUN[1:-1]), (*RUN, "--dry-run")):
        done = bench(*command)
        assert done.code == 2
        assert "give --datasets datasets.yaml" in done.err
    assert bench("list", "suites").code == bench(*RUN, "-l", "ridge").code == 0
    assert reached() == []


def test_a_datasets_yaml_that_the_command_line_names_may_import(bench):
    Path("named_there.py").write_text("from sklearn.linear_model import Ridge\nclass Mine(Ridge): pass")
    Path("datasets.yaml").write_text("panels: {default: {point: ['named_there:Mine', ridge]}}")
    assert bench(*RUN, "--datasets", "datasets.yaml").code == 0


def test_a_class_is_not_called_by_the_program(pooled):
    Path("called.py").write_text(
        "import os\n"
        "from sklearn.linear_model import Ridge\n"
        "class Mine(Ridge):\n"
        "    def __init__(self, alpha=1.0):\n"
        "        super().__init__(alpha=alpha)\n"
        "        open(f'reached-{os.getpid()}', 'w')\n"
    )
    assert pooled(*RUN, "-l", "ridge,called:Mine").code == 0
    assert reached()
    assert f"reached-{os.getpid()}" not in reached()


@pytest.mark.parametrize("code", ["sys.exit(0)", "raise SystemExit", "raise GeneratorExit"])
def test_a_file_that_ends_the_program_is_a_mistake_with_its_line(bench, code):
    name = f"ends_{len(code)}"
    Path(f"{name}.py").write_text(f"import sys\n\n{code}\n")
    for words in (("list", "boards", "--plugin", f"{name}.py"), (*RUN, "-l", f"{name}:Mine")):
        done = bench(*words)
        assert done.code == 2
        assert f"in line 3 of {Path.cwd() / name}.py" in done.err


def test_an_output_that_is_no_file_is_written_to(bench):
    Path("scores.csv").write_text("task,method,metric,value\n" + "".join(f"t{i},a,rmse,{i}\n" for i in range(9)))
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True)  # noqa: S607
    assert bench("compare", "scores.csv", "scores.csv", "--output", "pipe").code == 0
    assert reader.communicate(timeout=60)[0].startswith("compared, nothing gated")
    assert bench("compare", "scores.csv", "scores.csv", "--output", os.devnull).code == 0
    assert Path("pipe").is_fifo()
    assert Path(os.devnull).is_char_device()


def test_git_runs_no_program_of_a_repository(bench):
    table = "task,method,metric,value\n" + "".join(f"t{i},a,rmse,{i}\n" for i in range(9))
    Path("scores.csv").write_text(table)
    Path(".gitattributes").write_text("*.csv filter=theirs")
    who = ("-c", "user.name=x", "-c", "user.email=x@x.example")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "scores")):
        subprocess.run(["git", *words], check=True, capture_output=True)  # noqa: S607
    for name in ("core.fsmonitor", "core.pager", "filter.theirs.clean", "filter.theirs.process"):
        subprocess.run(["git", "config", name, f"touch {Path.cwd()}/reached; cat"], check=True)  # noqa: S607
    Path("scores.csv").write_text(table)
    assert bench("compare", "git:HEAD:scores.csv", "scores.csv").code == 0
    assert bench(*RUN, "-l", "ridge").code == 0
    assert reached() == []
