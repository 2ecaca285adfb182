"""What an interrupt leaves behind, and how a run is resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from makers import PROGRAM, bytes_of, read
from makers.runs import SMALL, cells


@pytest.fixture
def gated(reg, plugin):
    """Start a run that waits in the middle of its second split, and say how to go on."""
    words = ("run", *reg, "-b", "regression", "-l", "ridge,gate", *SMALL, "-e", "greedy,qp-simplex", *plugin)
    os.mkfifo("gate")
    os.mkfifo("reached")
    started = []

    def tell_the_end(process):
        """Let nobody wait for a run that ended before it reached the gate."""
        process.wait()
        with contextlib.suppress(OSError):  # nobody waits any more
            Path("reached").write_text("ended")

    def start():
        # Files, not pipes: the workers of a killed program would keep a pipe open.
        with Path("err.txt").open("w") as err:
            process = subprocess.Popen(
                [PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=err, start_new_session=True
            )
        watch = threading.Thread(target=tell_the_end, args=(process,), daemon=True)
        watch.start()
        started.append((process, watch))
        if Path("reached").read_text() != "reached":
            pytest.fail(f"the run ended by itself: {Path('err.txt').read_text()}")
        return process, psutil.Process(process.pid).children(recursive=True)

    yield start, words
    for process, watch in started:
        process.kill()
        process.wait(60)
        reader = os.open("reached", os.O_RDONLY | os.O_NONBLOCK)
        watch.join(60)
        os.close(reader)


def release(children):
    """Let a worker that waits at the gate go on, and wait until no process of the run is left."""
    with contextlib.suppress(OSError):  # nobody waits there
        os.close(os.open("gate", os.O_WRONLY | os.O_NONBLOCK))
    _, alive = psutil.wait_procs(children, timeout=30)
    Path("gate").unlink()
    return alive


def resumed(bench, words):
    """Resume here, and return what that run did, its bytes, and those of a run that was never interrupted."""
    done = bench(*words)
    assert done.code == 0, done.err
    clean = bench(*words, "--results", "clean")
    return done, clean, *bytes_of("results", "clean")


def test_a_directory_in_use_is_refused_and_a_killed_run_is_resumed_to_the_same_bytes(bench, gated):
    start, words = gated
    process, children = start()
    refused = bench(*words, "-q")
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 1
    assert "another --results" in refused.err
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert release(children) == []
    done, clean, found, expected = resumed(bench, words)
    assert 0 < done.json["fitted"] < clean.json["fitted"]
    assert found == expected


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_valid_tables_and_is_resumed(bench, gated, sent, code):
    """Ctrl-C reaches the whole group, as in a terminal; a request to end reaches the program alone."""
    start, words = gated
    process, children = start()
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.send_signal(sent)
    assert process.wait(60) == code
    assert "Traceback" not in Path("err.txt").read_text()
    assert release(children) == []
    table = cells()
    assert set(table["fold"]) == {"0"}
    assert set(table["status"]) == {"ok"}
    assert len(read("results/leaderboard.csv"))
    assert Path("results/manifest.json").is_file()
    done, clean, found, expected = resumed(bench, words)
    assert 0 < done.json["fitted"] < clean.json["fitted"]
    assert done.json["weighed"] < clean.json["weighed"]
    assert found == expected


CTRL_C_WHILE_IT_IMPORTS = """
import os, signal
from multiprocessing import forkserver

from bench.runner.executors.fork_server import start_server

start_server()
assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
server = forkserver._forkserver._forkserver_pid
os.kill(server, signal.SIGINT)
forkserver._forkserver._stop()  # waits until it has imported everything and has seen that nobody needs it
"""


def test_ctrl_c_does_not_reach_what_workers_are_forked_from():
    words = [sys.executable, "-c", CTRL_C_WHILE_IT_IMPORTS]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_terminal_ends_a_run_as_a_request_does_unless_it_is_ignored(bench):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    assert bench("--version").code == 0
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGHUP)
    assert ended.value.code == 129
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    assert bench("--version").code == 0
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
