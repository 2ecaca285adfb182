"""Encoders: learned on training rows only, sound for any column, and equal to scikit-learn where it does the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.core.nouns import BenchError
from bench.tasks import encoders
from bench.tasks.encoders import ENCODERS, MOST_LEVELS, encoder

ODD_NAMES = ["a b", "a_b", "[x]", '{"k": 1}', "größe, cm", "a=b", "", "nothing", "a is missing", "日本"]


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.2, np.nan, rng.normal(5, 3, n)),
            "count": rng.integers(0, 9, n).astype(float),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue", None], n)),
            "flag": pd.Categorical(rng.choice(["no", "yes"], n)),
        }
    )


@st.composite
def tables(draw):
    """Training and test rows of one table with any kind of column."""
    n, tests = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    names = draw(st.lists(st.sampled_from(ODD_NAMES), min_size=1, max_size=5, unique=True))
    numbers = st.one_of(st.floats(width=64), st.sampled_from([np.nan, 0.0, 1.0]))
    texts = st.one_of(st.none(), st.sampled_from(["u", "v", "is other", "1"]))
    columns = {}
    for name in names:
        if draw(st.booleans()):
            columns[name] = np.array(draw(st.lists(numbers, min_size=n + tests, max_size=n + tests)), dtype=float)
        else:
            values = draw(st.lists(texts, min_size=n + tests, max_size=n + tests))
            columns[name] = pd.Categorical(values, categories=["v", "u", "is other", "1", "unused"])
    X = pd.DataFrame(columns)
    return X.iloc[:n], X.iloc[n:]


@pytest.mark.parametrize("name", sorted(ENCODERS))
@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=tables())
def test_any_table_is_encoded_and_left_alone(name, data):
    train, test = data
    before = train.copy(deep=True), test.copy(deep=True)
    learned = encoder(name).fit(train)
    predictions = [learned.transform(train), learned.transform(test)]
    for rows, encoded in zip((train, test), predictions, strict=True):
        assert list(encoded.index) == list(rows.index)
        assert encoded.columns.is_unique
        assert list(encoded.columns) == list(predictions[0].columns)
        assert list(encoded.dtypes) == list(predictions[0].dtypes)
        if name != "native":
            assert np.isfinite(encoded.to_numpy()).all()
            assert set(encoded.dtypes) == {np.dtype(float)}
            assert np.abs(encoded.to_numpy(dtype=np.float32)).max() < np.inf
    pd.testing.assert_frame_equal(train, before[0])
    pd.testing.assert_frame_equal(test, before[1])


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_row_is_encoded_alike_alone_and_among_others(name):
    X = table()
    learned = encoder(name).fit(X.iloc[:40])
    together = learned.transform(X.iloc[40:])
    for position in range(20):
        alone = learned.transform(X.iloc[[40 + position]])
        pd.testing.assert_frame_equal(alone, together.iloc[[position]])


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_levels_that_only_test_rows_have_change_nothing(name):
    X = table()
    wider = X.assign(colour=X["colour"].cat.set_categories(["unseen", "red", "blue", "green"]))
    one, two = (encoder(name).fit(rows.iloc[:40]).transform(rows.iloc[40:]) for rows in (X, wider))
    pd.testing.assert_frame_equal(one, two)


def test_scaled_numbers_are_those_of_scikit_learn():
    X = table()[["size", "count"]]
    train, test = X.iloc[:40], X.iloc[40:]
    impute = SimpleImputer(strategy="median").fit(train)
    scale = StandardScaler().fit(impute.transform(train))
    predictions = encoder("scaled").fit(train).transform(test)
    assert list(predictions.columns) == ["size", "count", "size is missing"]
    np.testing.assert_allclose(predictions[["size", "count"]], scale.transform(impute.transform(test)))
    np.testing.assert_allclose(predictions["size is missing"], test["size"].isna())


def test_one_hot_columns_are_those_of_scikit_learn():
    X = table(200)[["colour", "flag"]].astype(object).fillna("missing")
    oracle = OneHotEncoder(sparse_output=False).fit_transform(X)
    predictions = encoder("scaled").fit(table(200)).transform(table(200)).filter(regex="colour|flag")
    assert sorted(map(tuple, predictions.to_numpy().T)) == sorted(map(tuple, oracle.T))


def test_rare_and_superfluous_levels_share_a_column_and_unknown_ones_join_them():
    levels = [f"l{i:03d}" for i in range(300)]
    values = np.repeat(levels, np.arange(300, 0, -1) // 10 + 1)
    X = pd.DataFrame({"c": pd.Categorical(values)})
    learned = encoder("scaled").fit(X)
    predictions = learned.transform(X)
    assert predictions.shape[1] == MOST_LEVELS + 1
    assert encoder("scaled", 7).fit(X).transform(X).shape[1] == 7 + 1
    assert (predictions.sum(axis=1) == 1).all()
    rare_unknown_missing = pd.DataFrame({"c": pd.Categorical(["l299", "new", None])})
    assert learned.transform(rare_unknown_missing)["c is other"].tolist() == [1, 1, 1]


def test_an_unknown_level_is_all_zeros_where_no_level_is_rare():
    X = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 3)})
    predictions = encoder("scaled").fit(X).transform(pd.DataFrame({"c": pd.Categorical(["new"])}))
    assert predictions.to_numpy().tolist() == [[0, 0]]


def test_ordinal_codes_follow_the_alphabet_or_the_order_of_the_category():
    plain = pd.DataFrame({"c": pd.Categorical(["z", "b", "a", None], categories=["z", "b", "a", "unused"])})
    ranked = pd.DataFrame({"c": pd.Categorical(["low", "high", "mid"], ["low", "mid", "high"], ordered=True)})
    assert encoder("ordinal").fit(plain).transform(plain)["c"].tolist() == [2, 1, 0, encoders.MISSING]
    assert encoder("ordinal").fit(ranked).transform(ranked)["c"].tolist() == [0, 2, 1]
    new = pd.DataFrame({"c": pd.Categorical(["new"])})
    assert encoder("ordinal").fit(plain).transform(new)["c"].tolist() == [encoders.UNKNOWN]


def test_native_keeps_gaps_and_forgets_unknown_levels():
    train = pd.DataFrame({"x y": [1.0, np.nan], "c": pd.Categorical(["b", "a"])})
    test = pd.DataFrame({"x y": [np.nan, np.inf], "c": pd.Categorical(["new", "b"])})
    predictions = encoder("native").fit(train).transform(test)
    assert list(predictions.columns) == ["x_y", "c"]
    assert predictions["x_y"].isna().tolist() == [True, True]
    assert predictions["c"].isna().tolist() == [True, False]
    assert predictions["c"].cat.categories.tolist() == ["a", "b"]


@pytest.mark.parametrize("name", ["scaled", "ordinal"])
def test_columns_that_say_nothing_are_dropped(name):
    X = pd.DataFrame(
        {
            "gone": [np.nan] * 6,
            "constant": [0.1] * 6,
            "half": [7.0, np.nan] * 3,
            "twin": [8.0, np.nan] * 3,
            "level": pd.Categorical(["a"] * 6),
            "nobody": pd.Categorical([None] * 6),
            "kept": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    assert list(encoder(name).fit(X).transform(X).columns) == ["kept", "half is missing"]
    assert encoder(name).fit(X[["gone", "level"]]).transform(X).to_numpy().tolist() == [[0.0]] * 6


def test_an_unknown_encoding_is_a_mistake_of_the_user():
    with pytest.raises(BenchError, match="scaled, ordinal, native"):
        encoder("onehot")


def test_numbers_beside_a_tiny_spread_stay_within_what_float32_holds():
    learned = encoder("scaled").fit(pd.DataFrame({"x": [0.0, 0.0, 2e-72]}))
    assert learned.transform(pd.DataFrame({"x": [1.0, -1.0]}))["x"].tolist() == [1e38, -1e38]
