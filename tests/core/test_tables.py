"""One reader of tables of scores: names are texts, numbers are numbers, what is half known is refused."""

import bz2
import gzip
import io
import lzma
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import bench
from bench.core.nouns import BenchError
from bench.core.tables import decode_scores, decode_table, load_scores, read_scores
from bench.report import exports
from bench.report.comparison import ComparisonOptions, compare, source
from bench.report.comparison.baseline_file import baseline_text
from bench.report.leaderboards import leaderboard, pairwise_table, standings, table_of, to_csv

HARD = [
    "NA", "null", "nan", "None", "01", "1", "001", "1.0", "1e3", "1000", "12e400", "9007199254740993",
    "9007199254740992", "true", "1_0", " 1", "-", "a,b", 'say "x"', "f1[macro]", "=1+1", "1e-3", "0.001", "", "inf",
]  # fmt: skip
NAMES = [name for name in HARD if name]
names = st.one_of(
    st.sampled_from(NAMES), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
)
several = st.lists(names, min_size=2, max_size=5, unique=True)


def scores(methods, tasks, **more):
    rows = [
        {"method": method, "task": task, "metric": "rmse", "value": 1.0 + place + 0.1 * where}
        for where, task in enumerate(tasks)
        for place, method in enumerate(methods)
    ]
    return pd.DataFrame(rows).assign(**more)


def decoded(table, suffix="csv"):
    content = table.to_csv(index=False).encode() if suffix == "csv" else exports.to_parquet(table)
    return decode_scores(content, "x")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["method", "task", "metric", "board", "panel", "learner", "fold", "repeat"])
def test_names_are_never_rewritten(suffix, column):
    table = scores(NAMES, ["t"], **({} if column == "metric" else {"direction": "min"}))
    table = table.assign(**{column: NAMES, "direction": "min"})
    assert decoded(table, suffix)[column].tolist() == NAMES


@pytest.mark.parametrize("written", ["NA", "NaN", "nan", "null", " ", "", "n/a", "None"])
def test_a_number_may_be_missing_in_words(written):
    found = decode_scores(f"method,task,metric,value\nNA,null,rmse,{written}\na,t,rmse, 2 \n".encode(), "x")
    assert found["method"].tolist() == ["NA", "a"]
    np.testing.assert_array_equal(found["value"], [np.nan, 2])


@pytest.mark.parametrize("written", ["1_000", "1;0", "x", "0x10"])
def test_a_text_among_numbers_is_refused_by_name(written):
    with pytest.raises(BenchError, match=f"'value' of mine.csv holds '{written}'"):
        decode_scores(f"method,task,metric,value\na,t,rmse,{written}\n".encode(), "mine.csv")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["0", "1", "10"], [0, 1, 10]),
        (["0.0", "1.0", "10.0"], [0, 1, 10]),
        (["00", "01", "10"], ["00", "01", "10"]),
        (["1", "1.0", "2"], ["1", "1.0", "2"]),
        (["1", "NA", "2"], ["1", "NA", "2"]),
        (["9007199254740993", "9007199254740992", "1"], [9007199254740993, 9007199254740992, 1]),
    ],
)
def test_folds_are_numbers_where_no_two_become_one(written, read):
    assert decoded(scores(["a"], ["t", "u", "v"]).assign(fold=written))["fold"].tolist() == read


def test_a_whole_number_with_a_gap_stays_whole():
    table = scores(["a"], ["t", "u"]).assign(fold=pd.array([2**53 + 1, None], "Int64"))
    assert decoded(table, "parquet")["fold"].tolist() == [2**53 + 1, pd.NA]


