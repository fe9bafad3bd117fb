"""Published networks in the YAML files of openBF (Melis 2017, thesis, Univ. of Sheffield; INSIGNEO/openBF)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import Inlet, RcrOutlet, Waveform
from solvers.network.one_d.network import Network1D, Reflection, Terminal, Vessel1D
from solvers.network.one_d.walls import beta_of_wall, thickness_of_radius

Reading = Literal["file", "openbf"]
"""What a file means: ``file`` takes it at its word; ``openbf`` does what openBF (its source of 2026) makes of it:

* the radius stays that at the start (its slope is taken per cell, but multiplied by meters),
* an outlet with R1 and Cc but no R2 gets R1 as the proximal and R1 less the vessel's impedance as the distal
  resistance, so nearly 2 R1 in all; ``file`` gives R1 in all, the vessel's impedance of it proximal,
* where three vessels meet they share the pressure, not the total pressure,
* ``gamma profile`` (with a space) is not seen: the profile is parabolic.
"""
VISCOUS_AT_LARGE, VISCOUS_BY_RADIUS = 0.6, 0.0015
"""openBF's wall viscosity Gamma = 0.6 + 0.0015 / (2 R0) [Pa s m] of a vessel marked ``visco-elastic``."""


def read_openbf(path: Path, reading: Reading = "file") -> Network1D:
    """The network of an openBF file; its inflow is read from the file that it names, beside it.

    Raises
    ------
    RunError
        ``bad_network`` if a file cannot be read or lacks something.
    """
    import yaml

    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        _refuse(f"The network {path} cannot be read ({error}).")
    except yaml.YAMLError as error:
        _refuse(f"The network {path} is no YAML ({' '.join(str(error).split())}).")
    if not isinstance(held, dict) or not isinstance(held.get("network"), list) or not held["network"]:
        _refuse(f"{path} holds no openBF network: it needs a list 'network' of vessels.")
    blood = held.get("blood") or {}
    density = _number(blood, "rho", f"the blood of {path.name}", 1060.0)
    vessels = [_vessel(entry, number, path, reading) for number, entry in enumerate(held["network"], 1)]
    name = str(held.get("project_name", path.stem))
    waveform = read_inflow(path.parent / str(held.get("inlet_file", f"{name}_inlet.dat")))
    ends = {vessel.end for vessel in vessels}
    terminals = [
        Terminal(node, Inlet(0, f"inlet {node}", waveform))
        for node in sorted({vessel.start for vessel in vessels} - ends)
    ]
    starts = {vessel.start for vessel in vessels}
    for vessel, entry in zip(vessels, held["network"], strict=True):
        if vessel.end not in starts:
            terminals.append(Terminal(vessel.end, _outlet(vessel, entry, density, reading)))
    return Network1D(
        tuple(vessels),
        tuple(terminals),
        waveform.t[-1],
        density,
        _number(blood, "mu", f"the blood of {path.name}", 4e-3),
        junctions="static forks" if reading == "openbf" else "total",
        interpolation="linear",
        name=name,
    )


def _vessel(entry: Any, number: int, path: Path, reading: Reading) -> Vessel1D:
    if not isinstance(entry, dict):
        _refuse(f"Vessel {number} of {path.name} is no list of its values.")
    name = str(entry.get("label", number))
    who = f"vessel {name!r} of {path.name}"
    first = _number(entry, "Rp", who, _number(entry, "R0", who, math.nan))
    if not math.isfinite(first):
        _refuse(f"There is no radius, R0 or Rp, for {who}.")
    last = first if reading == "openbf" else _number(entry, "Rd", who, first)
    young = _number(entry, "E", who)
    thickness = [_number(entry, "h0", who, thickness_of_radius(radius)) for radius in (first, last)]
    profile = _number(entry, "gamma_profile", who, math.nan)
    if not math.isfinite(profile):
        profile = 2.0 if reading == "openbf" else _number(entry, "gamma profile", who, 2.0)
    return Vessel1D(
        name,
        int(_number(entry, "sn", who)),
        int(_number(entry, "tn", who)),
        _number(entry, "L", who),
        (first, last),
        tuple(beta_of_wall(young, h, r) if r > 0.0 else 0.0 for h, r in zip(thickness, (first, last), strict=True)),
        VISCOUS_AT_LARGE + 0.5 * VISCOUS_BY_RADIUS / first if entry.get("visco-elastic") else 0.0,
        profile,
        _number(entry, "Pext", who, 0.0),
    )


def _outlet(vessel: Vessel1D, entry: dict[str, Any], density: float, reading: Reading) -> RcrOutlet | Reflection:
    who = f"the outlet of vessel {vessel.name!r}"
    first, second = _number(entry, "R1", who, 0.0), _number(entry, "R2", who, 0.0)
    if first == 0.0 and second == 0.0:
        return Reflection(_number(entry, "Rt", who, 0.0), vessel.p_external, vessel.name)
    impedance = math.sqrt(0.5 * density * vessel.beta[1]) / (math.pi * vessel.radius[1] ** 2)
    if second == 0.0 and reading == "openbf":
        second = first - impedance
    elif second == 0.0 or entry.get("inlet_impedance_matching"):
        total = first + second
        first = min(impedance, 0.9 * total)
        second = total - first
    behind = _number(entry, "Pout", who, 0.0)
    return RcrOutlet(0, vessel.name, first, _number(entry, "Cc", who), second, behind, behind)


def read_inflow(path: Path) -> Waveform:
    """The inflow of a file with two columns, time [s] and flow [m3/s].

    Raises
    ------
    RunError
        ``bad_network`` if it cannot be read.
    """
    try:
        table = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        _refuse(f"The inflow {path} cannot be read as two columns of numbers, time [s] and flow [m3/s] ({error}).")
    if table.shape[1] != 2 or len(table) < 4:
        _refuse(f"The inflow {path} needs two columns, time [s] and flow [m3/s], and at least four rows.")
    table = table[np.concatenate([[True], np.diff(table[:, 0]) > 0.0])]  # a time that is given twice counts once
    return Waveform(tuple(table[:, 0].tolist()), tuple(table[:, 1].tolist()))


def _number(entry: dict[str, Any], key: str, who: str, default: float | None = None) -> float:
    raw = entry.get(key, default)
    try:
        return float(raw)  # type: ignore[arg-type]  # YAML 1.1 reads 1e9 as text
    except (TypeError, ValueError):
        _refuse(f"{key} of {who} is {'missing' if raw is None else repr(raw)}: give a number.")


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_network", what, exit_code=ExitCode.BAD_SPEC)
