"""Sub-commands about the anatomy: landmarks with what is measured there, names of vessels."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.commands import SetLandmarks
from app.case.records import Landmark
from app.commands.command import Command, Result, add_case, assignments, console_progress
from app.workflow.parameters import position


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--list", action="store_true", help="list the landmarks that can be placed")
    parser.add_argument("--set", nargs="+", default=[], metavar="ID=X,Y,Z", help="place landmarks (LPS, mm)")
    parser.add_argument("--remove", nargs="+", default=[], metavar="ID", help="take landmarks away")
    parser.add_argument("--propose", action="store_true", help="propose landmarks from the vessel model")
    parser.add_argument("--out", type=Path, help="CSV or JSON table to write")


def _landmarks(arguments: argparse.Namespace) -> Result:
    from app.workflow.landmarks import (
        figure_words,
        landmark_report,
        propose,
        removing,
        required_kind,
        write_table,
    )
    from imaging.anatomy.landmarks import LANDMARKS

    if arguments.list:
        kinds = [vars(kind) for kind in LANDMARKS.values()]
        lines = [f"{kind.id:<28}{kind.group:<16}{kind.title}: {kind.hint}" for kind in LANDMARKS.values()]
        return Result(kinds, "\n".join(lines))
    placed = {name: Landmark(position_mm=position(text)) for name, text in assignments(arguments.set).items()}
    titles = [required_kind(name).title for name in placed]
    with OpenCase.open(arguments.case, writable=bool(placed or arguments.remove or arguments.propose)) as opened:
        notes: tuple[str, ...] = ()
        if arguments.remove:
            opened.do(removing(opened.case, tuple(arguments.remove)))
        if placed:
            opened.do(SetLandmarks(placed, f"Place landmarks: {', '.join(titles)}"))
        if arguments.propose:
            notes = propose(opened)
        report = landmark_report(opened, console_progress("landmarks"))
    report["notes"] = [*report["notes"], *notes]
    if arguments.out is not None:
        write_table(report, arguments.out)
    lines = []
    for row in report["landmarks"]:
        x, y, z = row["position_mm"]
        lines.append(f"{row['title']:<34}{x:8.1f}{y:9.1f}{z:9.1f} mm (LPS)   {row['origin']}")
    lines += ["{:<48}{}".format(*figure_words(name, value)) for name, value in report["figures"].items()]
    return Result(report, "\n".join([*lines, *report["notes"]]) or "No landmarks yet.")


def _names_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--set", nargs="+", default=[], metavar="OLD=NEW", help="rename vessels and openings")
    parser.add_argument("--suggest", type=int, default=5, metavar="N", help="how many names to suggest for each")


def _names(arguments: argparse.Namespace) -> Result:
    from app.workflow.vessel_names import read_names, rename

    changes = assignments(arguments.set)
    with OpenCase.open(arguments.case, writable=bool(changes)) as opened:
        done = rename(opened, changes) if changes else {}
        rows = read_names(opened)
    for row in rows:
        row["suggestions"] = row["suggestions"][: max(arguments.suggest, 0)]
    lines = [f"Renamed {old} to {new}." for old, new in done.items()]
    lines += [f"{row['name']:<28}{', '.join(row['names']):<18}{', '.join(row['suggestions'])}" for row in rows]
    return Result({"renamed": done, "names": rows}, "\n".join(lines))


COMMANDS = (
    Command("landmarks", "place or propose landmarks, measure annulus and root", _arguments, _landmarks),
    Command("names", "show or type the names of vessels and openings", _names_arguments, _names),
)
