"""Runs whose processes are killed, whose disk fills up and whose files are damaged: in the end nothing is to be seen.

SOAK_SEEDS=20 asks for so many soaks with other moments and other victims; CI runs one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from makers import PROGRAM, bytes_of
from makers.clusters import Cluster
from makers.runs import PLUGIN, cells

from bench.runner.store import Store

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

SEEDS = range(int(os.environ.get("SOAK_SEEDS", "1")))
ROUNDS = (
    ("near", "worker", "server", "program"),
    ("far", "fit", "machine", "program"),
    ("near", "supervisor", "tracker", "disk"),
    ("far", "scheduler", "disk"),
)
"""Where each run runs, on this machine or on a cluster of dask, and what is struck while it does."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
MARK = "SOAK_RUN"
"""Variable by which all processes of a run are found, whoever is their parent by then."""
WORDS = (
    "--target", "y", "-l", "ridge,knn,ridge:alpha=9,endless,glutton,good-one", "-w", "balanced",
    "-e", "core,good", "--folds", "4", "--inner", "2", "--time-limit", "3s",
    "--mem-limit", "350MB", "-j", "2", "--plugin", "theirs.py", "-v", "-q",
)  # fmt: skip
THEIRS = """
enter("good_one")

def enter_one(kind, name, fit):
    def make(target, seed):
        return Model(target.width, fit)
    make.__name__, make.__doc__ = name, f"{name}."
    learner(kind, encoding="scaled", weights=True)(make)

enter_one("point", "endless", loops)
enter_one("class", "glutton", hogs)
"""
RESULTS = Path("disk/results")
SHELL = ("/bin/sh", "-c")


@pytest.fixture
def disk():
    """A disk of its own, which can be filled; only root can mount one, and elsewhere it is a folder."""
    place = Path("disk")
    place.mkdir()
    is_mounted = os.geteuid() == 0 and not subprocess.call([*SHELL, "mount -t tmpfs -o size=64m none disk"])
    yield is_mounted
    if is_mounted:
        subprocess.check_call([*SHELL, "umount -l disk"])


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster", {MARK: str(tmp_path)}) as cluster:
        cluster.start_scheduler()
        cluster.start_workers(2, "--no-nanny")
        yield cluster
    assert lasting(str(tmp_path)) == []


