"""Sub-commands of the 0D model: the conditions of a case, and what a change would do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.checks import table
from app.commands.command import (
    Command,
    Result,
    add_case,
    add_parameters,
    add_reduced_parameters,
    assignments,
    chosen_parameters,
    console_progress,
)


def _what_if_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument(
        "--stenosis",
        action="append",
        default=[],
        metavar="BRANCH:PERCENT:POSITION[:MM]",
        help="narrow a branch by PERCENT of its diameter at POSITION (0 to 1 along it), over MM millimeters (default: "
        "four radii)",
    )
    parser.add_argument(
        "--radius", action="append", default=[], metavar="BRANCH=FACTOR", help="multiply the radius of a branch"
    )
    parser.add_argument(
        "--outlet",
        action="append",
        default=[],
        metavar="OUTLET=FACTOR",
        help="multiply the resistance behind an outlet (0.24: a coronary bed in hyperemia)",
    )
    parser.add_argument(
        "--compliance",
        action="append",
        default=[],
        metavar="OUTLET=FACTOR",
        help="multiply the compliance behind an outlet",
    )
    parser.add_argument("--close", action="append", default=[], metavar="OUTLET", help="let nothing through an outlet")
    parser.add_argument("--stroke", type=float, metavar="FACTOR", help="multiply the volume that enters in a beat")
    parser.add_argument(
        "--heart-rate", type=float, metavar="BPM", help="so many beats in a minute, each of the same volume"
    )
    parser.add_argument("--pressure", type=float, metavar="MMHG", help="hold this mean pressure at the inlet")
    parser.add_argument("--hold-pressure", action="store_true", help="hold the inlet's pressure instead of the inflow")
    parser.add_argument("--pulse", action="store_true", help="solve beats, for systolic and diastolic pressures")
    parser.add_argument("--open", metavar="NAME", help="a what-if that the case keeps, in place of options")
    parser.add_argument("--keep", metavar="NAME", help="keep this what-if in the case under a name")
    parser.add_argument("--beside", metavar="NAME", help="compare with a what-if that the case keeps, not with now")
    add_reduced_parameters(parser)


def _what_if(arguments: argparse.Namespace) -> Result:
    from app.workflow.flow_setup import reduced_case
    from app.workflow.plans import keep_plan, plan_of
    from app.workflow.what_if import WhatIf

    change = _change(arguments)
    with OpenCase.open(arguments.case, writable=arguments.keep is not None) as opened:
        if arguments.open is not None:
            change = plan_of(opened.case, arguments.open)
        model = WhatIf(reduced_case(opened, chosen_parameters(arguments)), arguments.pulse)
        answer = model.answer(change)
        if arguments.beside is not None:
            answer = model.beside(answer, plan_of(opened.case, arguments.beside))
        if arguments.keep is not None:
            keep_plan(opened, arguments.keep, change)
    rows = [
        {
            "vessel": after.name,
            "flow [mL/s]": f"{before.flow_ml_s:.2f} -> {after.flow_ml_s:.2f}",
            "pressure in [mmHg]": f"{before.pressure_in_mmhg:.1f} -> {after.pressure_in_mmhg:.1f}",
            "pressure out [mmHg]": f"{before.pressure_out_mmhg:.1f} -> {after.pressure_out_mmhg:.1f}",
        }
        for before, after in zip(answer.before, answer.after, strict=True)
    ]
    text = "\n".join([table(rows, tuple(rows[0])), *answer.notes, f"Answered in {answer.milliseconds:.1f} ms."])
    return Result(answer.as_dict(), text)


def _change(arguments: argparse.Namespace) -> Any:
    from app.workflow.what_if import Change

    change = Change(
        tuple(_stenosis(word) for word in arguments.stenosis),
        _factors(arguments.radius),
        _factors(arguments.outlet),
        _factors(arguments.compliance),
        tuple(arguments.close),
        arguments.pressure,
        arguments.hold_pressure,
        1.0 if arguments.stroke is None else arguments.stroke,
        arguments.heart_rate,
    )
    if arguments.open is not None and change != Change(radii={}, outlets={}, compliances={}):
        raise CaseError("bad_parameter", "Give either --open, or what is changed: not both.")
    return change


def _stenosis(word: str) -> Any:
    from app.workflow.what_if import Stenosis

    parts = word.split(":")
    try:
        branch, percent, position, *length = parts
        return Stenosis(branch, float(percent), float(position), float(length[0]) if length else 0.0)
    except ValueError:
        raise CaseError(
            "bad_stenosis", f"{word!r} is no stenosis: write BRANCH:PERCENT:POSITION, for example LAD:60:0.3."
        ) from None


def _factors(words: list[str]) -> dict[str, float]:
    found = {}
    for name, value in assignments(words).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise CaseError("bad_parameter", f"{name}={value} needs a number behind the sign of equality.") from None
    return found


def _setup_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    add_reduced_parameters(parser)


def _setup(arguments: argparse.Namespace) -> Result:
    from app.workflow.flow_setup import reduced_case
    from app.workflow.targets import targets_of
    from app.workflow.what_if import WhatIf

    with OpenCase.open(arguments.case, writable=False) as opened:
        model = WhatIf(reduced_case(opened, chosen_parameters(arguments)))
        targets = targets_of(opened, model)
    setup = model.case.setup
    rows = [{"outlet": o.name, "vessel": o.vessel, "closed by": o.condition.kind} for o in setup.outlets]
    source = "the current run" if setup.origin == "run" else "the patient's values and the chosen parameters"
    told = [f"{a.name}: {a.value} {a.unit} ({a.source})" for a in setup.assumptions]
    tuned = [
        {
            "target": f"{target.name} ({target.source})",
            "wanted": f"{target.wanted:.1f} {target.unit}",
            "band": f"{target.band:g} {target.unit}",
            **{f"in {model}": f"{reached:.1f} {target.unit}" for model, reached in target.reached.items()},
        }
        for target in targets
    ]
    text = "\n".join(
        [
            f"Conditions of {source}.",
            table(rows, tuple(rows[0])),
            *([table(tuned, tuple(tuned[0]))] if tuned else []),
            *("Assumptions:", *told),
        ]
    )
    return Result(setup.as_dict() | {"targets": [target.as_dict() for target in targets]}, text)


def _calibrate_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.flow_setup import ReducedParameters

    add_case(parser)
    parser.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folders of finished runs of the same model, steady or over beats (default: the case's current run)",
    )
    add_parameters(parser, ReducedParameters)


def _calibrate(arguments: argparse.Namespace) -> Result:
    from app.workflow.calibrate import calibrate_case

    with OpenCase.open(arguments.case) as opened:
        kept = calibrate_case(opened, arguments.runs, chosen_parameters(arguments))
    text = (
        f"The 0D model is calibrated to {', '.join(kept.runs)}: it leaves {100 * kept.miss:.1f} % of the pressure "
        f"drops unexplained ({100 * kept.miss_before:.1f} % before), and holds for inflows from {kept.low_ml_s:.3g} to "
        f"{kept.high_ml_s:.3g} mL/s."
    )
    return Result(kept.as_dict(), text)


def _ensemble_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.ensemble_plan import ASSUMED, INPUTS, KINDS, SHAPES

    add_case(parser)
    told = "; ".join(f"{name}: {words}" for name, words in KINDS.items())
    parser.add_argument("--kind", choices=tuple(KINDS), default="steady", help=f"model ({told}; default: steady)")
    parser.add_argument("--samples", type=int, default=256, metavar="N", help="how many (default: 256)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same samples (default: 0)")
    assumed = ", ".join(f"{one.name}={one.shape}:{one.first:g}:{one.second:g}" for one in ASSUMED)
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="INPUT=SHAPE:A:B",
        help=f"factor on an input ({', '.join(INPUTS)}; radius:BRANCH, outlet_resistance:OUTLET, "
        f"outlet_compliance:OUTLET) with a distribution ({', '.join(SHAPES)}: ends, mean and deviation, median and "
        f"deviation of the logarithm); default, an assumption: {assumed}",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="keep the samples there, and go on with what is there"
    )
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes here (default: one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, as tcp://host:8786, instead")
    add_reduced_parameters(parser)


def _ensemble(arguments: argparse.Namespace) -> Result:
    from app.workflow.ensemble import ensemble_of_case
    from app.workflow.ensemble_plan import ASSUMED, Plan, parse_spread

    spreads = tuple(parse_spread(word) for word in arguments.vary) or ASSUMED
    plan = Plan(arguments.kind, arguments.samples, arguments.seed, spreads)
    with OpenCase.open(arguments.case, writable=False) as opened:
        found = ensemble_of_case(
            *(opened, plan, chosen_parameters(arguments)),
            out=arguments.out,
            address=arguments.scheduler,
            n_workers=arguments.workers,
            progress=console_progress("ensemble"),
        )
    rows = [
        {
            "vessel": band["vessel"],
            "quantity": band["quantity"],
            "mean": band["mean"],
            "5 %": band["p5"],
            "95 %": band["p95"],
            "most by": max(band["shares"], key=band["shares"].get),
        }
        for band in found.bands
    ]
    drawn = [f"{one.name}: {one.shape} {one.first:g}, {one.second:g} ({one.source})" for one in spreads]
    return Result(found.as_dict(), "\n".join([table(rows, tuple(rows[0])), *drawn, *found.notes()]))


def _cross_check_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.cross_check import Parameters
    from app.workflow.flow_setup import ReducedParameters

    add_case(parser)
    parser.add_argument("--run", default="", metavar="ID", help="an earlier run of the same model (default: the last)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves of the models to this PNG or PDF")
    add_parameters(parser, ReducedParameters, Parameters)


def _cross_check(arguments: argparse.Namespace) -> Result:
    from app.workflow.cross_check import Parameters, cross_check
    from app.workflow.cross_check_result import QUANTITIES

    chosen = chosen_parameters(arguments) or {}
    limits = {name: value for name, value in chosen.items() if name in Parameters.__dataclass_fields__}
    given = {name: value for name, value in chosen.items() if name not in limits}
    with OpenCase.open(arguments.case, writable=False) as opened:
        found = cross_check(opened, arguments.run, given, limits, console_progress("crosscheck"))
    if arguments.plot:
        from app.reports.cross_check_pictures import write_plot

        write_plot(found, arguments.plot)
    rows = [
        {
            "vessel": vessel.name,
            "quantity": " ".join((difference.quantity.replace("_", " "), f"[{QUANTITIES[difference.quantity][1]}]")),
            "model": difference.model,
            "3D": f"{difference.in_3d:.2f}",
            "model's": f"{difference.in_model:.2f}",
            "limit": "-" if difference.limit is None else f"{difference.limit:.2f}",
            "": "ALARM" if difference.is_alarm else "",
        }
        for vessel in found.vessels
        for difference in vessel.differences
    ]
    word = (
        f"{len(found.alarms)} differences exceed their limits." if found.is_alarm else "All differences are in limits."
    )
    of = [f"Limit of {what}: {limit} ({source})" for what, limit, source in found.limits]
    causes = [f"Likely cause: {cause}" for cause in found.causes]
    return Result(found.as_dict(), "\n".join([table(rows, tuple(rows[0])), word, *causes, *of, *found.notes]))


COMMANDS = (
    Command("crosscheck", "compare the 3D run with 1D and 0D models", _cross_check_arguments, _cross_check),
    Command("setup", "the one set of conditions of 0D, 1D and 3D", _setup_arguments, _setup),
    Command("calibrate", "fit the 0D model to finished runs", _calibrate_arguments, _calibrate),
    Command("whatif", "what a change would do, by the 0D model", _what_if_arguments, _what_if),
    Command(
        "ensemble", "bands on every vessel's pressure and flow, by samples of 0D or 1D", _ensemble_arguments, _ensemble
    ),
)
