"""A run whose processes are killed again and again, with learners that hang and hog: it ends as if nothing had been."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from makers import PROGRAM, bytes_of
from makers.runs import PLUGIN, cells

TARGETS = ("program", "worker", "supervisor", "server")
WORDS = (
    "-l", "ridge,knn,ridge:alpha=9,hog,looper,good-one", "-w", "balanced", "-e", "greedy,log-stack,qp-simplex,good",
    "--inner", "2", "--time-limit", "2s",
    "--mem-limit", "700MB", "-j", "2", "--plugin", "theirs.py", "-v", "-q",
)  # fmt: skip


def processes_of(program):
    """Return the processes of a run that can be killed, by what they are; a worker's parent is its supervisor."""
    server = [child for child in program.children() if "forkserver" in " ".join(child.cmdline())]
    supervisors = [child for each in server for child in each.children()]
    workers = [child for each in supervisors for child in each.children()]
    return {"program": [program], "server": server, "supervisor": supervisors, "worker": workers}


def killed_run(words, target, after):
    """Start a run, kill one of its processes once so many events were said, and return its exit code."""
    with subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        for said, _ in enumerate(run.stderr):
            if said != after:
                continue
            with contextlib.suppress(psutil.Error, IndexError):  # it may have ended by itself
                processes_of(psutil.Process(run.pid))[target][-1].send_signal(signal.SIGKILL)
        return run.wait(120)


@pytest.mark.slow
def test_random_kills_change_nothing(tmp_path, reg, cls):
    (tmp_path / "theirs.py").write_text(PLUGIN + "\nenter('good_one')\n")
    words = ["run", *map(str, (*reg[:2], *cls[:2])), "--target", "y", *WORDS, "--folds", "2"]
    calm = subprocess.run([PROGRAM, *words, "--results", "calm"], capture_output=True, text=True, check=False)
    assert calm.returncode == 1, calm.stderr
    rng = np.random.default_rng(16)
    codes = [killed_run(words, TARGETS[round_ % 4], int(rng.integers(3, 40))) for round_ in range(8)]
    assert -signal.SIGKILL in codes
    last = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)
    assert last.returncode == 1, last.stderr
    found, expected = bytes_of("results", "calm")
    assert found == expected
    table = cells()
    identity = ["board", "task_id", "panel", "repeat", "fold", "learner", "method"]
    assert not table.duplicated(identity).any()
    assert len(table) == len(cells("calm"))
    assert set(table["status"]) == {"ok", "timeout", "oom", "skipped"}
    left = [p.info for p in psutil.process_iter(["pid", "cwd", "cmdline"]) if p.info["cwd"] == str(tmp_path)]
    assert [each for each in left if each["pid"] != os.getpid() and "pytest" not in " ".join(each["cmdline"])] == []
    assert not list(Path().rglob("*.tmp"))
