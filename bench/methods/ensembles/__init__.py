"""Ensemble-weighting schemes, one a file: `scheme(panel, y, rng, *, parameters) -> combiner`."""

from __future__ import annotations

from bench.core.registry import Registry

registry = Registry("ensemble", __name__)
register = registry.register
