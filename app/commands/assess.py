"""The sub-command for assessments: what a case allows, and one of them made."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.checks import table
from app.commands.command import Command, Result, add_case, assignments, console_progress


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("name", nargs="?", help="id of the assessment to make; none lists them with what is missing")
    parser.add_argument("--list", action="store_true", help="list the assessments with what is missing for each")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="parameters of the assessment")
    parser.add_argument("--parameters", action="store_true", help="list the parameters of the assessment")
    parser.add_argument("--read-only", action="store_true", help="do not keep the answer in the case")
    parser.add_argument(
        "--pdf", type=Path, metavar="FILE", help="write the answers that the case keeps, or that of NAME, as a report"
    )


def _assess(arguments: argparse.Namespace) -> Result:
    if arguments.pdf is not None and arguments.read_only:
        raise CaseError("no_answer", "A report is written of answers that are kept: leave --read-only out.")
    if arguments.pdf is not None and arguments.name is None:
        with OpenCase.open(arguments.case, writable=False) as opened:
            return _written(opened, arguments.pdf, "")
    if arguments.list or arguments.name is None:
        return _listed(arguments)
    from app.workflow.assessments.registry import assess, assessment_of, plain_of

    assessment = assessment_of(arguments.name)
    if arguments.parameters:
        return _parameters(assessment.step.module.Parameters)
    values = assignments(arguments.set) or None
    with OpenCase.open(arguments.case, writable=not arguments.read_only) as opened:
        kept = opened.case.parameters.get(assessment.step.id, {})
        found, record = assess(
            *(opened, assessment.id, None if values is None else {**kept, **values}),
            console_progress(assessment.title),
        )
        written = None if arguments.pdf is None else _written(opened, arguments.pdf, assessment.id)
    value = {**plain_of(assessment, found), "record": None if record is None else record.id}
    if written is not None:
        value = {**value, **written.value}
    return Result(value, "\n".join([answer_text(value), *([written.text] if written else [])]))


def _written(opened: OpenCase, path: Path, name: str) -> Result:
    from app.workflow.report import write_answers

    problem = write_answers(opened.folder, opened.case, path, name, console_progress("Report"))
    note = f" The vessels could not be drawn in 3D on this machine: {problem}" if problem else ""
    return Result({"pdf": str(path), "problem": problem}, f"Written: {path}.{note}")


def _listed(arguments: argparse.Namespace) -> Result:
    from app.workflow.assessments.frame import STATES
    from app.workflow.assessments.registry import standing

    with OpenCase.open(arguments.case, writable=False) as opened:
        rows = standing(opened.case)
    lines = []
    for row in rows:
        word = "can be made" if row["can_be_made"] else "cannot be made yet"
        lines.append(f"{row['id']}: {row['title']} ({word}). {row['question']}")
        lines += [f"  {need['state']:<8} {need['need']}: {need['sentence']}" for need in row["needs"]]
        if row["headline"]:
            stale = f" (out of date: {', '.join(row['stale_inputs'])})" if row["stale_inputs"] else ""
            lines.append(f"  answer   {row['headline']}{stale}")
    told = "; ".join(f"{state}: {words}" for state, words in STATES.items())
    return Result(rows, "\n".join([*lines, told]))


def _parameters(declaration: type[Any]) -> Result:
    from app.workflow.parameters import describe

    rows = [
        {"name": p.name, "default": p.default, "unit": p.unit, "meaning": p.help, "source": p.source}
        for p in describe(declaration)
    ]
    return Result(rows, table(rows, ("name", "default", "unit", "meaning", "source")))


def answer_text(value: dict[str, Any]) -> str:
    """An answer as lines."""
    from app.workflow.assessments.frame import Figure

    lines = [value["notice"], value["headline"]]
    for one in value["figures"]:
        about = f" ({one['about']})" if one["about"] else ""
        lines.append(f"  {one['label']}: {Figure(**one).text}{about}")
    for one in value["tables"]:
        rows = [dict(zip(one["columns"], row, strict=True)) for row in one["rows"]]
        lines += [f"{one['title']}:", table(rows, one["columns"]) if rows else "  none"]
    lines += [f"Might be wrong because: {reason}" for reason in value["reasons"]]
    lines += [f"Assumed: {a['name']} {a['value']} {a['unit']} ({a['source']})" for a in value["assumptions"]]
    for rule in value["rules"]:
        lines.append(f"Rule: {rule['name']} ({rule['source']}; found in {rule['population']}).")
    return "\n".join(lines)


def _treat_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--remove", type=int, nargs="+", default=[], metavar="N", help="take lesions of the list away")
    parser.add_argument(
        "--stent",
        nargs="+",
        default=[],
        metavar="BRANCH:MIDDLE:LENGTH:DIAMETER",
        help="place stents: where their middle lies along the branch, length and diameter, all in mm",
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="parameters of assess coronary")
    parser.add_argument("--keep", metavar="NAME", help="keep this treatment in the case under a name, to compare it")
    parser.add_argument("--open", metavar="NAME", help="a treatment that the case keeps, in place of options")
    parser.add_argument("--forget", metavar="NAME", help="let the case forget a treatment, and do no more")


def _treat(arguments: argparse.Namespace) -> Result:
    from app.workflow.coronary_model import coronary_model
    from app.workflow.coronary_parameters import Parameters
    from app.workflow.parameters import build
    from app.workflow.treat import TREATMENTS, Treatment, parse_stents, planned, planned_on, treat

    treatment = Treatment(tuple(arguments.remove), parse_stents(arguments.stent))
    if arguments.open is not None and treatment != Treatment():
        raise CaseError("bad_parameter", "Give either --open, or what is treated: not both.")
    with OpenCase.open(arguments.case, writable=bool(arguments.keep or arguments.forget)) as opened:
        if arguments.forget is not None:
            opened.do(TREATMENTS.forgetting(opened.case, arguments.forget))
            return Result({"forgotten": arguments.forget}, f"Forgotten: {arguments.forget}.")
        if arguments.open is not None:
            treatment = planned(opened.case, arguments.open)
        kept = opened.case.parameters.get("assess.coronary", {})
        chosen = build(Parameters, {**kept, **assignments(arguments.set)})
        model = coronary_model(opened, chosen, console_progress("treat"))
        answer = treat(model, treatment)
        if arguments.keep is not None:
            TREATMENTS.keep(opened, arguments.keep, planned_on(opened.case, treatment))
    lines = [f"Lesion {number}: {lesion.sentence}" for number, lesion in enumerate(model.lesions, 1)]
    lines.append(table(answer.rows, ("place", "before", "after", "change")))
    lines.append(f"FFR-like index by the reduced model; answered in {answer.milliseconds:.1f} ms.")
    return Result(answer.as_dict(), "\n".join(lines))


def _confirm_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--ranks", type=int, help="processes (default: up to two)")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="parameters of assess coronary")


def _confirm(arguments: argparse.Namespace) -> Result:
    from app.workflow.coronary_3d import confirm_case
    from app.workflow.coronary_parameters import Parameters
    from app.workflow.parameters import build

    with OpenCase.open(arguments.case) as opened:
        kept = opened.case.parameters.get("assess.coronary", {})
        chosen = build(Parameters, {**kept, **assignments(arguments.set)})
        found = confirm_case(opened, chosen, arguments.ranks, console_progress("confirm"))
    rows = [
        {"place": one.title, "reduced": one.reduced, "in 3D": one.in_3d, "difference": one.difference}
        for one in found.places
    ]
    told = (
        f"FFR-like index; flow in 3D on {found.n_cells} cells, solved {found.n_runs} times; it flutters by up to "
        f"{found.flutter:.3f}."
    )
    return Result(found.as_dict(), "\n".join([table(rows, tuple(rows[0]) if rows else ("place",)), told]))


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("options", nargs="*", metavar="NAME", help="one or two kept what-ifs or treatments; none: list")


def _compare(arguments: argparse.Namespace) -> Result:
    from app.workflow.compare import compare, options_of

    with OpenCase.open(arguments.case, writable=False) as opened:
        if not arguments.options:
            kept = options_of(opened.case)
            words = {"treat": "Treatments", "what_if": "What-ifs"}
            lines = [f"{words[kind]}: {', '.join(names) or 'none'}" for kind, names in kept.items()]
            return Result({kind: list(names) for kind, names in kept.items()}, "\n".join(lines))
        found = compare(opened, arguments.options, console_progress("compare"))
    rows = [dict(zip(found.columns, found.cells(row), strict=True)) for row in found.rows]
    told = f"By the reduced models, all answered in {found.milliseconds:.1f} ms."
    return Result(found.as_dict(), "\n".join([table(rows, found.columns), *found.notes, told]))


COMMANDS = (
    Command("assess", "list the assessments of a case, or make one", _arguments, _assess),
    Command("treat", "what a stent, or a coronary lesion less, would change", _treat_arguments, _treat),
    Command("confirm", "solve the coronary index in 3D too", _confirm_arguments, _confirm),
    Command("compare", "the case beside one or two options that it keeps", _compare_arguments, _compare),
)
