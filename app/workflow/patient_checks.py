"""Checks that need a patient's vessel and so the whole path from scan to results; the solvers' own checks do not."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.commands import SetPatientValues
from app.workflow.aneurysm_checks import ANEURYSM_CHECKS
from app.workflow.band_checks import BAND_CHECKS
from app.workflow.coronary_checks import CORONARY_CHECKS
from app.workflow.head_motion_checks import HEAD_MOTION_CHECKS
from app.workflow.samples import import_sample
from app.workflow.simulate import default_n_ranks, follow_run, start_run
from app.workflow.steps import run_step
from solvers.contract.files import INDICES
from solvers.verification.grid_convergence import grid_convergence
from solvers.verification.registry import CHECKS, Check
from solvers.verification.row import Curve, Progress, Row, order_row

NAME, CELIK = "patient_grid", "Celik et al. 2008"
FAMILY = ((0.9, 4), (1.4, 3), (2.2, 2))
"""Factor of all edges, and boundary layers, finest mesh first."""
OUTPUT_L_MIN = 1.25
"""A quarter of the usual cardiac output: at the whole, Re in the narrow true lumen is about 2200, and flow on a fine
mesh has no steady state to compare."""
LEAST_ORDER, MOST_INDEX = 1.0, 0.1


def check_patient_grid(progress: Progress, long: bool) -> Sequence[Row | Curve]:
    """The sample's true lumen, steady at a quarter of its mean inflow: drop and wall shear stress on three meshes."""
    figures: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as place:
        case = Path(place) / "grid.case"
        import_sample("thoracic_ct", case)
        with OpenCase.open(case) as opened:
            opened.do(SetPatientValues({"cardiac_output_l_min": OUTPUT_L_MIN}))
            for step in ("segment", "model"):
                run_step(opened, step)
            for number, (scale, n_layers) in enumerate(FAMILY):

                def part(fraction: float, text: str, number: int = number) -> None:
                    progress((number + fraction) / len(FAMILY), text)

                figures.append(steady_figures(opened, scale, n_layers, part))
    return rows_of(figures)


def steady_figures(opened: OpenCase, edge_scale: float, n_layers: int, progress: Progress) -> dict[str, float]:
    """Mesh the case's model, solve it steadily, and return cells, change, pressure drop [Pa] and wall stresses [Pa]."""
    mesh = run_step(opened, "mesh", {"edge_scale": edge_scale, "n_layers": n_layers})
    run_step(opened, "simulate", {"flow": "steady"})
    folder = start_run(opened, default_n_ranks())
    follow_run(folder, progress)
    indices = json.loads((folder / INDICES).read_text(encoding="utf-8"))
    outlets = [cap for cap in indices["caps"].values() if cap["kind"] == "outlet"]
    main = max(outlets, key=lambda cap: float(cap["flow_fraction"]))
    stress = indices["wall"]["tawss_Pa"]
    return {
        "cells": float(mesh.facts["n_cells"]),
        "change": float(indices["periodicity_error"]),
        "pressure drop along the aorta": float(main["pressure_drop"]),
        "mean wall shear stress": float(stress["mean"]),
        "99th percentile of wall shear stress": float(stress["p99"]),
    }


def rows_of(figures: Sequence[dict[str, float]]) -> list[Row]:
    """Values on the finest mesh beside their limits, with orders and grid convergence indices; finest mesh first.

    The cell size is that of one volume, so only the numbers of cells count.
    """
    sizes = tuple(one["cells"] ** (-1.0 / 3.0) for one in figures)
    rows = []
    for name in (key for key in figures[0] if key not in ("cells", "change")):
        fine, medium, coarse = (one[name] for one in figures)
        grid = grid_convergence((sizes[0], sizes[1], sizes[2]), (fine, medium, coarse))
        cells = " / ".join(f"{one['cells']:.0f}" for one in figures)
        text = f"{name}, {cells} cells: {fine:.4g} / {medium:.4g} / {coarse:.4g} Pa"
        rows.append(Row(NAME, text, "Pa", fine, grid.extrapolated, MOST_INDEX, "Richardson's limit of the three"))
        rows.append(order_row(NAME, f"{name}, observed order", grid.order, 2.0, LEAST_ORDER, CELIK))
        rows.append(Row(NAME, f"{name}, grid convergence index", "", grid.index, 0.0, MOST_INDEX, CELIK, True))
    change = max(one["change"] for one in figures)
    rows.append(Row(NAME, "change in one filling at the end", "", change, 0.0, 1e-3, "limit of the march", True))
    return rows


ALL_CHECKS: dict[str, Check] = {
    **CHECKS,
    **ANEURYSM_CHECKS,
    **CORONARY_CHECKS,
    **BAND_CHECKS,
    **HEAD_MOTION_CHECKS,
    NAME: Check(NAME, "A patient's aorta on three meshes", check_patient_grid, is_long=True),
}
