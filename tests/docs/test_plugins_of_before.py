"""A plug-in file written for the documented surface of before works, or is told its new name in one sentence."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = Path(__file__).with_name("plugins_of_before.md")
CODES = {
    code.partition("\n")[0].removeprefix("# "): code
    for code in re.findall(r"^```python\n(.*?)^```$", BEFORE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
}
UNCHANGED = {
    "by_rank.py": "by-rank",
    "log_share.py": "log-share",
    "max_error.py": "max-error",
    "mine.py": "inverse-loss",
}
TOLD = {
    "even_draw.py": "bench.trainings is now bench.methods.trainings",
    "huber.py": "bench.learners is now bench.methods.learners",
    "softened.py": "bench.core.clip_probabilities is now bench.clip_probabilities",
    "sqlite.py": "bench.sources is now bench.tasks.sources",
}


def _check(folder, name, code, *schemes):
    """Type `bench check` with a plug-in; return the exit code, what stands on stdout and on stderr."""
    (folder / name).write_text(code, encoding="utf-8")
    words = [sys.executable, "-m", "bench", "check", *schemes, "--plugin", name]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_every_example_of_before_is_examined():
    assert sorted(CODES) == sorted([*UNCHANGED, *TOLD])


@pytest.mark.slow
@pytest.mark.parametrize("name", UNCHANGED)
def test_it_works_unchanged(name, tmp_path):
    code, out, err = _check(tmp_path, name, CODES[name], UNCHANGED[name])
    assert (code, out) == (0, "")
    assert re.fullmatch(r"\d+ passed\n", err)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_it_is_told_its_new_name(name, tmp_path):
    code, _, err = _check(tmp_path, name, CODES[name], name.removesuffix(".py").replace("_", "-"))
    assert code == 2
    assert err == f"bench: plug-in {name!r}: {TOLD[name]}\n"


@pytest.mark.slow
def test_whoever_follows_the_sentences_arrives(tmp_path):
    """Each sentence replaces one old name; at the end the laws of the training scheme are kept."""
    code = CODES["even_draw.py"]
    for old, new in (
        ("bench.trainings ", "bench.methods.trainings "),
        ("Lesson", "FitContext"),
        ("Taught", "FittedModel"),
    ):
        status, _, err = _check(tmp_path, "even_draw.py", code, "even-draw")
        assert (status, new.strip() in err) == (2, True)
        code = code.replace(old, new)
    status, out, _ = _check(tmp_path, "even_draw.py", code, "even-draw")
    assert (status, "FitContext.teach is now FitContext.fit" in " ".join(out.split())) == (1, True)
    status, _, _ = _check(tmp_path, "even_draw.py", code.replace("lesson.teach", "lesson.fit"), "even-draw")
    assert status == 0
