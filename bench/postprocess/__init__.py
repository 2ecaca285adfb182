"""Post-processing steps, one a file: `step(answer, y, rng, *, parameters) -> (answer -> answer)`.

A step learns on cross-fitted out-of-fold answers and their true values, and changes test answers alike.
"""

from __future__ import annotations

from bench.registry import Registry

registry = Registry("post-processing step", __name__)
register = registry.register
