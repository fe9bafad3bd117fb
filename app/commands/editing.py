"""Sub-commands that edit a case's labels and compare segmentations."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.command import Command, Result, assignments, console_progress
from app.workflow.parameters import position
from imaging.segmentation.editing.registry import Edit


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", type=Path, nargs="?", help="case folder (.case)")
    parser.add_argument("--list", action="store_true", help="list the edits that can be made, with their settings")
    parser.add_argument("--script", type=Path, help="make the edits of this file, one after the other")
    parser.add_argument("--save", type=Path, help="write the edits of the case to a script that can be replayed")
    parser.add_argument("--do", metavar="EDIT", help="make one edit; --list tells which there are")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the edit")
    parser.add_argument(
        "--at", nargs="+", default=[], metavar="X,Y,Z", help="seeds, stroke or corners (LPS, mm), or roles of points"
    )
    parser.add_argument("--direction", metavar="X,Y,Z", help="through the plane in which stroke or outline was drawn")
    parser.add_argument("--label", type=int, default=1, help="label that the edit writes (default 1)")
    parser.add_argument(
        "--accept-barriers", action="store_true", help="put the barriers that the leak guard proposes, and grow again"
    )


def _run(arguments: argparse.Namespace) -> Result:
    from app.workflow.edit import (
        EditReport,
        checked_parameters,
        edit_case,
        edits_of,
        operations_json,
        read_script,
        script_json,
    )

    if arguments.list:
        listed = operations_json()
        lines = []
        for entry in listed:
            lines.append(f"{entry['id']}: {entry['about']}")
            lines += [f"    {s['name']} = {s['default']} {s['unit']}  {s['help']}" for s in entry["settings"]]
        return Result(listed, "\n".join(lines))
    if arguments.case is None:
        raise CaseError("case_missing", "Name the case folder to edit.")
    edits: list[Edit] = list(read_script(arguments.script)) if arguments.script else []
    if arguments.do:
        places = tuple(position(word) if "," in word else word for word in arguments.at)
        towards = position(arguments.direction) if arguments.direction else None
        chosen = checked_parameters(arguments.do, assignments(arguments.set))
        edits.append(Edit(arguments.do, chosen, arguments.label, places, towards))
    with OpenCase.open(arguments.case, writable=bool(edits)) as opened:
        reports: list[EditReport] = []
        if edits:
            _, reports = edit_case(opened, edits, console_progress("edit"), accept_barriers=arguments.accept_barriers)
        record = opened.case.current("segmentation")
        made = edits_of(opened, record)
        facts = record.facts if record is not None else {}
    if arguments.save is not None:
        arguments.save.write_text(json.dumps(script_json(made), indent=1) + "\n", encoding="utf-8")
    value = {
        "edits": [dataclasses.asdict(report) for report in reports],
        "volume_ml": facts.get("volume_ml", {}),
        "script": script_json(made),
    }
    lines = []
    for report in reports:
        lines.append(f"{report.title}: {report.n_voxels} voxels changed ({report.seconds:.2f} s)")
        lines += [f"  {note}" for note in report.notes]
    lines += [f"{name}: {volume:g} mL" for name, volume in facts.get("volume_ml", {}).items()]
    lines.append(f"{len(made)} edits since the segmentation was made.")
    return Result(value, "\n".join(lines))


def _agree_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, help="label map (NRRD, NIfTI, MHA), or a case folder")
    parser.add_argument("second", type=Path, help="another one of the same patient")
    parser.add_argument("--picture", type=Path, help="write a PNG that shows where they differ")


def _agree(arguments: argparse.Namespace) -> Result:
    from app.workflow.agree import agree

    found = agree(arguments.first, arguments.second, arguments.picture, console_progress("agree"))
    return Result(found.to_json(), found.to_text())


COMMANDS = (
    Command("edit", "edit the labels: grow, cut, smooth, barriers; replay a script", _arguments, _run),
    Command("agree", "hold two segmentations against each other", _agree_arguments, _agree),
)
