"""The commands `compare` and `baseline save`, and the GitHub action: exit codes, where output goes, who is called."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from makers import Done

from bench.cli import comparing, print_error

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def _program():
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(comparing.compare)
    app.add_typer(comparing.baseline, name="baseline")
    return app


@pytest.fixture
def call(capsys):
    """Call a command as `bench` does, its errors explained."""

    def called(*words):
        capsys.readouterr()
        try:
            code = _program()([str(word) for word in words], standalone_mode=False)
        except Exception as error:  # noqa: BLE001 - as the program does
            code = print_error(error)
        out, err = capsys.readouterr()
        return Done(int(code or 0), out, err)

    return called


@pytest.fixture
def tables(tmp_path):
    """Paths of score tables: as it was, the same with noise, one method worse, one method gone, and of other tasks."""
    rng = np.random.default_rng(0)
    rows = [(f"t{t}", m, "macro_f1", 0.5 + 0.01 * t) for t in range(12) for m in ("equal", "greedy", "median")]
    was = pd.DataFrame(rows, columns=["task", "method", "metric", "value"]).assign(board="classification")
    greedy = was["method"] == "greedy"
    made = {
        "was": was,
        "noise": was.assign(value=was["value"] + rng.normal(scale=1e-4, size=len(was))),
        "worse": was.assign(value=was["value"] - np.where(greedy, 0.05, 0.0)),
        "gone": was[~greedy],
        "collapsed": was.assign(value=was["value"].where(~(greedy & (was["task"] == "t5")), 0.06)),
        "other": was.assign(task="x" + was["task"]),
        "empty": was[:0],
    }
    for name, table in made.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: tmp_path / f"{name}.csv" for name in made}


RULE = ("--fail-on", "macro_f1:-1%")


@pytest.mark.parametrize(
    ("new", "words", "code", "says"),
    [
        ("was", RULE, 0, ""),
        ("noise", RULE, 0, ""),
        ("worse", (), 0, ""),
        ("gone", (), 0, ""),
        ("worse", RULE, 3, "regression found: classification greedy is worse in macro_f1"),
        (
            "collapsed",
            RULE,
            3,
            "greedy is worse in macro_f1 on one task by more than rule 'macro_f1:20% by default' allows",
        ),
        ("collapsed", (*RULE, "--fail-any", "none"), 3, "cannot tell it from noise; --unclear warn lets that pass"),
        ("collapsed", (*RULE, "--fail-any", "none", "--unclear", "warn"), 0, ""),
        ("collapsed", ("--fail-on", "none"), 0, ""),
        ("worse", ("--fail-on", ""), 2, "--fail-on is empty"),
        ("worse", ("--fail-on", " , "), 2, "--fail-on is empty"),
        ("was", (*RULE, "--noise", ""), 2, "--noise is empty"),
        ("was", (*RULE, "--report", "html=x"), 2, "--report 'html=x' cannot be read"),
        ("worse", ("--fail-on", "rmse:1%,macro_f1:1%"), 5, "rule 'rmse:1%' selects nothing"),
        ("gone", RULE, 4, "cannot compare: rule 'macro_f1:-1%' needs 6 paired tasks"),
        ("was", (*RULE, "--min-pairs", "13"), 4, "needs 13 paired tasks"),
        ("other", (), 4, "no score of BASE has a partner in NEW"),
        ("empty", RULE, 4, "cannot compare"),
        ("was", ("--fail-on", "nope:1%"), 5, "nothing selected"),
        ("was", ("-b", "nope"), 5, "unknown board 'nope'"),
        ("was", ("--fail-on", "macro_f1"), 2, "rule 'macro_f1' cannot be read"),
        ("was", ("--confidence", "95"), 2, "confidence 95"),
        ("was", ("--noise", "much"), 2, "much"),
        ("was", ("--format", "html"), 2, "html"),
        ("was", ("--min-pairs", "0"), 2, "min-pairs"),
    ],
)
def test_exit_codes(call, tables, new, words, code, says):
    done = call("compare", tables["was"], tables[new], *words)
    assert done.code == code, done.err
    assert says in done.err
    assert len(done.err.splitlines()) == (1 if code else 0)
    assert (done.out == "") == (code == 2)


def test_files_that_are_not_there_are_a_mistake(call, tables, tmp_path):
    for words in (("nope", tables["was"]), (tables["was"], tmp_path), ("git:nope", tables["was"])):
        done = call("compare", *words)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_the_table_shows_verdicts_and_what_is_missing(call, tables):
    done = call("compare", tables["was"], tables["worse"], *RULE)
    assert done.out.splitlines()[0].startswith("regression found: classification greedy")
    line = next(line for line in done.out.splitlines() if "worse, fails" in line)
    assert "greedy" in line
    assert "1.00 %" in line
    gone = call("compare", tables["was"], tables["gone"])
    assert "missing in NEW: method greedy (classification), 12 scores on 12 tasks" in gone.out


@pytest.mark.parametrize("form", ["table", "markdown", "junit", "json", "github", "summary"])
def test_every_format_goes_to_stdout_or_into_a_file(call, tables, tmp_path, form):
    words = ("compare", tables["was"], tables["worse"], *RULE, "--format", form)
    shown, written = call(*words), call(*words, "--output", tmp_path / "deep" / "report")
    assert shown.code == written.code == 3
    assert written.out == ""
    assert (tmp_path / "deep" / "report").read_text(encoding="utf-8") == shown.out
    assert "greedy" in shown.out
    parsed = {"json": json.loads, "junit": ET.fromstring}
    parsed.get(form, str)(shown.out)


def test_json_is_one_object_on_one_line(call, tables):
    done = call("compare", tables["was"], tables["worse"], *RULE, "--format", "json")
    assert done.json["counts"] == {"worse": 1, "better": 0, "equivalent": 2, "unclear": 0}
    assert done.json["exit_code"] == 3
    (worse,) = (row for row in done.json["verdicts"] if row["fails"])
    assert worse["method"] == "greedy"
    assert worse["lo"] <= worse["change"] <= worse["hi"] < 0


def test_a_baseline_is_saved_and_compared_with(call, tables, tmp_path):
    file = tmp_path / "kept.json"
    done = call("baseline", "save", tables["was"], "-o", file)
    assert (done.code, done.out) == (0, "")
    assert f"{file.stat().st_size} bytes" in done.err
    first = file.read_bytes()
    assert call("baseline", "save", tables["was"], "-o", file).code == 0
    assert file.read_bytes() == first
    assert call("compare", file, tables["was"], *RULE).code == 0
    assert call("compare", file, tables["worse"], *RULE).code == 3
    assert call("baseline", "save", tables["was"], "-o", tmp_path / "kept.yaml").code == 2
    assert call("baseline", "save", tables["empty"], "-o", file).code == 2
    assert call("baseline", "save", tables["was"], "--metric", "nope", "-o", file).code == 2
    assert file.read_bytes() == first


def test_help_needs_nothing_heavy():
    script = (
        "import sys, typer\nfrom bench.cli import comparing\n"
        "app = typer.Typer()\napp.command()(comparing.compare)\napp.add_typer(comparing.baseline, name='baseline')\n"
        "try:\n    app(['compare', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'numpy', 'pandas', 'scipy', 'bench.report.comparison'} & set(sys.modules)\n"
    )
    subprocess.run([os.sys.executable, "-c", script], check=True, capture_output=True)


# the action


def _yaml(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_action_is_well_formed():
    action = _yaml("action.yml")
    assert action["runs"]["using"] == "composite"
    assert {"base", "new", "fail-on", "comment"} <= set(action["inputs"])
    assert action["inputs"]["base"]["required"]
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "values reach a script through its environment, never by substitution"
        assert "uses" in step or step["shell"] == "bash"
        assert "uses" not in step or PINNED.fullmatch(step["uses"])
    known = {f"inputs.{name}" for name in action["inputs"]}
    assert set(re.findall(r"inputs\.[\w-]+", json.dumps(action))) == known


def test_the_example_workflow_uses_the_action_as_it_is():
    flow, inputs = _yaml(".github/workflows/example-compare.yml"), _yaml("action.yml")["inputs"]
    assert flow["permissions"] == {}
    (job,) = flow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert uses[-1] == "./"
    assert all(PINNED.fullmatch(name) for name in uses[:-1])
    assert set(job["steps"][-1]["with"]) <= set(inputs)
    for step in job["steps"]:
        assert "${{" not in step.get("run", "")
    from bench.report.comparison import rule

    for text in job["steps"][-1]["with"]["fail-on"].split():
        rule(text)


FAKE_BENCH = """#!/bin/bash
printf '%s\\n' "$@" >> "$CALLS"
while [ $# -gt 0 ]; do
  if [ "$1" = --report ] && [ "$FAKE_CODE" != 2 ]; then echo "# verdict" > "${2#*=}"; fi
  shift
done
echo "::notice title=bench compare::seen"
exit "$FAKE_CODE"
"""
FAKE_GH = """#!/bin/bash
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in *--paginate*) printf '%s' "$FOUND" ;; *viewer*) printf 'bench-bot' ;; esac
"""


@pytest.fixture
def step(tmp_path):
    """Run the script of a step of the action with programs that only note how they are called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("bench", FAKE_BENCH), ("gh", FAKE_GH)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    files = {name: str(tmp_path / name) for name in ("CALLS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    steps = {step["name"]: step["run"] for step in _yaml("action.yml")["runs"]["steps"]}

    def run(name, **variables):
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path), **files, **variables}
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps[name]]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        calls = Path(files["CALLS"]).read_text().splitlines() if Path(files["CALLS"]).exists() else []
        return Done(done.returncode, done.stdout, done.stderr), calls

    return run


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5])
def test_the_action_compares_and_says_so(step, tmp_path, code):
    done, calls = step(
        "Compare", BASE="git:main", NEW="my results", FAIL_ON="macro_f1:0.5%\n\n  \nquantile/wis:1%\n",
        ARGUMENTS="--min-pairs 8 --method 'my scheme'", FAKE_CODE=str(code),
    )  # fmt: skip
    assert done.code == 0, done.err
    folder = tmp_path / "bench-compare"
    words = ["--min-pairs", "8", "--method", "my scheme", "--fail-on", "macro_f1:0.5%", "--fail-on", "quantile/wis:1%"]
    files = ["--report", f"summary={folder}/summary.md", "--report", f"junit={folder}/junit.xml"]
    assert calls == ["compare", *words, "--format", "github", *files, "--", "git:main", "my results"]
    outputs = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    assert outputs["exit-code"] == str(code)
    summary = tmp_path / "GITHUB_STEP_SUMMARY"
    assert summary.exists() == (code != 2)
    assert ("::error" in done.out) == (code == 2)
    assert Path(outputs["summary"]).exists() == summary.exists()


