import datetime as dt
import gzip
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.core.hashing import digest
from bench.core.nouns import BenchError
from bench.tasks.loading import load_task
from bench.tasks.meta_features import meta_features
from bench.tasks.sources import TaskRequest, bundled_files, registry
from bench.tasks.sources.bundled import CATALOGUE
from bench.tasks.sources.columns import by_number, canonical
from bench.tasks.sources.table import infer_kind, task_from_table

PATIENT = settings(derandomize=True, deadline=None, max_examples=60)


def make(table, target="y", **request):
    return task_from_table("test", pd.DataFrame(table), TaskRequest("test", target, **request))


def refused(match, table, target="y", **request):
    with pytest.raises(BenchError, match=match) as caught:
        make(table, target, **request)
    assert "\n" not in str(caught.value)


def numbers(n=20):
    return {"x": np.arange(n, dtype=float), "y": np.linspace(0.5, 9, n)}


def saved(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TaskRequest(str(path), target="y")


# --- kinds and targets


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (["a", "b"] * 15, "classification"),
        (pd.Categorical(["1", "2"] * 15), "classification"),
        ([True, False] * 15, "classification"),
        ([0, 1] * 15, "classification"),
        ([0.0, 1.0] * 15, "classification"),
        ([0, 1, 2] * 50, "classification"),  # iris codes
        ([3, 4, 5, 6, 7, 8] * 200, "classification"),  # wine quality
        (list(range(1, 30)) * 100, "regression"),  # abalone rings
        ([10_000 + 137 * i for i in range(300)], "regression"),  # prices
        ([1, 2, 3, 4, 5] * 4, "regression"),  # too few of each to be classes
        ([0.5, 1.5] * 15, "regression"),
        ([Decimal("0.5"), Decimal(2)] * 15, "regression"),
        (list(pd.date_range("2020-01-01", periods=30)), "regression"),
    ],
)
def test_the_kind_is_what_a_person_expects(target, kind):
    assert infer_kind(pd.Series(target)) == kind
    task = make({"x": np.arange(len(target)), "y": target})
    assert (task.kind, task.meta["kind_inferred"]) == (kind, True)


def test_a_given_kind_is_obeyed():
    values = [0, 1] * 10
    task = make({"x": range(20), "y": values}, kind="regression")
    assert (task.kind, task.meta["kind_inferred"], task.classes, task.y.dtype) == ("regression", False, (), float)
    quality = make({"x": range(20), "y": [3.5, 5.5] * 10}, kind="classification")
    assert quality.classes == ("3.5", "5.5")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([200, 100, 0, 255], dtype="uint8"),
        pd.Series(["200", "100.0", "0", "255"]),
        pd.Series(["200", "100", "0", "255"], dtype="category"),
        pd.Series(pd.Categorical(["200", "100", "0", "255"], ["255", "200", "100", "0"], ordered=True)),
        pd.Series([Decimal(200), Decimal("100.0"), Decimal(0), Decimal(255)]),
        pd.Series([200, 100, 0, 255], dtype="Int64"),
        pd.Series([200, 100, 0, 255], dtype="float32"),
    ],
)
def test_a_regression_target_is_float64_from_any_type(column):
    task = make({"x": range(4), "y": column}, kind="regression")
    assert task.y.dtype == np.float64
    np.testing.assert_array_equal(task.y, [200, 100, 0, 255])
    np.testing.assert_array_equal(task.y - 300, [-100, -200, -300, -45])


@pytest.mark.parametrize(
    "column", [[True, False, True], ["True", "False", "True"], pd.Categorical([True, False, True])]
)
def test_truth_values_are_zero_and_one(column):
    np.testing.assert_array_equal(make({"x": range(3), "y": column}, kind="regression").y, [1, 0, 1])
    assert make({"x": range(3), "y": column}).classes == ("False", "True")


def test_a_space_behind_a_comma_makes_no_class_of_its_own(tmp_path):
    (tmp_path / "keel.csv").write_text("a, b, Class\n1, 2, yes\n3,4,no\n5, 6,yes\n7,8, no\n9, 1, no\n")
    task = load_task("file", TaskRequest(str(tmp_path / "keel.csv"), target="Class"))
    assert (list(task.X.columns), task.classes) == (["a", "b"], ("no", "yes"))
    assert task.y.tolist() == [1, 0, 1, 0, 0]


