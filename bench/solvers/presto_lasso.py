"""A quadratic with a lasso whose penalty differs from coordinate to coordinate, solved to rounding by its signs."""

from __future__ import annotations

import numpy as np

from bench.solvers.solution import Array

SLOPE_SLACK = 1e-12
"""A coordinate at zero whose slope exceeds its penalty by less than this share of it stays there."""

REFINED_RIDGE = 1e-14
"""Added to the diagonal of a system, relative to it, and refined away."""

TURNS_A_COORDINATE = 20
"""Changes of the set of coordinates at most, for each coordinate."""


def lasso(H: Array, c: Array, l1: Array, z: Array) -> Array:
    """Minimise c'z + z'Hz / 2 + Σ_j l1_j |z_j| from a start z (q,), for a positive definite H (q, q) and l1 >= 0.

    With the signs of the coordinates that are not zero given, the problem is a linear system. Its solution is taken
    where it keeps the signs, else the best point on the way to it at which a coordinate turns to zero; then the
    coordinate at zero that pulls hardest is let in. Lee, Battle, Raina and Ng (2006), Efficient sparse coding
    algorithms.
    """
    from bench.solvers.active_set import solve_positive

    sign = np.sign(z) * (l1 > 0)
    inside = (l1 == 0) | (z != 0)
    ridge = REFINED_RIDGE * H.diagonal()
    for _ in range(TURNS_A_COORDINATE * len(z)):
        members = np.flatnonzero(inside)
        aim = np.zeros_like(z)
        if len(members):
            aim[members] = solve_positive(H[np.ix_(members, members)], ridge[members], -(c + l1 * sign)[members])
        wrong = aim * sign < 0
        if wrong.any():
            if not z[wrong].any():  # rounding: the coordinate that has just been let in turns back to zero
                break
            z = _on_the_way(H, c, l1, z, aim)
            sign = np.sign(z) * (l1 > 0)
            inside = (l1 == 0) | (z != 0)
            continue
        z = aim
        pull = c + H[:, members] @ z[members]
        excess = np.where(inside, -np.inf, np.abs(pull) - l1)
        j = int(np.argmax(excess))
        if not excess[j] > SLOPE_SLACK * l1[j]:
            break
        inside[j], sign[j] = True, -np.sign(pull[j])
    return z


def _on_the_way(H: Array, c: Array, l1: Array, z: Array, aim: Array) -> Array:
    """Return the best point from z to `aim` at which a coordinate turns to zero."""
    step = aim - z
    turning = np.flatnonzero((l1 > 0) & (z * aim < 0))
    places = z[turning] / (z[turning] - aim[turning])
    curve, slope = H @ step, c @ step
    values = places * (slope + z @ curve) + places**2 * (step @ curve) / 2
    values += np.abs(z + places[:, None] * step) @ l1
    best = int(np.argmin(values))
    z = z + places[best] * step
    z[turning[best]] = 0.0
    return z
