"""Training schemes, one a file: `scheme(lesson, *, parameters) -> Taught`; what is done about unequal classes in a fit.

Class weightings (`bench.methods.class_weights`, kind `fit`) are training schemes too, by the same names. Those here do
more than weigh rows: they draw rows anew, fit several models, or change the loss.

Traits, given to `register`:

- `hook`: `resample`, `ensemble`, `loss` or `reweigh`: what the scheme does to the fit;
- `learners`: the learners that it is written for; without it, it takes any;
- `weights`: it needs a learner that hears row weights;
- `binary`: it is defined for two classes only; `ordered`: only for ordered classes.
"""

from __future__ import annotations

from bench.core.registry import Registry
from bench.methods import class_weights
from bench.methods.trainings.fit_context import Lesson, Say, Taught

__all__ = ["Lesson", "Say", "Taught", "register", "registry"]

registry = Registry("training scheme", __name__, below=class_weights.registry)
register = registry.register