def test_classes_come_from_the_data_in_numeric_order():
    declared = pd.Categorical(["10", "9", "10", "2"], categories=["99", "10", "9", "2", "0"])
    task = make({"x": range(4), "y": declared})
    assert not task.meta["ordered"]
    assert task.classes == ("2", "9", "10")
    assert task.y.tolist() == [2, 1, 2, 0]
    assert task.y.dtype == np.int64
    assert make({"x": range(4), "y": [10.0, 9.0, 10.0, -2.0]}, kind="classification").classes == ("-2", "9", "10")
    assert make({"x": range(4), "y": ["b10", "b9", "b10", "a"]}).classes == ("a", "b10", "b9")


@given(st.lists(st.sampled_from(["b", "a", "10", "9", "c"]), min_size=2, max_size=40))
@PATIENT
def test_codes_point_at_their_names(values):
    if len(set(values)) in {1, len(values)}:
        return
    task = make({"x": range(len(values)), "y": values})
    assert [task.classes[code] for code in task.y] == values
    assert sorted(task.classes) == sorted(set(values))


@given(st.lists(st.integers(-99, 99).map(str) | st.floats(-9, 9).map(str), unique=True, max_size=8))
@PATIENT
def test_numbers_sort_as_numbers(names):
    assert [float(name) for name in by_number(names)] == sorted(float(name) for name in names)


# --- columns


def test_every_column_gets_one_of_two_forms():
    table = {
        "int": pd.array([1, None, 3], dtype="Int64"),
        "byte": np.array([1, 2, 255], dtype="uint8"),
        "bool": [True, False, True],
        "maybe": pd.array([True, None, False], dtype="boolean"),
        "text": ["b", None, "a"],
        "arrow": pd.array(["b", None, "a"], dtype="string"),
        "category": pd.Categorical(["b", None, "a"], ["z", "b", "a"], ordered=True),
        "codes": pd.Categorical([2, 10, 2]),
        "mixed": [1, "a", None],
        "objects": pd.Series([1, 2.5, None], dtype=object),
        "decimal": [Decimal("1.5"), None, Decimal(2)],
        "when": pd.to_datetime(["1970-01-01 00:01", None, "1970-01-02 00:00"]),
        "zone": pd.to_datetime(["1970-01-01 01:00", None, "1970-01-02 00:00"]).tz_localize("Europe/Berlin"),
        "day": [dt.date(1970, 1, 1), None, dt.date(1970, 1, 2)],
        "iso": ["1970-01-01T00:01", None, "1970-01-02"],
        "took": pd.to_timedelta(["1min", None, "1s"]),
        "sparse": pd.arrays.SparseArray([0.0, 0.0, 2.0]),
        "nothing": [None, None, None],
        "y": [1.5, 2.5, 3.5],
    }
    X = make(table).X
    assert list(X.columns) == list(table)[:-1]
    labels = {name for name in X if X[name].dtype == "category"}
    assert labels == {"bool", "maybe", "text", "arrow", "category", "codes", "mixed"}
    assert all(X[name].dtype == np.float64 for name in X if name not in labels)
    for name in labels:
        categories = list(X[name].cat.categories)
        assert all(isinstance(value, str) for value in categories)
        assert categories == sorted(categories)
        assert not X[name].cat.ordered
    assert list(X["category"].cat.categories) == ["a", "b"]
    assert list(X["codes"].cat.categories) == ["10", "2"]
    assert X["maybe"].tolist()[::2] == ["True", "False"]
    for name, seconds in {"when": [60, 86400], "iso": [60, 86400], "day": [0, 86400], "took": [60, 1]}.items():
        np.testing.assert_array_equal(X[name].to_numpy(), [seconds[0], np.nan, seconds[1]])
    np.testing.assert_array_equal(X["zone"].to_numpy(), [0, np.nan, 82800])


@given(
    st.lists(
        st.one_of(
            *(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3)),
            *(st.binary(max_size=2), st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)), st.decimals(allow_nan=False)),
        ),
        min_size=1,
        max_size=12,
    )
)
@PATIENT
def test_any_column_of_scalars_takes_one_of_two_forms(values):
    column, _ = canonical(pd.Series(values, dtype=object, name="x"))
    assert len(column) == len(values)
    if column.dtype == "category":
        assert list(column.cat.categories) == sorted(set(column.dropna()))
        assert column.isna().tolist() == pd.Series(values, dtype=object).isna().tolist()
    else:
        assert column.dtype == np.float64
        assert not np.isinf(column).any()


