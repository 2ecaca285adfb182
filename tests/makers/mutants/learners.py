"""Wrong plug-ins: learners."""

# ruff: noqa: ARG002, ARG005 - planted faults ignore what they should use, and .values is no data frame's

import numpy as np

from makers.mutants import mutant


class Line:
    """Least squares on the encoded columns; classes are separated by squared error, clipped to a distribution."""

    def __init__(self, target, *, columns=None):
        self.target, self.columns = target, columns

    def fit(self, X, y, weight):
        A, s = self.design(X), np.sqrt(np.ones(len(y)) if weight is None else weight)
        self.width = self.columns(y) if self.columns else self.target.width
        goal = np.eye(self.target.width)[y][:, : self.width] if self.target.kind == "class" else y[:, None]
        penalty = 1e-3 * np.eye(A.shape[1])
        B = np.vstack([A * s[:, None], penalty])
        self.w = np.linalg.lstsq(
            B, np.vstack([goal * s[:, None], np.zeros((len(penalty), goal.shape[1]))]), rcond=None
        )[0]
        return self

    def design(self, X):
        return np.column_stack([np.ones(len(X)), np.clip(np.asarray(X, dtype=float), -9, 9)])

    def predict(self, X):
        predictions = self.design(X) @ self.w
        if self.target.kind != "class":
            return predictions
        predictions = np.where(self.w.any(axis=0), np.clip(predictions, 0.01, None), 0.0)
        return predictions / predictions.sum(axis=1, keepdims=True)


@mutant("learner", "class", "absent_class", encoding="scaled", weights=True)
def drops_a_class(target, seed):
    """Return as many columns as the largest class that was seen."""
    return Line(target, columns=lambda y: y.max() + 1)


@mutant("learner", "class", "absent_class", encoding="scaled", weights=True)
def smooths_over_all_classes(target, seed):
    """Give every class a chance, seen or not."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: 0.9 * predict(X) + 0.1 / target.width
    return line


@mutant("learner", "point", "test_rows_apart", encoding="scaled", weights=True)
def scales_by_the_test_rows(target, seed):
    """Standardise the test rows by themselves."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: predict((X - X.mean()) / X.std().clip(lower=0.1))
    return line


@mutant("learner", "point", "uses_row_weights", encoding="scaled", weights=True)
def ignores_claimed_weights(target, seed):
    """Claim to use row weights."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y, None)
    return line


@mutant("learner", "point", "same_seed_same_bytes", encoding="scaled", weights=True)
def unseeded(target, seed):
    """Fit on rows drawn from the random state that belongs to nobody."""
    line = Line(target)
    fit = line.fit

    def fit_some(X, y, weight):
        rows = np.random.randint(len(y), size=len(y))  # noqa: NPY002
        return fit(X.iloc[rows], y[rows], weight)

    line.fit = fit_some
    return line


@mutant("learner", "point", "inputs_unchanged", encoding="scaled", weights=True)
def fills_in_place(target, seed):
    """Write into the table that it gets."""
    line = Line(target)
    fit = line.fit

    def fit_changed(X, y, weight):
        X.iloc[:, 0] = 0.0
        return fit(X, y, weight)

    line.fit = fit_changed
    return line


@mutant("learner", "class", "learns", "two_classes", encoding="scaled", weights=True)
def mixed_up(target, seed):
    """Predict the next class."""
    line = Line(target)
    predict = line.predict
    line.predict = lambda X: np.roll(predict(X), 1, axis=1)
    return line


@mutant("learner", "point", "equal_weights", encoding="scaled", weights=True)
def other_model_for_weights(target, seed):
    """Take another penalty as soon as there are weights."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y, None if weight is None else 0.001 * weight)
    return line


@mutant("learner", "point", "few_rows", encoding="scaled", weights=True)
def needs_many_rows(target, seed):
    """Scale by rows that a small table does not have."""
    line = Line(target)
    fit = line.fit
    line.fit = lambda X, y, weight: fit(X, y / np.std(y[50:]), weight)
    return line


@mutant("learner", "point", "constant_columns", encoding="native", weights=True)
def scales_by_itself(target, seed):
    """Divide by the spread of a column that may have none."""

    class Scaled:
        def fit(self, X, y, weight):
            self.mean, self.slope = y.mean(), np.cov(X["size"], y)[0, 1] / np.var(X["size"])
            return self

        def predict(self, X):
            return (self.mean + self.slope * np.nan_to_num(X["size"].to_numpy()))[:, None]

    return Scaled()


@mutant("learner", "point", "lawful", "odd_test_rows", encoding="native", weights=True)
def passes_gaps_on(target, seed):
    """Predict NaN where a value is missing."""

    class Sum:
        def fit(self, X, y, weight):
            return self

        def predict(self, X):
            return X["age"].to_numpy()[:, None]

    return Sum()