@pytest.mark.parametrize(("fail_on", "words"), [
    ("none\n", ["--fail-on", "none"]), ("  none", ["--fail-on", "none"]), ("", ["--fail-on", ""]),
    (" \n", ["--fail-on", ""]), ("'a b:1%'\nf 1:2%", ["--fail-on", "a b:1%", "--fail-on", "f 1:2%"]),
    ("'a:1%' \"b:2%\"", ["--fail-on", "a:1%", "--fail-on", "b:2%"]), ("don't:1%", ["--fail-on", "don't:1%"]),
])  # fmt: skip
def test_the_action_hands_on_its_rules(step, fail_on, words):
    """A variable that is not set is passed on as an empty rule, which bench refuses."""
    done, calls = step("Compare", BASE="a", NEW="b", FAIL_ON=fail_on, ARGUMENTS="", FAKE_CODE="0")
    assert done.code == 0, done.err
    assert calls[: calls.index("--format")] == ["compare", *words]


def test_the_action_hands_on_arguments_of_several_lines(step):
    arguments = "--min-pairs 8\r\n--fail-on 'acc:1%' \\\n  --by task\n"
    done, calls = step("Compare", BASE="a", NEW="b", FAIL_ON="f1:1%", ARGUMENTS=arguments, FAKE_CODE="0")
    assert done.code == 0, done.err
    words = ["--min-pairs", "8", "--fail-on", "acc:1%", "--by", "task", "--fail-on", "f1:1%"]
    assert calls[: calls.index("--format")] == ["compare", *words]


