"""What the fork server imports once, so that no worker has to: every scheme, and the libraries that most of them need.

Importing this module does the work; nothing in it is called.
"""

from __future__ import annotations

import gc

import lightgbm  # noqa: F401
import sklearn.ensemble
import sklearn.linear_model
import sklearn.neural_network  # noqa: F401
from threadpoolctl import threadpool_limits

from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.runner import scheduler  # noqa: F401

for _package in (class_weights, ensembles, learners, metrics, postprocess, trainings):
    _package.registry.entries()
threadpool_limits(1)  # for good, in every process that is forked: workers run side by side
gc.freeze()  # what is here stays; a collection in a fork would copy the pages of all of it