def test_names_are_categories_in_their_order_and_texts_for_users(tmp_path):
    table = scores(["b", "a"], ["t"]).assign(metric=["auprc", "macro_auprc"], suite=["s", None], panel=[None, "p"])
    table.to_csv(tmp_path / "s.csv", index=False)
    found = read_scores(tmp_path / "s.csv")
    assert {name: list(found[name].cat.categories) for name in ("method", "metric", "suite", "panel")} == {
        "method": ["a", "b"], "metric": ["macro_auprc"], "suite": ["s"], "panel": ["", "p"],
    }  # fmt: skip
    plain = load_scores(tmp_path / "s.csv")
    assert not any(isinstance(dtype, pd.CategoricalDtype) for dtype in plain.dtypes)
    assert plain["method"].tolist() == ["b", "a"]
    assert plain["suite"].isna().tolist() == [False, True]
    assert plain["panel"].tolist() == ["", "p"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_file_is_what_it_holds_whatever_its_name(tmp_path, pack):
    table = scores(["NA", "b"], ["t"])
    (tmp_path / "odd.name").write_bytes(pack(table.to_csv(index=False).encode()))
    assert bench.load(tmp_path / "odd.name")["method"].tolist() == ["NA", "b"]


def test_the_parquet_copy_is_read_unless_the_csv_file_is_newer_or_nothing_reads_parquet(tmp_path, monkeypatch):
    table = scores(["m"], ["t"])
    table.to_csv(tmp_path / "scores.csv", index=False)
    table.assign(value=7.0).to_parquet(tmp_path / "scores.parquet", index=False)
    for age, expected in {0: 7.0, 1: 1.0}.items():
        os.utime(tmp_path / "scores.csv", (1000 + age, 1000 + age))
        os.utime(tmp_path / "scores.parquet", (1000, 1000))
        assert load_scores(tmp_path)["value"].tolist() == [expected]
        assert source(str(tmp_path)).table.rows["value"].tolist() == [expected]
    os.utime(tmp_path / "scores.csv", (1000, 1000))
    monkeypatch.setattr("bench.core.tables.find_spec", lambda _: None)
    assert load_scores(tmp_path)["value"].tolist() == [1.0]


@pytest.mark.parametrize("name", ["scores.csv", "scores.csv.gz", "scores.pq", "scores.parquet"])
def test_a_folder_has_its_scores_in_any_of_the_formats(tmp_path, name):
    table = scores(["a", "b"], [f"t{k}" for k in range(8)])
    if name.endswith("csv"):
        table.to_csv(tmp_path / name, index=False)
    else:
        (tmp_path / name).write_bytes(
            gzip.compress(table.to_csv(index=False).encode()) if name.endswith("gz") else exports.to_parquet(table)
        )
    assert len(load_scores(tmp_path)) == 16
    assert compare(str(tmp_path), str(tmp_path), ComparisonOptions()).code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("method,task,metric,value,value\na,t,rmse,1,2\n", "two columns 'value'"),
        ("method,task,metric,value, method\na,t,rmse,1,b\n", "two columns 'method'"),
        ("method,task,metric,value\na,t,rmse,1,2\n", "Expected 4 fields in line 2, saw 5"),
        ("method,task,metric,value\na,t,rmse,1\na,u,rmse,1,2\n", "Expected 4 fields in line 3, saw 5"),
        ("method,task,metric,value\na,t,rmse,1\na,,rmse,1\n", "1 scores of x have no task"),
        ("method,metric\na,rmse\n", "no column value"),
        ("", "cannot be read"),
        ("method,task,metric,value,ranked\na,t,rmse,1,perhaps\n", "'perhaps'"),
    ],
)
def test_what_is_half_known_is_refused(text, says):
    with pytest.raises(BenchError, match=says):
        decode_scores(text.encode(), "x")


