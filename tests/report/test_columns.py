"""Leaderboard columns: one entry a column, in the order of the file and in that for people; columns by plug-in."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from bench import columns
from bench.core.nouns import BenchError
from bench.report.leaderboards import column_names, leaderboard, standings, table_of

PUBLISHED = (
    "board", "metric", "panel", "position", "method", "completeness", "mean_rank", "win_rate", "mean_score", "tasks",
    "blocks", "missing_rule", "slice", "position_lo", "position_hi", "elo", "elo_lo", "elo_hi", "borda", "kemeny",
    "copeland", "improvability", "skill", "relative", "headroom", "letters", "median_score", "learners_used",
    "training_gain", "threshold_gain", "imputed",
)  # fmt: skip
PLUGIN = """
from bench import columns


@columns.register(better="high", decimals=1, shown=True, after="mean_rank")
def first_places(standing):
    '''Number of blocks in which the method is best.'''
    badness = standing.grid.badness
    return (badness == badness.min(axis=1, keepdims=True)).sum(axis=0).astype(float)
"""


def scores():
    values = {"a": [1.0, 2, 3], "b": [2.0, 1, 4], "c": [3.0, 3, 5]}
    rows = [(f"t{t}", name, "accuracy", v / 10) for name, column in values.items() for t, v in enumerate(column)]
    return pd.DataFrame(rows, columns=["task", "method", "metric", "value"])


@pytest.fixture(autouse=True)
def _own_columns(monkeypatch):
    """Forget the columns that a test registers."""
    monkeypatch.setattr(columns.registry, "_entries", dict(columns.registry._entries))


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "first_places.py"
    path.write_text(PLUGIN, encoding="utf-8")
    scores().to_csv(tmp_path / "scores.csv", index=False)
    return path


def test_the_order_of_published_columns_never_changes():
    assert column_names()[: len(PUBLISHED)] == PUBLISHED


def test_people_see_columns_in_an_order_of_their_own():
    assert tuple(columns.columns_for_people()) == (
        "position", "method", "score", "mean_rank", "letters", "elo", "win_rate", "mean_score", "relative", "skill",
        "headroom", "training_gain", "threshold_gain", "completeness", "applicable", "imputed",
    )  # fmt: skip


def test_columns_by_plug_in_stand_last_in_files_and_where_they_ask_to_for_people():
    @columns.register(shown=True, after="elo")
    def one(standing):
        """First."""

    @columns.register(shown=True, after="elo")
    def two(standing):
        """Second, behind the same column: the nearest."""

    @columns.register(shown=True)
    def three(standing):
        """Behind all others."""

    assert column_names()[-3:] == ("one", "two", "three")
    names = list(columns.columns_for_people())
    assert names[names.index("elo") :][:3] == ["elo", "two", "one"]
    assert names[-1] == "three"


def test_a_column_may_be_one_value_for_all_texts_or_a_series():
    @columns.register()
    def one_for_all(standing):
        """Return the number of methods."""
        return len(standing.grid.methods)

    @columns.register()
    def text(standing):
        """Return a text a method."""
        return [name.upper() for name in standing.grid.methods]

    @columns.register()
    def series(standing):
        """Return a series whose index means nothing here."""
        return pd.Series(standing.mean_rank, index=[7, 8, 9])

    board = leaderboard(scores()).set_index("method")
    assert board["one_for_all"].tolist() == [3, 3, 3]
    assert board["text"].to_dict() == {"a": "A", "b": "B", "c": "C"}
    np.testing.assert_allclose(board["series"], board["mean_rank"])


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"better": "up"}, "better is 'up'"),
        ({"colour": "red"}, "has no 'colour'"),
        ({"after": "eloo"}, "after is 'eloo'.*did you mean elo"),
        ({"after": "borda"}, "after is 'borda', which people do not see"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_function_and_file(keywords, says):
    def mine(standing):
        """Mine."""

    with pytest.raises(BenchError, match=f"'mine' in .*test_columns.py.*{says}"):
        columns.register(**keywords)(mine)
    assert "mine" not in column_names()


def test_a_function_that_is_no_column_is_refused():
    def mine(standing, rival):
        """Mine."""

    with pytest.raises(BenchError, match="it takes \\(standing, rival\\)"):
        columns.register()(mine)


def test_the_name_of_a_column_of_bench_is_taken():
    def elo(standing):
        """Other points."""

    with pytest.raises(BenchError, match="two leaderboard columns are named 'elo'"):
        columns.register()(elo)


def test_values_of_another_length_are_refused():
    @columns.register()
    def short(standing):
        """Too short."""
        return [1.0]

    with pytest.raises(BenchError, match=r"'short' .* shape \(1,\): return one for each of the 3 methods"):
        table_of(standings(scores()))


def test_leaderboard_prints_a_column_by_plug_in_where_it_asks_to_stand(bench, plugin):
    done = bench("leaderboard", "scores.csv", "--plugin", plugin)
    head = next(line for line in done.out.splitlines() if "mean_rank" in line).split()
    assert head[head.index("mean_rank") + 1] == "first_places"
    rows = [line.split() for line in done.out.splitlines() if " a " in line or " c " in line]
    assert [row[3] for row in rows if "leads:" not in row] == ["3.0", "0.0"]


def test_leaderboard_as_csv_has_a_column_by_plug_in_at_the_end(bench, plugin):
    plain = bench("leaderboard", "scores.csv", "--format", "csv").out
    more = bench("leaderboard", "scores.csv", "--format", "csv", "--plugin", plugin).out
    without = [row[:-1] for row in csv.reader(io.StringIO(more))]
    assert without == list(csv.reader(io.StringIO(plain)))
    assert pd.read_csv(io.StringIO(more)).columns[-1] == "first_places"


def test_export_writes_a_column_by_plug_in(bench, plugin, tmp_path):
    done = bench("export", "scores.csv", "-o", tmp_path / "out", "--format", "md,csv", "--plugin", plugin)
    assert done.code == 0, done.err
    assert "mean rank ↓ | first places ↑ |" in (tmp_path / "out" / "accuracy.md").read_text(encoding="utf-8")
    assert pd.read_csv(tmp_path / "out" / "accuracy.csv")["first_places"].sum() == 3


def test_compare_loads_plug_ins(bench, plugin):
    assert bench("compare", "scores.csv", "scores.csv", "--plugin", plugin).code == 0
    done = bench("compare", "scores.csv", "scores.csv", "--plugin", "nope.py")
    assert (done.code, "plug-in file 'nope.py' is not there" in done.err) == (2, True)