def test_nested_values_are_refused():
    refused("column 'x' holds lists or other nested values", {"x": [[1], [2], [3]], "y": [1.5, 2.5, 3.5]})


def test_complex_numbers_are_refused():
    refused("column 'x' holds complex numbers", {"x": [1j, 2j, 3j], "y": [1.5, 2.5, 3.5]})


def test_odd_columns_are_kept_and_reported():
    n = 30
    table = {
        "same": ["a"] * n,
        "flat": [1.0] * n,
        "none": [None] * n,
        "wide": [np.inf, -np.inf, *range(n - 2)],
        "id": [f"person {i}" for i in range(n)],
        "slip": ["?", *(str(i) for i in range(n - 1))],
        "y": ["a"] * 3 + ["b"] * (n - 3),
    }
    task = make(table)
    assert task.X.shape == (n, 6)
    assert task.X["wide"].isna().sum() == 2
    assert task.meta["warnings"] == [
        "one value only in 'same', 'flat'",
        "no value at all in 'none'",
        "infinite values, now missing, in 'wide'",
        "another text in every row, as in an identifier, in 'id'",
        "text, because a few values are no numbers, in 'slip'",
        "fewer than 5 rows in class 'a' (3)",
    ]


def test_the_users_table_is_left_alone():
    table = pd.DataFrame({3: [np.inf, 1.0, 2.0], "y": [1.5, 2.5, 3.5]}, index=[7, 7, 7])
    before = table.copy(deep=True)
    task = task_from_table("test", table, TaskRequest("test", "y"))
    task.X.iloc[0, 0] = 99
    task.y[0] = 99
    pd.testing.assert_frame_equal(table, before)
    assert list(task.X.columns) == ["3"]
    assert task.X.index.tolist() == [0, 1, 2]


def test_a_named_index_is_a_column():
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.5, 2.5, 3.5]}, index=pd.Index(["a", "b", "a"], name="who"))
    assert list(task_from_table("test", table, TaskRequest("test", "y")).X.columns) == ["who", "x"]
    assert task_from_table("test", table, TaskRequest("test", "y", group="who")).groups.tolist() == [0, 1, 0]
    table.index.name = "x"
    refused("two columns are named 'x'", table)


# --- parts


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=4, max_size=30).filter(any), st.floats(1e-250, 1e250))
def test_row_weights_are_equal_to_the_last_bit_in_every_unit(counts, unit):
    rows = numbers(len(counts))
    one, other = (make(rows | {"w": [u * count for count in counts]}, weight="w").weight for u in (1.0, unit))
    np.testing.assert_array_equal(one, other)  # so that nothing behind this door can differ
    np.testing.assert_allclose(one[one > 0].mean(), 1, rtol=1e-9)
    np.testing.assert_allclose(one * counts[int(np.argmax(one))], np.array(counts) * one.max(), rtol=1e-9)


def test_a_row_of_weight_zero_is_no_row_for_the_unit_of_weights():
    four = make(numbers(4) | {"w": [1, 0, 2, 3]}, weight="w")
    more = make(numbers(6) | {"w": [1, 0, 2, 3, 0, 0]}, weight="w")
    np.testing.assert_array_equal(more.weight[:4], four.weight)


def test_parts_leave_the_features():
    table = numbers(4) | {
        "who": ["b", "a", "b", "10"],
        "when": ["2020-01-02", "2020-01-01", "2020-01-03", "2020-01-04"],
        "w": [1, 0, 2, 3],
    }
    task = make(table, group="who", time="when", weight="w")
    assert list(task.X.columns) == ["x"]
    assert task.groups.tolist() == [2, 1, 2, 0]
    assert (task.time - task.time[1]).tolist() == [86400, 0, 172800, 259200]
    assert task.weight.tolist() == [0.5, 0, 1, 1.5]  # in units of the mean of the rows that count
    assert {task.groups.dtype, task.time.dtype, task.weight.dtype} == {np.dtype("int64"), np.dtype("float64")}
    assert task.meta | {"warnings": []} == {
        "target": "y",
        "group": "who",
        "time": "when",
        "weight": "w",
        "ordered": False,
        "kind_inferred": True,
        "warnings": [],
    }
    digest(task.X, task.y, task.groups, task.time, task.weight)


