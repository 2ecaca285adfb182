"""The bundled classification tables, with imbalanced versions made by stated rules."""

from __future__ import annotations

from dataclasses import replace

from bench.tasks.sources import bundled_rules as rules
from bench.tasks.sources.bundled_files import arff, digits, semicolons, sklearn_csv, tabs
from bench.tasks.sources.bundled_table import PUBLIC, UCI, UNSTATED, Table

_CELL = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points"),
    *("symmetry", "fractal dimension"),
)

_JOB = {
    1: "student",
    2: "farming or manual",
    3: "white-collar",
    4: "teacher, nurse, artist, technician",
    5: "managerial",
    6: "professional",
    7: "other",
}

_PARTY = dict(
    enumerate(
        (
            *("strong democrat", "weak democrat", "leans democrat", "independent"),
            *("leans republican", "weak republican", "strong republican"),
        )
    )
)

_BREAST_CANCER = Table(
    name="breast-cancer",
    kind="classification",
    n=569,
    d=30,
    about="malignant or benign breast tumour from cell nuclei in an image",
    package="sklearn",
    path="datasets/data/breast_cancer.csv",
    read=sklearn_csv,
    columns=(
        *(f"mean {name}" for name in _CELL),
        *(f"{name} error" for name in _CELL),
        *(f"worst {name}" for name in _CELL),
    ),
    target="class",
    licence=UCI,
    source="Street, Wolberg and Mangasarian (1993), Nuclear feature extraction for breast tumor diagnosis",
    family="breast-cancer",
)

_DIGITS = Table(
    name="digits",
    kind="classification",
    n=1797,
    d=64,
    about="handwritten digit from 8 x 8 grey values",
    package="sklearn",
    path="datasets/data/digits.csv.gz",
    read=digits,
    columns=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
    target="class",
    licence=UCI,
    source="Alpaydin and Kaynak (1998), Optical recognition of handwritten digits (the test part)",
    family="digits",
)

_WINE = Table(
    name="wine",
    kind="classification",
    n=178,
    d=13,
    about="cultivar of an Italian wine from its chemistry",
    package="sklearn",
    path="datasets/data/wine_data.csv",
    read=sklearn_csv,
    columns=(
        *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
        *("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue"),
        *("od280/od315_of_diluted_wines", "proline"),
    ),
    target="class",
    licence=UCI,
    source="Aeberhard, Coomans and de Vel (1992), Comparison of classifiers in high dimensional settings",
    family="wine",
)

_ANES = Table(
    name="anes96",
    kind="classification",
    n=944,
    d=9,
    about="vote for Clinton or Dole from a survey before the election of 1996",
    package="statsmodels",
    path="datasets/anes96/anes96.csv",
    read=tabs,
    target="vote",
    rule=rules.decode(vote={0: "Clinton", 1: "Dole"}),
    licence=PUBLIC,
    source="American National Election Study 1996",
    note="party identification stays a feature: it is asked of everybody, and known before the vote",
    family="anes96",
)

