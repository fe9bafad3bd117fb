"""The sub-command for the carotid-stenosis twin from head motion."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.case.errors import CaseError
from app.commands.command import Command, Result, console_progress


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("fit", "make", "library"), help="fit a trace, make one, or make the library")
    parser.add_argument("file", type=Path, help="the trace, CSV: time [s], x, y, z; for library: FILE.npz to be made")
    parser.add_argument("--unit", help="m, cm, mm, um (displacement), m/s2, mm/s2, g or mg (acceleration)")
    fit = parser.add_argument_group("fit")
    fit.add_argument("--library", type=Path, metavar="FILE.npz", help="take the library from here, or keep it here")
    fit.add_argument("--plot", type=Path, metavar="FILE", help="also draw trace, fit and answer (.png or .pdf)")
    make = parser.add_argument_group("make")
    make.add_argument("--stenosis", type=float, default=70.0, metavar="PERCENT", help="0 to 99 (default: 70)")
    make.add_argument("--side", choices=("left", "right"), default="left", help="of the stenosis (default: left)")
    make.add_argument("--heart-rate", type=float, default=70.0, metavar="PER_MIN", help="(default: 70)")
    make.add_argument("--mass", type=float, default=5.0, metavar="KG", help="of the head (default: 5)")
    make.add_argument("--frequency", type=float, default=5.0, metavar="HZ", help="of the head's own swing (default: 5)")
    make.add_argument("--damping", type=float, default=0.3, help="over the critical damping (default: 0.3)")
    make.add_argument("--seconds", type=float, default=60.0, metavar="S", help="length (default: 60)")
    make.add_argument("--rate", type=float, default=50.0, metavar="HZ", help="samples a second (default: 50)")
    make.add_argument("--noise-db", type=float, default=20.0, metavar="DB", help="pulse over noise (default: 20)")
    make.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")


def _head_motion(arguments: argparse.Namespace) -> Result:
    return {"fit": _fit, "make": _make, "library": _library}[arguments.what](arguments)


def _fit(arguments: argparse.Namespace) -> Result:
    from app.workflow.head_motion import fit_file

    if arguments.plot and arguments.plot.suffix.lower() not in (".png", ".pdf"):
        raise CaseError("bad_plot", f"{arguments.plot.name} can be no plot: give a name that ends with .png or .pdf.")
    found = fit_file(arguments.file, arguments.unit, arguments.library, console_progress("head motion"))
    if arguments.plot:
        from app.reports.head_motion_picture import save_picture

        save_picture(found, arguments.plot)
    facts = found.as_dict()
    chances = ", ".join(f"{least} %: {chance:.2f}" for least, chance in found.chances.items())
    lines = [
        f"Stenosis of an internal carotid: {found.sentence}.",
        f"Chance of at least {chances}.",
        f"Heart rate {found.pulse.heart_rate:.1f} a minute; the pulse explains "
        f"{100 * found.pulse.explained:.0f} % of the motion in its band.",
        facts["reconstruction"],
        *facts["assumptions"],
        "Not for diagnostic use.",
    ]
    return Result(facts, "\n".join(lines))


def _make(arguments: argparse.Namespace) -> Result:
    from app.workflow.head_motion import Recording, make_trace_file

    facts = make_trace_file(
        *(arguments.file, arguments.stenosis, arguments.side, arguments.heart_rate, arguments.mass),
        *(arguments.frequency, arguments.damping, arguments.unit or "mm"),
        Recording(arguments.seconds, arguments.rate, arguments.noise_db, seed=arguments.seed),
    )
    text = f"Written: {arguments.file} ({facts['n_samples']} samples of {facts['kind']} [{facts['unit']}])"
    return Result(facts, f"{text}\n{facts['reconstruction']}")


def _library(arguments: argparse.Namespace) -> Result:
    from app.workflow.head_library import make_library, save_library

    library = make_library(progress=console_progress("library"))
    save_library(library, arguments.file)
    facts = {
        "file": arguments.file.name,
        "n_members": len(library.percent),
        "largest_error_n": float(library.error.max()),
    }
    return Result(facts, f"Written: {arguments.file} ({facts['n_members']} networks)")


HELP = "stenosis of an internal carotid from a trace of the head's motion (a reconstruction; not for diagnostic use)"
COMMANDS = (Command("headmotion", HELP, _arguments, _head_motion),)