@pytest.mark.parametrize(
    "start", [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04", b"PAR1", b"\xff\xfe", b"version https://git-lfs"]
)
def test_a_broken_file_is_refused_in_one_line(start):
    with pytest.raises(BenchError, match="x cannot be read as a table"):
        decode_table(start + b"broken", "x")


def test_header_and_row_numbers_are_read_with_tolerance():
    text = "\ufeff, method ,task, metric,value\n0,a,t,rmse,1\n"
    assert list(decode_table(text.encode(), "x")) == ["method", "task", "metric", "value"]


@pytest.mark.parametrize("spelling", ["Test", "TEST", " test"])
@pytest.mark.parametrize("reader", ["leaderboard", "compare"])
def test_test_rows_are_spelt_in_one_way(tmp_path, spelling, reader):
    table = scores(["a", "b"], [f"t{k}" for k in range(8)], sample="test")
    table.loc[table["task"] > "t3", "sample"] = spelling
    table.to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(BenchError, match=f"{spelling!r} in 8 rows"):
        leaderboard(load_scores(tmp_path / "s.csv")) if reader == "leaderboard" else source(str(tmp_path / "s.csv"))


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("TRUE", "FALSE"), (1, 0), ("1.0", "0.0"), (True, False)])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_ranked_is_spelt_as_one_likes_and_means_the_same_everywhere(tmp_path, suffix, yes, no):
    table = scores(["a", "b"], [f"t{k}" for k in range(8)])
    table = table.assign(ranked=[yes if method == "a" else no for method in table["method"]])
    (tmp_path / "s").write_bytes(table.to_csv(index=False).encode() if suffix == "csv" else exports.to_parquet(table))
    assert leaderboard(load_scores(tmp_path / "s"))["method"].tolist() == ["a"]
    assert set(compare(str(tmp_path / "s"), str(tmp_path / "s"), ComparisonOptions()).verdicts["method"]) == {"a"}


@pytest.mark.parametrize("folds", [("00", "01"), ("0", "1"), ("NA", "²"), ("1.0", "1")])
def test_folds_of_any_name_survive_a_baseline(tmp_path, folds):
    tasks = [f"t{k}" for k in range(8)]
    pd.concat(scores(["a"], tasks, fold=fold) for fold in folds).to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "b.json").write_text(baseline_text(source(str(tmp_path / "s.csv"))), encoding="utf-8")
    found = compare(str(tmp_path / "b.json"), str(tmp_path / "s.csv"), ComparisonOptions())
    assert found.verdicts["tasks"].tolist() == [8]
    assert found.lost.empty


def test_a_direction_may_begin_with_a_capital(tmp_path):
    scores(["a", "b"], ["t"], direction=" Max").to_csv(tmp_path / "s.csv", index=False)
    assert leaderboard(load_scores(tmp_path / "s.csv"))["method"].tolist() == ["b", "a"]
    assert source(str(tmp_path / "s.csv")).table.direction == {"rmse": "max"}


def test_an_empty_task_id_beside_a_task_is_no_task():
    table = decoded(scores(["a", "b"], ["t", "u"]).assign(task_id=""))
    assert leaderboard(table)["tasks"].tolist() == [2, 2]


def test_scores_without_any_task_are_refused_if_a_method_has_several():
    with pytest.raises(BenchError, match="nothing says of which task"):
        leaderboard(decoded(scores(["a"], ["t", "u"]).assign(task="")))


@settings(max_examples=25, deadline=None)
@given(several, several, st.sampled_from(["csv", "parquet"]))
@example(NAMES, ["NA", "null", "01", "1"], "csv")
def test_names_survive_from_file_to_leaderboard_pairs_and_exports(tmp_path_factory, methods, tasks, suffix):
    folder = tmp_path_factory.mktemp("names")
    table = scores(methods, tasks)
    file = folder / f"s.{suffix}"
    file.write_bytes(table.to_csv(index=False).encode() if suffix == "csv" else exports.to_parquet(table))
    ranked = list(standings(load_scores(file), by=["task"]))
    board = table_of(ranked)
    assert set(board["method"]) == set(methods)
    (folder / "leaderboard.csv").write_text(to_csv(board), encoding="utf-8", newline="")
    written = decode_table((folder / "leaderboard.csv").read_bytes(), "leaderboard.csv")
    assert written["method"].tolist() == board["method"].tolist()
    pairs = pd.read_csv(io.StringIO(to_csv(pairwise_table(ranked))), dtype=str, keep_default_na=False)
    assert {*pairs["method_a"], *pairs["method_b"]} == set(methods)
    base = folder / "baseline.json"
    base.write_text(baseline_text(source(str(file))), encoding="utf-8")
    found = compare(str(base), str(file), ComparisonOptions(methods=[methods[0]]))
    assert set(found.verdicts["method"]) == {methods[0]}
    assert found.lost.empty
    assert set(source(str(base)).table.rows["task_id"]) == set(tasks)
