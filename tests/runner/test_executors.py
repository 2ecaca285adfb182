"""Worker processes: what they stream back, how they are lost, and that none is left behind."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import forkserver

import pytest
from makers.jobs import MB, Call, base_memory, dies, double, for_ever, nothing, run

from bench.runner.executors import fork_server
from bench.runner.executors.local import Pool
from bench.runner.options import Limits


def process_id(_):
    return os.getpid()


def environment(_):
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return os.environ["OMP_NUM_THREADS"], max((pool["num_threads"] for pool in threadpool_info()), default=1)


def raises(_):
    raise RuntimeError("on purpose")


def leaves(_):
    sys.exit(3)


def not_picklable(_):
    return lambda: None


def hog(size, _):
    kept = bytearray(size)
    kept[::4096] = b"x" * len(kept[::4096])
    while True:
        pass


def cannot_start():
    raise RuntimeError("no plug-in")


@pytest.fixture(autouse=True)
def _no_worker_is_left():
    yield
    assert multiprocessing.active_children() == []


def test_values_are_streamed_in_order_and_then_the_end():
    assert run([Call((double, str, double))]) == {"": [("item", 42), ("item", "21"), ("item", 42), ("done", None)]}


def test_a_job_without_items_is_done():
    assert run([Call(())]) == {"": [("done", None)]}


@pytest.mark.parametrize("n", [1, 2])
def test_many_jobs_with_two_contexts_all_end(n):
    jobs = [Call((double,), "xy"[j % 2], str(j)) for j in range(60)]
    reported = run(jobs, n)
    assert reported == {str(j): [("item", 42 if j % 2 == 0 else 10), ("done", None)] for j in range(60)}


def test_a_worker_is_kept_from_job_to_job():
    reported = run([Call((process_id,), name=str(j)) for j in range(4)])
    assert len({events[0][1] for events in reported.values()}) == 1


def test_a_worker_has_one_thread():
    ((_, (variable, threads)), _) = run([Call((environment,))])[""]
    assert (variable, threads) == ("1", 1)


@pytest.mark.parametrize(("function", "code"), [(dies, 7), (leaves, 3), (raises, 1), (not_picklable, 1)])
@pytest.mark.parametrize("is_foreign", [False, True])
def test_a_worker_that_dies_takes_one_item_with_it(function, code, is_foreign, capfd):
    """The items before it are kept, its job is lost, and the jobs behind it are done by a new worker."""
    jobs = [Call((double, function, double), name="bad", is_foreign=is_foreign), Call((double,), name="good")]
    why = f"its process ended (exit code {code})"
    assert run(jobs) == {"bad": [("item", 42), ("crashed", why)], "good": [("item", 42), ("done", None)]}


def test_a_job_is_lost_where_its_foreign_code_cannot_start_and_no_other_is(capfd):
    reported = run([Call((double,), name=str(j), is_foreign=j < 2) for j in range(3)], start=cannot_start)
    kinds = {name: [kind for kind, _ in events] for name, events in reported.items()}
    assert kinds == {"0": ["crashed"], "1": ["crashed"], "2": ["item", "done"]}


def test_an_item_that_takes_too_much_memory_is_lost_alone():
    base = base_memory()
    jobs = [Call((double, functools.partial(hog, 300 * MB)), name="big"), Call((double,), name="good")]
    reported = run(jobs, limits=Limits(memory=base + 150 * MB))
    assert [kind for kind, _ in reported["big"]] == ["item", "oom"]
    assert [kind for kind, _ in reported["good"]] == ["item", "done"]


def test_an_item_that_takes_too_long_is_lost_alone_and_holds_up_nobody():
    jobs = [Call((double, for_ever), name="slow"), *(Call((double,), name=str(j)) for j in range(5))]
    reported = run(jobs, 2, Limits(seconds=3))
    assert [kind for kind, _ in reported["slow"]] == ["item", "timeout"]
    assert all(reported[str(j)] == [("item", 42), ("done", None)] for j in range(5))


def test_limits_that_are_kept_change_nothing():
    limits = Limits(seconds=60, memory=base_memory() + 2000 * MB)
    assert run([Call((double, double))], limits=limits) == {"": [("item", 42), ("item", 42), ("done", None)]}


def test_a_worker_that_died_while_idle_does_not_stop_the_pool():
    with Pool(1, nothing) as pool:
        contexts, kinds = {"x": 21}, []
        pool.submit(Call((double,)), contexts)
        while pool.busy:
            pool.wait()
        victim = pool._idle[0].process
        victim.kill()
        victim.join()
        for _ in range(2):
            pool.submit(Call((double,)), contexts)
            while pool.busy:
                kinds += [event.kind for event in pool.wait()]
    assert kinds[-2:] == ["item", "done"]
    assert kinds in (["item", "done", "item", "done"], ["crashed", "item", "done"])


def test_a_job_that_never_ran_is_not_said_to_have_crashed():
    """The worker died before it was given the job: the job is not to blame, and a new worker can do it."""
    with Pool(1, nothing) as pool:
        pool.submit(Call(()), {"x": 21})
        while pool.busy:
            pool.wait()
        pool._idle[0].process.kill()
        pool._idle[0].process.join()
        kinds = []
        pool.submit(Call((double,)), {"x": 21})
        while pool.busy:
            kinds += [event.kind for event in pool.wait()]
    assert kinds == ["item", "done"]


def test_leaving_the_pool_ends_workers_in_the_middle_of_a_job():
    with Pool(2, nothing) as pool:
        pool.submit(Call((double, for_ever)), {"x": 21})
        while not (events := pool.wait()):
            pass
        assert [event.value for event in events] == [42]
        processes = [worker.process for worker in pool._busy]
    assert not any(process.is_alive() for process in processes)


def test_a_server_that_is_killed_while_it_forks_is_replaced():
    with Pool(1, nothing) as pool:
        pool.submit(Call((double,), is_foreign=True), {"x": 21})
        while pool.busy:
            pool.wait()
        server = forkserver._forkserver._forkserver_pid
        os.kill(server, signal.SIGSTOP)  # it takes the call, and does not answer
        end = threading.Timer(0.3, os.kill, (server, signal.SIGKILL))
        end.start()
        pool.submit(Call((double,), is_foreign=True), {"x": 21})
        kinds = []
        while pool.busy:
            kinds += [event.kind for event in pool.wait()]
        end.join()
    assert kinds == ["item", "done"]


def test_an_interrupt_ends_the_workers():
    def interrupted():
        with Pool(1, nothing) as pool:
            pool.submit(Call((for_ever,)), {"x": 21})
            interrupted.processes = [worker.process for worker in pool._busy]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(process.is_alive() for process in interrupted.processes)


@pytest.mark.parametrize("folder", ["/" + "x" * 80, None])
def test_workers_start_without_a_server_where_its_socket_has_no_place(monkeypatch, folder):
    def gettempdir():
        if folder is None:
            raise FileNotFoundError("No usable temporary directory found")
        return folder

    monkeypatch.setattr("bench.runner.executors.fork_server.tempfile.gettempdir", gettempdir)
    assert fork_server.start_context.__wrapped__().get_start_method() == "spawn"
