"""Post-processing steps, one a file: `step(answer, y, rng, *, parameters) -> (answer -> answer)`.

A step learns on answers whose true values are known, and changes test answers alike. Traits, given to `register`:

- `learns`: what `answer` and `y` are: `folds` (the default), the cross-fitted out-of-fold answers of the training rows,
  with the inner fold of each in `answer.fold`; `calibration`, the finished answers to rows from which nothing has
  learned, on tasks with time in its order; `nothing`, where the step learns nothing;
- `protocols`: the protocols under which the step may be used; without it, all. A step that names `bag` or `nested`
  finds in `by_fold` of a test answer what the models of each inner fold say of it, in the order of their folds;
- `guarantee`: what the step guarantees, and under which assumption, in one short phrase that the tables carry;
- `binary`: it is defined for two classes only.
"""

from __future__ import annotations

from bench.core.registry import Registry

registry = Registry("post-processing step", __name__)
register = registry.register
