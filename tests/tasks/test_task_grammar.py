"""How tasks are written on the command line: options behind `@`, paths with commas, names that would be one."""

from pathlib import Path

import pytest

from bench.core.nouns import BenchError
from bench.tasks.task_names import name_apart
from bench.tasks.task_spec import TaskSpec, read_task, read_tasks


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("37@rows=50", TaskSpec("37", rows=50)),
        ("bundled:iris@rows=50", TaskSpec("bundled:iris", rows=50)),
        ("file:a.csv@price", TaskSpec("file:a.csv", "price")),
        ("file:a.csv@target=price", TaskSpec("file:a.csv", "price")),
        ("file:a.csv@target=a=b;kind=regression", TaskSpec("file:a.csv", "a=b", "regression")),
        ("file:a.csv@price;group=g;sep=tab;rows=9", TaskSpec("file:a.csv", "price", group="g", sep="tab", rows=9)),
        ("file:a.csv@order=lo,hi", TaskSpec("file:a.csv", order="lo,hi")),
        ("openml-data:61@class;id=flowers", TaskSpec("openml-data:61", "class", id="flowers")),
    ],
)
def test_options_stand_behind_the_sign(text, spec):
    assert read_task(text) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file:a.csv@prize=3", "cannot have 'prize'"),
        ("file:a.csv@price;", "cannot have ''"),
        ("file:a.csv@price;name=x", "cannot have 'name'"),
        ("37@rows=1", "rows of task '37' cannot be '1'"),
        ("37@rows=many", "'many'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(text, says):
    with pytest.raises(BenchError, match=says):
        read_task(text)


def test_a_file_of_the_whole_name_wins():
    Path("a.csv@price").write_text("x")
    Path("me@home.csv").write_text("x")
    assert read_task("file:a.csv@price") == TaskSpec("file:a.csv@price")
    assert read_task("file:me@home.csv") == TaskSpec("file:me@home.csv")
    assert read_task("file:me@home.csv@user@id") == TaskSpec("file:me@home.csv", "user@id")


def test_commas_of_paths_and_of_options_are_no_separators():
    for name in ("a,b.csv", "c.csv", "d,e,f.csv"):
        Path(name).write_text("x")
    text = "file:a,b.csv,37,file:c.csv@order=1,2,3,file:d,e,f.csv@a,b,file:g.csv"
    assert read_tasks([text, "31,32"]) == (
        TaskSpec("file:a,b.csv"),
        TaskSpec("37"),
        TaskSpec("file:c.csv", order="1,2,3"),
        TaskSpec("file:d,e,f.csv", "a,b"),
        TaskSpec("file:g.csv"),
        TaskSpec("31"),
        TaskSpec("32"),
    )
    assert read_tasks(["file:c.csv@y,file:c.csv@z,37"]) == (
        TaskSpec("file:c.csv", "y"),
        TaskSpec("file:c.csv", "z"),
        TaskSpec("37"),
    )


def ids(*texts):
    named = name_apart(read_tasks(texts))
    return [named[spec].id for spec in named]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["file:a/t.csv@y", "file:u.csv@y", "37"], [None, None, None]),
        (["file:a/t.csv@y", "file:b/t.csv@y"], ["a/t", "b/t"]),
        (["file:t.csv@y", "file:b/t.csv@y"], ["t", "b/t"]),
        (["file:x/a/t.csv@y", "file:z/a/t.csv@y"], ["x/a/t", "z/a/t"]),
        (["file:t.csv@y", "file:t.parquet@y"], ["t.csv", "t.parquet"]),
        (["file:t.csv@y", "file:./t.csv@z"], ["t@y", "t@z"]),
        (["file:t.csv@y", "file:t.csv@y;rows=9"], [None, None]),
        (["file:a/t.csv@y;id=mine", "file:b/t.csv@y"], ["mine", None]),
        (["file:t.csv@y", "panel:t.csv"], [None, None]),
    ],
)
def test_tasks_that_would_share_a_name_are_told_apart(texts, expected):
    assert ids(*texts) == expected
