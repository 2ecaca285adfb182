"""Wrong plug-ins: training schemes."""

from dataclasses import replace

import numpy as np

from bench.methods.learners import learner_scheme
from bench.methods.trainings import FittedModel
from bench.tasks.encoders import encoder
from makers.mutants import mutant


def fit_and_claim(context, w):
    """Fit the plain way and claim the class weights w."""
    return FittedModel(context.fit(weight=context.weight), w)


@mutant("training", "fit", "lawful")
def sums_to_two(context):
    """Forget that a row sums to one."""
    predict = context.fit()
    return FittedModel(lambda X: 2 * predict(X))


@mutant("training", "fit", "lawful")
def claims_too_much(context):
    """Claim weights whose mean is not one."""
    return fit_and_claim(context, 2.0 * (context.counts > 0))


@mutant("training", "fit", "learns")
def learns_one_class(context):
    """Forget all classes but the largest."""
    own = np.flatnonzero(context.y == context.counts.argmax())
    return FittedModel(context.fit(context.X.iloc[own], context.y[own]))


@mutant("training", "fit", "same_seed_same_bytes")
def draws_from_nobody(context):
    """Draw from the random state that belongs to nobody."""
    index = np.random.choice(len(context.y), 60)  # noqa: NPY002
    return FittedModel(context.fit(context.X.iloc[index], context.y[index]))


@mutant("training", "fit", "inputs_unchanged")
def fills_in_place(context):
    """Fill gaps in the rows that it was lent."""
    context.X.isetitem(1, context.X["age"].fillna(0.0))
    return FittedModel(context.fit())


@mutant("training", "fit", "test_rows_apart")
def normalises_the_batch(context):
    """Divide by the mean of the rows that are predicted."""
    predict = context.fit()

    def balanced(X):
        odds = predict(X) / (predict(X).mean(axis=0) + 1e-9)
        return odds / odds.sum(axis=1, keepdims=True)

    return FittedModel(balanced)


@mutant("training", "fit", "absent_class", "many_classes")
def weighs_what_is_not_there(context):
    """Mix the prediction with all classes alike; weigh a class by the logarithm of its rows."""
    predict, width = context.fit(), context.target.width
    with np.errstate(divide="ignore"):
        w = 1 / np.log(context.counts)
    return FittedModel(lambda X: 0.9 * predict(X) + 0.1 / width, w * len(context.y) / (w @ context.counts))


@mutant("training", "fit", "rare_classes", "repeated_rows")
def needs_five_neighbours(context):
    """Need neighbours that a rare class has not, and for a spread that equal rows have not."""
    for code in np.flatnonzero(context.counts):
        own = context.X["size"].to_numpy()[context.y == code]
        if np.unique(own).size <= 4:
            raise ValueError("too few neighbours")
    return FittedModel(context.fit())


@mutant("training", "fit", "two_classes")
def wants_three(context):
    """Take a third class for granted."""
    return FittedModel(context.fit(), context.counts[2:] * np.nan)


@mutant("training", "fit", "gaps", "categories_alone")
def takes_the_square(context):
    """Compute with a column that may be missing or be no number."""
    if (
        not np.isfinite(np.square(context.X["age"].fillna(context.X["age"].mean())).sum())
        or context.X["age"].isna().sum() > 20
    ):
        raise ValueError("not finite")
    return FittedModel(context.fit())


@mutant("training", "fit", "constant_columns")
def certain_of_the_largest(context):
    """Fit the largest class alone where nothing varies."""
    if context.X["size"].max() > context.X["size"].min():
        return FittedModel(context.fit())
    return learns_one_class(context)


@mutant("training", "fit", "equal_weights")
def adds_a_model_for_weights(context):
    """Do something else as soon as there are weights."""
    if context.weight is None:
        return FittedModel(context.fit())
    return FittedModel(context.fit(weight=context.weight * np.where(context.y == 0, 1.0, 3.0)))


@mutant("training", "fit", "zero_weight_rows", "uses_row_weights")
def ignores_weights(context):
    """Take every row alike."""
    return FittedModel(context.fit())


@mutant("training", "fit", "class_weights_undone")
def claims_what_it_did_not_do(context):
    """Claim balanced weights."""
    w = np.divide(1.0, context.counts, out=np.zeros(len(context.counts)), where=context.counts > 0)
    return fit_and_claim(context, w * context.counts.sum() / (w @ context.counts))


@mutant("training", "fit", "uses_learner")
def brings_its_own(context):
    """Use nearest neighbours whatever the learner."""
    knn = learner_scheme("knn")
    read = encoder("scaled").fit(context.X)
    return FittedModel(replace(context, learner=knn, encoder=read).fit())


@mutant("training", "fit", "neutral_parameters", neutral={"margin": 0.0}, learners=("logistic",))
def scales_the_logits(context, *, margin=0.5):
    """Weaken the penalty by the scale of the logits, whatever the margin."""
    return FittedModel(replace(context, learner=learner_scheme("logistic:C=900")).fit(weight=context.weight))
