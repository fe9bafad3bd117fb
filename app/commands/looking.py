"""Sub-commands that look at a case as a radiologist does."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.commands import RemoveMeasurements, SetMeasurement
from app.case.errors import CaseError
from app.commands.command import Command, Result, add_case, add_parameters, chosen_parameters
from app.workflow.parameters import position


def _cpr_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.vessel_views import CurvedParameters

    add_case(parser)
    parser.add_argument("--vessel", required=True, help="name of the vessel, as the model calls it")
    parser.add_argument("--out", type=Path, help="PNG (gray) or NRRD (HU) to write")
    add_parameters(parser, CurvedParameters)


def _cpr(arguments: argparse.Namespace) -> Result:
    from app.workflow.vessel_views import export_curved

    with OpenCase.open(arguments.case, writable=False) as opened:
        shown = export_curved(opened, arguments.vessel, chosen_parameters(arguments) or {}, arguments.out)
    diameters = [row["diameter_mm"] for row in shown["profile"] if row["diameter_mm"] is not None]
    lines = [
        f"{shown['vessel']}: {shown['length_mm']:.1f} mm from the inlet, its own from {shown['own_start_mm']:.1f}",
        f"{shown['kind']}, {shown['width_mm']:.1f} x {shown['height_mm']:.1f} mm, pixels of {shown['pixel_mm']:g} mm",
    ]
    if diameters:
        lines.append(f"diameter of equal area {min(diameters):.1f} to {max(diameters):.1f} mm")
    if shown["file"]:
        lines.append(f"Written: {shown['file']}")
    return Result(shown, "\n".join(lines))


def _measure_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.measurements import KINDS

    add_case(parser)
    parser.add_argument("--add", choices=KINDS, help="measure something")
    parser.add_argument("--points", nargs="+", default=[], metavar="X,Y,Z", help="its points (LPS, mm), in order")
    parser.add_argument("--name", default="", help="how it is called")
    parser.add_argument("--label", default="", help="the label whose volume is measured")
    parser.add_argument("--remove", nargs="+", default=[], metavar="ID", help="take measurements away")
    parser.add_argument("--out", type=Path, help="CSV or JSON table to write")


def _measure(arguments: argparse.Namespace) -> Result:
    from app.workflow.measurements import new_measurement, rows_in, words_of, write_table

    if arguments.add is None and (arguments.points or arguments.name or arguments.label):
        raise CaseError("bad_measurement", "Points, name and label belong to a measurement: say which with --add.")
    points = [position(text) for text in arguments.points]
    with OpenCase.open(arguments.case, writable=bool(arguments.add or arguments.remove)) as opened:
        known = [measurement.id for measurement in opened.case.measurements]
        for wrong in (one for one in arguments.remove if one not in known):
            raise CaseError(
                "bad_measurement", f"There is no measurement {wrong}; there are: {', '.join(known) or 'none'}."
            )
        if arguments.remove:
            opened.do(RemoveMeasurements(tuple(arguments.remove)))
        if arguments.add:
            made = new_measurement(opened.case, arguments.add, points, name=arguments.name, label=arguments.label)
            opened.do(SetMeasurement(made))
        rows = rows_in(opened)
    if arguments.out is not None:
        write_table(rows, arguments.out)
    lines = [f"{row['id']:<5}{row['name']:<28}{words_of(row)}" for row in rows]
    return Result(rows, "\n".join(lines) or "No measurements yet.")


COMMANDS = (
    Command("cpr", "show a vessel along its centerline, with its diameters", _cpr_arguments, _cpr),
    Command("measure", "measure distances, angles, areas, volumes and HU", _measure_arguments, _measure),
)
