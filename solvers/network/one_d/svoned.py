"""Networks in the input files of svOneDSolver (SimVascular), whose numbers are in centimeters, grams and seconds."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import NoReturn

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import Inlet, PressureInlet, PressureOutlet, RcrOutlet, ResistanceOutlet, Waveform
from solvers.network.one_d.network import Condition, Network1D, Stenosis, Terminal, Vessel1D
from solvers.network.stenosis import Lesion

PRESSURE, RESISTANCE, COMPLIANCE, FLOW, LENGTH = 0.1, 1e5, 1e-5, 1e-6, 1e-2
"""Pa in dyn/cm2, Pa s/m3 in dyn s/cm5, m3/Pa in cm5/dyn, m3/s in cm3/s, m in cm."""


def read_svoned(path: Path) -> Network1D:
    """The network of a file.

    svOneDSolver's pressure law, (4/3) (E h / r0) (1 - sqrt(A0 / A)), is replaced by that of this solver with the same
    wave speed at the reference area. Static pressure is the same where vessels meet, as there. A segment with the loss
    ``STENOSIS`` becomes a stenosis between its neighbors.

    Raises
    ------
    RunError
        ``bad_network``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _refuse(f"The network {path} cannot be read ({error}).")
    cards: dict[str, list[list[str]]] = defaultdict(list)
    tables: dict[str, list[float]] = {}
    table: list[float] | None = None
    try:
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "DATATABLE":
                table = tables.setdefault(words[1], [])
            elif words[0] == "ENDDATATABLE":
                table = None
            elif table is not None:
                table += [float(word) for word in words]
            else:
                cards[words[0]].append(words[1:])
        return _network(cards, tables, path)
    except (IndexError, KeyError, ValueError) as error:
        _refuse(f"{path} is no complete input of svOneDSolver ({type(error).__name__}: {error}).")


def _network(cards: dict[str, list[list[str]]], tables: dict[str, list[float]], path: Path) -> Network1D:
    if not cards["SEGMENT"] or not cards["SOLVEROPTIONS"]:
        _refuse(f"{path} is no input of svOneDSolver: it needs SEGMENT and SOLVEROPTIONS.")
    materials = {words[0]: words[1:] for words in cards["MATERIAL"]}
    segments = {words[1]: words for words in cards["SEGMENT"]}
    density, viscosity = (10.0 ** (3 - 4 * k) * float(next(iter(materials.values()))[1 + k]) for k in (0, 1))
    narrow = {number: words for number, words in segments.items() if words[10] == "STENOSIS"}
    vessels, stenoses, terminals = [], [], []
    into = {words[5]: words for words in narrow.values()}  # where a stenosis ends, the next vessel starts before it
    for words in segments.values():
        if words[1] in narrow:
            continue
        start = into[words[4]][4] if words[4] in into else words[4]
        vessels.append(_vessel(words, int(start), materials[words[9]]))
    for words in narrow.values():
        before = next(other for other in segments.values() if other[5] == words[4])
        wide, tight = (math.sqrt(float(area) / math.pi) * LENGTH for area in (before[7], words[6]))
        stenoses.append(Stenosis(before[0], Lesion(wide, tight, LENGTH * float(words[2]))))
    options = cards["SOLVEROPTIONS"][0]
    inflow = _waveform(tables[options[4]], FLOW if options[5] == "FLOW" else PRESSURE)
    period = _period(tables[options[4]])
    starts, ends = {v.start for v in vessels}, {v.end for v in vessels}
    for node in sorted(starts - ends):
        inlet = Inlet(0, "inlet", inflow) if options[5] == "FLOW" else PressureInlet(0, "inlet", inflow)
        terminals.append(Terminal(node, inlet))
    for words in segments.values():
        if words[14] != "NOBOUND":
            terminals.append(Terminal(int(words[5]), _outlet(words, tables)))
    return Network1D(
        *(tuple(vessels), tuple(terminals), period, density, viscosity, tuple(stenoses), "static"),
        interpolation="linear",
        name=cards["MODEL"][0][0] if cards["MODEL"] else path.stem,
    )


def _vessel(words: list[str], start: int, material: list[str]) -> Vessel1D:
    radii = tuple(math.sqrt(float(area) / math.pi) * LENGTH for area in words[6:8])
    kind, reference = material[0], float(material[3]) * PRESSURE
    first, *others = (float(word) for word in material[5:8])
    if kind == "LINEAR":
        stiffness = [first * PRESSURE] * 2
    elif kind == "OLUFSEN":
        second, third = others
        stiffness = [(first * math.exp(second * radius / LENGTH) + third) * PRESSURE for radius in radii]
    else:
        _refuse(f"The material {kind} of vessel {words[0]!r} is not known: give OLUFSEN or LINEAR.")
    betas = tuple(4.0 / 3.0 * value for value in stiffness)
    return Vessel1D(
        *(words[0], start, int(words[5]), LENGTH * float(words[2]), radii, betas),
        p_external=reference,
        profile=float(material[4]),
    )


def _outlet(words: list[str], tables: dict[str, list[float]]) -> Condition:
    kind, values = words[14], tables[words[15]]
    name = words[0]
    if kind == "RESISTANCE":
        behind = PRESSURE * values[3] if len(values) > 3 else 0.0
        return ResistanceOutlet(0, name, RESISTANCE * values[1], behind)
    if kind == "RCR":
        behind = PRESSURE * values[7] if len(values) > 7 else 0.0
        first, compliance, second = RESISTANCE * values[1], COMPLIANCE * values[3], RESISTANCE * values[5]
        return RcrOutlet(0, name, first, compliance, second, behind, behind)
    if kind in ("PRESSURE", "PRESSURE_WAVE"):
        return PressureOutlet(0, name, _waveform(values, PRESSURE))
    _refuse(f"The outlet {kind} of vessel {name!r} is not known: give RESISTANCE, RCR, PRESSURE or PRESSURE_WAVE.")


def _period(table: list[float]) -> float:
    """Of a table of times and values [s]; a second for one that is constant."""
    return table[-2] if len(set(table[1::2])) > 1 else 1.0


def _waveform(table: list[float], unit: float) -> Waveform:
    times, values = table[::2], [unit * value for value in table[1::2]]
    if len(set(values)) == 1:
        return Waveform.constant(values[0])
    return Waveform(tuple(times), tuple(values))


def _refuse(what: str) -> NoReturn:
    raise RunError("bad_network", what, exit_code=ExitCode.BAD_SPEC)