def test_groups_of_numbers_are_in_numeric_order():
    assert make(numbers(3) | {"g": [10, 9, 10]}, group="g").groups.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("part", "values", "match"),
    [
        ("weight", [1, -1, 1, 1], "the weight column 'p' is negative or infinite in 1 of 4 rows"),
        ("weight", [1, np.inf, 1, 1], "negative or infinite in 1 of 4 rows"),
        ("weight", [1, None, None, 1], "the weight column 'p' is missing in 2 of 4 rows: fill it in"),
        ("weight", ["1", "2", "heavy", "1"], "the weight column 'p' holds 'heavy', which is no number"),
        ("weight", [0, 0, 0, 0], "the weight column 'p' is zero in every row"),
        ("time", ["now", "then", "now", "then"], "the time column 'p' holds 'now', which is no number"),
        ("time", [1, 2, None, 4], "the time column 'p' is missing in 1 of 4 rows"),
        ("time", [1, 2, np.inf, 4], "the time column 'p' holds an infinite value"),
        ("time", ["2020-13-45"] * 4, "column 'p' holds a date that cannot be read"),
        ("group", ["a", None, "a", "b"], "the group column 'p' is missing in 1 of 4 rows"),
    ],
)
def test_parts_that_cannot_serve(part, values, match):
    refused(match, numbers(4) | {"p": values}, **{part: "p"})


@pytest.mark.parametrize("part", ["group", "time", "weight"])
def test_unknown_parts_and_double_use(part):
    table = numbers(4) | {"Person": [1, 2, 1, 2]}
    refused(f"there is no {part} column 'person': did you mean 'Person'", table, **{part: "person"})
    refused(f"column 'y' cannot be both target and {part}: name another {part}", table, **{part: "y"})
    other = "time" if part == "weight" else "weight"
    first = min(part, other, key=["group", "time", "weight"].index)
    refused(f"column 'Person' cannot be both {first}", table, **{part: "Person", other: "Person"})


# --- tables and targets that cannot serve


def test_targets_that_cannot_serve():
    x = {"x": range(4)}
    refused("no target is named: give --target COLUMN, one of x, y", x | {"y": range(4)}, None)
    refused("there is no target column 'Y': did you mean 'y'", x | {"y": range(4)}, "Y")
    refused("there is no target column 'price': choose from x, y", x | {"y": range(4)}, "price")
    refused("the target 'y' is missing in 2 of 4 rows: fill it in or remove", x | {"y": [1, None, 2, None]})
    refused("the target 'y' is missing in 1 of 4 rows", x | {"y": ["a", None, "b", "a"]}, kind="classification")
    refused("the target 'y' is empty in all 4 rows", x | {"y": [None] * 4})
    refused("the target 'y' is empty in all 4 rows", x | {"y": [np.nan] * 4}, kind="regression")
    refused("the target 'y' has one class, 'a'", x | {"y": ["a"] * 4})
    refused("the target 'y' has one class, '1'", x | {"y": [1] * 4})
    refused("the target 'y' is 1 in every row", x | {"y": [1] * 4}, kind="regression")
    refused("the target 'y' is infinite in 1 of 4 rows", x | {"y": [1.5, np.inf, 2, 3]})
    refused("the target 'y' is 1e.200 at its largest: write it in another unit", x | {"y": [1.5, -1e200, 2, 3]})
    refused("the target 'y' is 3e-70 at its largest: write", x | {"y": [1.5e-80, 1e-70, 2e-70, 3e-70]})
    refused("the target 'y' holds 'a', which is no number: give --kind", x | {"y": list("1aab")}, kind="regression")
    refused("another class in each of 4 rows", x | {"y": list("abcd")})


def test_tables_that_cannot_serve():
    refused("the table has no rows", {"x": [], "y": []})
    refused("no feature column is left beside y", {"y": [1.5, 2.5]})
    refused("no feature column is left beside y, x", {"x": [1, 2], "y": [1.5, 2.5]}, group="x")
    refused("two columns are named 'x'", pd.DataFrame([[1, 2, 3.5]], columns=["x", "x", "y"]))
    refused("two columns are named '1'", pd.DataFrame([[1, 2, 3.5]], columns=[1, "1", "y"]))


