"""Figures: what is drawn is what was given, legible, inside the canvas, and the same bytes every time."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from bench.core.nouns import BenchError
from bench.core.text import figure as figure_text
from bench.report.figures import (
    alike_groups,
    critical_difference,
    effects,
    figure_bytes,
    figures,
    front,
    pareto,
    pictures,
    rank_distribution,
    save_figure,
    split_scores,
    weight_summary,
    weights,
    win_matrix,
)
from bench.report.figures.style import break_lines, even_ticks, text_width, ticks
from bench.report.leaderboards import standings
from bench.stats.letters import letters
from bench.stats.ranks import average_ranks

EXACT = settings(derandomize=True, deadline=None, max_examples=60)
NAMES = ["greedy", "qp-simplex", "single-best:metric=macro_f1+threshold", "equal", "a$b$_c^2", "<&>", "x" * 70]
SIZES = {"one": 1, "three": 3, "twelve": 12, "forty": 40}


def named(K):
    return [*NAMES, *(f"a-method-with-a-long-name:rounds={k},rate=0.01+prior-correction" for k in range(K))][:K]


def summary_of(K, L=5, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        {"task_id": f"t{t}", "repeat": 0, "fold": f, "method": m, "role": "weight", "of": f"learner-{j}", "value": v}
        for m in named(K) for t in range(3) for f in range(2) for j, v in enumerate(rng.dirichlet(np.ones(L)))
    ]  # fmt: skip
    return weight_summary(pd.DataFrame(rows))


def drawn(kind, K, N=12, seed=0):
    """Return one figure of each kind, of K methods on N tasks."""
    rng = np.random.default_rng(seed)
    names, errors = named(K), rng.normal(size=(N, K)) + np.linspace(0, 2, K)
    ranks = average_ranks(errors)
    mean_rank = ranks.mean(axis=0)
    alike = np.abs(mean_rank[:, None] - mean_rank) < 0.15 * K
    cost = np.exp(rng.normal(size=K)) * (np.arange(K) != 3)
    share = (errors[:, :, None] < errors[:, None]).mean(axis=0)
    title = f"{names[-1]} leads: a sentence that is far too long for one line of a figure, {names[0]} is next\nrmse"
    others = np.arange(K) != 4
    made = {
        "cd": lambda: critical_difference(
            names,
            mean_rank,
            alike_groups(alike, mean_rank),
            tasks=N,
            test="a test",
            title=title,
            difference=1.3,
            contenders=others,
        ),
        "ranks": lambda: rank_distribution(names, ranks, contenders=others, title=title),
        "wins": lambda: win_matrix(names, share, mean_rank, contenders=others, title=title),
        "pareto": lambda: pareto(names, cost, mean_rank, contenders=others, title=title),
        "effects": lambda: effects(
            names,
            errors - errors[:, [0]],
            are_logs=True,
            label="rmse",
            scores=mean_rank,
            contenders=others,
            title=title,
        ),
        "splits": lambda: split_scores(
            names, 100 * errors, 100 * errors.mean(axis=0), label="rmse", contenders=others, title=title
        ),
        "weights": lambda: weights(summary_of(K), names, title=title),
    }
    return made[kind]()


KINDS = ["cd", "ranks", "wins", "pareto", "weights", "effects", "splits"]


def texts(figure):
    """Return the texts that are seen."""
    figure.draw_without_rendering()
    return [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip() and text.get_visible()]


def predictions(figure):
    """Return all texts, lines joined."""
    return [text.get_text().replace("\n", "") for text in texts(figure)]


def prose(figure):
    """Return all texts, lines joined by spaces, as one."""
    return " ".join(text.get_text().replace("\n", " ") for text in texts(figure))


def boxes(found):
    return [text.get_window_extent() for text in found]


def overlapping(found):
    """Return the pairs of texts that lie on one another by more than half a dot."""
    pairs = combinations(zip(found, boxes(found), strict=True), 2)
    return [
        (a.get_text(), b.get_text())
        for (a, x), (b, y) in pairs
        if min(x.x1, y.x1) - max(x.x0, y.x0) > 0.5 and min(x.y1, y.y1) - max(x.y0, y.y0) > 0.5
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_texts_lie_inside_the_canvas_and_not_on_one_another(kind, size):
    figure = drawn(kind, SIZES[size])
    canvas = figure.bbox
    for text, box in zip(texts(figure), boxes(texts(figure)), strict=True):
        assert box.x0 >= canvas.x0, text
        assert box.y0 >= canvas.y0, text
        assert box.x1 <= canvas.x1, text
        assert box.y1 <= canvas.y1, text
    assert overlapping(texts(figure)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_svg_is_xml_that_names_every_method_and_is_the_same_twice(kind):
    first = figure_bytes(drawn(kind, 7), "svg")
    assert first == figure_bytes(drawn(kind, 7), "svg")
    root = ET.fromstring(first)  # noqa: S314 - we wrote it
    found = "".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    for name in named(7):
        assert name in found.replace("\n", "")


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_other_formats_are_the_same_twice(ending):
    one, two = (figure_bytes(drawn("cd", 5), ending) for _ in range(2))
    assert one == two
    assert one.startswith({"png": b"\x89PNG", "pdf": b"%PDF"}[ending])


def test_settings_of_the_user_neither_matter_nor_change():
    before = figure_bytes(drawn("pareto", 5), "svg")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path", "text.parse_math": True}):
        kept = dict(mpl.rcParams)
        assert figure_bytes(drawn("pareto", 5), "svg") == before
        assert dict(mpl.rcParams) == kept


def test_pyplot_is_not_touched():
    import matplotlib.pyplot as plt

    drawn("cd", 3)
    assert plt.get_fignums() == []


def test_saving_is_by_the_ending_and_leaves_no_other_file(tmp_path):
    figure = drawn("cd", 3)
    save_figure(figure, tmp_path / "a" / "f.svg")
    save_figure(figure, tmp_path / "a" / "f.PNG")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["f.PNG", "f.svg"]
    with pytest.raises(BenchError, match="gif"):
        save_figure(figure, tmp_path / "f.gif")


# critical difference


def bars(figure):
    return [line for line in figure.findobj(mpl.lines.Line2D) if line.get_gid() == "bar"]


def test_bars_join_the_groups_from_the_first_member_to_the_last():
    mean_rank = np.array([1.0, 2.0, 3.0, 5.0])
    figure = critical_difference(list("abcd"), mean_rank, [[0, 1, 2], [2, 3], [1]], tasks=9, test="a test")
    found = sorted(tuple(line.get_xdata()) for line in bars(figure))
    assert len(found) == 2
    unit = (found[0][1] - found[0][0]) / 2
    np.testing.assert_allclose(found[1][1] - found[1][0], 2 * unit)
    np.testing.assert_allclose(found[1][0], found[0][1])
    assert "cannot be told apart (a test)" in prose(figure)


def test_a_method_between_two_members_that_differs_has_no_dot():
    figure = critical_difference(list("abc"), np.array([1.0, 2.0, 3.0]), [[0, 2]], tasks=9, test="t")
    dots = [line for line in figure.findobj(mpl.lines.Line2D) if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [2]


def test_names_stand_in_the_order_of_their_ranks():
    figure = critical_difference(list("dacb"), np.array([4.0, 1.0, 3.0, 2.0]), tasks=9, test="t")
    place = {text.get_text(): text.get_position() for text in texts(figure)}
    assert place["a"][1] < place["b"][1]
    assert place["d"][1] < place["c"][1]
    assert max(place["a"][0], place["b"][0]) < min(place["c"][0], place["d"][0])
    assert {"1.00", "2.00", "3.00", "4.00"} <= set(place)


@pytest.mark.parametrize("tasks", [1, 5])
def test_under_six_tasks_there_is_no_bar_and_it_says_so(tasks):
    figure = critical_difference(list("ab"), np.array([1.4, 1.6]), [[0, 1]], tasks=tasks, test="t", difference=1.0)
    assert bars(figure) == []
    assert "too few tasks" in prose(figure)
    assert "critical difference" not in prose(figure)


def test_methods_without_a_rank_are_named_below_and_in_no_group():
    mean_rank = np.array([1.0, np.nan, 2.0])
    groups = alike_groups(np.ones((3, 3), dtype=bool), mean_rank)
    assert groups == [[0, 2]]
    figure = critical_difference(["a", "lost", "b"], mean_rank, groups, tasks=9, test="t")
    assert "without a rank: lost" in prose(figure)
    assert "lost" not in predictions(figure)
    with pytest.raises(BenchError, match="nothing to draw"):
        critical_difference(["a"], np.array([np.nan]), tasks=9, test="t")


def test_equal_ranks_share_a_place():
    figure = critical_difference(list("abc"), np.array([2.0, 2.0, 2.0]), [[0, 1, 2]], tasks=9, test="t")
    assert {"a", "b", "c"} <= set(predictions(figure))
    (bar,) = bars(figure)
    assert bar.get_xdata()[0] == bar.get_xdata()[1]


@EXACT
@given(st.integers(1, 12), st.integers(0, 10_000), st.floats(0, 1))
def test_two_methods_share_a_group_if_and_only_if_they_are_alike(K, seed, share):
    rng = np.random.default_rng(seed)
    alike = rng.random((K, K)) < share
    alike = alike | alike.T | np.eye(K, dtype=bool)
    mean_rank = rng.permutation(K) + 1.0
    groups = alike_groups(alike, mean_rank)
    for i, j in combinations(range(K), 2):
        assert any(i in group and j in group for group in groups) == alike[i, j]
    assert all(list(mean_rank[group]) == sorted(mean_rank[group]) for group in groups)


def test_more_groups_than_letters_are_read_back():
    K = 60
    different = ~np.eye(K, dtype=bool)
    for k in range(K - 1):
        different[k, k + 1] = different[k + 1, k] = False
    assert "Aa" in "".join(letters(different, np.arange(K)))
    assert alike_groups(~different, np.arange(K) + 1.0) == [[k, k + 1] for k in range(K - 1)]


def test_many_methods_are_cut_and_it_says_so():
    figure = critical_difference([f"m{k}" for k in range(130)], np.arange(130.0) + 1, tasks=9, test="t")
    assert "m99" in predictions(figure)
    assert "m100" not in predictions(figure)
    assert "The first 100 of 130 methods." in prose(figure)


def test_methods_for_reference_are_in_the_caption_and_do_not_stretch_the_axis():
    mean_rank, contends = np.array([1.2, 1.8, 9.0]), np.array([True, True, False])
    with_floor = critical_difference(["a", "b", "floor"], mean_rank, tasks=9, test="t", contenders=contends)
    assert "floor" not in predictions(with_floor)
    assert "For reference, not on the axis and in no test: floor 9.00." in prose(with_floor)
    assert "3" not in predictions(with_floor)
    with pytest.raises(BenchError, match="nothing to draw"):
        critical_difference(["floor"], np.array([1.0]), tasks=9, test="t", contenders=np.array([False]))


def test_without_a_test_there_is_no_bar_and_it_says_so():
    figure = critical_difference(list("ab"), np.array([1.4, 1.6]), [[0, 1]], tasks=9, test="")
    assert bars(figure) == []
    assert "No bars: the scores allow no test." in prose(figure)


# rank distribution


def patches(figure, gid):
    return [patch for patch in figure.findobj(mpl.patches.Rectangle) if patch.get_gid() == gid]


def test_boxes_hold_the_middle_half_and_methods_stand_by_mean_rank():
    ranks = np.array([[2, 1], [2, 1], [1, 2], [2, 1], [2, 1], [1.5, 1.5], [2, 1]])
    figure = rank_distribution(["second", "first"], ranks)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    found = [(box.get_x(), box.get_x() + box.get_width()) for box in patches(figure, "box")]
    expected = [tuple(np.quantile(ranks[:, k], [0.25, 0.75])) for k in (1, 0)]
    np.testing.assert_allclose(found, expected)


def test_under_six_tasks_there_are_dots_and_no_boxes():
    figure = rank_distribution(["a", "b"], np.tile([1.0, 2.0], (5, 1)))
    assert patches(figure, "box") == []
    assert "No boxes under 6 tasks" in prose(figure)


def test_missing_ranks_have_no_dot():
    ranks = np.array([[1.0, np.nan, np.nan], [1.0, 2.0, np.nan]])
    figure = rank_distribution(["a", "b", "lost"], ranks)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert "without a rank: lost" in prose(figure)
    with pytest.raises(BenchError, match="nothing to draw"):
        rank_distribution(["a"], np.full((3, 1), np.nan))


def test_ranks_for_reference_do_not_stretch_the_axis():
    ranks = np.tile([1.0, 2.0, 30.0], (7, 1))
    figure = rank_distribution(["a", "b", "floor"], ranks, contenders=np.array([True, True, False]))
    assert figure.axes[0].get_xlim()[1] < 3
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert "floor 30.00 on average" in prose(figure)


# win matrix


def test_numbers_are_the_percents_in_the_order_of_the_ranks():
    share = np.array([[0, 0.25, 0.5], [0.75, 0, 1], [0.5, 0, 0]])
    figure = win_matrix(["a", "b", "c"], share, np.array([2.0, 1.0, 3.0]))
    cells = {(int(t.get_position()[0]), round(t.get_position()[1], 6)): t.get_text() for t in figure.axes[0].texts[:6]}
    ordered = share[np.ix_([1, 0, 2], [1, 0, 2])]
    rows = sorted({y for _, y in cells})
    for (j, y), text in cells.items():
        assert text == f"{100 * ordered[rows.index(y), j]:.0f}"


def test_pairs_that_never_met_are_empty():
    share = np.array([[0.5, np.nan], [np.nan, 0.5]])
    figure = win_matrix(["a", "b"], share)
    assert not any(text.isdigit() and text not in {"1", "2"} for text in predictions(figure))
    assert "never on the same task" in prose(figure)
    assert "a" in prose(win_matrix(["a"], np.zeros((1, 1))))
    with pytest.raises(BenchError, match="nothing to draw"):
        win_matrix([], np.zeros((0, 0)))


@pytest.mark.parametrize(("replication", "said"), [("task", "Percent of tasks"), ("split", "Percent of splits")])
def test_the_caption_says_of_what_the_percents_are(replication, said):
    share = np.array([[0.5, np.nan, 1], [np.nan, 0.5, 1], [0, 0, 0.5]])
    figure = win_matrix(list("abc"), share, replication=replication)
    assert f"{said} on which the row beats the column" in prose(figure)
    assert f"never on the same {replication}" in prose(figure)


def test_methods_for_reference_stand_last():
    share = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    figure = win_matrix(["oracle", "a", "b"], share, np.array([1.0, 2, 3]), contenders=np.array([False, True, True]))
    place = {text.get_text(): text.xy[1] for text in figure.findobj(mpl.text.Annotation) if text.get_text()}
    assert sorted(place, key=place.get) == ["a", "b", "oracle"]
    assert "Last, for reference and in no test: oracle." in prose(figure)


def test_numbers_are_left_out_where_they_do_not_fit():
    share = np.triu(np.ones((60, 60)))
    assert predictions(win_matrix([f"m{k}" for k in range(60)], share)).count("100") == 0
    assert predictions(win_matrix([f"m{k}" for k in range(10)], share[:10, :10])).count("100") == 45
    assert predictions(win_matrix([f"m{k}" for k in range(10)], np.full((10, 10), 0.5))).count("50") == 90


# pareto


@EXACT
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_dominates(points):
    cost, score = np.array(points, dtype=float).T
    for k, on in enumerate(front(cost, score)):
        beaten = any(a <= cost[k] and b <= score[k] and (a < cost[k] or b < score[k]) for a, b in points)
        assert on == (not beaten)


def test_the_front_is_drawn_and_its_names_are_bold():
    figure = pareto(["cheap", "good", "bad"], np.array([0.01, 1.0, 2.0]), np.array([3.0, 1.0, 3.5]))
    weight = {text.get_text(): text.get_weight() for text in texts(figure)}
    assert (weight["cheap"], weight["good"], weight["bad"]) == ("bold", "bold", "normal")
    (line,) = [line for line in figure.findobj(mpl.lines.Line2D) if line.get_gid() == "front"]
    np.testing.assert_allclose(line.get_xdata(), [-2, 0])


def test_what_costs_nothing_stands_at_zero_and_what_is_unknown_is_named():
    figure = pareto(["free", "paid", "lost"], np.array([0.0, 0.1, np.nan]), np.array([3.0, 1.0, 2.0]))
    assert "0" in predictions(figure)
    assert "without seconds or a score: lost" in prose(figure)
    assert "0" not in predictions(pareto(["paid"], np.array([0.1]), np.array([1.0])))
    with pytest.raises(BenchError, match="nothing to draw"):
        pareto(["a"], np.array([np.nan]), np.array([1.0]))


@pytest.mark.parametrize("cost", [[0.0, 0.0], [1e-12, 1e6], [1e-4, 1e-4], [5e-10, 3.0]])
def test_any_seconds_can_be_drawn(cost):
    figure = pareto(["a", "b"], np.array(cost), np.array([1.0, 1.0]))
    assert overlapping(texts(figure)) == []


def test_points_for_reference_do_not_stretch_the_axes():
    seconds, score = np.array([0.1, 1.0, 1e-9]), np.array([1.0, 2.0, 50.0])
    figure = pareto(["a", "b", "floor"], seconds, score, contenders=np.array([True, True, False]))
    assert figure.axes[0].get_ylim()[0] < 3
    assert figure.axes[0].get_xlim()[0] > -3
    assert "floor 50.00" in prose(figure)


# effects


def marks(figure, gid):
    return [line for line in figure.findobj(mpl.lines.Line2D) if line.get_gid() == gid]


def test_diamonds_are_means_and_lines_their_t_intervals():
    gaps = np.log(np.array([1.0, 1.1, 1.2, 0.9, 1.3, 1.05, 1.15]))[:, None] * [0, 1]
    figure = effects(["base", "a"], gaps, are_logs=True, label="rmse against base")
    np.testing.assert_allclose([line.get_xdata()[0] for line in marks(figure, "mean")], [0, gaps[:, 1].mean()])
    interval = t.interval(0.95, 6, gaps[:, 1].mean(), gaps[:, 1].std(ddof=1) / np.sqrt(7))
    np.testing.assert_allclose(marks(figure, "interval")[1].get_xdata(), interval)
    low, high = 100 * np.expm1(interval)
    minus = "\N{MINUS SIGN}"
    expected = f"{100 * np.expm1(gaps[:, 1].mean()):+.1f} % ({low:+.1f} % to {high:+.1f} %)".replace("-", minus)
    assert expected in predictions(figure)


def test_under_six_tasks_there_is_no_interval_of_an_effect():
    figure = effects(["base", "a"], np.arange(10.0).reshape(5, 2), are_logs=False, label="f1")
    assert marks(figure, "interval") == []
    assert "no interval under 6 tasks" in prose(figure)


def test_what_stands_for_reference_is_a_triangle_at_the_end_of_the_axis():
    gaps = np.column_stack([np.zeros(7), np.linspace(-1, 1, 7), np.full(7, 40.0)])
    figure = effects(["base", "a", "floor"], gaps, are_logs=False, label="f1", contenders=np.array([True, True, False]))
    high = figure.axes[0].get_xlim()[1]
    assert high < 2
    (triangle,) = marks(figure, "beyond")
    assert (triangle.get_marker(), triangle.get_xdata()[0]) == (">", high)
    assert "Triangle: beyond the axis. Grey: for reference, in no test." in prose(figure)
    assert any(text.startswith("+40.00") for text in predictions(figure))


def test_one_wild_task_does_not_stretch_the_axis():
    scores = np.array([[1.0, 2.0], [1.1, 2.1], [1.2, 900.0], [1.3, 2.2]])
    figure = split_scores(["a", "b"], scores, np.array([1.15, 2.0]), label="rmse")
    assert figure.axes[0].get_xlim()[1] < 5
    assert "1.150" in predictions(figure)


@pytest.mark.parametrize("size", [1e-300, 1e-9, 3.0, 700.0])
@pytest.mark.parametrize("are_logs", [True, False])
def test_effects_of_any_size_can_be_drawn(size, are_logs):
    gaps = np.column_stack([np.zeros(6), size * np.arange(1.0, 7), [np.nan, np.inf, 1, 2, 3, 4], np.full(6, np.nan)])
    figure = effects(["base", "a", "b", "lost"], gaps, are_logs=are_logs, label="m")
    assert overlapping(texts(figure)) == []
    assert "without a number: lost" in prose(figure)
    with pytest.raises(BenchError, match="nothing to draw"):
        effects(["a"], np.full((6, 1), np.nan), are_logs=are_logs, label="m")


# weights


def test_weights_count_every_task_once_and_average_outputs():
    rows = [("t1", 0, "", 0.2), ("t1", 1, "", 0.4), ("t2", 0, "x", 0.8), ("t2", 0, "y", 1.0)]
    table = pd.DataFrame(rows, columns=["task_id", "fold", "output", "value"])
    table = table.assign(repeat=0, method="m", role="weight", of="ridge")
    other = table.assign(role="rule", of="", value=100.0)
    (row,) = weight_summary(pd.concat([table, other])).to_dict("records")
    assert (row["method"], row["of"]) == ("m", "ridge")
    np.testing.assert_allclose(row["mean"], (0.3 + 0.9) / 2)
    np.testing.assert_allclose([row["low"], row["high"]], np.quantile([0.2, 0.4, 0.9], [0.1, 0.9]))


def test_every_scheme_has_a_panel_in_the_given_order():
    figure = weights(summary_of(3), [named(3)[2], "absent", named(3)[0]])
    heads = [axes.texts[0].get_text().replace("\n", "") for axes in figure.axes]
    assert heads == [named(3)[2], named(3)[0], named(3)[1]]
    with pytest.raises(BenchError, match="nothing to draw"):
        weights(summary_of(1).iloc[:0])


def test_negative_weights_and_absent_learners_are_drawn():
    table = pd.DataFrame(
        {"method": ["a", "b"], "of": ["x", "y"], "mean": [-2.0, 3.0], "low": [-3.0, 2], "high": [-1.0, 4]}
    )
    low, high = weights(table).axes[0].get_xlim()
    assert low < -3
    assert high > 4


# style


@EXACT
@given(st.text("ab-:=,+_ /W|", max_size=60), st.floats(0.3, 3))
def test_broken_text_fits_and_loses_nothing_but_spaces(text, width):
    found = break_lines(text, width, 8.0)
    assert found.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line, 8.0) <= width or len(line.strip()) <= 1 for line in found.split("\n"))


def test_plain_text_is_one_line_that_xml_may_hold():
    assert figure_text("a\nb\x00c\ud800") == r"a\nb\x00c\ud800"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 4.1), (0.999, 1.001), (-1e-9, 1e-9), (12, 12.5), (0, 1e7)])
@pytest.mark.parametrize("most", [3, 8])
def test_even_ticks_are_few_and_inside(low, high, most):
    found, labels = even_ticks(low, high, most)
    assert 1 <= len(found) <= most + 1
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in found)
    np.testing.assert_allclose([float(text.replace("\N{MINUS SIGN}", "-")) for text in labels], found, atol=1e-15)


@pytest.mark.parametrize(("low", "high"), [(1, 2), (1, 3), (1, 40), (7, 1000), (0, 0)])
def test_ticks_are_few_whole_numbers_inside(low, high):
    found = ticks(low, high)
    assert len(found) <= 11
    assert all(low <= tick <= max(high, low + 1) and tick == round(tick) for tick in found)


# a results directory


def scores(tasks=7, methods=("a", "b", "c"), **more):
    rng = np.random.default_rng(1)
    rows = [
        {"board": "regression", "panel": "p", "metric": "rmse", "task_id": f"t{t}", "fold": f, "method": m,
         "value": k + rng.uniform(1, 3)}
        for t in range(tasks) for f in range(2) for k, m in enumerate(methods)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**more)


def timing(table):
    return table[["board", "panel", "task_id", "fold", "method"]].assign(predict_cost=0.1)


def learned(table):
    keys = table[["board", "panel", "task_id", "fold", "method"]].assign(repeat=0, role="weight", output="")
    return pd.concat([keys.assign(of="ridge", value=0.3), keys.assign(of="knn", value=0.7)])


def test_a_results_directory_gives_all_six(tmp_path):
    table = scores()
    table.to_csv(tmp_path / "scores.csv", index=False)
    timing(table).to_csv(tmp_path / "timing.csv", index=False)
    learned(table).to_csv(tmp_path / "weights.csv", index=False)
    found = {picture.kind: picture for picture in figures(tmp_path)}
    assert list(found) == ["effects", "critical-difference", "rank-distribution", "win-matrix", "pareto", "weights"]
    for kind, picture in found.items():
        assert picture.name == f"regression-rmse-{kind}"
        sentence, board = picture.draw().texts[:2]
        assert board.get_text() == "regression · rmse · panel p"
        assert "a" in sentence.get_text().replace("\n", " ").split()[:12] or kind == "weights"


def test_a_plain_table_gives_four_and_says_why_not_more(tmp_path):
    scores(panel="", board="").drop(columns=["board", "panel"]).to_csv(tmp_path / "mine.csv", index=False)
    found = {picture.kind: picture for picture in figures(tmp_path / "mine.csv")}
    assert [kind for kind, picture in found.items() if picture.draw] == [
        "effects", "critical-difference", "rank-distribution", "win-matrix",
    ]  # fmt: skip
    assert "timing.csv" in found["pareto"].reason
    assert "weights.csv" in found["weights"].reason
    assert found["pareto"].name == "rmse-pareto"


def drawn_of(table, kind, **how):
    return next(picture for picture in pictures(standings(table, **how), Path("none")) if picture.kind == kind).draw()


@pytest.mark.parametrize(
    ("test", "named_so"), [("max-t", "max-|t|"), ("signed-rank", "signed-rank"), ("nemenyi", "Nemenyi")]
)
def test_bars_name_the_test_of_the_board_and_leave_the_floor_out(test, named_so):
    figure = drawn_of(scores(tasks=9, methods=("a", "b", "floor")), "critical-difference", test=test)
    assert named_so in prose(figure)
    assert "level 0.05 for all pairs together" in prose(figure)
    assert "in no test: floor 3.00" in prose(figure)
    assert "floor" not in predictions(figure)


@pytest.mark.parametrize("replication", ["task", "split"])
def test_the_win_matrix_of_a_board_says_what_is_ranked(replication):
    assert f"Percent of {replication}s" in prose(drawn_of(scores(), "win-matrix", replication=replication))


def test_the_effects_of_one_task_are_its_scores():
    table = scores(tasks=1)
    figure = drawn_of(table, "effects")
    means = table.groupby("method")["value"].mean()
    found = [line.get_xdata()[0] for line in marks(figure, "mean")]
    np.testing.assert_allclose(found, np.sort(means))
    assert "rmse on t0 (better is left)" in prose(figure)


def test_effects_are_against_the_baseline_in_the_metrics_own_direction():
    table = scores(board="classification", metric="macro_f1", methods=("a", "equal"))
    table["value"] = (table["value"] + 2 * (table["method"] == "equal")) / 10
    figure = drawn_of(table, "effects", baseline="equal")
    means = table.groupby("method")["value"].mean()
    found = dict(zip(("equal", "a"), (line.get_xdata()[0] for line in marks(figure, "mean")), strict=True))
    np.testing.assert_allclose(found["a"], means["a"] - means["equal"])
    assert "macro_f1 against equal (better is right)" in prose(figure)


def test_without_a_common_split_there_are_no_ranks(tmp_path):
    table = scores(methods=("a", "b"), tasks=6)
    table = table[(table["method"] == "a") == (table["task_id"] < "t3")]
    table.to_csv(tmp_path / "mine.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the board says of nothing is not at stake here
        found = {picture.kind: picture for picture in figures(tmp_path / "mine.csv")}
    assert "no split that all methods answered" in found["critical-difference"].reason


def test_panels_and_slices_have_files_of_their_own(tmp_path):
    variants = scores(
        board="classification", metric="macro_f1", panel="p", methods=("a", "b", "a+threshold", "b+threshold")
    )
    variants["value"] /= 10
    pd.concat([variants, variants.assign(panel="q")]).to_csv(tmp_path / "mine.csv", index=False)
    names = [picture.name for picture in figures(tmp_path / "mine.csv") if picture.kind == "win-matrix"]
    assert names == [
        f"classification-macro_f1-{rest}win-matrix" for rest in ("p-", "p-threshold-", "q-", "q-threshold-")
    ]
