import logging
import multiprocessing
import os
import pickle
import shutil
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import openml_server as fake
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.core.nouns import BenchError
from bench.runner.fit_spec import data_hash
from bench.tasks.loading import load_task
from bench.tasks.meta_features import meta_features
from bench.tasks.official_folds import Procedure, official_splits
from bench.tasks.sources import LoadError, TaskRequest, openml_cache, openml_client, openml_http
from bench.tasks.suites import catalogue, find_suite

TASK = "/api/v1/xml/task/7"
DATA = "/api/v1/xml/data/5"
FEATURES = "/api/v1/xml/data/features/5"
QUICK = "openml:timeout=5,attempts=2"
BOMB = '<!DOCTYPE a [<!ENTITY b "boom"><!ENTITY c "&b;&b;&b;">]>'
TYPES = ["/data.arff", "/bucket/data.pq"]


@pytest.fixture
def server():
    with fake.serving() as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("OPENML_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def waits(monkeypatch):
    waited = []
    monkeypatch.setattr(openml_http, "pause", waited.append)
    return waited


@pytest.fixture(autouse=True)
def _point(server, cache, waits, monkeypatch):
    monkeypatch.setenv("BENCH_OPENML_SERVER", server.api)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("OPENML_SKIP_PARQUET", raising=False)


def load_toy(name="7", source=QUICK, **request):
    return load_task(source, TaskRequest(name, **request))


def bytes_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_task_comes_with_its_own_folds(server):
    table, _ = fake.publish_toy(server, repeats=2)
    task = load_toy()
    assert (task.name, task.kind, task.classes) == ("openml:7", "classification", ("blue", "red"))
    assert [(s.repeat, s.fold) for s in task.splits] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert task.splits[0].test.tolist() == [0, 2, 4, 6, 8, 10]
    assert task.splits[2].test.tolist() == [1, 3, 5, 7, 9, 11]
    assert [task.classes[code] for code in task.y] == table["colour"].tolist()
    assert list(task.X.columns) == ["size", "count", "shape", "wet"]
    expected = {"task_id": 7, "data_id": 5, "dataset": "toy", "version": 3, "licence": "CC0", "target": "colour"}
    assert expected.items() <= task.meta.items()
    assert meta_features(task)["dataset"] == "openml-data:5"


def test_a_suite_is_what_the_server_lists(server, bench):
    fake.publish_toy(server)
    server.page("/api/v1/xml/study/9", fake.suite_xml(7, 8))
    suite = find_suite(catalogue("none"), "openml-suite:9", offline=False)
    assert [spec.name for spec in suite.tasks] == ["openml:7", "openml:8"]
    planned = bench("plan", "-s", "openml-suite:9", "-l", "knn", "-e", "equal")
    assert planned.code == 0, planned.err
    assert "openml:8: could not be loaded" in planned.err
    assert planned.out.split("\n")[1].startswith("openml:7 ")
    for name, message in {"8": "is not on", "x": "has no number", "0": "has no number"}.items():
        with pytest.raises(BenchError, match=message):
            find_suite(catalogue("none"), f"openml-suite:{name}", offline=False)
    with pytest.raises(BenchError, match="without --offline"):
        find_suite(catalogue("none"), "openml-suite:9", offline=True)


def test_arff_and_parquet_give_the_same_task(server, monkeypatch, tmp_path):
    fake.publish_toy(server, with_parquet=True)
    one = load_toy()
    monkeypatch.setenv("OPENML_SKIP_PARQUET", "true")
    monkeypatch.setenv("OPENML_CACHE_DIR", str(tmp_path / "second"))
    other = load_toy()
    assert {path for path in server.asked if path in TYPES} == set(TYPES)
    pd.testing.assert_frame_equal(one.X, other.X)
    np.testing.assert_array_equal(one.y, other.y)
    assert one.classes == other.classes
    assert one.X.dtypes["count"] == np.float64
    assert list(one.X["wet"].cat.categories) == ["False", "True"]


def test_a_small_integer_target_becomes_float64(server):
    fake.publish_toy(server, kind=2, target="count")
    task = load_toy()
    assert (task.kind, task.y.dtype, task.classes) == ("regression", np.float64, ())
    np.testing.assert_array_equal(task.y[:5] - 3, [-3, -2, -1, 0, -3])


def test_a_cached_task_needs_no_network(server, cache):
    fake.publish_toy(server, with_parquet=True)
    online = load_toy()
    held, requests = bytes_of(cache), len(server.asked)
    offline = load_toy(offline=True)
    again = load_toy()
    assert len(server.asked) == requests
    assert bytes_of(cache) == held
    pd.testing.assert_frame_equal(online.X, offline.X)
    pd.testing.assert_frame_equal(online.X, again.X)
    assert not [name for name in held if name.endswith((".py3", ".pkl", ".tmp"))]
    assert sorted(name.rsplit("/", 1)[1] for name in held) == [
        *("dataset_5.pq", "datasplits.arff", "description.xml", "features.xml", "task.xml"),
    ]


def test_cached_arff_is_used_although_a_parquet_address_is_named(server, cache):
    fake.publish_toy(server)
    load_toy()
    home = openml_cache.below(cache, server.api)
    description = fake.data_xml(server.host, parquet=True)
    (home / "datasets" / "5" / "description.xml").write_text(description)
    requests = len(server.asked)
    load_toy(offline=True)
    load_toy()
    assert len(server.asked) == requests


def test_offline_without_a_cache_is_one_sentence_at_once(server, cache, waits):
    with pytest.raises(LoadError, match=r"openml:7 is not complete in the cache .* \(task/7 is missing\)") as caught:
        load_toy(offline=True)
    assert caught.value.cause == "infra"
    assert not server.asked
    assert not waits
    assert not cache.exists()


@pytest.mark.parametrize("name", ["datasplits.arff", "dataset.arff", "features.xml", "description.xml"])
def test_offline_with_a_gap_leaves_the_cache_alone(server, cache, name):
    fake.publish_toy(server)
    load_toy()
    next(cache.rglob(name)).unlink()
    held, requests = bytes_of(cache), len(server.asked)
    with pytest.raises(LoadError, match="is missing") as caught:
        load_toy(offline=True)
    assert caught.value.cause == "infra"
    assert (bytes_of(cache), len(server.asked)) == (held, requests)
    load_toy()
    assert next(cache.rglob(name)).is_file()


def test_a_pickle_in_the_cache_is_never_read(server, cache):
    fake.publish_toy(server)
    load_toy()
    home = openml_cache.below(cache, server.api)
    for place in ("datasets/5/dataset.pkl.py3", "datasets/5/features.xml.pkl", "tasks/7/datasplits.pkl.py3"):
        (home / place).write_bytes(pickle.dumps({"repetitions": {}, "name": "planted"}))
    held = bytes_of(cache)
    assert len(load_toy(offline=True).splits) == 2
    assert bytes_of(cache) == held


def test_an_unknown_task_is_a_mistake_of_the_user(server, cache):
    with pytest.raises(BenchError, match=r"openml:99 is not on http.*Unknown task \(code 151\), check the number"):
        load_toy("99")
    assert server.asked == ["/api/v1/xml/task/99"]
    assert not cache.exists()


@pytest.mark.parametrize("name", ["abc", "0", "-3", "3.0", "", "٣"])
def test_a_task_is_named_by_a_number(server, name):
    with pytest.raises(BenchError, match="is no number of OpenML"):
        load_toy(name)
    assert not server.asked


def test_other_types_of_task_are_refused(server):
    fake.publish_toy(server, kind=5)
    with pytest.raises(BenchError, match=r"openml:7 is a task of type 'Clustering': choose a supervised"):
        load_toy()
    fake.publish_toy(server, procedure="testontrainingdata")
    with pytest.raises(BenchError, match="is estimated by 'testontrainingdata'"):
        load_toy()


@pytest.mark.parametrize("field", ["target", "kind", "group", "time", "weight"])
def test_a_task_fixes_its_own_columns(field):
    with pytest.raises(BenchError, match=f"leave out --{field}"):
        load_toy(**{field: "classification"})


def with_faults(server):
    broken = fake.publish_toy(server)
    lines = fake.split_lines(len(broken[0]))
    text = fake.splits_arff(lines)
    half = text[: text.index("TEST,6,")]
    page = server.page
    return {
        "task 500": (lambda: page(TASK, "boom", 500), "infra", "HTTP 500"),
        "task html 502": (lambda: page(TASK, "<html>bad</html>", 502), "infra", "HTTP 502"),
        "task html 200": (lambda: page(TASK, "<html>login</html>"), "infra", "something else than OpenML's XML"),
        "task empty 412": (lambda: page(TASK, "", 412), "infra", "HTTP 412"),
        "task busy": (lambda: page(TASK, fake.error(107, "no database"), 412), "infra", "no database"),
        "task no type": (lambda: page(TASK, "<oml:task></oml:task>"), "data", "without a task type"),
        "task not xml": (lambda: page(TASK, "<oml:task_type_id>1"), "data", "names no data set"),
        "task stalled": (lambda: server.fault(TASK, fake.STALL), "infra", "did not answer within 0.3 s"),
        "data 500": (lambda: page(DATA, "boom", 500), "infra", "HTTP 500"),
        "data malformed": (lambda: page(DATA, "<oml:data"), "data", "damaged"),
        "data empty": (lambda: page(DATA, "<oml:nothing/>"), "data", "damaged"),
        "features unready": (lambda: page(FEATURES, fake.error(273, "not processed"), 412), "infra", "not processed"),
        "arff 404": (lambda: page("/data.arff", "gone", 404), "infra", "HTTP 404"),
        "arff other bytes": (lambda: page("/data.arff", "@relation x\n"), "infra", "MD5 sum"),
        "arff cut": (lambda: server.fault("/data.arff", fake.CUT), "infra", "cannot be reached"),
        "arff stalled": (lambda: server.fault("/data.arff", fake.STALL), "infra", "did not answer within 0.3 s"),
        "splits 500": (lambda: page("/splits.arff", "boom", 500), "infra", "HTTP 500"),
        "splits empty": (lambda: page("/splits.arff", ""), "data", "damaged"),
        "splits cut in a line": (lambda: page("/splits.arff", text[:-9]), "data", "damaged"),
        "splits cut at a line": (lambda: page("/splits.arff", half), "data", "number_folds = 2"),
        "splits short": (lambda: page("/splits.arff", fake.splits_arff(lines[:-1])), "data", "damaged splits"),
        "splits twice": (lambda: page("/splits.arff", fake.splits_arff([*lines, lines[0]])), "data", "damaged splits"),
        "splits far row": (
            lambda: page("/splits.arff", fake.splits_arff([*lines[:-1], ("TEST", 99, 0, 1)])),
            "data",
            "damaged splits",
        ),
        "splits same test": (
            lambda: page("/splits.arff", fake.splits_arff([(k, r, 0, f) for f in (0, 1) for k, r, _, _ in lines[:12]])),
            "data",
            "tests 12 rows not exactly once",
        ),
        "task redirected": (lambda: server.fault(TASK, fake.LOOP), "infra", "redirected without end"),
        "task bomb": (lambda: page(TASK, BOMB + fake.task_xml(server.host)), "data", "entities are disabled"),
        "data bomb": (lambda: page(DATA, BOMB + fake.data_xml(server.host)), "data", "entities are disabled"),
        "features bomb": (lambda: page(FEATURES, BOMB + "<oml:data_features/>"), "data", "entities are disabled"),
        "splits html": (lambda: page("/splits.arff", "<html>login</html>"), "data", "damaged splits"),
        "splits of texts": (
            lambda: page("/splits.arff", text.replace("TEST,6,", "TEST,six,")),
            "data",
            "damaged splits",
        ),
        "splits redirected": (lambda: server.fault("/splits.arff", fake.LOOP), "infra", "redirected without end"),
        "splits huge": (lambda: page("/splits.arff", b" " * 300_000), "infra", "more than 200,000 bytes"),
        "task huge": (lambda: page(TASK, b" " * 300_000), "infra", "more than 100,000 bytes"),
        "task dripping": (lambda: server.fault(TASK, fake.DRIP), "infra", "too slow to wait for"),
        "no such target": (lambda: page(TASK, fake.task_xml(server.host, target="smell")), "data", "smell"),
    }


FAULTS = [
    *("task 500", "task html 502", "task html 200", "task empty 412", "task busy", "task no type", "task not xml"),
    *("task stalled", "data 500", "data malformed", "data empty", "features unready", "arff 404"),
    *("arff other bytes", "arff cut", "arff stalled", "splits 500", "splits empty", "splits cut in a line"),
    *("task redirected", "task bomb", "data bomb", "features bomb", "splits html", "splits of texts", "splits huge"),
    *("splits redirected", "task huge", "task dripping"),
    *("splits cut at a line", "splits short", "splits twice", "splits far row", "splits same test", "no such target"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_no_trace(server, cache, fault, monkeypatch):
    monkeypatch.setattr(openml_client, "MOST_BYTES", 200_000)
    monkeypatch.setattr(openml_client, "MOST_XML_BYTES", 100_000)
    if fault == "task dripping":
        monkeypatch.setattr(openml_http, "clock", iter(range(0, 10**6, 100)).__next__)
    (cache / "keep").mkdir(parents=True)
    (cache / "keep" / "me").write_text("here")
    inject, cause, predictions = with_faults(server)[fault]
    inject()
    with pytest.raises(LoadError) as caught:
        # a server that is silent is waited for; any other fault is answered, on a busy machine later
        load_toy(source="openml:timeout=0.3,attempts=2" if "stalled" in fault else QUICK)
    message = str(caught.value)
    assert predictions in message
    assert caught.value.cause == cause
    assert message.startswith("openml:7")
    assert "\n" not in message
    assert bytes_of(cache) == {"keep/me": b"here"}


def test_the_list_of_faults_is_complete(server):
    assert sorted(FAULTS) == sorted(with_faults(server))


def test_a_fault_with_a_half_filled_cache_keeps_every_byte(server, cache):
    fake.publish_toy(server)
    load_toy()
    next(cache.rglob("datasplits.arff")).write_text("@relation cut")
    held = bytes_of(cache)
    with pytest.raises(LoadError, match="damaged") as caught:
        load_toy(offline=True)
    assert str(cache) in str(caught.value)
    assert caught.value.cause == "data"
    assert bytes_of(cache) == held


def test_a_broken_parquet_file_is_told_and_kept(server, cache):
    fake.publish_toy(server, with_parquet=True)
    load_toy()
    next(cache.rglob("dataset_5.pq")).write_bytes(b"PAR1 no")
    held = bytes_of(cache)
    with pytest.raises(LoadError, match=r"openml:7 has a file dataset_5\.pq that cannot be read"):
        load_toy()
    assert bytes_of(cache) == held


@pytest.mark.parametrize("fault", [fake.CUT, (404, b"gone")])
def test_a_failing_parquet_download_falls_back_on_arff(server, cache, fault):
    fake.publish_toy(server, with_parquet=True)
    server.pages["/bucket/data.pq"] = fault
    assert len(load_toy().X) == 12
    assert [path.name for path in cache.rglob("dataset*.*")] == ["dataset.arff"]


def test_a_busy_server_is_tried_again_after_short_waits(server, waits):
    server.page(TASK, "boom", 503)
    with pytest.raises(LoadError, match="HTTP 503"):
        load_toy(source="openml:attempts=3")
    assert server.asked == [TASK] * 3
    assert waits == [0.5, 1.0]


def test_a_silent_server_and_an_unknown_task_are_asked_once(server, waits):
    server.fault(TASK, fake.STALL)
    with pytest.raises(LoadError):
        load_toy(source="openml:timeout=0.2,attempts=3")
    with pytest.raises(BenchError):
        load_toy("8")
    assert server.asked == [TASK, "/api/v1/xml/task/8"]
    assert not waits


def test_no_server_at_all(monkeypatch, server):
    closed = fake.Server()
    closed.httpd.server_close()
    monkeypatch.setenv("BENCH_OPENML_SERVER", closed.api)
    with pytest.raises(LoadError, match="cannot be reached") as caught:
        load_toy()
    assert caught.value.cause == "infra"


def test_files_of_the_cache_are_never_replaced(server, cache):
    fake.publish_toy(server)
    home = openml_cache.below(cache, server.api)
    own = fake.task_xml(server.host) + "<!-- mine -->"
    (home / "tasks" / "7").mkdir(parents=True)
    (home / "tasks" / "7" / "task.xml").write_text(own)
    load_toy()
    assert (home / "tasks" / "7" / "task.xml").read_text() == own
    assert TASK not in server.asked


def test_a_cache_that_cannot_be_written_is_a_warning(server, cache):
    fake.publish_toy(server)
    cache.write_text("a file stands where the folder should be")
    assert ["could not be added to the cache" in warning for warning in load_toy().meta["warnings"]] == [True]


def test_a_holdout_task_tests_some_rows(server):
    fake.publish_toy(server, procedure="holdout", folds=1)
    lines = [("TEST" if row < 4 else "TRAIN", row, 0, 0) for row in range(12)]
    server.page("/splits.arff", fake.splits_arff(lines))
    (split,) = load_toy().splits
    assert split.test.tolist() == [0, 1, 2, 3]
    assert len(split.train) == 8


def test_the_process_is_left_as_it_was(server, capfd):
    fake.publish_toy(server)
    before = dict(os.environ)
    root = logging.getLogger()
    handlers, filters = list(root.handlers), list(root.filters)
    load_toy()
    import openml

    assert dict(os.environ) == before
    assert (root.handlers, root.filters) == (handlers, filters)
    assert not openml.config.server.startswith(server.host)
    assert openml._api_calls._send_request.__module__ == "openml._api_calls"
    assert capfd.readouterr() == ("", "")


def test_importing_the_client_makes_no_folders(server, tmp_path):
    fake.publish_toy(server)
    code = (
        "from bench.tasks.loading import load_task; from bench.tasks.sources import TaskRequest; import logging;"
        "task = load_task('openml', TaskRequest('7'));"
        "assert not logging.getLogger().handlers;"
        "import openml; assert openml.config.apikey == '' or 'key' in openml.config.apikey"
    )
    home = tmp_path / "home"
    (home / ".config" / "openml").mkdir(parents=True)
    (home / ".config" / "openml" / "config").write_text(f"apikey = key\ncachedir = {tmp_path / 'named'}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENML", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in home.rglob("*")] == [".config", "openml", "config"]
    assert next((tmp_path / "named").rglob("task.xml")).is_file()
    assert not [path for path in server.asked if "key" in path]


def test_the_cache_folder_is_the_clients_own(monkeypatch, tmp_path):
    monkeypatch.delenv("OPENML_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert openml_cache.root() == tmp_path / ".cache" / "openml"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert openml_cache.root() == tmp_path / "x" / "openml"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert openml_cache.root() == tmp_path / ".openml"
    monkeypatch.setenv("OPENML_CACHE_DIR", "~/mine")
    assert openml_cache.root() == tmp_path / "mine"


def test_the_server_has_a_folder_of_its_own(tmp_path):
    assert openml_cache.below(tmp_path, openml_cache.SERVER) == tmp_path / "org" / "openml" / "www"


def test_a_data_set_without_a_task(server, cache):
    table, _ = fake.publish_toy(server)
    task = load_task("openml-data", TaskRequest("5"))
    assert (task.name, task.kind, task.splits) == ("openml-data:5", "classification", ())
    other = load_task("openml-data", TaskRequest("5", target="size", weight="count", offline=True))
    assert (other.kind, list(other.X.columns)) == ("regression", ["shape", "wet", "colour"])
    np.testing.assert_allclose(other.y, table["size"])
    with pytest.raises(BenchError, match="openml-data:5: there is no target column 'siize': did you mean 'size'"):
        load_task("openml-data", TaskRequest("5", target="siize", offline=True))
    server.page("/api/v1/xml/data/6", fake.error(111, "Unknown dataset"), 412)
    with pytest.raises(BenchError, match="openml-data:6 is not on"):
        load_task("openml-data", TaskRequest("6"))


def test_ids_and_ignored_columns_stay_out(server):
    fake.publish_toy(server)
    extra = "<oml:row_id_attribute>size</oml:row_id_attribute><oml:ignore_attribute>wet</oml:ignore_attribute>"
    server.page(DATA, fake.data_xml(server.host, extra=extra))
    assert list(load_toy().X.columns) == ["count", "shape"]


def test_a_load_error_crosses_a_process_border():
    error = pickle.loads(pickle.dumps(LoadError("gone", "infra")))
    assert (str(error), error.cause) == ("gone", "infra")


@pytest.mark.parametrize("text", ["no option at all\n", "[openml\n", b"cachedir = \xff\n"])
def test_a_damaged_configuration_file_of_the_client_is_named(tmp_path, monkeypatch, text):
    monkeypatch.delenv("OPENML_CACHE_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "openml").mkdir()
    (tmp_path / "openml" / "config").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BenchError, match=r"openml/config' cannot be read.*OPENML_CACHE_DIR"):
        load_toy(offline=True)


@pytest.mark.parametrize(
    "text", ["cachedir = {}", "cachedir = '{}'", 'a = 1\na = 2\ncachedir="{}"', "[openml]\ncachedir: {}"]
)
def test_the_cache_folder_of_the_configuration_file_is_used(tmp_path, monkeypatch, text):
    monkeypatch.delenv("OPENML_CACHE_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "openml").mkdir()
    (tmp_path / "openml" / "config").write_text(text.format(tmp_path / "kept"))
    assert openml_cache.root() == tmp_path / "kept"


def test_without_a_home_the_user_is_told_what_to_set(monkeypatch):
    def homeless(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("OPENML_CACHE_DIR")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", homeless)
    with pytest.raises(BenchError, match="set HOME"):
        load_toy(offline=True)


def test_without_a_temporary_folder_the_user_is_told_what_to_set(monkeypatch):
    def nowhere(**_):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("bench.tasks.sources.openml_client.tempfile.TemporaryDirectory", nowhere)
    with pytest.raises(BenchError, match="TMPDIR"):
        load_toy(offline=True)


def cached(cache, *, columns, arff=None, parquet=None, extra="", kind=1, features=None):
    """Put task 7 on data set 5 into the cache as files; `features` are rows of features.xml beside those of columns."""
    host, table = "https://www.openml.org/api/v1/xml", pd.DataFrame(columns=list(columns))
    nominal = {name: values for name, values in columns.items() if values}
    n = len(parquet) if parquet is not None else arff.partition("@data\n")[2].count("\n")
    home = openml_cache.below(cache, openml_cache.server())
    for noun, number in (("tasks", 7), ("datasets", 5)):
        (home / noun / str(number)).mkdir(parents=True, exist_ok=True)
    task, data = home / "tasks" / "7", home / "datasets" / "5"
    (task / "task.xml").write_text(fake.task_xml(host, kind=kind, target="y"))
    (task / "datasplits.arff").write_text(fake.splits_arff(fake.split_lines(n)))
    (data / "description.xml").write_text(fake.data_xml(host, parquet=parquet is not None, extra=extra))
    if features is not False:
        xml = fake.features_xml(table, nominal)
        (data / "features.xml").write_text(xml.replace("</oml:data_features>", f"{features or ''}</oml:data_features>"))
    if arff is not None:
        (data / "dataset.arff").write_bytes(arff.encode("latin-1"))
    if parquet is not None:
        parquet.to_parquet(data / "dataset_5.pq", index=False)
    return load_toy(offline=True)


COLUMNS = {"a": None, "y": ["n", "p"]}
HEAD = "@relation r\n@attribute a numeric\n@attribute y {n,p}\n@data\n"
ROWS = "".join(f"{i},{'np'[i // 3 % 2]}\n" for i in range(12))


def test_sparse_rows_of_a_data_set_have_the_labels_of_their_attribute(cache):
    rows = "".join("{" + ", ".join([f"0 {i}"] * (i > 0) + ["1 p"] * (i // 3 % 2)) + "}\n" for i in range(12))
    sparse = cached(cache, columns=COLUMNS, arff=HEAD + rows)
    assert sparse.classes == ("n", "p")
    np.testing.assert_array_equal(sparse.X["a"], range(12))


def test_a_data_set_is_the_same_from_arff_and_from_parquet_of_any_type(tmp_path, monkeypatch):
    rows = [(i, ["TRUE", "FALSE"][i % 2], ["1", "2"][i % 2], ["false", "true"][i // 3 % 2]) for i in range(12)]
    columns = {"a": None, "flag": ["TRUE", "FALSE"], "code": ["1", "2"], "y": ["true", "false"]}
    frame = pd.DataFrame(rows, columns=list(columns))
    arff = (
        "@relation r\n@attribute a numeric\n@attribute flag {TRUE,FALSE}\n@attribute code {1,2}\n"
        "@attribute y {true,false}\n@data\n" + frame.to_csv(index=False, header=False)
    )
    typed = frame.assign(flag=frame["flag"] == "TRUE", y=frame["y"] == "true", code=frame["code"].astype(int))
    files = [{"arff": arff}, *({"parquet": table} for table in (frame, typed, frame.astype({"y": "category"})))]
    tasks = []
    for number, file in enumerate(files):
        monkeypatch.setenv("OPENML_CACHE_DIR", str(tmp_path / str(number)))
        tasks.append(cached(tmp_path / str(number), columns=columns, **file))
    assert {task.classes for task in tasks} == {("False", "True")}
    assert len({data_hash(task) for task in tasks}) == 1


@pytest.mark.parametrize(
    ("extra", "left"),
    [
        ("<oml:ignore_attribute>id</oml:ignore_attribute>", ["leak", "a"]),
        ("<oml:ignore_attribute>id</oml:ignore_attribute><oml:ignore_attribute>leak</oml:ignore_attribute>", ["a"]),
        ("<oml:ignore_attribute>id,leak</oml:ignore_attribute>", ["a"]),
        ("<oml:ignore_attribute>'id', 'leak'</oml:ignore_attribute>", ["a"]),
        ("<oml:row_id_attribute>id</oml:row_id_attribute>", ["leak", "a"]),
        ("<oml:ignore_attribute>y</oml:ignore_attribute>", ["id", "leak", "a"]),
    ],
)
def test_marked_columns_are_left_out_and_the_target_never(cache, extra, left):
    rows = "".join(f"{i},{i % 5},{i},{'np'[i // 3 % 2]}\n" for i in range(12))
    head = HEAD.replace("@attribute a", "@attribute id numeric\n@attribute leak numeric\n@attribute a")
    task = cached(cache, columns={"id": None, "leak": None} | COLUMNS, arff=head + rows, extra=extra)
    assert task.X.columns.tolist() == left
    assert not task.meta["warnings"]


def test_a_mark_that_fits_no_column_is_said(cache):
    task = cached(cache, columns=COLUMNS, arff=HEAD + ROWS, extra="<oml:ignore_attribute>gone</oml:ignore_attribute>")
    assert any("'gone'" in text for text in task.meta["warnings"])


@pytest.mark.parametrize("flag", ["is_ignore", "is_row_identifier"])
def test_columns_that_only_features_xml_marks_are_left_out(cache, flag):
    head = HEAD.replace("@attribute a", "@attribute 'b&c' numeric\n@attribute a")
    rows = "".join(f"{i},{i},{'np'[i // 3 % 2]}\n" for i in range(12))
    marked = (
        "<oml:feature><oml:index>2</oml:index><oml:name>b&amp;c</oml:name><oml:data_type>numeric</oml:data_type>"
        f"<oml:{flag}>true</oml:{flag}><oml:number_of_missing_values>0</oml:number_of_missing_values></oml:feature>"
    )
    assert cached(cache, columns=COLUMNS, arff=head + rows, features=marked).X.columns.tolist() == ["a"]


def test_a_regression_without_features_xml_is_loaded_and_the_gap_is_said(cache):
    head = HEAD.replace("{n,p}", "numeric")
    rows = "".join(f"{i},{i / 2}\n" for i in range(12))
    task = cached(cache, columns=COLUMNS, arff=head + rows, kind=2, features=False)
    assert any("features.xml" in text for text in task.meta["warnings"])


def test_doubts_about_a_data_set_are_said_and_kept(cache):
    extra = "<oml:status>deactivated</oml:status><oml:processing_error>rows &lt; 3\n twice</oml:processing_error>"
    task = cached(cache, columns=COLUMNS, arff=HEAD + ROWS, extra=extra)
    assert (task.meta["status"], task.meta["processing_error"]) == ("deactivated", "rows < 3 twice")
    assert sum("OpenML says of the data set" in text for text in task.meta["warnings"]) == 2


@pytest.mark.parametrize(
    ("rows", "says"), [("1,z\n", "z not found"), ("1,n\n2\n", "line 6"), ("\xff,n\n", "not UTF-8")]
)
def test_a_fault_of_a_data_file_is_named_and_nobody_is_told_to_delete_it(cache, rows, says):
    with pytest.raises(LoadError, match=says) as caught:
        cached(cache, columns=COLUMNS, arff=HEAD + rows)
    assert "delete" not in str(caught.value)
    assert (caught.value.cause, "\n" in str(caught.value)) == ("data", False)


def publish_standard(server, lines=None):
    """Put a task of 40 rows with OpenML's ten folds on the server, its lines in another order than the table's."""
    fake.publish_toy(server, rows=40, kind=2, target="count", folds=10)
    official = official_splits(Procedure("crossvalidation", 1, 10), 40, None)
    rows = [
        (kind, row, 0, split.fold)
        for split in official
        for kind, part in (("TRAIN", split.train), ("TEST", split.test))
        for row in part[::-1]
    ]
    server.page("/splits.arff", fake.splits_arff(rows if lines is None else lines))
    return official


def test_folds_of_a_standard_procedure_are_recognized_and_sorted(server):
    official = publish_standard(server)
    task = load_toy()
    for found, expected in zip(task.splits, official, strict=True):
        np.testing.assert_array_equal(found.train, expected.train)
        np.testing.assert_array_equal(found.test, expected.test)
    assert task.meta["warnings"] == []


def test_folds_that_are_not_those_of_the_named_procedure_are_used_and_told(server):
    publish_standard(server, fake.split_lines(40, folds=10))
    task = load_toy()
    assert task.splits[0].test.tolist() == [0, 10, 20, 30]
    (warning,) = task.meta["warnings"]
    assert "does not hold the folds that OpenML's engine makes" in warning


def test_a_cached_task_without_a_splits_file_has_the_folds_of_its_standard_procedure(server, cache):
    publish_standard(server)
    online = load_toy()
    next(cache.rglob("datasplits.arff")).unlink()
    offline = load_toy(offline=True)
    assert [split.test.tolist() for split in offline.splits] == [split.test.tolist() for split in online.splits]
    assert ["computed as OpenML's engine does it" in warning for warning in offline.meta["warnings"]] == [True]
    assert not list(cache.rglob("datasplits.arff"))


def test_custom_folds_may_have_repeats_and_their_own_sizes(server):
    fake.publish_toy(server, repeats=2, folds=3, procedure="customcrossvalidation", number=40)
    lines = fake.split_lines(12, repeats=2, folds=3)
    server.page("/splits.arff", fake.splits_arff(lines[::-1]))
    task = load_toy()
    assert [(split.repeat, split.fold) for split in task.splits] == [(r, f) for r in range(2) for f in range(3)]
    assert task.splits[3].train.tolist() == [row for row in range(12) if (row + 1) % 3]
    assert task.meta["warnings"] == []


def test_a_missing_fold_is_told(server):
    fake.publish_toy(server, folds=3)
    server.page("/splits.arff", fake.splits_arff([line for line in fake.split_lines(12, folds=3) if line[3] != 1]))
    with pytest.raises(LoadError, match="repeat 0 has no fold 1") as caught:
        load_toy()
    assert caught.value.cause == "data"


def test_six_processes_on_a_cold_cache_all_get_the_task(server, cache):
    fake.publish_toy(server)
    load_toy()  # imports the client, once for all
    shutil.rmtree(cache)
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the server's, which the children leave alone
        queue = context.SimpleQueue()
        children = [context.Process(target=lambda: queue.put(len(load_toy().splits))) for _ in range(6)]
        for child in children:
            child.start()
    for child in children:
        child.join()
    assert [queue.get() for child in children if child.exitcode == 0] == [2] * 6
    names = sorted(path.name for path in cache.rglob("*") if path.is_file())
    assert names == ["dataset.arff", "datasplits.arff", "description.xml", "features.xml", "task.xml"]


def test_offline_opens_no_socket(server, monkeypatch):
    fake.publish_toy(server, with_parquet=True)
    load_toy()

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(load_toy(offline=True).splits) == 2
    with pytest.raises(LoadError, match=r"task/8 is missing"):
        load_toy("8", offline=True)


class Trap:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return (os.makedirs, ("sprung",))


def test_planted_pickles_are_neither_loaded_nor_a_help(server, cache):
    fake.publish_toy(server)
    load_toy()
    home = openml_cache.below(cache, server.api)
    for place in ("datasets/5/dataset.arff.pkl.py3", "datasets/5/features.xml.pkl", "tasks/7/datasplits.pkl.py3"):
        (home / place).write_bytes(pickle.dumps(Trap()))
    (home / "tasks/7/datasplits.arff").unlink()
    load_toy()
    assert not Path("sprung").exists()


@given(
    path=st.sampled_from([TASK, DATA, FEATURES, "/data.arff", "/splits.arff"]),
    at=st.integers(0, 10**6),
    cut=st.sampled_from([0, 1, 7, 40, 10**6]),
    text=st.sampled_from(["", "<", "{", "'", "%", "\n", "\0", "&a;", "TEST,1e9,0,0", "é"]),
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_back_is_a_task_or_one_sentence(server, cache, path, at, cut, text):
    fake.publish_toy(server, md5="")
    status, body = server.pages[path]
    at %= len(body)
    server.pages[path] = (status, body[:at] + text.encode() + body[at + cut :])
    shutil.rmtree(cache, ignore_errors=True)
    message, task = "openml:7", None
    try:
        task = load_toy()
    except (LoadError, BenchError) as error:
        message = str(error)
    assert message.startswith("openml:7")
    assert "\n" not in message
    for split in task.splits if task else ():
        np.testing.assert_array_equal(np.union1d(split.train, split.test), np.arange(len(task.y)))
        assert (np.diff(split.train) > 0).all()
        assert (np.diff(split.test) > 0).all()
