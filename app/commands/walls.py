"""The sub-command for the stress in the wall of an aorta."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.commands.command import Command, Result, add_case, add_parameters, chosen_parameters, console_progress


def _wall_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.wall_parameters import WallParameters

    add_case(parser)
    add_parameters(parser, WallParameters)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="also write wall.vtp (fields on the wall) and wall.json"
    )


def _wall(arguments: argparse.Namespace) -> Result:
    from app.workflow.wall import assess_wall

    with OpenCase.open(arguments.case, writable=False) as opened:
        facts = assess_wall(opened, chosen_parameters(arguments), arguments.out, console_progress("wall"))
    return Result(facts, _text(facts))


def _text(facts: dict[str, Any]) -> str:
    inputs, mesh, index, diameter = (facts[name] for name in ("inputs", "mesh", "rupture_index", "diameter"))
    thickness = " to ".join(f"{value:g}" for value in dict.fromkeys(inputs["thickness_mm"]))
    lines = [
        facts["not_for_diagnostic_use"],
        f"Wall of {thickness} mm at {inputs['pressure_mmhg']:g} mmHg, {mesh['method']}, {mesh['n_elements']} elements",
        *(f"{name}: {_figures(facts[key], 'kPa')}" for name, key in _STRESSES),
        f"strength: {facts['strength_kpa']['least']:g} to {facts['strength_kpa']['most']:g} kPa",
        f"rupture potential index: {_figures(index, '')}",
        f"  99th percentile with band: {index['band']['sentence']}",
        f"  by the other published strength: 99th percentile {index['by_other_strength']['p99']:.3g}",
        f"largest outer diameter: {diameter['largest_outer_mm']:g} mm, rule: repair from {diameter['rule_mm']:g} mm; "
        f"published rupture in a year at this diameter: {diameter['yearly_rupture_of_abdominal_aneurysms']}",
    ]
    return "\n".join([*lines, *facts["limits"]])


_STRESSES = (("von Mises stress", "von_mises_kpa"), ("greatest principal stress", "principal_kpa"))


def _figures(values: dict[str, Any], unit: str) -> str:
    place = ", ".join(f"{c:g}" for c in values["peak_place_mm"])
    shown = f"99th percentile {values['p99']:.4g}, peak {values['peak']:.4g}"
    return f"{shown}{' ' + unit if unit else ''} at ({place}) mm"


HELP = "stress and rupture potential index of the wall of an aorta (research, not for diagnostic use)"
COMMANDS = (Command("wall", HELP, _wall_arguments, _wall),)
