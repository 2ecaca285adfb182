"""Leaderboards as files: what they hold reads back, what people read is escaped, nothing is written elsewhere."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.cli.exporting import export
from bench.core import text as names
from bench.core.nouns import BenchError
from bench.report import board_markup, exports
from bench.report.leaderboards import leaderboard

EXACT = settings(derandomize=True, deadline=None, max_examples=60)


def scores(tasks=8, methods=("a_b&c", "x|y", "50%#1"), metric="rmse", board="regression", seed=0, **more):
    rng = np.random.default_rng(seed)
    rows = [
        {
            "board": board,
            "panel": "p",
            "task_id": f"t{t}",
            "method": m,
            "metric": metric,
            "value": k + rng.uniform(1, 2),
        }
        for t in range(tasks)
        for k, m in enumerate(methods)
    ]
    return pd.DataFrame(rows).assign(**more)


@pytest.fixture(scope="module")
def board():
    shares = scores(metric="accuracy", board="classification", seed=1).eval("value = value / 10")
    return leaderboard(pd.concat([scores(), shares]))


def test_csv_json_and_parquet_read_back_equal(board, tmp_path):
    exports.write_tables(tmp_path, board, ["csv", "json", "parquet"], {"rmse": "min"})
    part = board[board["metric"] == "rmse"].reset_index(drop=True)
    csv = pd.read_csv(tmp_path / "regression-rmse.csv", dtype={"letters": str}).assign(
        slice="", baseline="", same_as=""
    )
    found = {
        "csv": csv,
        "json": pd.DataFrame(json.loads((tmp_path / "regression-rmse.json").read_text())),
        "parquet": pd.read_parquet(tmp_path / "regression-rmse.parquet"),
    }
    for table in found.values():
        assert list(table.columns) == list(part.columns)
        for name in part:
            if pd.api.types.is_numeric_dtype(part[name]):
                np.testing.assert_array_equal(
                    table[name].to_numpy(dtype=float, na_value=np.nan),
                    part[name].to_numpy(dtype=float, na_value=np.nan),
                )
            else:
                assert table[name].tolist() == part[name].tolist()


def test_columns_that_exports_do_not_know_are_kept(board, tmp_path):
    exports.write_tables(tmp_path, board.assign(new_column=1.5), ["csv", "json", "parquet", "md", "latex"], {})
    assert pd.read_csv(tmp_path / "regression-rmse.csv")["new_column"].eq(1.5).all()
    assert pd.read_parquet(tmp_path / "regression-rmse.parquet")["new_column"].eq(1.5).all()
    assert "new" not in (tmp_path / "regression-rmse.md").read_text()


def test_a_board_with_few_columns_is_enough(tmp_path):
    table = pd.DataFrame(
        {"board": "", "metric": "rmse", "panel": "", "slice": "", "method": ["a", "b"], "mean_rank": [1.0, 2.0]}
    )
    exports.write_tables(tmp_path, table, list(exports.FORMATS), {"rmse": "min"})
    assert (tmp_path / "rmse.md").read_text().startswith("Leaderboard: metric rmse; lower is better.")


def test_latex_is_escaped_bold_and_has_arrow_caption_and_rules(board):
    text = board_markup.board_latex(board[board["metric"] == "rmse"], "min")
    assert r"a\_b\&c & \textbf{1.000}" in text
    assert r"50\%\#1" in text
    assert r"x\textbar{}y" in text
    assert r"mean rank $\downarrow$" in text
    assert r"win rate $\uparrow$" in text
    assert "metric rmse" in text
    assert "lower is better" in text
    assert "Missing scores: rule common" in text
    for word in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{", r"\begin{table}"):
        assert word in text
    heads = next(line for line in text.splitlines() if line.startswith("position"))
    columns = re.search(r"\\begin\{tabular\}\{(.*)\}", text)[1]
    rows = text.split("\\midrule\n")[1].split("\\bottomrule")[0].splitlines()
    for line in (heads, *rows):
        assert len(re.findall(r"(?<!\\)&", line)) + 1 == len(columns)


LATEX_BACK = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<",
    r"\textgreater{}": ">", r"\textbar{}": "|", r"\{": "{", r"\}": "}", r"\_": "_", r"\&": "&", r"\%": "%", r"\#": "#",
    r"\$": "$",
}  # fmt: skip


@EXACT
@given(st.text("\\{}_&%#$~^<>|ab c", max_size=12))
def test_latex_text_can_be_read_back(text):
    pattern = "|".join(map(re.escape, LATEX_BACK))
    escaped = names.latex(text)
    assert re.sub(pattern, lambda match: LATEX_BACK[match[0]], escaped) == text
    assert not set(re.sub(pattern, "", escaped)) & set("\\{}_&%#$~^<>|")


@EXACT
@given(st.lists(st.text("\\|<*a_\n\t ", max_size=8), min_size=1, max_size=4))
def test_a_markdown_row_has_its_cells_whatever_they_hold(cells):
    text = board_markup.markdown_table([f"c{k}" for k in range(len(cells))], [[names.markdown(cell) for cell in cells]])
    row = text.splitlines()[2]
    assert len(text.splitlines()) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == len(cells) + 1


def test_markdown_marks_the_best_and_says_what_is_better(board):
    text = board_markup.board_markdown(board[board["metric"] == "accuracy"], "max")
    assert r"x\|y" in text
    assert "| mean score ↑ |" in text
    assert "higher is better" in text
    best = board[board["metric"] == "accuracy"].sort_values("mean_score")["mean_score"].iloc[-1]
    assert f"**{best:.4f}**" in text


def test_ties_are_all_bold_and_a_lone_method_is_not():
    tied = leaderboard(pd.concat([scores(methods=("a",)), scores(methods=("b",))]))
    assert board_markup.board_markdown(tied, "min").count("**1.500**") == 2
    assert "**" not in board_markup.board_markdown(leaderboard(scores(methods=("a",))), "min")


def test_a_metric_with_a_goal_is_best_near_it():
    table = pd.DataFrame({"metric": "coverage_80", "method": ["a", "b"], "mean_score": [0.82, 0.99]})
    assert "**0.8200**" in board_markup.board_markdown(table, "target")


def test_every_panel_and_slice_is_a_table_of_its_own(tmp_path):
    table = leaderboard(pd.concat([scores(panel="p"), scores(panel="q")]).assign(panel=lambda t: t["panel"]))
    exports.write_tables(tmp_path, table, ["latex", "md"], {"rmse": "min"})
    text = (tmp_path / "regression-rmse.tex").read_text()
    assert text.count(r"\begin{table}") == 2
    assert "panel p" in text
    assert len(set(re.findall(r"\\label\{(.*)\}", text))) == 2


def test_infinity_and_missing_are_json():
    table = pd.DataFrame({"a": [np.inf, -np.inf, np.nan], "b": pd.array([1, None, 3], dtype="Int64")})
    rows = json.loads(exports.to_json(table), parse_constant=pytest.fail)
    assert [row["a"] for row in rows] == ["Infinity", "-Infinity", None]
    assert [row["b"] for row in rows] == [1, None, 3]


def test_imputed_cells_are_shown_where_there_are_any():
    holes = scores().drop(index=0)
    assert "imputed" not in board_markup.board_markdown(leaderboard(holes), "min")
    assert "imputed" in board_markup.board_markdown(leaderboard(holes, missing="worst"), "min")


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", "a/b\\c", "", "ü " * 300, "con\n\x00"])
def test_no_name_leads_out_of_the_folder(name, tmp_path):
    found = scores(metric="rmse", board=name)
    (path,) = exports.write_tables(tmp_path / "out", leaderboard(found), ["csv"], {})
    assert path.parent == tmp_path / "out"
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "out", path]


def test_names_that_become_the_same_are_numbered(tmp_path):
    table = leaderboard(pd.concat([scores(board="a/b"), scores(board="A b"), scores(board="a b")]))
    paths = exports.write_tables(tmp_path, table, ["csv"], {})
    assert len({path.name.lower() for path in paths}) == 3
    assert exports.number_repeats(["a", "a-2", "A", "a"]) == ["a", "a-2", "A-3", "a-4"]


def test_unknown_formats_and_a_file_as_folder_are_refused(board, tmp_path):
    with pytest.raises(BenchError, match="xlsx"):
        exports.write_tables(tmp_path, board, ["xlsx"], {})
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BenchError, match="is a file"):
        exports.write_tables(tmp_path / "file", board, ["csv"], {})
    assert (tmp_path / "file").read_text() == "mine"


def test_scores_are_chosen_by_board_and_metric():
    table = pd.concat(
        [scores(), scores(metric="mae"), scores(metric="mine", board="own"), scores(metric="yours", board="own")]
    )
    assert set(exports.choose_scores(table)["metric"]) == {"rmse", "mine", "yours"}
    assert set(exports.choose_scores(table, ["regression"])["metric"]) == {"rmse"}
    assert set(exports.choose_scores(table, [], ["ma*"])["metric"]) == {"mae"}
    assert set(exports.choose_scores(table[table["metric"] == "mae"])["metric"]) == {"mae"}
    assert len(exports.choose_scores(table.drop(columns="board"))) == len(table)
    with pytest.raises(BenchError, match="unknown board"):
        exports.choose_scores(table, ["nope"])


# the command


def run(capsys, *args, **options):
    export(*args, **options)
    return capsys.readouterr()


def test_the_command_writes_every_format_and_prints_each_path(tmp_path, capsys):
    scores().to_csv(tmp_path / "mine.csv", index=False)
    done = run(capsys, tmp_path / "mine.csv", tmp_path / "out", formats=["csv,md", "latex", "json,parquet,svg"])
    printed = sorted(done.out.split())
    assert printed == sorted(map(str, (tmp_path / "out").iterdir()))
    assert {path.rpartition("/")[2] for path in printed} == {
        "regression-rmse.csv", "regression-rmse.md", "regression-rmse.tex", "regression-rmse.json",
        "regression-rmse.parquet", "regression-rmse-critical-difference.svg", "regression-rmse-rank-distribution.svg",
        "regression-rmse-win-matrix.svg", "regression-rmse-effects.svg",
    }  # fmt: skip
    assert "regression-rmse-pareto is left out" in done.err
    assert "regression-rmse-weights is left out" in done.err
    assert f"{len(printed)} files" in done.err


def test_the_command_writes_the_same_bytes_again(tmp_path, capsys):
    scores().to_csv(tmp_path / "mine.csv", index=False)
    kept = []
    for name in ("one", "two"):
        run(capsys, tmp_path / "mine.csv", tmp_path / name, formats=["!pdf", "!png"])
        kept.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
    assert kept[0] == kept[1]


def test_letters_without_a_font_are_said_once_and_warn_of_nothing(tmp_path, capsys):
    scores(methods=("模型", "नम", "модель", "résumé", "𝛼∑")).to_csv(tmp_path / "mine.csv", index=False)
    done = run(capsys, tmp_path / "mine.csv", tmp_path / "out", formats=["png"])
    said = [line for line in done.err.splitlines() if line.startswith("No font")]
    assert said == ["No font has all letters of नम, 模型: PNG and PDF show boxes, SVG keeps the text."]
    again = run(capsys, tmp_path / "mine.csv", tmp_path / "svg", formats=["svg"])
    assert "No font" not in again.err
    assert "模型" in (tmp_path / "svg" / "regression-rmse-win-matrix.svg").read_text(encoding="utf-8")


def test_the_command_refuses_an_unknown_format(tmp_path):
    scores().to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(BenchError, match="unknown format 'xls'"):
        export(tmp_path / "mine.csv", tmp_path / "out", formats=["xls"])
    assert not (tmp_path / "out").exists()


def test_parquet_bytes_are_a_parquet_file(board):
    assert len(pd.read_parquet(io.BytesIO(exports.to_parquet(board)))) == len(board)


MARKS = st.text("ab1 _*`~[]()!<>&|\\#$:;-+.\"'@/{}^=", min_size=1, max_size=10).map(lambda text: " ".join(text.split()))


@EXACT
@given(MARKS.filter(bool))
@example("_a_")
@example("__a__")
@example("a_b")
@example("&amp;")
@example("](x)")
@example("tail\\")
def test_markdown_shows_a_name_as_it_is(name):
    """A renderer of CommonMark with tables and strikethrough is the judge."""
    render = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render
    html = render(board_markup.markdown_table(["name"], [[names.markdown(name)]]))
    cell = ET.fromstring(html).find("tbody/tr/td")  # noqa: S314 - a page of our own
    assert len(cell) == 0
    assert cell.text == name


def test_an_underscore_inside_a_word_is_left_readable():
    assert names.markdown("macro_f1") == "macro_f1"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("``x''", r"\textasciigrave{}\textasciigrave{}x\textquotesingle{}\textquotesingle{}"),
        ('"x"', r"{\ttfamily\char34}x{\ttfamily\char34}"),
        ("[a]", "{[}a{]}"),
        ("*", "{*}"),
        ("a,,b", "a,{},b"),
        ("a-b, c", "a-b, c"),
        ("<<", r"\textless{}\textless{}"),
    ],
)
def test_latex_makes_no_ligatures_and_no_arguments_of_names(name, written):
    assert names.latex(name) == written