CLASSIFICATION_TABLES = (
    _ANES,
    replace(
        _ANES,
        name="anes96-party",
        d=8,
        about="party identification in seven steps; ordered, hard, unequal classes (200 to 37 rows)",
        target="PID",
        rule=rules.decode(PID=_PARTY),
        order=",".join(_PARTY.values()),
        drop=("vote",),
        note="the vote follows from the party and is left out",
    ),
    Table(
        name="affairs",
        kind="classification",
        n=601,
        d=8,
        about="any extramarital affair (a quarter) or none; Psychology Today survey",
        package="statsmodels",
        path="datasets/fair/fair_pt.csv",
        target="affair",
        rule=rules.each(rules.any_affair, rules.decode(occupation=_JOB)),
        drop=("identifier", "constant", "naffairs"),
        licence="included by statsmodels with permission of the author",
        source="Fair (1978), A theory of extramarital affairs",
        note="affair = naffairs > 0; naffairs, identifier, constant are left out; other people than in fair",
    ),
    Table(
        name="birthweight-low",
        kind="classification",
        n=4642,
        d=19,
        about="birth weight below 2,500 g (6 per cent) from parents, pregnancy and smoking",
        package="statsmodels",
        path="treatment/tests/results/cataneo2.csv",
        target="lbweight",
        rule=rules.low_birth_weight,
        drop=("bweight", "mbsmoke", "mbsmoke_", "mmarried_", "fbaby_", "prenatal1", "prenatal1_", "mage2"),
        licence=UNSTATED,
        source="Cattaneo (2010), Efficient semiparametric estimation of multi-valued treatment effects",
        note="bweight is the weight itself; the other dropped columns recode one that stays",
        family="birthweight",
    ),
    _BREAST_CANCER,
    replace(
        _BREAST_CANCER,
        name="breast-cancer-imbalanced",
        n=393,
        about="breast-cancer with malignant tumours at 1 : 10",
        rule=rules.thin("class", "malignant", 10),
        note="malignant is thinned out to 36 of 212 rows, a tenth of the benign ones, chosen by a fixed hash",
    ),
    _DIGITS,
    replace(
        _DIGITS,
        name="digits-9",
        about="the digit 9 against the rest, 1 : 9",
        rule=rules.one_against_rest("class", "9"),
        note="all digits but 9 are called rest",
    ),
    replace(
        _DIGITS,
        name="digits-imbalanced",
        n=593,
        about="digits with a long tail, 20 : 1 from 0 to 9",
        rule=rules.long_tail("class", 20),
        note="digit k keeps 174 x 20^(-k / 9) rows, chosen by a fixed hash",
    ),
    Table(
        name="iris",
        kind="classification",
        n=150,
        d=4,
        about="species of iris from the size of petals and sepals",
        package="sklearn",
        path="datasets/data/iris.csv",
        read=sklearn_csv,
        columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        target="class",
        licence=UCI,
        source="Fisher (1936), The use of multiple measurements in taxonomic problems",
    ),
    Table(
        name="modechoice",
        kind="classification",
        n=840,
        d=7,
        about="is this mode of travel the one chosen (a quarter)? four modes for each of 210 travellers",
        package="statsmodels",
        path="datasets/modechoice/modechoice.csv",
        read=semicolons,
        target="choice",
        group="individual",
        rule=rules.decode(
            choice={0: "no", 1: "yes"},
            mode={1: "air", 2: "train", 3: "bus", 4: "car"},
        ),
        licence=PUBLIC,
        source="Greene and Hensher (1997), Multinomial logit and discrete choice models",
        note="a traveller's four rows stay together: group = individual; each row is answered on its own",
    ),
    Table(
        name="penguins",
        kind="classification",
        n=344,
        d=6,
        about="species of penguin from island, sex and body size; text columns and missing values",
        package="sklearn",
        path="datasets/tests/data/openml/id_42585/data-v1-dl-21854866.arff.gz",
        read=arff,
        target="species",
        rule=rules.sex_unknown,
        licence="CC0",
        source="Gorman, Williams and Fraser (2014), Ecological sexual dimorphism in Antarctic penguins",
        note="the sign _ in sex is taken as missing",
    ),
    Table(
        name="titanic",
        kind="classification",
        n=1309,
        d=7,
        about="survival of passengers of the Titanic; text columns and missing values",
        package="sklearn",
        path="datasets/tests/data/openml/id_40945/data-v1-dl-16826755.arff.gz",
        read=arff,
        target="survived",
        rule=rules.each(rules.read_as_whole("survived"), rules.decode(survived={0: "died", 1: "survived"})),
        drop=("boat", "body", "name", "ticket", "cabin", "home.dest"),
        licence="public (Vanderbilt Biostatistics)",
        source="Harrell and Cason, the Titanic data of Vanderbilt University",
        note="boat and body tell the outcome; name, ticket, cabin and home.dest are nearly unique texts",
    ),
    _WINE,
    replace(
        _WINE,
        name="wine-imbalanced",
        n=144,
        about="wine with its third cultivar at 1 : 5",
        rule=rules.thin("class", "class_2", 5),
        note="class_2 is thinned out to 14 of 48 rows, a fifth of class_1, chosen by a fixed hash",
    ),
)
