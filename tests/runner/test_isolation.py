"""Foreign code in a process of its own: what it does to that ends with it, and so does all that it started."""

from __future__ import annotations

import functools
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import makers
import numpy as np
import psutil
import pytest
from makers.jobs import MB, Call, base_memory, dies, double, for_ever, run

from bench.runner.executors import inbox, local, process_tree
from bench.runner.options import Limits

HOSTILE = functools.partial(Call, name="bad", is_foreign=True)
GOOD = Call((double,), name="good")
FINE = [("item", 42), ("done", None)]


class Theirs:
    """A class that the program does not know as one of its records."""

    def __reduce__(self):
        return (os.system, ("touch run-by-the-parent",))


def patches(_):
    random.random = np.random.default_rng = np.mean = None
    signal.alarm(1)
    os.chdir("/")
    return os.getpid()


def state(_):
    return random.random is not None, np.random.default_rng is not None, signal.alarm(0), str(Path.cwd())


def answers_with_theirs(_):
    return Theirs()


def stops_itself(_):
    os.kill(os.getpid(), signal.SIGSTOP)


def aborts(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def kills_its_parent(_):
    os.kill(os.getppid(), signal.SIGKILL)
    for_ever(_)


def sockets():
    """Descriptors of this process that are sockets: the pipe to the program is one of them."""
    return [fd for fd in range(256) if Path(f"/proc/self/fd/{fd}").is_socket()]


def sends(content, _):
    for descriptor in sockets():
        os.write(descriptor, content)
    for_ever(_)


def leaves_a_child(how, folder, _):
    """Start a process that never ends, note its number, and return at once."""
    script = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(3600)"
    words = [sys.executable, "-S", "-c", script, f"{folder}/{how}.txt"]
    if how == "twice":
        subprocess.run(["/bin/sh", "-c", '"$@" & ', "sh", *words], check=True, stdin=subprocess.DEVNULL)
    else:
        subprocess.Popen(words, start_new_session=how == "session", close_fds=how != "pipe")
    while not (Path(folder) / f"{how}.txt").is_file() or not (Path(folder) / f"{how}.txt").read_text():
        time.sleep(0.01)
    return 42


def moves_from_process_to_process(folder, _):
    """Start processes that each live until they have a child; all of them have a pipe open, and end some day."""
    os.open(f"{folder}/alive", os.O_RDWR)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end = time.monotonic() + 20
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            while time.monotonic() < end and not os.fork():
                time.sleep(0.005)
            os._exit(0)
    for_ever(_)


def child_takes_memory(size, _):
    subprocess.run([sys.executable, "-S", "-c", f"kept = b'x' * {size}; import time; time.sleep(3600)"], check=True)


def starts_slowly():
    time.sleep(1.2)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before and p.status() != "zombie"]
    assert [" ".join(p.cmdline()) for p in left if "multiprocessing" not in " ".join(p.cmdline())] == []


def test_what_foreign_code_changes_is_gone_with_its_process():
    jobs = [HOSTILE((patches,)), Call((state,), name="next", is_foreign=True), Call((state,), name="ours")]
    reported = run(jobs)
    here = str(Path.cwd())
    assert reported["next"] == reported["ours"] == [("item", (True, True, 0, here)), ("done", None)]


def test_every_foreign_job_has_a_process_of_its_own():
    reported = run([Call((patches,), name=str(j), is_foreign=True) for j in range(3)])
    assert len({events[0][1] for events in reported.values()}) == 3


@pytest.mark.parametrize("how", ["plain", "session", "twice", "pipe"])
def test_children_end_with_the_job(how, tmp_path):
    """Those that were forked twice, that have a session of their own, and that hold the pipe open, too."""
    reported = run([HOSTILE((functools.partial(leaves_a_child, how, str(tmp_path)),)), GOOD])
    assert reported == {"bad": FINE, "good": FINE}
    assert not psutil.pid_exists(int((tmp_path / f"{how}.txt").read_text()))


