import json
import socket
from pathlib import Path

import openml_server as fake
import pytest

from bench.core.nouns import BenchError
from bench.tasks import lock
from bench.tasks.checkup import check_up
from bench.tasks.fetch import Fetching, fetch
from bench.tasks.loading import load
from bench.tasks.sources import openml_cache, openml_http
from bench.tasks.task_spec import TaskSpec

SEVEN, EIGHT = TaskSpec("openml:7"), TaskSpec("openml:8")


@pytest.fixture(autouse=True)
def server(monkeypatch):
    monkeypatch.setattr(openml_http, "pause", lambda _: None)
    monkeypatch.setenv("no_proxy", "*")
    with fake.serving() as running:
        monkeypatch.setenv("BENCH_OPENML_SERVER", running.api)
        fake.publish_toy(running)
        fake.publish_toy(running, at=(8, 6), with_parquet=True)
        yield running


@pytest.fixture
def no_internet(monkeypatch):
    """Let no socket of this process reach a network."""

    def refuse(self, address):
        raise AssertionError(f"a socket was to be connected to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words: refuse(None, words))


def fetched(*specs, **how):
    return {each.spec.full: (each.status, each.detail) for each in fetch(specs, Fetching(**how), specs)}


def statuses(*specs, **how):
    return {name: status for name, (status, _) in fetched(*specs, **how).items()}


def home(server):
    return openml_cache.below(openml_cache.root(), server.api)


def locked():
    return json.loads(Path(lock.FILE).read_text())["tasks"]


def test_what_is_fetched_is_complete_offline(server, request):
    assert statuses(SEVEN, EIGHT, jobs=2) == {"openml:7": "fetched", "openml:8": "fetched"}
    names = sorted(str(path.relative_to(home(server))) for path in home(server).rglob("*") if path.is_file())
    assert names == [
        *("datasets/5/dataset.arff", "datasets/5/description.xml", "datasets/5/features.xml"),
        *("datasets/6/dataset_6.pq", "datasets/6/description.xml", "datasets/6/features.xml"),
        *("tasks/7/datasplits.arff", "tasks/7/task.xml", "tasks/8/datasplits.arff", "tasks/8/task.xml"),
    ]
    assert sorted(locked()) == ["openml:7", "openml:8"]
    request.getfixturevalue("no_internet")
    assert [len(task.splits) for _, task in load([SEVEN, EIGHT], offline=True)] == [2, 2]
    assert statuses(SEVEN, EIGHT) == {"openml:7": "kept", "openml:8": "kept"}
    assert statuses(SEVEN, EIGHT, offline=True, verify=True) == {"openml:7": "kept", "openml:8": "kept"}


def test_a_fetch_goes_on_where_it_stopped(server):
    page = server.pages["/8/splits.arff"]
    server.page("/8/splits.arff", "boom", 500)
    first = fetched(SEVEN, EIGHT, TaskSpec("openml:99"))
    assert [status for status, _ in first.values()] == ["fetched", "failed", "failed"]
    assert "HTTP 500" in first["openml:8"][1]
    assert "openml:99 is not on" in first["openml:99"][1]
    assert sorted(locked()) == ["openml:7"]
    assert not (home(server) / "tasks" / "8").exists()
    server.pages["/8/splits.arff"] = page
    server.asked.clear()
    assert statuses(SEVEN, EIGHT) == {"openml:7": "kept", "openml:8": "fetched"}
    assert not [path for path in server.asked if path.startswith(("/splits", "/data")) or path.endswith("/7")]


def test_what_is_no_task_is_not_kept(server):
    server.page("/splits.arff", fake.splits_arff(fake.split_lines(11)))
    status, detail = fetched(SEVEN)["openml:7"]
    assert status == "failed"
    assert "damaged splits file" in detail
    assert not home(server).exists()
    assert not Path(lock.FILE).exists()


def test_a_changed_data_set_is_told_and_accepted_on_request(server):
    fetched(SEVEN)
    for path in home(server).rglob("*.*"):
        path.unlink()
    table, nominal = fake.toy()
    body = fake.arff(table.assign(size=table["size"] + 1), nominal)
    server.page("/data.arff", body)
    server.page("/api/v1/xml/data/5", fake.data_xml(server.host))
    before = locked()
    status, detail = fetched(SEVEN)["openml:7"]
    assert (status, "column 'size' holds other values" in detail) == ("changed", True)
    assert locked() == before
    ((_, refused),) = load([SEVEN], offline=True)
    assert refused.cause == "data"
    assert fetched(SEVEN, update_lock=True) == {"openml:7": ("updated", "column 'size' holds other values")}
    assert [len(task.X) for _, task in load([SEVEN], offline=True)] == [12]


def test_verify_finds_a_file_that_was_changed_in_the_cache(server):
    fetched(SEVEN)
    path = next(home(server).rglob("dataset.arff"))
    path.write_text(path.read_text() + "% a comment\n")
    assert statuses(SEVEN) == {"openml:7": "kept"}
    status, detail = fetched(SEVEN, verify=True)["openml:7"]
    assert status == "failed"
    assert f"{path} has the MD5 sum" in detail


def test_a_mistake_in_a_name_is_raised(server):
    with pytest.raises(BenchError, match="unknown task 'iris'"):
        list(fetch([TaskSpec("iris")], Fetching()))


def test_a_check_up_names_every_damaged_file_and_changes_nothing(server):
    fetched(SEVEN, EIGHT)
    assert not check_up(offline=True).findings
    damage = {
        "tasks/7/task.xml": "<oml:task",
        "tasks/8/datasplits.arff": "@relation cut",
        "datasets/5/dataset.arff": "@relation other",
        "datasets/5/description.xml": '<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>',
        "datasets/6/dataset_6.pq": "PAR1 no",
        "datasets/6/features.xml": "<html/>",
        "datasets/6/data.part.minio": "half",
    }
    for name, text in damage.items():
        (home(server) / name).write_text(text)
    Path(lock.FILE).write_text("{")
    (home(server) / "datasets" / "5" / "description.xml").write_text(fake.data_xml(server.host, md5="0" * 32))
    found = check_up(offline=False)
    assert found.is_reachable
    assert found.notes["cache"]["tasks"] == "2"
    damaged = {str(each.path.relative_to(home(server))) for each in found.findings if each.path.is_absolute()}
    assert damaged == set(damage) - {"datasets/5/description.xml"}
    assert {each.mend for each in found.findings} >= {"delete it, then bench fetch -t openml:8"}
    assert [each.path for each in found.findings if not each.path.is_absolute()] == [Path(lock.FILE)]
    assert (home(server) / "datasets/6/dataset_6.pq").read_text() == "PAR1 no"


@pytest.mark.parametrize(
    ("fault", "answer"),
    [((200, b"<html/>"), "something answers"), ((500, b""), "HTTP 500"), ((412, b"<oml:code>107</oml:code>"), "107")],
)
def test_a_server_that_cannot_be_used_is_told(server, fault, answer):
    server.pages["/api/v1/xml/task/1"] = fault
    found = check_up(offline=False)
    assert (found.is_reachable, answer in found.notes["server"]["answer"]) == (False, True)
    assert "not there yet" in found.notes["cache"]["state"]
