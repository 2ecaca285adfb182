"""Tables as people have them: each kind of file is read right, said aloud, or refused in one sentence."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from bench.core.nouns import BenchError
from bench.runner.fit_spec import data_hash
from bench.tasks.loading import load_task
from bench.tasks.sources import TaskRequest

N = 24


def load(path, content=None, **request):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_task("file", TaskRequest(os.fspath(path), **{"target": "y"} | request))


def warned(task, *parts):
    return [text for text in task.meta["warnings"] if all(part in text for part in parts)]


def csv_of(columns, sep=","):
    return pd.DataFrame(columns).to_csv(index=False, sep=sep)


def with_target(**columns):
    return columns | {"x": [i % 7 for i in range(N)], "y": ["pn"[i // 2 % 2] for i in range(N)]}


# dates

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = ["9999-12-31", "0001-01-01", "2275-06-01", "1500-02-28T12:30:00", "2024-01-01"]


def seconds(text):
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH).total_seconds()


def test_dates_of_any_year_are_seconds_since_1970(tmp_path):
    texts = [MOMENTS[i % 5] for i in range(N)]
    expected = [seconds(text) for text in texts]
    from_text = load(tmp_path / "t.csv", csv_of(with_target(d=texts)))
    np.testing.assert_array_equal(from_text.X["d"], expected)
    days = [date.fromisoformat(text[:10]) for text in texts]
    pd.DataFrame(with_target(d=days)).to_parquet(tmp_path / "t.parquet")
    np.testing.assert_array_equal(load(tmp_path / "t.parquet").X["d"], [seconds(text[:10]) for text in texts])
    exact = pd.Series(np.array(texts, dtype="datetime64[us]"))
    pd.DataFrame(with_target(d=exact)).to_parquet(tmp_path / "u.parquet")
    np.testing.assert_array_equal(load(tmp_path / "u.parquet").X["d"], expected)


def test_dates_with_offsets_and_gaps_far_away(tmp_path):
    texts = ["9999-12-30T00:00:00+02:00", "", "2024-01-01T00:00:00Z"] * 8
    found = load(tmp_path / "t.csv", csv_of(with_target(d=texts))).X["d"]
    expected = [seconds("9999-12-30") - 7200, np.nan, seconds("2024-01-01")] * 8
    np.testing.assert_array_equal(found, expected)


def test_durations_of_any_length(tmp_path):
    days = pd.Series([timedelta(days=400_000), timedelta(days=1)] * 12, dtype=object)
    task = load_frame(pd.DataFrame(with_target(d=days)))
    np.testing.assert_array_equal(task.X["d"], [400_000 * 86_400.0, 86_400.0] * 12)


def load_frame(table, **request):
    from bench.tasks.sources.table import task_from_table

    return task_from_table("t", table, TaskRequest("t", **{"target": "y"} | request))


def test_a_date_that_is_none_is_refused_by_the_name_of_its_column(tmp_path):
    with pytest.raises(BenchError, match="'d' holds a date that cannot be read"):
        load(tmp_path / "t.csv", csv_of(with_target(d=["9999-12-31", "2023-02-30"] * 12)))


# text files


def test_a_field_of_any_length_is_read(tmp_path):
    texts = ["ACGT" * 40_000, "AC"] * 12
    assert load(tmp_path / "t.csv", csv_of(with_target(s=texts))).X["s"].nunique() == 2


def test_a_header_with_a_line_break_and_separators_inside_of_quotes(tmp_path):
    rows = "".join(f"{i % 5},{'pn'[i % 2]}\n" for i in range(N))
    assert load(tmp_path / "t.csv", '"size;\nin cm",y\n' + rows).X.columns.tolist() == ["size;\nin cm"]


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path):
    with pytest.raises(BenchError, match=r"a quote is opened in line 4 and never closed"):
        load(tmp_path / "t.csv", 'x,y\n1,a\n2,b\n3,"c\n4,d\n')


def test_a_quote_that_swallows_rows_is_said(tmp_path):
    rows = ['1,"a', '2,b"', *(f"{i},{'ab'[i % 2]}" for i in range(N))]
    assert warned(load(tmp_path / "t.csv", "x,y\n" + "\n".join(rows)), "line breaks", "'y'")


@pytest.mark.parametrize("sep", [";", "\t", "|"])
def test_the_separator_is_found_from_the_header(tmp_path, sep):
    assert load(tmp_path / "t.csv", csv_of(with_target(), sep)).X.columns.tolist() == ["x"]


@pytest.mark.parametrize(("given", "sep"), [("comma", ","), (":", ":"), ("space", " "), ("\\t", "\t")])
def test_the_separator_can_be_given(tmp_path, given, sep):
    task = load(tmp_path / "t.csv", csv_of(with_target(**{"a;b": [i % 3 for i in range(N)]}), sep), sep=given)
    assert task.X.columns.tolist() == ["a;b", "x"]


@pytest.mark.parametrize("wrong", [{"sep": "::"}, {"decimal": ";"}, {"encoding": "utf-99"}])
def test_a_format_that_cannot_be_is_refused(tmp_path, wrong):
    with pytest.raises(BenchError, match=next(iter(wrong.values()))):
        load(tmp_path / "t.csv", csv_of(with_target()), **wrong)


def test_an_encoding_can_be_given_and_is_advised(tmp_path):
    content = csv_of(with_target(ort=["Köln", "Aachen"] * 12)).encode("cp1252")
    with pytest.raises(BenchError, match=r"is not UTF-8.*give its --encoding"):
        load(tmp_path / "t.csv", content)
    assert set(load(tmp_path / "t.csv", encoding="cp1252").X["ort"]) == {"Köln", "Aachen"}
    wide = csv_of(with_target(ort=["Köln", "Aachen"] * 12)).encode("utf-16")
    assert set(load(tmp_path / "w.csv", wide, encoding="utf-16").X["ort"]) == {"Köln", "Aachen"}


def test_a_column_with_texts_far_below_its_numbers_keeps_every_label_as_it_stands(tmp_path):
    rows = 70_000  # more than one of the pieces in which a file is read
    content = "c,y\n" + "".join(f"{'1.50' if i < rows - 2 else 'x'},{'pn'[i % 2]}\n" for i in range(rows))
    assert list(load(tmp_path / "t.csv", content).X["c"].cat.categories) == ["1.50", "x"]


# numbers that are text

NUMBER_TEXTS = {
    "decimal commas": "{},5",
    "thousands": "{},234",
    "dotted thousands": "1{}.234,50",
    "blanks": "1{} 234",
    "percentages": "{} %",
    "money": "€ {}.50",
}


@pytest.mark.parametrize("kind", NUMBER_TEXTS)
def test_numbers_that_are_read_as_text_are_said(tmp_path, kind):
    texts = [NUMBER_TEXTS[kind].format(i % 12) for i in range(N)]
    task = load(tmp_path / "t.csv", csv_of(with_target(v=texts), ";"))
    assert warned(task, "text, though it looks like numbers", "'v'")
    target = load(tmp_path / "t.csv", csv_of({"x": range(N), "y": texts}, ";"))
    assert target.kind == "classification"
    assert warned(target, "text, though it looks like numbers", "target 'y'")


@pytest.mark.parametrize(
    "texts", [["a1", "b2"], ["2024-01", "2024-02"], ["1.2.3.4", "10.0.0.1"], ["3", "4"], ["1-2", "x"]]
)
def test_other_texts_are_no_numbers(tmp_path, texts):
    assert not warned(load(tmp_path / "t.csv", csv_of(with_target(v=texts * 12))), "looks like")


def test_numbers_that_a_parquet_file_holds_as_text_are_said(tmp_path):
    pd.DataFrame(with_target(v=[str(i) for i in range(N)])).to_parquet(tmp_path / "t.parquet")
    assert warned(load(tmp_path / "t.parquet"), "numbers that are written as text", "'v'")


def test_decimal_commas_are_read_where_they_are_announced(tmp_path):
    content = "x;y\n" + "".join(f"{i},5;{i % 13},25\n" for i in range(N))
    task = load(tmp_path / "t.csv", content, decimal=",")
    assert task.kind == "regression"
    np.testing.assert_array_equal(task.X["x"], np.arange(N) + 0.5)
    np.testing.assert_array_equal(task.y, np.arange(N) % 13 + 0.25)


# labels


def test_codes_with_a_zero_before_them_are_other_classes(tmp_path):
    task = load(tmp_path / "t.csv", csv_of({"x": range(N), "y": ["01", "1", "10"] * 8}))
    assert task.classes == ("01", "1", "10")
    grouped = load(tmp_path / "g.csv", csv_of(with_target(g=["01", "1", "1"] * 8)), group="g")
    assert len(set(grouped.groups)) == 2


@pytest.mark.parametrize("texts", [["1", "2.0"], ["1.0", "2"], [" 1", "2 "]])
def test_numbers_are_one_class_in_any_spelling(tmp_path, texts):
    assert load(tmp_path / "t.csv", csv_of({"x": range(N), "y": texts * 12})).classes == ("1", "2")


def test_blanks_around_labels_make_no_class_and_no_level_and_are_counted(tmp_path):
    labels = ["yes", "yes ", "no", " no"] * 6
    for task in (
        load(tmp_path / "t.csv", csv_of({"x": range(N), "c": labels, "y": labels})),
        load_frame(pd.DataFrame({"x": range(N), "c": labels, "y": labels})),
    ):
        assert task.classes == ("no", "yes")
        assert list(task.X["c"].cat.categories) == ["no", "yes"]
    assert warned(task, "rows: 12", "'c'")
    assert warned(task, "rows: 12", "'y'")


@pytest.mark.parametrize("word", ["NA", "None", "null", "nan"])
def test_words_for_nothing_are_classes_and_said(tmp_path, word):
    labels = ["EU", word, "AS"] * 8
    task = load(tmp_path / "t.csv", csv_of({"x": range(N), "c": labels, "y": labels}))
    assert set(task.classes) == {"EU", word, "AS"}
    assert warned(task, f"'{word}' is a class")
    assert task.X["c"].isna().sum() == 8  # in a feature they are missing


@pytest.mark.parametrize("content", ["x,y\n1,a\n2,\n3,b\n", "x,y\n1,1.5\n2,NA\n3,2.5\n"])
def test_an_empty_target_and_a_sign_among_numbers_are_missing(tmp_path, content):
    with pytest.raises(BenchError, match="'y' is missing in 1 of 3 rows"):
        load(tmp_path / "t.csv", content)


def test_truth_values_are_spelt_alike_in_every_file(tmp_path):
    truths = [i % 2 == 0 for i in range(N)]
    table = {"x": [i % 7 for i in range(N)], "f": truths, "y": truths}
    pd.DataFrame(table).to_parquet(tmp_path / "t.parquet")
    spelt = {name: [str(value).upper() for value in table[name]] for name in ("f", "y")}
    tasks = [
        load(tmp_path / "t.parquet"),
        load(tmp_path / "t.csv", csv_of(table | spelt)),
        load_frame(pd.DataFrame(table)),
    ]
    assert {task.classes for task in tasks} == {("False", "True")}
    assert len({data_hash(task) for task in tasks}) == 1


# formats

COMPRESSIONS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook(**sheets):
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False)
    return buffer.getvalue()


ARFF = """@relation t
@attribute n numeric % a comment
@attribute 'c c' {'a a', b}
@attribute d date "yyyy-MM-dd"
@attribute y {p, n}
@data
"""


def table():
    return pd.DataFrame(
        {
            "n": [i % 5 + 0.5 for i in range(N)],
            "c c": [["a a", "b"][i % 2] for i in range(N)],
            "d": [f"20{10 + i}-01-01" for i in range(N)],
            "y": ["pn"[i // 2 % 2] for i in range(N)],
        }
    )


def test_a_table_is_the_same_from_every_format(tmp_path):
    text = table().to_csv(index=False)
    files = {
        "t.csv": text.encode(),
        "t.tsv": table().to_csv(index=False, sep="\t").encode(),
        **{f"t.csv.{suffix}": compress(text.encode()) for suffix, compress in COMPRESSIONS.items()},
        "t.csv.zip": zipped({"t.csv": text}),
        "t.zip": zipped({"T.CSV": text, "__MACOSX/T.CSV": "x"}),
        "t.xlsx": workbook(one=table()),
        "t.jsonl": table().to_json(orient="records", lines=True).encode(),
        "t.arff": (ARFF + table().to_csv(index=False, header=False, quotechar="'", quoting=2)).encode(),
        "t.arff.gz": gzip.compress(
            (ARFF + table().to_csv(index=False, header=False, quotechar="'", quoting=2)).encode()
        ),
    }
    table().to_parquet(tmp_path / "t.parquet")
    table().to_feather(tmp_path / "t.feather")
    tasks = [load(tmp_path / "t.parquet"), load(tmp_path / "t.feather")]
    tasks += [load(tmp_path / name, content) for name, content in files.items()]
    assert {task.name for task in tasks} == {"file:t"}
    assert len({data_hash(task) for task in tasks}) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.zip", zipped({"a.csv": "x,y\n", "b.csv": "x,y\n"}), "holds 2 files"),
        ("t.zip", zipped({"a.txt": "x"}), "no table that ends in"),
        ("t.zip", b"PK no", "not a zip file"),
        ("t.csv.xz", b"no", "cannot be read"),
        ("t.csv.bz2", bz2.compress(b"x,y\n1,a\n" * 99)[:-9], "cannot be read"),
        ("t.feather", b"no", "cannot be read"),
        ("t.jsonl", b"{]", "cannot be read"),
        ("t.jsonl", b'{"x": [1], "y": 1}\n{"x": [2], "y": 2}\n', "lists or other nested values"),
        ("t.arff", b"x,y\n1,2\n", "line 1 of the ARFF"),
        ("t.xlsx", workbook(one=pd.DataFrame([[1, 2]], columns=["x", "x"])), "are named 'x'"),
        ("t.xls", b"old", "is no table"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, name, content, says):
    with pytest.raises(BenchError, match=says) as caught:
        load(tmp_path / name, content)
    assert "\n" not in str(caught.value)


def test_sheets_that_are_not_read_are_named(tmp_path):
    task = load(tmp_path / "t.xlsx", workbook(data=table(), notes=table()))
    assert warned(task, "only the first sheet", "'notes'")


def test_labels_of_a_workbook_and_its_missing_cells(tmp_path):
    labels = pd.Series(["NA", "EU", "AS"] * 8)
    task = load(tmp_path / "t.xlsx", workbook(one=pd.DataFrame({"x": range(N), "c": labels, "y": labels})))
    assert (task.classes, int(task.X["c"].isna().sum())) == (("AS", "EU", "NA"), 8)


def test_texts_of_json_lines_stay_texts(tmp_path):
    content = pd.DataFrame({"x": range(N), "y": ["01", "1"] * 12}).to_json(orient="records", lines=True)
    assert load(tmp_path / "t.jsonl", content).classes == ("01", "1")


@pytest.mark.parametrize("save", [pd.DataFrame.to_parquet])
def test_the_index_of_a_pandas_file_is_said(tmp_path, save):
    save(table().set_index(pd.Index(range(N), name="patient")), tmp_path / "t.parquet")
    task = load(tmp_path / "t.parquet")
    assert warned(task, "the index 'patient'")
    assert "patient" in task.X


def test_a_name_that_is_not_utf_8_is_printable_in_tables(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(path, "w") as file:  # noqa: PTH123 - the name is bytes
        file.write(csv_of(with_target()))
    task = load(os.fsdecode(path))
    assert task.name == "file:caf\\xe9"
    task.meta["path"].encode("utf-8")
    with pytest.raises(BenchError) as caught:
        load(os.fsdecode(path), target="z")
    str(caught.value).encode("utf-8")


# ARFF


def arff(body, tmp_path, **request):
    return load(tmp_path / "t.arff", body, **request)


def test_sparse_rows_are_filled_with_zeros_and_first_levels(tmp_path):
    body = "@relation s\n@attribute a numeric\n@attribute b numeric\n@attribute y {neg,pos}\n@data\n"
    task = arff(body + "{0 1, 2 pos}\n{}\n{1 5}\n{1 ?, 2 pos}\n", tmp_path)
    np.testing.assert_array_equal(task.X, [[1, 0], [0, 0], [0, 5], [0, np.nan]])
    assert [task.classes[code] for code in task.y] == ["pos", "neg", "neg", "pos"]


def test_a_sparse_table_that_would_not_fit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.tasks.sources.arff_file.MOST_SPARSE_CELLS", 8)
    with pytest.raises(BenchError, match="sparse table has more than 5 rows of 2 columns"):
        arff("@relation s\n@attribute a numeric\n@attribute y {p,n}\n@data\n" + "{0 1}\n" * 9, tmp_path)


def test_quotes_escapes_comments_and_tabs_of_a_header(tmp_path):
    body = (
        "% first\n@RELATION 'x y'\n\n@attribute\t\"a b\"\tREAL [0,10] % c\n"
        "@attribute 'it\\'s' {yes, 'no %', \"q}\"} %z\n"
        "@attribute s string\n@ATTRIBUTE y {u,v}\n@DATA\n% c\n1,'no %','p, q',u\n?,\"q}\",?,v\n2,yes,r,u\n"
    )
    task = arff(body, tmp_path)
    assert task.X.columns.tolist() == ["a b", "it's", "s"]
    assert task.X["it's"].tolist() == ["no %", "q}", "yes"]
    assert task.X["s"].tolist() == ["p, q", np.nan, "r"]


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ('"yyyy-MM-dd HH:mm:ss"', '"2020-02-29 23:59:58"', "2020-02-29T23:59:58"),
        ("", "2020-02-29T23:59:58", "2020-02-29T23:59:58"),
        ("'dd.MM.yy'", "29.02.20", "2020-02-29"),
        ('"MMM d, yyyy h:mm a"', '"Feb 29, 2020 11:05 PM"', "2020-02-29T23:05:00"),
        ("yyyyMMdd", "99991231", "9999-12-31"),
    ],
)
def test_dates_are_read_by_the_format_of_their_attribute(tmp_path, pattern, text, moment):
    body = f"@relation d\n@attribute d date {pattern}\n@attribute y {{p,n}}\n@data\n{text},p\n?,n\n{text},p\n"
    np.testing.assert_array_equal(arff(body, tmp_path).X["d"], [seconds(moment), np.nan, seconds(moment)])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("@attribute a {x,y}\n@attribute y {p,n}\n@data\nx,p\nz,n\n", "z not found.*at line 6"),
        ("@attribute a numeric\n@attribute y {p,n}\n@data\n1,p\nk,n\n", "at line 6"),
        ("@attribute a numeric\n@attribute y {p,n}\n@data\n1,p,3\n", "line 5"),
        ("@attribute a relational\n@data\n1\n", "line 2 of the ARFF declares 'a' as 'relational'"),
        ("@attribute a numeric\n", "no @data line"),
        ("@data\n1\n", "no @attribute"),
        ('@attribute d date "QQ"\n@attribute y {p,n}\n@data\n1,p\n', "'QQ' is not known"),
        ("@attribute d date yyyy\n@attribute y {p,n}\n@data\n20x,p\n", "'20x' of 'd' is not of its format 'yyyy'"),
    ],
)
def test_a_fault_of_an_arff_file_is_named_with_its_place(tmp_path, body, says):
    with pytest.raises(BenchError, match=says) as caught:
        arff("@relation r\n" + body, tmp_path)
    assert "\n" not in str(caught.value)
