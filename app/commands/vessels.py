"""Sub-commands that look at the vessel model: its lesions, and what is wrong with its surface."""

from __future__ import annotations

import argparse

from app.case.bundle import OpenCase
from app.commands.checks import table
from app.commands.command import (
    Command,
    Result,
    add_case,
    add_parameters,
    chosen_parameters,
    console_progress,
)
from app.workflow.parameters import build


def _lesions_arguments(parser: argparse.ArgumentParser) -> None:
    from imaging.centerline.lesions import LesionParameters

    add_case(parser)
    add_parameters(parser, LesionParameters)


def _lesions(arguments: argparse.Namespace) -> Result:
    from app.workflow.lesions import vessel_report
    from imaging.centerline.lesions import LesionParameters

    parameters = build(LesionParameters, chosen_parameters(arguments) or {})
    with OpenCase.open(arguments.case, writable=False) as opened:
        found = vessel_report(opened, parameters, console_progress("lesions"))
    rows = [
        {
            "vessel": vessel["name"],
            "length [mm]": vessel["length_mm"],
            "diameter, least median largest [mm]": " ".join(f"{d:.1f}" for d in vessel["diameter_mm"]),
            "tortuosity": vessel["tortuosity"],
        }
        for vessel in found["vessels"]
    ]
    lines = [table(rows, tuple(rows[0])) if rows else "No vessel is long enough to be measured."]
    lines += [lesion["sentence"] for lesion in found["lesions"]] or ["No lesion was found."]
    return Result(found, "\n".join(lines))


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--fix", type=int, metavar="N", help="apply the fix of this number to the model")
    parser.add_argument("--family", action="store_true", help="mesh the model coarse, medium and fine")


def _meshdoctor(arguments: argparse.Namespace) -> Result:
    from app.workflow.meshdoctor import apply_fix, examine, mesh_family

    with OpenCase.open(arguments.case, writable=arguments.fix is not None or arguments.family) as opened:
        diagnosis = examine(opened, console_progress("meshdoctor"))
        value, lines = diagnosis.as_dict(), diagnosis.lines()
        if arguments.fix is not None:
            value["done"] = apply_fix(opened, diagnosis, arguments.fix, console_progress("meshdoctor"))
            lines.append(value["done"]["sentence"])
        if arguments.family:
            value["family"] = mesh_family(opened, console_progress("meshes"))
            columns = ("level", "n_cells", "min_scaled_jacobian", "cells_across", "record")
            lines.append(table(value["family"], columns))
    return Result(value, "\n".join(lines))


COMMANDS = (
    Command("lesions", "measure the vessels and find stenoses and dilations", _lesions_arguments, _lesions),
    Command("meshdoctor", "say what is wrong with the model's surface, and repair it", _doctor_arguments, _meshdoctor),
)