@pytest.mark.parametrize("how", ["plain", "session", "twice"])
@pytest.mark.parametrize("end", [dies, for_ever, kills_its_parent])
def test_children_end_when_the_worker_is_lost(how, end, tmp_path, capfd):
    leave = functools.partial(leaves_a_child, how, str(tmp_path))
    reported = run([HOSTILE((leave, end)), GOOD], limits=Limits(seconds=1.5))
    assert [kind for kind, _ in reported["bad"]] == ["item", "timeout" if end is for_ever else "crashed"]
    assert reported["good"] == FINE
    assert not psutil.pid_exists(int((tmp_path / f"{how}.txt").read_text()))


def test_what_forks_faster_than_it_can_be_looked_at_is_ended(tmp_path):
    os.mkfifo("alive")
    move = functools.partial(moves_from_process_to_process, str(tmp_path))
    reported = run([HOSTILE((move,)), GOOD], limits=Limits(seconds=0.5))
    assert [kind for kind, _ in reported["bad"]] == ["timeout"]
    assert reported["good"] == FINE
    pipe = os.open("alive", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(pipe, 1) == b""  # an error would say that somebody holds the other end
    os.close(pipe)


@pytest.mark.parametrize(
    ("function", "kind", "why"),
    [
        (stops_itself, "timeout", "longer than --time-limit (1 s)"),
        (aborts, "crashed", "died (SIGSEGV)"),
        (answers_with_theirs, "crashed", "sent what is no result"),
        (functools.partial(sends, b"\x00\x00\x00\x05hello"), "crashed", "sent what is no result"),
        (functools.partial(sends, b"\xff" * 64), "crashed", "its size is impossible"),
        (functools.partial(sends, b"\x00\x00\xff\xff"), "timeout", "longer than --time-limit"),
    ],
)
def test_what_foreign_code_does_to_its_process_is_said_of_its_job_alone(function, kind, why, capfd):
    reported = run([HOSTILE((double, function, double)), GOOD], limits=Limits(seconds=1))
    assert [each for each, _ in reported["bad"]] == ["item", kind]
    assert why in reported["bad"][-1][1]
    assert reported["good"] == FINE
    assert not Path("run-by-the-parent").exists()


def test_the_memory_of_children_counts():
    limits = Limits(memory=base_memory() + 200 * MB)
    reported = run([HOSTILE((functools.partial(child_takes_memory, 400 * MB),)), GOOD], limits=limits)
    assert [kind for kind, _ in reported["bad"]] == ["oom"]
    assert reported["good"] == FINE


def test_starting_is_no_part_of_a_fit():
    assert run([HOSTILE((double,))], limits=Limits(seconds=0.8), start=starts_slowly) == {"bad": FINE}


def test_a_process_that_never_begins_is_lost(monkeypatch):
    monkeypatch.setattr(local, "STARTING_SECONDS", 0.5)
    reported = run([HOSTILE((double,)), GOOD], start=functools.partial(time.sleep, 3600))
    assert reported["bad"] == [("timeout", "its process did not begin within 0.5 s")]
    assert reported["good"] == FINE


def test_what_is_printed_is_capped_counted_and_text():
    checked = "[('item', 42), ('done', None)]"
    script = f"from makers.jobs import *; assert run([Call((prints,), is_foreign=True)]) == {{'': {checked}}}"
    places = os.pathsep.join([str(Path(makers.__file__).parent.parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": places},
    )
    assert done.stdout == ""
    assert len(done.stderr) < 10**5
    assert "bench: a worker printed 19" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\\x1b[31m" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_only_strays_of_another_session_are_ended():
    process_tree.adopt_orphans()
    words = [sys.executable, "-S", "-c", "import time; time.sleep(3600)"]
    known = subprocess.Popen(words, start_new_session=True)
    before = process_tree.children()
    ours, stray = subprocess.Popen(words), subprocess.Popen(words, start_new_session=True)
    try:
        process_tree.end_adopted(before)
        assert (known.poll(), ours.poll()) == (None, None)
        assert not psutil.pid_exists(stray.pid)
    finally:
        process_tree.adopt_orphans(wanted=False)
        for process in (known, ours, stray):
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", ["replace", "fields", "math.factorial", "Mapping", "nothing", "ALWAYS_RETRIED"])
def test_of_the_records_nothing_but_records_is_read(name):
    written = b"cbench.runner.records\n" + name.encode() + b"\n."
    with pytest.raises(pickle.UnpicklingError, match="is no class of a record"):
        inbox._Reader(io.BytesIO(written)).load()