@given(
    st.lists(
        st.tuples(
            *(st.floats(allow_nan=True), st.none() | st.text(max_size=2), st.booleans()),
            st.none() | st.floats(-5, 5),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([None, "regression", "classification"]),
    st.sampled_from(["number", "text", "flag", "y"]),
)
@PATIENT
def test_no_row_is_ever_lost(rows, kind, target):
    table = pd.DataFrame(rows, columns=["number", "text", "flag", "y"])
    try:
        task = make(table, target, kind=kind)
    except BenchError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert len(task.X) == len(task.y) == len(rows)
    assert np.isfinite(task.y).all()
    assert (len(task.classes) > 1) == (task.kind == "classification")


# --- files


CSV = "x,shape,flag,when,none,y\n1,round,True,2020-01-01,,0.5\n2,,False,2020-01-02,,1.5\n,flat,True,2020-01-03,,2.5\n"


@pytest.mark.parametrize("name", ["some.data.csv", "data.CSV", "data.csv.gz", "data.tsv", "data.tsv.gz"])
def test_text_files_load_alike(tmp_path, name):
    text = CSV.replace(",", "\t") if ".tsv" in name else CSV
    request = saved(tmp_path, gzip.compress(text.encode(), mtime=0) if name.endswith("gz") else text, name)
    before = (tmp_path / name).read_bytes()
    task = load_task("file", request)
    assert task.name == "file:some.data" if name.startswith("some") else "file:data"
    assert task.X["shape"].tolist()[::2] == ["round", "flat"]
    np.testing.assert_array_equal(task.y, [0.5, 1.5, 2.5])
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_csv_and_parquet_give_the_same_task(tmp_path):
    one = load_task("file", saved(tmp_path, CSV))
    typed = pd.read_csv(tmp_path / "data.csv", parse_dates=["when"])
    typed = typed.astype({"x": "Int64", "shape": pd.CategoricalDtype(["round", "oval", "flat"], ordered=True)})
    typed.to_parquet(tmp_path / "data.parquet")
    other = load_task("file", TaskRequest(str(tmp_path / "data.parquet"), "y"))
    pd.testing.assert_frame_equal(one.X, other.X)
    np.testing.assert_array_equal(one.y, other.y)
    assert digest(one.X, one.y) == digest(other.X, other.y)
    assert one.meta["warnings"] == other.meta["warnings"] == ["no value at all in 'none'"]


def test_other_habits_of_csv_files(tmp_path):
    plain = "x;z;y\n1;a b;0.5\n2;c, d;1.5\n3;e;2.5\n"
    assert list(load_task("file", saved(tmp_path, plain)).X.columns) == ["x", "z"]
    marked = load_task("file", saved(tmp_path, b"\xef\xbb\xbf" + b"y,x\n0.5,1\n1.5,2\n"))
    assert marked.meta["target"] == "y"
    numbered = load_task("file", saved(tmp_path, ",x,y\n0,5,0.5\n1,6,1.5\n2,6,2.5\n"))
    assert list(numbered.X.columns) == ["x"]
    assert numbered.meta["warnings"] == ["the first column has no name and numbers the rows: it is left out"]
    nameless = load_task("file", saved(tmp_path, ",x,y\na,5,0.5\na,6,1.5\nb,6,2.5\n"))
    assert list(nameless.X.columns) == ["Unnamed: 0", "x"]


@pytest.mark.parametrize(
    ("content", "name", "match"),
    [
        ("", "data.csv", "is empty"),
        ("\n\n", "data.csv", "is empty"),
        ("x,y\n", "data.csv", "has no rows"),
        ("x,y,x\n1,2,3\n", "data.csv", "are named 'x': rename one"),
        ("x,y\n1,2,3\n4,5,6\n", "data.csv", "more fields than the header"),
        ("x,y\n1,2\n1,2,3\n", "data.csv", "cannot be read"),
        ("x,y\nfür,2\n".encode("latin-1"), "data.csv", "is not UTF-8"),
        (b"\xff\xfex\x00", "data.csv", "is not UTF-8"),
        ("x,y\n1,2\n", "data.csv.gz", "cannot be read"),
        (gzip.compress(b"x,y\n1,2\n" * 99, mtime=0)[:-20], "data.csv.gz", "cannot be read"),
        ("no parquet", "data.parquet", "cannot be read"),
        ("PAR1" * 9, "data.pq", "cannot be read"),
        ("x,y\n1,2\n", "data.xls", "is no table: give a file that ends in .csv"),
        ("x,y\n1,2\n", "csv", "is no table: give a file that ends in .csv"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, name, match):
    with pytest.raises(BenchError, match=match) as caught:
        load_task("file", saved(tmp_path, content, name))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_paths_that_are_no_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BenchError, match="is a directory: check the path"):
        load_task("file", TaskRequest(str(tmp_path / "folder.csv"), "y"))
    with pytest.raises(BenchError, match="is not there: check the path"):
        load_task("file", TaskRequest(str(tmp_path / "gone.csv"), "y"))


def test_a_file_without_a_target_lists_its_columns(tmp_path):
    path = saved(tmp_path, CSV).name
    with pytest.raises(BenchError, match="one of x, shape, flag, when, none, y"):
        load_task("file", TaskRequest(path))


# --- bundled tables


def test_tasks_of_one_table_are_one_data_set(tmp_path):
    def dataset(name):
        return meta_features(load_task("bundled", TaskRequest(name)))["dataset"]

    assert dataset("digits-9") == dataset("digits-imbalanced") == dataset("digits") == "bundled:digits"
    assert dataset("iris") == "bundled:iris"
    pd.DataFrame({"x": range(30), "y": [0.5, 1.5, 2.0] * 10}).to_csv(tmp_path / "own.csv", index=False)
    own = load_task("file", TaskRequest(str(tmp_path / "own.csv"), target="y"))
    assert meta_features(own)["dataset"] == "file:own"


def test_bundled_tables_of_one_file_are_one_family():
    families = {}
    for table in CATALOGUE.values():
        families.setdefault((table.package, table.path), set()).add(table.family or table.name)
    assert {len(names) for names in families.values()} == {1}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_bundled_table_is_what_the_catalogue_says(name):
    table = CATALOGUE[name]
    task = load_task("bundled", TaskRequest(name))
    assert (task.name, task.kind, task.X.shape) == (f"bundled:{name}", table.kind, (table.n, table.d))
    assert len(task.y) == table.n
    assert (task.groups is None, task.time is None) == (table.group is None, table.time is None)
    assert not set(table.drop) & set(task.X.columns)
    assert not any(column.startswith(("Unnamed", "x0")) for column in task.X)
    assert all(dtype in (np.float64, "category") for dtype in task.X.dtypes)
    assert task.meta["kind_inferred"] is False
    assert task.meta["licence"]
    if task.classes:
        assert not all(label.isdigit() for label in task.classes) or name.startswith("digits")
        assert np.bincount(task.y).min() >= 9
    again = load_task("bundled", TaskRequest(name))
    assert digest(task.X, task.y) == digest(again.X, again.y)


def test_there_are_enough_bundled_tables():
    kinds = [table.kind for table in CATALOGUE.values()]
    assert min(kinds.count("regression"), kinds.count("classification")) >= 8


@pytest.mark.parametrize("name", ["breast-cancer", "digits", "iris", "wine", "diabetes"])
def test_sklearns_tables_are_sklearns(name):
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    truth = getattr(datasets, f"load_{name.replace('-', '_')}")(as_frame=True, **options)
    task = load_task("bundled", TaskRequest(name))
    assert list(task.X.columns) == list(truth.data.columns)
    np.testing.assert_array_equal(task.X.to_numpy(), truth.data.to_numpy(dtype=float))
    if name == "diabetes":
        np.testing.assert_array_equal(task.y, truth.target)
    else:
        names = [str(label) for label in truth.target_names]
        assert [task.classes[code] for code in task.y] == [names[code] for code in truth.target]


@pytest.mark.parametrize("name", ["anes96", "ccard", "engel", "fair", "modechoice", "star98", "randhie", "cancer"])
def test_statsmodels_tables_are_statsmodels(name):
    from statsmodels import datasets

    truth = getattr(datasets, name).load_pandas().data
    X = load_task("bundled", TaskRequest(name)).X
    shared = [column for column in X if column in truth and X[column].dtype == float]
    assert shared
    assert len(truth) == len(X)
    np.testing.assert_allclose(X[shared].to_numpy(), truth[shared].to_numpy(dtype=float))


def test_star98_is_the_share_of_statsmodels():
    from statsmodels.datasets import star98

    truth = star98.load_pandas().endog
    share = 100 * truth["NABOVE"] / (truth["NABOVE"] + truth["NBELOW"])
    np.testing.assert_allclose(load_task("bundled", TaskRequest("star98")).y, share)


@pytest.mark.parametrize("name", ["titanic", "penguins", "cpu"])
def test_arff_is_read_as_liac_arff_reads_it(name):
    import arff

    table = CATALOGUE[name]
    content = gzip.decompress(bundled_files.file_path(table.package, table.path).read_bytes()).decode()
    truth = arff.loads(content)
    found = bundled_files.arff(table.package, table.path)
    assert list(found.columns) == [attribute for attribute, _ in truth["attributes"]]
    expected = [["" if value is None else str(value) for value in row] for row in truth["data"]]
    got = found.astype(object).where(found.notna(), "").map(lambda v: str(float(v)) if isinstance(v, int) else str(v))
    assert got.to_numpy().tolist() == expected


@pytest.mark.parametrize("group", ["grunfeld", "modechoice", "randhie"])
def test_groups_are_who_they_should_be(group):
    task = load_task("bundled", TaskRequest(group))
    counts = np.bincount(task.groups)
    if group == "modechoice":
        assert set(counts) == {4}
        chosen = np.bincount(task.groups, weights=task.y == task.classes.index("yes"))
        np.testing.assert_array_equal(chosen, np.ones(210))
    elif group == "grunfeld":
        assert counts.tolist() == [20] * 11
    else:
        assert len(counts) == 5912


def test_the_past_predicts_the_future_of_inflation():
    from statsmodels.datasets import macrodata

    truth = macrodata.load_pandas().data["infl"].to_numpy()
    task = load_task("bundled", TaskRequest("macro-inflation"))
    np.testing.assert_allclose(task.y, truth[1:])
    np.testing.assert_allclose(task.X["infl"], truth[:-1])
    np.testing.assert_allclose(np.diff(task.time), 0.25)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("breast-cancer-imbalanced", {"benign": 357, "malignant": 36}),
        ("wine-imbalanced", {"class_0": 59, "class_1": 71, "class_2": 14}),
        ("digits-9", {"9": 180, "rest": 1617}),
        ("digits-imbalanced", {str(k): round(174 * 20 ** (-k / 9)) for k in range(10)}),
    ],
)
def test_imbalanced_tables_follow_their_rule(name, counts):
    task = load_task("bundled", TaskRequest(name))
    assert dict(zip(task.classes, np.bincount(task.y).tolist(), strict=True)) == counts
    assert task.meta["note"]
    full = load_task("bundled", TaskRequest(CATALOGUE[name].family))
    rows = {tuple(row) for row in full.X.to_numpy()}
    assert {tuple(row) for row in task.X.to_numpy()} <= rows


def test_unknown_bundled_tables_and_foreign_columns():
    with pytest.raises(BenchError, match="there is no bundled table 'diabetis': did you mean diabetes"):
        load_task("bundled", TaskRequest("diabetis"))
    with pytest.raises(BenchError, match="choose from affairs, anes96"):
        load_task("bundled", TaskRequest("zzz"))
    with pytest.raises(BenchError, match=r"bundled:iris fixes its own columns and kind.*leave out --target"):
        load_task("bundled", TaskRequest("iris", target="class"))


def test_a_bundled_file_that_is_not_installed():
    with pytest.raises(BenchError, match=r"this installation of sklearn has no file 'datasets/gone.csv'"):
        bundled_files.file_path("sklearn", "datasets/gone.csv")
    with pytest.raises(BenchError, match="the package 'no_such_package' is not installed"):
        bundled_files.file_path("no_such_package", "x")


def test_all_sources_are_registered():
    assert set(registry.entries()) >= {"bundled", "file", "openml", "openml-data"}
    assert all(entry.summary for entry in registry.entries().values())
    with pytest.raises(BenchError, match="unknown source 'fil': did you mean file"):
        load_task("fil", TaskRequest("x"))
