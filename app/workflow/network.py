"""Pulse waves in a network of arteries, a published one or a case's own: figures of every vessel, curves in a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.units import ml_s_from_m3_s, mmhg_from_pa, pa_from_mmhg
from imaging.types import Progress, silent

if TYPE_CHECKING:
    from app.workflow.flow_setup import ReducedCase
    from solvers.network.one_d.network import Network1D
    from solvers.network.one_d.solver import Solution1D

PLACES = ("start", "quarter", "middle", "three_quarters", "end")


def read_network(file: Path, reading: Literal["file", "openbf"] = "file") -> Network1D:
    """The network of a file: YAML of openBF, or the input of svOneDSolver (``.in``).

    Raises
    ------
    RunError
        ``bad_network``.
    """
    if file.suffix == ".in":
        from solvers.network.one_d.svoned import read_svoned

        return read_svoned(file)
    from solvers.network.one_d.openbf import read_openbf

    return read_openbf(file, reading)


def network_of_case(case: ReducedCase) -> Network1D:
    """The case's vessels in one dimension, with the conditions of its 0D and 3D models.

    The vessels have the radii of the CT at the mean of the cuff pressures, (systolic + 2 diastolic) / 3: an assumption.

    Raises
    ------
    RunError
        ``bad_network``: see :func:`solvers.network.one_d.patient.network_of_tree`.
    """
    from solvers.contract.openings import Inlet
    from solvers.network.one_d.patient import network_of_tree

    setup, junctions = case.setup, "static" if case.chosen.junctions == "static" else "total"
    return network_of_tree(
        *(case.patient.tree, Inlet(0, setup.inlet, setup.inflow), setup.closing(), setup.fluid, setup.period),
        *(setup.stiffness, pa_from_mmhg((setup.systolic_mmhg + 2.0 * setup.diastolic_mmhg) / 3.0)),
        law=case.chosen.law,
        junction_loss=case.chosen.junction_loss,
        junctions=junctions,  # type: ignore[arg-type]  # one of the two
    )


@dataclass(frozen=True)
class Graft:
    """A case's vessels in the place of some of a network's, see :func:`solvers.network.one_d.graft.grafted`."""

    case: Path
    replaced: tuple[str, ...]
    joins: Mapping[str, str]


def _of_case(folder: Path, given: dict[str, Any] | None = None) -> tuple[Network1D, tuple[str, ...]]:
    """The case's network, and what is to be told of it."""
    from app.workflow.flow_setup import reduced_case
    from app.workflow.stenosis_law import law_notes

    with OpenCase.open(folder, writable=False) as opened:
        case = reduced_case(opened, given)
    return network_of_case(case), law_notes(case.laws, case.patient.tree)


def solve_network_file(
    file: Path,
    reading: Literal["file", "openbf"] = "file",
    spacing_mm: float = 2.0,
    max_cycles: int = 40,
    out: Path | None = None,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
    graft: Graft | None = None,
    given: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Solve the network of a file, or of a case's folder, to its periodic state.

    Parameters
    ----------
    reading
        Whether an openBF file is taken at its word, or as openBF reads it.
    spacing_mm
        Length of a cell.
    max_cycles
        After which the run ends even where it is not periodic.
    out
        CSV file for the curves of the last cycle: a row for each time, vessel and place.
    graft
        A case whose vessels take the place of some of the network's.
    given
        Parameters of a case's folder, as :func:`app.workflow.flow_setup.reduced_case_in` takes them.

    Returns
    -------
    facts
        Of the run, and ``vessels``: mean, largest and smallest pressure [mmHg] and flow [mL/s] in the middle of each.

    Raises
    ------
    CaseError, RunError
        What is wrong with a setting, the file, the case, or the network.
    """
    from solvers.network.one_d.solver import Scheme, solve_network

    if not 0.1 <= spacing_mm <= 50.0:
        raise CaseError("bad_spacing", f"Cells of {spacing_mm:g} mm cannot be taken: give 0.1 to 50 mm.")
    if max_cycles < 1:
        raise CaseError("bad_cycles", f"{max_cycles} cycles cannot be solved: give at least one.")
    if given and not file.is_dir():
        raise CaseError(
            "bad_parameter", f"{file.name} says what enters it and how stiff it is: give {', '.join(given)} to a case."
        )
    notes: tuple[str, ...] = ()
    if file.is_dir():
        own, notes = _of_case(file, given)
        network = replace(own, name=file.stem)
    else:
        network = read_network(file, reading)
    if graft is not None:
        from solvers.network.one_d.graft import grafted

        own, notes = _of_case(graft.case)
        network = grafted(network, own, graft.replaced, graft.joins)
    scheme = Scheme(spacing=1e-3 * spacing_mm, max_cycles=max_cycles)
    found = solve_network(network, scheme, progress, is_cancelled)
    if out is not None:
        write_curves(found, out)
    return {
        "network": network.name,
        "n_vessels": len(network.vessels),
        "n_cells": found.n_cells,
        "n_cycles": found.cycles,
        "period_s": network.period,
        "is_periodic": found.is_periodic,
        "change_of_last_cycle": float(found.change[-1]) if len(found.change) else None,
        "volume_imbalance": found.mass_error,
        "notes": list(notes),
        "vessels": [vessel_facts(found, v) for v in range(len(found.names))],
    }


def vessel_facts(found: Solution1D, vessel: int) -> dict[str, Any]:
    """What is told of a vessel: in its middle."""
    facts: dict[str, Any] = {"name": found.names[vessel]}
    for quantity, values, convert in (
        ("pressure_mmhg", found.pressure, mmhg_from_pa),
        ("flow_ml_s", found.flow, ml_s_from_m3_s),
    ):
        curve = values[:, vessel, PLACES.index("middle")]
        for word, number in (("mean", np.mean(curve)), ("max", np.max(curve)), ("min", np.min(curve))):
            facts[f"{word}_{quantity}"] = convert(float(number))
    return facts


def write_curves(found: Solution1D, path: Path) -> None:
    """A CSV file with the curves of the last cycle; CaseError ``cannot_write``."""
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("vessel", "place", "time_s", "pressure_mmhg", "flow_ml_s", "area_mm2"))
            for v, name in enumerate(found.names):
                for place, word in enumerate(PLACES):
                    for k, time in enumerate(found.times):
                        pressure, flow = float(found.pressure[k, v, place]), float(found.flow[k, v, place])
                        row = (time, mmhg_from_pa(pressure), ml_s_from_m3_s(flow), 1e6 * found.area[k, v, place])
                        writer.writerow((name, word, *(f"{number:.7g}" for number in row)))
    except OSError as error:
        raise CaseError("cannot_write", f"The curves cannot be written to {path} ({error.strerror}).") from error
