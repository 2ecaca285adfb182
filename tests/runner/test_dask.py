"""`--executor dask`: the bytes of a local run, whatever dies meanwhile. Schedulers and workers are real processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from makers import PROGRAM, bytes_of, class_columns, read, regression_columns, write_table
from makers.clusters import Cluster, Machine

from bench.runner.executors import dask as executor

pytest.importorskip("distributed", reason="the extra [dask] is not installed")

PLUGIN = '''
import time
from pathlib import Path
import numpy as np
from bench.methods import class_weights
from bench.methods.learners import register

HERE = Path({folder!r})

class Gate:
    def fit(self, X, y, weight):
        if (HERE / "reached").exists():  # a named pipe: the test comes to the other end
            (HERE / "reached").write_text("reached")
            (HERE / "gate").read_text()
        self.mean = y.mean()
    def predict(self, X):
        return np.full((len(X), 1), self.mean)

class Slow(Gate):
    def fit(self, X, y, weight):
        while True:
            pass

@register("point", encoding="scaled")
def gate(target, seed):
    """Wait at the first fit."""
    return Gate()

@register("point", encoding="scaled")
def slow(target, seed):
    """Never end."""
    return Slow()

def note():
    with (HERE / "ran").open("a") as ran:
        print(Path.cwd(), file=ran)

@class_weights.register("fit")
def noting(counts, total):
    """Note where this runs."""
    note()
    return np.ones(len(counts))

class Noting(Gate):
    def fit(self, X, y, weight):
        note()
        self.mean = y.mean()

@register("point", encoding="scaled")
def where(target, seed, *, depth: int = 1):
    """Note where this runs."""
    return Noting()
'''

GATE = "gate,ridge"


@pytest.fixture
def words():
    """A small table and a plug-in, as the words of a run; the plug-in is where no worker of the cluster looks."""
    Path("plugin.py").write_text(PLUGIN.format(folder=str(Path.cwd())))
    write_table("reg.csv", regression_columns())
    table = ("-t", "file:reg.csv", "--target", "y", "--plugin", "plugin.py", "-b", "regression", "--metric", "rmse")
    return ("run", *table, "-e", "equal", "--folds", "2", "--inner", "2", "-q", "--json", "-l")


@pytest.fixture(scope="module")
def lasting_cluster(tmp_path_factory):
    """A cluster with one worker, for tests that leave it as it is."""
    with Cluster(tmp_path_factory.mktemp("lasting") / "cluster") as cluster:
        cluster.start_scheduler()
        cluster.start_workers(1, "--no-nanny")
        yield cluster


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.start_scheduler()
        yield cluster


NETWORKS = """
set -e
ip netns add $head
ip netns add $node
ip link add $head type veth peer name out netns $head
ip address add 198.18.$net.1/30 dev $head
ip link set $head up
ip -n $head address add 198.18.$net.2/30 dev out
ip -n $head link set out up
ip -n $head link set lo up
ip -n $head link add in type veth peer name out netns $node
ip -n $head address add 198.19.0.1/30 dev in
ip -n $head link set in up
ip -n $node address add 198.19.0.2/30 dev out
ip -n $node link set out up
ip -n $node link set lo up
ip -n $node route add default via 198.19.0.1
"""
HIDE = 'mount -t tmpfs none "$0"; cd /; exec "$@"'


@pytest.fixture
def machines(tmp_path):
    """Two machines: this one reaches the first alone, which reaches the second, which has no file of the test."""
    number = os.getpid()
    names = {"head": f"head{number}", "node": f"node{number}", "net": str(number % 256)}
    enter = {kind: ("ip", "netns", "exec", names[kind]) for kind in ("head", "node")}
    made = subprocess.run(["/bin/sh", "-c", NETWORKS], env={**os.environ, **names}, capture_output=True, check=False)
    if made.returncode == 0:
        hidden = (*enter["node"], "/bin/sh", "-c", HIDE, str(tmp_path))
        yield Machine(f"198.18.{names['net']}.2", enter["head"]), Machine("198.19.0.2", hidden)
    for kind in enter:
        subprocess.run(["/bin/sh", "-c", f"ip netns delete {names[kind]}"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("networks of their own can be made by root alone, and with `ip`")


def started(words, cluster):
    command = [PROGRAM, *words, "--executor", "dask", "--address", cluster.address, "--results", "far"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_at_gate():
    """Wait until a fit has come to the gate, and take the gate away for those that come later."""
    pipe = os.open("reached", os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([pipe], [], [], 60)[0], "no fit came to the gate"
    Path("reached").unlink()
    os.close(pipe)


def assert_same_as_local(bench, words, running):
    _, err = running.communicate(timeout=90)
    assert running.returncode == 0, err
    assert bench(*words, "--results", "near").code == 0
    far, near = bytes_of("far", "near")
    assert far == near


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(bench, words, cluster):
    for name in ("reached", "gate"):
        os.mkfifo(name)
    cluster.start_workers(1, "--no-nanny")
    running = started((*words, GATE), cluster)
    wait_at_gate()
    cluster.start_workers(1)  # one with a nanny, whose worker is a daemon
    cluster.kill(cluster.workers[0])
    assert_same_as_local(bench, (*words, GATE), running)


@pytest.mark.slow
def test_machines_that_share_no_network_and_no_files(bench, words, tmp_path, machines):
    with Cluster(tmp_path / "cluster", head=machines[0], node=machines[1]) as cluster:
        cluster.start_scheduler()
        cluster.start_workers(1, "--no-nanny")
        assert_same_as_local(bench, (*words, GATE), started((*words, GATE), cluster))


@pytest.mark.slow
def test_a_scheduler_that_restarts_loses_nothing(bench, words, cluster):
    for name in ("reached", "gate"):
        os.mkfifo(name)
    cluster.start_workers(1, "--no-nanny")
    running = started((*words, GATE), cluster)
    wait_at_gate()
    cluster.kill(cluster.scheduler)
    cluster.kill(cluster.workers[0])
    cluster.start_scheduler()
    cluster.start_workers(1, "--no-nanny")
    assert_same_as_local(bench, (*words, GATE), running)


@pytest.mark.slow
def test_code_of_others_runs_on_the_cluster_alone(bench, words, lasting_cluster):
    """Also the trial of a learner, and the class weights that the keys of fits hold."""
    write_table("cls.csv", class_columns())
    more = ("-t", "file:cls.csv", "-b", "class-weight", "--metric", "macro_f1", "-w", "noting")
    both = (*words, "where:depth=2,logistic", *more)
    running = started(both, lasting_cluster)
    assert running.wait(90) == 0, running.stderr.read()
    assert set(Path("ran").read_text().split()) == {str(lasting_cluster.folder)}
    assert_same_as_local(bench, both, running)


@pytest.mark.slow
def test_limits_hold_on_the_cluster(words, lasting_cluster):
    running = started((*words, "slow,ridge", "--time-limit", "2s"), lasting_cluster)
    _, err = running.communicate(timeout=90)
    assert running.returncode == 1, err
    table = read("far/cells.csv")
    assert set(table[table["learner"] == "slow"]["status"]) == {"timeout"}
    assert set(table[table["learner"] == "ridge"]["status"]) == {"ok"}


@pytest.mark.slow
def test_machines_with_other_versions_are_refused(bench, words, lasting_cluster, monkeypatch):
    monkeypatch.setattr(executor, "surroundings", lambda: "python 2.7")
    done = bench(*words, GATE, "--executor", "dask", "--address", lasting_cluster.address)
    assert done.code == 2
    assert "and this program has python 2.7: install the same on all of them" in done.err


def test_no_scheduler_no_address_and_no_dask_are_said_in_a_sentence(bench, words, monkeypatch):
    assert "give --address tcp://host:8786" in bench(*words, GATE, "--executor", "dask").err
    monkeypatch.setattr(executor, "CONNECT_SECONDS", 0)
    done = bench(*words, GATE, "--executor", "dask", "--address", "tcp://127.0.0.1:9")
    assert done.code == 2
    assert "no dask scheduler answers at 'tcp://127.0.0.1:9'" in done.err
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = bench(*words, GATE, "--executor", "dask", "--address", "tcp://127.0.0.1:9")
    assert done.code == 2
    assert "--executor dask needs distributed: pip install 'bench[dask]'" in done.err
