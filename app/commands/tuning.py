"""Sub-commands that make conditions: tuned outlets, an inflow from the library, the own law of a narrowing."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.checks import table
from app.commands.command import Command, Result, add_case, add_reduced_parameters, assignments, chosen_parameters


def _tune_arguments(parser: argparse.ArgumentParser) -> None:
    from app.workflow.tuned_outlets import LEVELS

    add_case(parser)
    told = "; ".join(f"{name}: {words}" for name, words in LEVELS.items())
    parser.add_argument("--level", choices=tuple(LEVELS), default="1d", help=f"in which model ({told}; default: 1d)")
    for name in ("systolic", "diastolic"):
        parser.add_argument(f"--{name}", type=float, metavar="MMHG", help=f"{name} pressure (default: the patient's)")
    parser.add_argument("--mean", type=float, metavar="MMHG", help="mean pressure, if it is known")
    parser.add_argument(
        "--exponent",
        type=float,
        metavar="M",
        help="outlets share the flow with this power of their vessel's radius (2: by area, 3: Murray; default: the "
        "split of the present outlets)",
    )
    parser.add_argument(
        "--share", action="append", default=[], metavar="OUTLET=PART", help="part of the flow that leaves there"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write rcrt.dat for simulate --outlets FILE --units SI"
    )
    add_reduced_parameters(parser)


def _tune(arguments: argparse.Namespace) -> Result:
    from app.workflow.tuned_outlets import Wish, tune_case, write_outlets

    try:
        shares = {name: float(value) for name, value in assignments(arguments.share).items()}
    except ValueError:
        raise CaseError("bad_parameter", "A share needs a number, as in --share descending=0.7.") from None
    wish = Wish(arguments.systolic, arguments.diastolic, arguments.mean, arguments.exponent, shares)
    with OpenCase.open(arguments.case, writable=False) as opened:
        found = tune_case(opened, wish, arguments.level, chosen_parameters(arguments))
    if arguments.out is not None:
        write_outlets(arguments.out, found.outlets)
    rows = found.rows()
    title = f"Pressures at {found.site}; corrected {found.n_corrections} times."
    reasons = [f"{row['target']} is not met: {row['why']}." for row in rows if not row["met"]]
    columns = ("target", "wanted", "reached", "band", "unit", "met")
    return Result(found.as_dict(), "\n".join([title, table(rows, columns), *reasons, *found.notes]))


def _inflow_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the curve (default: list the library)")
    parser.add_argument("case", nargs="?", type=Path, help="case folder (.case), whose heart rate and output it gets")
    parser.add_argument("--mean", type=float, metavar="ML_S", help="mean flow (default: a share of the cardiac output)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write it for simulate --inflow FILE --inflow-unit mL/s"
    )


def _inflow(arguments: argparse.Namespace) -> Result:
    from app.workflow.inflow_library import SCALED, SHAPES, inflow_curve, library, write_inflow
    from app.workflow.patient import patient_values

    if arguments.name is None:
        rows = library()
        shown = [{**row, "curve": "assumed" if row["assumed"] else "published"} for row in rows]
        return Result(rows, table(shown, ("name", "place", "share", "curve", "source")))
    entered = {}
    if arguments.case is not None:
        with OpenCase.open(arguments.case, writable=False) as opened:
            entered = dict(opened.case.patient)
    values = patient_values(entered)
    times, flow = inflow_curve(arguments.name, values, arguments.mean)
    period, shape = 60.0 / values.heart_rate_bpm, SHAPES[arguments.name]
    if arguments.out is not None:
        write_inflow(arguments.out, times, flow, period)
    facts = {
        "name": shape.name,
        "source": shape.source,
        "scaling": SCALED,
        "period_s": period,
        "mean_ml_s": 1e6 * float(flow.mean()),
        "max_ml_s": 1e6 * float(flow.max()),
        "min_ml_s": 1e6 * float(flow.min()),
        "time_s": times.tolist(),
        "flow_ml_s": (1e6 * flow).tolist(),
    }
    text = (
        f"{shape.place}: mean {facts['mean_ml_s']:.3g}, largest {facts['max_ml_s']:.3g}, smallest "
        f"{facts['min_ml_s']:.3g} mL/s, a beat of {period:.3g} s.\nSource: {shape.source}; {SCALED}."
    )
    return Result(facts, text)


def _law_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="*", metavar="RUN", help="folders of finished steady runs of one model"
    )
    parser.add_argument("--from", dest="start", metavar="PLACE", help="opening or section before it")
    parser.add_argument("--to", dest="end", metavar="PLACE", help="opening or section behind it")
    parser.add_argument(
        "--case",
        type=Path,
        metavar="CASE",
        help="keep it in this case, whose 0D and 1D models then take it (--own-laws false: not)",
    )
    parser.add_argument("--forget", metavar="VESSEL", help="forget what the case keeps of this vessel")
    parser.add_argument(
        "--at", type=float, nargs="+", default=[], metavar="ML_S", help="flows at which to tell the drop"
    )


def _law(arguments: argparse.Namespace) -> Result:
    from app.workflow.stenosis_law import forget_law, keep_law, law_of_runs

    runs, start, end, case = arguments.runs, arguments.start, arguments.end, arguments.case
    if arguments.forget is not None:
        if case is None or runs:
            raise CaseError("bad_parameter", "--forget VESSEL needs --case CASE, and no runs.")
        with OpenCase.open(case) as opened:
            count = forget_law(opened, arguments.forget)
        return Result({"forgotten": count}, f"The case keeps no law of {arguments.forget} any more.")
    if start is None or end is None:
        raise CaseError("bad_parameter", "Say between which two openings or sections: --from PLACE --to PLACE.")
    if case is None:
        law, told = law_of_runs(runs, start, end), []
    else:
        with OpenCase.open(case) as opened:
            kept = keep_law(opened, runs, start, end)
        law, told = kept.law, [f"Kept in the case. {kept.sentence()}"]
    found = law.as_dict(arguments.at) | ({} if case is None else {"vessel": kept.vessel})
    text = (
        f"dP = {found['linear_mmhg_s_ml']:.4g} Q + {found['quadratic_mmhg_s2_ml2']:.4g} Q |Q| (mmHg, mL/s) from "
        f"{found['from']} to {found['to']}, for {found['low_ml_s']:.3g} to {found['high_ml_s']:.3g} mL/s; it leaves "
        f"{100 * found['miss']:.1f} % of a run's drop at most."
    )
    drops = [
        f"{row['drop_mmhg']:.4g} mmHg at {row['flow_ml_s']:g} mL/s" + ("" if row["holds"] else ", outside its range")
        for row in found["drops"]
    ]
    return Result(found, "\n".join([text, *drops, *told]))


COMMANDS = (
    Command("tune", "outlets that meet the patient's pressures and flow split", _tune_arguments, _tune),
    Command("inflow", "an inflow from the library, scaled to the patient", _inflow_arguments, _inflow),
    Command("stenosis-law", "a narrowing's own pressure drop, from steady runs", _law_arguments, _law),
)
