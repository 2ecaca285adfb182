"""Every metric stays within the bounds that it declares, and tables with impossible scores are refused everywhere."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.nouns import BenchError, Prediction, Target
from bench.core.tables import load_scores
from bench.methods import metrics
from bench.report.comparison import ComparisonOptions, compare, source
from bench.report.comparison.baseline_file import baseline_text
from bench.report.leaderboards import leaderboard

TARGETS = {
    "point": Target("point"),
    "quantile": Target("quantile", (0.05, 0.25, 0.5, 0.75, 0.95)),
    "class": Target("class", ("a", "b", "c"), ordered=True),
}
NEVER_NEGATIVE = (
    "rmse", "mae", "wis", "mean_pinball", "pinball_0.5", "crps", "log_loss", "brier", "rps", "ece", "ordinal_mae",
)  # fmt: skip
SHARES = ("accuracy", "macro_f1", "auroc", "macro_auprc", "g_mean", "coverage_80", "crossing_rate")
POSSIBLE = {
    "r2": -3.0, "mcc": -0.5, "kappa": -0.2, "quadratic_kappa": -1.0, "calibration_in_large": -0.3, "auprc_lift": 7.0,
    "log_loss": 12.0, "brier": 1.9, "rmse": 0.0, "mae": np.inf,
}  # fmt: skip


@given(st.integers(0, 10**6), st.sampled_from(sorted(TARGETS)))
def test_no_prediction_scores_beyond_the_bounds(seed, kind):
    rng, target = np.random.default_rng(seed), TARGETS[kind]
    n = int(rng.integers(2, 12))
    if kind == "class":
        y, values = rng.integers(0, 3, n), rng.dirichlet(np.full(3, rng.choice([0.05, 1.0])), n)
    else:
        y, values = rng.normal(size=n), 10.0 ** rng.integers(-3, 4) * rng.normal(size=(n, target.width))
    prediction = Prediction(target, np.sort(values, axis=1) if kind == "quantile" else values)
    for name, metric in metrics.for_target(target).items():
        value = metric.function(target, y, prediction)
        assert not value < metric.low - 1e-12, name
        assert not value > metric.high + 1e-12, name


def table(metric, value, **more):
    rows = [{"task": f"t{t}", "method": m, "value": value * k} for t in range(8) for m, k in (("a", 1.0), ("b", 1.5))]
    return pd.DataFrame(rows).assign(metric=metric, **more)


USES = {
    "leaderboard": lambda file: leaderboard(load_scores(file)),
    "compare": lambda file: compare(file, file, ComparisonOptions()),
    "baseline": lambda file: baseline_text(source(file)),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("metric", "value", "says"),
    [
        *((metric, -0.4, f"{metric} is -0.6 .* without the sign .* neg_{metric}") for metric in NEVER_NEGATIVE),
        *((metric, 61.0, f"{metric} is 91.5 .* shares, not per cent") for metric in SHARES),
        ("rmse", -1e-13, "rmse is -1.5e-13"),
        ("accuracy", -0.5, "accuracy is -0.75"),
    ],
)
def test_impossible_scores_are_refused_with_the_remedy(tmp_path, metric, value, says, use):
    table(metric, value).to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(BenchError, match=says):
        USES[use](str(tmp_path / "s.csv"))


@pytest.mark.parametrize("metric", POSSIBLE)
def test_scores_that_can_occur_are_ranked(metric):
    one = table(metric, 1.0).assign(value=POSSIBLE[metric])
    assert len(leaderboard(one)) == 2


def test_metrics_of_others_may_have_any_value():
    negated = table("neg_rmse", -1.0, direction="max")
    assert leaderboard(negated)["method"].tolist() == ["a", "b"]


def test_only_what_is_compared_must_be_possible(tmp_path):
    pd.concat([table("mae", 1.0), table("accuracy", 50.0)]).to_csv(tmp_path / "s.csv", index=False)
    file = str(tmp_path / "s.csv")
    assert compare(file, file, ComparisonOptions(metrics=["mae"])).code == 0
    assert "mae" in baseline_text(source(file), ["mae"])
