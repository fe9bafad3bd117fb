"""Lumped trees as svZeroDSolver's input, written and read, and run through svZeroDSolver.

What is written is in mmHg, mL and s, because svZeroDSolver's tolerance is absolute and the numbers of SI lie far from
1. What is read keeps the numbers of the file: the equations hold in any consistent units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import (
    CoronaryOutlet,
    Outlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)
from solvers.network.waveform import PeriodicCurve
from solvers.network.zero_d.network import Network, Vessel, network
from solvers.network.zero_d.solve import Beat, Inflow

FloatArray = NDArray[np.float64]

CURVE_SAMPLES = 200
P, Q = 133.322387415, 1e-6
"""Pa in a mmHg and m3 in a mL."""


def as_svzerod(tree: Network, inflow: Inflow, steps: int, beats: int) -> dict[str, Any]:
    """svZeroDSolver's input of a tree, in mmHg, mL and s.

    Raises
    ------
    RunError
        ``not_in_svzerod``: an outlet that takes a given share of the flow.
    """
    closing = dict(tree.outlets)
    number = {name: index for index, name in enumerate(tree.names)}
    vessels: list[dict[str, Any]] = []
    junctions: list[dict[str, Any]] = []
    conditions = [_inflow_of(inflow)]
    for vessel in tree.vessels:
        ends: dict[str, str] = {}
        if vessel.parent is None:
            ends["inlet"] = "INFLOW"
        if vessel.name in closing:
            ends["outlet"] = f"OUT{number[vessel.name]}"
            conditions.append(_condition_of(ends["outlet"], closing[vessel.name], inflow.period))
        children = [number[other.name] for other in tree.vessels if other.parent == vessel.name]
        if children:
            junctions.append(
                {
                    "junction_name": f"J{len(junctions)}",
                    "junction_type": "NORMAL_JUNCTION",
                    "inlet_vessels": [number[vessel.name]],
                    "outlet_vessels": children,
                }
            )
        vessels.append(
            {
                "vessel_id": number[vessel.name],
                "vessel_name": f"branch{number[vessel.name]}_seg0",
                "vessel_length": 1.0,
                "zero_d_element_type": "BloodVessel",
                "zero_d_element_values": {
                    "R_poiseuille": vessel.resistance * Q / P,
                    "L": vessel.inertance * Q / P,
                    "C": vessel.compliance * P / Q,
                    "stenosis_coefficient": vessel.loss * Q**2 / P,
                },
                **({"boundary_conditions": ends} if ends else {}),
            }
        )
    return {
        "simulation_parameters": {
            "number_of_cardiac_cycles": beats,
            "number_of_time_pts_per_cardiac_cycle": steps + 1,
            "output_all_cycles": False,
            "absolute_tolerance": 1e-9,
        },
        "boundary_conditions": conditions,
        "junctions": junctions,
        "vessels": vessels,
    }


def run_svzerod(description: Mapping[str, Any], names: tuple[str, ...] | None = None) -> Beat:
    """The last beat of svZeroDSolver's solution at the ends of its steps, the vessels in their order.

    Raises
    ------
    RunError
        ``svzerod_failed``.
    """
    import svzerod

    try:
        frame = svzerod.simulate(dict(description))
    except RuntimeError as error:
        raise RunError("svzerod_failed", f"svZeroDSolver did not solve the tree ({error}).") from error
    found = {
        column: [
            np.asarray(frame[column])[np.asarray(frame["name"]) == vessel["vessel_name"]]
            for vessel in description["vessels"]
        ]
        for column in ("time", "flow_in", "flow_out", "pressure_in", "pressure_out")
    }
    times = found.pop("time")[0]
    arrays = {column: np.column_stack(parts)[1:] for column, parts in found.items()}
    return Beat(
        names or tuple(vessel["vessel_name"] for vessel in description["vessels"]),
        float(times[1] - times[0]),
        arrays["flow_in"],
        arrays["flow_out"],
        arrays["pressure_in"],
        arrays["pressure_out"],
        0,
    )


def solve_with_svzerod(tree: Network, inflow: Inflow, steps: int, beats: int) -> Beat:
    """The last of so many beats of a tree as svZeroDSolver finds it, in SI; static pressure only."""
    found = run_svzerod(as_svzerod(tree, inflow, steps, beats), tree.names)
    return replace(
        found,
        flow_in=found.flow_in * Q,
        flow_out=found.flow_out * Q,
        pressure_in=found.pressure_in * P,
        pressure_out=found.pressure_out * P,
        n_beats=beats,
    )


def from_svzerod(description: Mapping[str, Any]) -> tuple[Network, Inflow]:
    """The tree and the inflow of svZeroDSolver's input, in the file's own units.

    Raises
    ------
    RunError
        ``not_a_tree_of_vessels``: it holds what is no tree of vessels (heart, valves, confluences, loops).
    """
    if any(
        description.get(block)
        for block in ("closed_loop_blocks", "valves", "chambers", "external_solver_coupling_blocks")
    ):
        _cannot("holds a heart, chambers, valves or outer solvers")
    conditions = {condition["bc_name"]: condition for condition in description["boundary_conditions"]}
    given = {vessel["vessel_id"]: vessel for vessel in description["vessels"]}
    by_name = {vessel["vessel_name"]: number for number, vessel in given.items()}
    parent: dict[int, str | None] = dict.fromkeys(given)
    vessels: list[Vessel] = []
    outlets: list[tuple[str, Outlet]] = []
    entering: Mapping[str, Any] | None = None
    for junction in description.get("junctions", []):
        into = junction.get("inlet_vessels") or [by_name[name] for name in junction["inlet_blocks"]]
        away = junction.get("outlet_vessels") or [by_name[name] for name in junction["outlet_blocks"]]
        if len(into) != 1:
            _cannot("joins vessels")
        before = given[into[0]]["vessel_name"]
        losses = junction.get("junction_values")
        for k, child in enumerate(away):
            parent[child] = before
            if losses:  # what is lost on the way into a daughter is a vessel of its own
                parent[child] = f"{junction['junction_name']}:{given[child]['vessel_name']}"
                own = [float(losses[key][k]) for key in ("R_poiseuille", "stenosis_coefficient", "L")]
                vessels.append(Vessel(str(parent[child]), before, *own))
    period = max([float(c["bc_values"]["t"][-1]) for c in conditions.values() if "t" in c["bc_values"]] or [1.0])
    for number, vessel in given.items():
        values, name = vessel["zero_d_element_values"], vessel["vessel_name"]
        if vessel["zero_d_element_type"] != "BloodVessel":
            _cannot(f"has the element {vessel['zero_d_element_type']}")
        vessels.append(
            Vessel(
                name,
                parent[number],
                float(values.get("R_poiseuille", 0.0)),
                float(values.get("stenosis_coefficient", 0.0)),
                float(values.get("L", 0.0)),
                float(values.get("C", 0.0)),
            )
        )
        ends = vessel.get("boundary_conditions", {})
        if "inlet" in ends:
            entering = conditions[ends["inlet"]]
        if "outlet" in ends:
            outlets.append((name, _outlet_of(name, conditions[ends["outlet"]])))
    if entering is None or entering["bc_type"] not in ("FLOW", "PRESSURE"):
        _cannot("has no inflow")
    values, is_flow = entering["bc_values"], entering["bc_type"] == "FLOW"
    return network(vessels, outlets), Inflow(_wave(values["t"], values["Q" if is_flow else "P"]), period, is_flow)


def _outlet_of(vessel: str, condition: Mapping[str, Any]) -> Outlet:
    values, kind = condition["bc_values"], condition["bc_type"]
    if kind == "RESISTANCE":
        return ResistanceOutlet(0, vessel, _first(values["R"]), _first(values["Pd"]))
    if kind == "RCR":
        return RcrOutlet(0, vessel, values["Rp"], values["C"], values["Rd"], 0.0, values["Pd"])
    if kind == "PRESSURE":
        return PressureOutlet(0, vessel, _wave(values["t"], values["P"]))
    if kind == "CORONARY":
        return CoronaryOutlet(
            *(0, vessel, _wave(values["t"], values["Pim"]), values["Ra1"], values["Ca"], values["Ra2"]),
            *(values["Cc"], values["Rv1"], 0.0, values["P_v"]),
        )
    _cannot(f"has an outlet of the kind {kind}")


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


def _wave(t: list[float], values: list[float]) -> Waveform:
    if len(set(values)) == 1:
        return Waveform.constant(float(values[0]))
    return Waveform(tuple(map(float, t)), tuple(map(float, values)))


def _inflow_of(inflow: Inflow) -> dict[str, Any]:
    kind = "Q" if inflow.is_flow else "P"
    return {
        "bc_name": "INFLOW",
        "bc_type": "FLOW" if inflow.is_flow else "PRESSURE",
        "bc_values": _samples(inflow.curve, inflow.period, kind, Q if inflow.is_flow else P),
    }


def _samples(curve: Waveform, period: float, kind: str, unit: float) -> dict[str, list[float]]:
    values = PeriodicCurve(curve, period).sample(CURVE_SAMPLES) / unit
    return {
        "t": np.linspace(0.0, period, CURVE_SAMPLES + 1).tolist(),
        kind: np.append(values, values[0]).tolist(),
    }


def _condition_of(name: str, outlet: Outlet, period: float) -> dict[str, Any]:
    if isinstance(outlet, SplitOutlet):
        raise RunError(
            "not_in_svzerod",
            f"svZeroDSolver has no outlet that takes a given share of the flow, as {outlet.name!r} does.",
            exit_code=ExitCode.BAD_SPEC,
        )
    values: dict[str, Any]
    if isinstance(outlet, ResistanceOutlet):
        kind, values = "RESISTANCE", {"R": outlet.resistance * Q / P, "Pd": outlet.p_distal / P}
    elif isinstance(outlet, RcrOutlet):
        kind = "RCR"
        values = {"Rp": outlet.r_proximal * Q / P, "C": outlet.c * P / Q, "Rd": outlet.r_distal * Q / P}
        values["Pd"] = outlet.p_distal / P
    elif isinstance(outlet, PressureOutlet):
        kind, values = "PRESSURE", _samples(outlet.pressure, period, "P", P)
    else:
        kind = "CORONARY"
        resistances = {"Ra1": outlet.r_artery, "Ra2": outlet.r_micro, "Rv1": outlet.r_vein}
        values = {name: value * Q / P for name, value in resistances.items()}
        values |= {"Ca": outlet.c_artery * P / Q, "Cc": outlet.c_muscle * P / Q, "P_v": outlet.p_venous / P}
        values |= _samples(outlet.p_muscle, period, "Pim", P)
    return {"bc_name": name, "bc_type": kind, "bc_values": values}


def _cannot(what: str) -> NoReturn:
    raise RunError(
        "not_a_tree_of_vessels",
        f"svZeroDSolver's input {what}, which is no tree of vessels with outlets.",
        exit_code=ExitCode.BAD_SPEC,
    )
