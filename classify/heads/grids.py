"""Grids that several heads are tuned on, and how exactly the solutions on a grid are computed."""

from __future__ import annotations

C_GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
C_BEYOND = (1e-7, 1e-6, 100.0, 1000.0)
PATH_SLACK = 10  # how much looser the tolerance is where solutions are only compared