def lasting(mark):
    """Return what is left of the processes with a mark, once those that are about to end have had the time to."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return [(process, process.cmdline()) for process in psutil.wait_procs(found, timeout=20)[1]]


def processes_of(parent):
    """Return what works for a process, by what it is; the parent of a worker is its supervisor."""
    words = {child: " ".join(child.cmdline()) for child in parent.children()}
    servers = [child for child, command in words.items() if "forkserver" in command]
    supervisors = [child for server in servers for child in server.children()]
    return {
        "server": servers,
        "tracker": [child for child, command in words.items() if "resource_tracker" in command],
        "supervisor": supervisors,
        "worker": [child for each in supervisors for child in each.children()],
    }


@dataclass
class Soak:
    """A results directory in which runs are begun and struck; `struck` says what was, `sound` what need not be redone.

    The latter holds the number of the file of notes by the key of its fit.
    """

    words: list[str]
    cluster: Cluster
    rng: np.random.Generator
    struck: set[str] = field(default_factory=set)
    sound: dict[str, int] = field(default_factory=dict)

    def run(self, number, place, targets):
        """Begin a run, and strike each target in turn after some events; return its exit code and what it said."""
        where = ("--executor", "dask", "--address", self.cluster.address) if place == "far" else ()
        command, environment = (
            [PROGRAM, *self.words, *where, "--results", RESULTS],
            {**os.environ, MARK: f"{Path.cwd()} {number}"},
        )
        waiting, said, left = list(targets), [], int(self.rng.integers(1, 12))
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, text=True, env=environment, start_new_session=True) as run:
            for line in run.stderr:
                said.append(line)
                left -= 1
                if waiting and left <= 0 and self.strike(waiting[0], run):
                    self.struck.add(waiting.pop(0))
                    left = int(self.rng.integers(1, 12))
            code = run.wait(120)
        assert lasting(environment[MARK]) == []
        self.keep_what_is_sound()
        return code, "".join(said)

    def strike(self, target, run):
        """Strike, and return whether there was something to be struck; what has ended by itself was not."""
        if target == "program":
            run.send_signal(SIGNALS[self.rng.integers(len(SIGNALS))])
        elif target == "disk":
            fill(RESULTS.parent / "filler")
        elif target == "scheduler":
            for process in (self.cluster.scheduler, *self.cluster.workers):
                end_alone(process)
            self.cluster.workers.clear()
            self.cluster.start_scheduler()
            self.cluster.start_workers(2, "--no-nanny")
        elif target == "machine":
            end_alone(self.cluster.workers.pop(0))
            self.cluster.start_workers(1, "--no-nanny")
        else:
            parents, kind = ([run], target) if target != "fit" else (self.cluster.workers, "worker")
            try:
                found = [each for parent in parents for each in processes_of(psutil.Process(parent.pid))[kind]]
                found[self.rng.integers(len(found))].kill()
            except (psutil.NoSuchProcess, ValueError):
                return False
        return True

    def keep_what_is_sound(self):
        """See that what was sound before a run is the very same after it."""
        store = Store(RESULTS / "store")
        now = {
            key: (store.folder(key) / "meta.json").stat().st_ino for key in store.entry_keys() if not store.fault(key)
        }
        assert self.sound.items() <= now.items()
        self.sound = now

    def damage(self):
        """Flip a bit of some records and arrays, or cut them short."""
        records, arrays = sorted(RESULTS.glob("records/*/*.json")), sorted(RESULTS.glob("store/*/*/*.npy"))
        chosen = [each for files in (records, arrays) for each in self.rng.permutation(files)[: -(-len(files) // 4)]]
        for path in chosen:
            content = bytearray(path.read_bytes())
            at = int(self.rng.integers(len(content)))
            if self.rng.integers(2):
                content[at] ^= 1 << int(self.rng.integers(8))
            else:
                del content[at:]
            path.write_bytes(content)
            self.sound.pop(path.parent.name, None)


def fill(filler):
    """Write until nothing more fits."""
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def end_alone(process):
    """Kill a process, and none of its children: those must see for themselves that it is gone."""
    process.kill()
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_struck_again_and_again_ends_as_if_nothing_had_been(tmp_path, reg, cls, disk, cluster, seed):
    (tmp_path / "theirs.py").write_text(PLUGIN + THEIRS)
    words = ["run", *map(str, (*reg[:2], *cls[:2])), *WORDS]
    calm = subprocess.run([PROGRAM, *words, "--results", "calm"], capture_output=True, text=True, check=False)
    assert calm.returncode == 1, calm.stderr
    soak = Soak(words, cluster, np.random.default_rng(seed))
    for number, (place, *targets) in enumerate(ROUNDS):
        _, said = soak.run(number, place, [each for each in targets if disk or each != "disk"])
        assert "Traceback" not in said
        (RESULTS.parent / "filler").unlink(missing_ok=True)
        soak.damage()
    assert soak.struck == {target for _, *targets in ROUNDS for target in targets} - {*([] if disk else ["disk"])}
    code, said = soak.run(len(ROUNDS), "near", [])
    assert (code, "no sound record" in said) == (1, True), said
    found, expected = bytes_of(RESULTS, "calm")
    assert found == expected
    table = cells(RESULTS)
    assert not table.duplicated(["board", "task_id", "panel", "repeat", "fold", "learner", "method"]).any()
    assert len(table) == len(cells("calm"))
    assert set(table["status"]) == {"ok", "timeout", "oom", "skipped"}
    assert not list(Path().rglob("*.tmp"))
