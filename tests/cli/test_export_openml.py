from pathlib import Path

import arff
import numpy as np
import openml_server as fake
import pandas as pd
import pytest
from makers import read
from makers.sharing import flip_every_entry
from sklearn.metrics import f1_score

RUN = ("run", "-t", 7, "-l", "logistic,knn", "-e", "equal", "-b", "classification", "--inner", 2, "-q")
RUNS = ("export", "--to", "openml", "--offline", "-o", "runs")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with fake.serving() as running:
        monkeypatch.setenv("BENCH_OPENML_SERVER", running.api)
        yield running


def test_a_whole_run_is_written_as_openml_takes_it_and_nothing_is_sent(bench, server, few_metrics):
    table, _ = fake.publish_toy(server, rows=24)
    assert bench(*RUN).code == 0
    requests = len(server.asked)
    done = bench(*RUNS)
    assert done.code == 0
    assert "nothing was uploaded" in done.err
    assert len(server.asked) == requests
    folders = {Path(line).name: Path(line) for line in done.out.split()}
    run = folders["classification_logistic+knn_equal"]
    assert "<oml:task_id>7</oml:task_id>" in (run / "description.xml").read_text()
    assert "<oml:name>bench.classification.logistic+knn_equal</oml:name>" in (run / "flow.xml").read_text()
    written = arff.loads((run / "predictions.arff").read_text())
    names = [name for name, _ in written["attributes"]]
    assert names[:6] == ["repeat", "fold", "sample", "row_id", "prediction", "correct"]
    assert names[6:] == ["confidence.blue", "confidence.red"]
    rows = pd.DataFrame(written["data"], columns=names).sort_values("row_id")
    assert rows["row_id"].tolist() == list(range(24))
    assert rows["correct"].tolist() == table["colour"].tolist()
    np.testing.assert_allclose(rows[names[6:]].sum(axis=1), 1)
    found = [f1_score(part["correct"], part["prediction"], average="macro") for _, part in rows.groupby("fold")]
    scores = read("results/scores.csv").query("method == 'equal' and metric == 'macro_f1' and sample == 'test'")
    np.testing.assert_allclose(found, scores.sort_values("fold")["value"].astype(float))


def test_a_fit_that_is_not_what_was_written_is_refused(bench, server, few_metrics):
    fake.publish_toy(server, rows=24)
    assert bench(*RUN).code == 0
    flip_every_entry("results/store")
    done = bench(*RUNS)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "(its checksum is that of other contents), nor can 3 more: run bench run -t 7 " in done.err


def test_a_method_that_lacks_a_split_is_left_out(bench, server, few_metrics):
    fake.publish_toy(server, rows=24)
    assert bench(*RUN, "--folds", 1).code == 0
    done = bench(*RUNS)
    assert (done.code, done.out) == (5, "")
    assert "it has 1 of the 2 splits of the task" in done.err
    assert not Path("runs").exists()