def test_the_action_refuses_a_quote_that_is_not_closed(step):
    for fail_on, arguments in (("none", "--method 'a"), ("'macro_f1:1%", "")):
        done, calls = step("Compare", BASE="a", NEW="b", FAIL_ON=fail_on, ARGUMENTS=arguments, FAKE_CODE="0")
        assert done.code == 2
        assert calls == []
        assert "a quote is not closed" in done.out


LIGHT = """
import importlib.metadata, runpy, sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"{name} is not in requirements/gate.txt", name=name.split(".")[0])


HEAVY = set(sys.argv.pop(1).split(","))
sys.meta_path.insert(0, Blocked())
sys.argv[0] = "bench"
runpy.run_module("bench", run_name="__main__")
"""


@pytest.fixture
def light(tables, tmp_path):
    """Call bench where only requirements/gate.txt is installed."""
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "gate.txt").read_text(), re.MULTILINE))
    every = importlib.metadata.packages_distributions()
    heavy = {
        module for module, names in every.items() if not {name.lower().replace("_", "-") for name in names} & locked
    }
    heavy -= {"bench", "_virtualenv", "_distutils_hack", "pytest_cov"}
    assert {"scipy", "sklearn", "lightgbm", "openml", "pyarrow", "matplotlib"} <= heavy
    (tmp_path / "light.py").write_text(LIGHT)
    files = {path.name: str(path) for path in tables.values()}

    def call(*words):
        return subprocess.run(
            [sys.executable, tmp_path / "light.py", ",".join(heavy), *(files.get(word, word) for word in words)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


@pytest.mark.parametrize(("words", "code"), [
    (("compare", "was.csv", "worse.csv", "--fail-on", "macro_f1:0.5%"), 3),
    (("compare", "was.csv", "was.csv", "--by", "task", "--format", "junit"), 0),
    (("baseline", "save", "was.csv", "-o", "b.json"), 0),
    (("list", "metrics"), 0), (("list", "panels"), 0),
])  # fmt: skip
def test_a_gate_imports_nothing_beyond_its_own_requirements(light, words, code):
    done = light(*words)
    assert done.returncode == code, done.stderr


def test_what_a_light_installation_lacks_is_said_in_one_line(light):
    done = light("leaderboard", "was.csv")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "this command needs scipy" in done.stderr


@pytest.mark.parametrize(("found", "way"), [("", "--method POST"), ("77\n78\n", "--method PATCH")])
def test_the_action_writes_one_comment(step, tmp_path, found, way):
    folder = tmp_path / "bench-compare"
    folder.mkdir()
    (folder / "summary.md").write_text("# verdict\n")
    done, calls = step(
        "Comment on the pull request", GH_TOKEN="x", REPOSITORY="o/r", NUMBER="5",  # noqa: S106
        SUMMARY=str(folder / "summary.md"), FOUND=found,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert ".user.login == env.AUTHOR" in calls[1]
    assert way in calls[2]
    assert ("issues/comments/77" in calls[2]) == bool(found)
    assert (folder / "comment.md").read_text() == "<!-- bench compare -->\n# verdict\n"
    nothing, _ = step("Comment on the pull request", SUMMARY="nope", GH_TOKEN="x", REPOSITORY="o/r", NUMBER="5")  # noqa: S106
    assert nothing.code == 0


def test_the_action_passes_or_fails_with_the_code(step):
    assert [step("Pass or fail", CODE=str(code))[0].code for code in (0, 3, 4)] == [0, 3, 4]
