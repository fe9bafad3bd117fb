"""Sub-commands that make, show and edit a case."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase
from app.case.commands import RemovePoint, SetPatientValues, SetPoint, SetPoints
from app.case.errors import CaseError
from app.case.records import Case, Position, Record
from app.commands.command import Command, Result, add_case, assignments, console_progress, nearest
from app.workflow.parameters import Parameter, describe, position
from app.workflow.patient import (
    POPULATION_BANDS,
    BodyValues,
    checked_values,
    derived_values,
    entered_parameters,
    patient_assumptions,
    patient_values,
)
from app.workflow.person import Person, checked_person, person_values


def summarize(case: Case) -> dict[str, Any]:
    """The case for people and programs: what is known, what was made, what is stale."""
    return {
        "id": case.id,
        "title": case.title,
        "points_mm": case.points,
        "patient": case.patient,
        "assumptions": [vars(assumption) for assumption in patient_assumptions(case.patient)],
        "records": [
            {
                "id": record.id,
                "kind": record.kind,
                "title": record.title,
                "facts": record.facts,
                "stale_inputs": case.stale_inputs(record),
                "is_current": record is case.current(record.kind),
            }
            for record in case.records
        ],
    }


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=Path,
        help="NIfTI, NRRD, MHA, VTI or DICOM file, DICOM folder, DICOMDIR or zip, or a surface (VTP, STL, OBJ, PLY)",
    )
    parser.add_argument("case", type=Path, help="case folder to make (.case)")
    parser.add_argument("--title", default="", help="how the case is called (default: the folder's name)")
    parser.add_argument("--series-uid", default="", help="which series, when a DICOM folder holds several")
    parser.add_argument("--phase", default="", help="which phase, when a series holds several, for example 70%%")
    parser.add_argument("--all-phases", action="store_true", help="keep the other phases too, to look at in the window")
    parser.add_argument(
        "--repair", action="store_true", help="straighten a tilted gantry and interpolate uneven slices, where safe"
    )
    parser.add_argument(
        "--keep-identity", action="store_true", help="keep in the case what the DICOM header says about the patient"
    )
    parser.add_argument("--frame", default="", help="what the axes of a VTI file mean: LPS or RAS")
    parser.add_argument(
        "--spacing-mm",
        type=float,
        default=0.0,
        metavar="MM",
        help="smallest distance between voxel centers, for a file that does not know its own",
    )
    parser.add_argument(
        "--angiogram",
        action="store_true",
        help="the file's values are no HU, but its arteries are bright (a rotational or MR angiogram)",
    )
    parser.add_argument("--unit", default="", help="unit of length of a surface: mm, cm or m")
    parser.add_argument("--inlet", default="", help="a surface's opening where blood enters, by number or name")
    parser.add_argument("--name", nargs="+", default=[], metavar="NUMBER=NAME", help="names of a surface's openings")


def _import(arguments: argparse.Namespace) -> Result:
    from app.workflow.import_study import import_study
    from app.workflow.import_surface import import_surface, is_surface

    title = arguments.title or arguments.case.stem
    progress = console_progress("import")
    if is_surface(arguments.source):
        names = ",".join(f"{which}={name}" for which, name in assignments(arguments.name).items())
        record = import_surface(
            arguments.source,
            arguments.case,
            title,
            unit=arguments.unit,
            inlet=arguments.inlet,
            names=names,
            progress=progress,
        )
        return Result(record.model_dump(mode="json"), surface_text(record))
    if arguments.unit or arguments.inlet or arguments.name:
        raise CaseError("bad_parameter", "Unit, inlet and names belong to a surface, but a scan is imported.")
    record = import_study(
        arguments.source,
        arguments.case,
        title,
        series_uid=arguments.series_uid,
        phase=arguments.phase,
        all_phases=arguments.all_phases,
        frame=arguments.frame.upper(),
        repair=arguments.repair,
        deidentify=not arguments.keep_identity,
        spacing_mm=arguments.spacing_mm,
        angiogram=arguments.angiogram,
        progress=progress,
    )
    size, spacing = record.facts["size"], record.facts["spacing_mm"]
    text = f"Imported {' x '.join(map(str, size))} voxels of {' x '.join(f'{s:g}' for s in spacing)} mm."
    return Result(record.model_dump(mode="json"), text)


def surface_text(record: Record) -> str:
    """What was imported, with its openings."""
    from app.workflow.model_of_surface import opening_text

    facts = record.facts
    size = " x ".join(f"{extent:.0f}" for extent in facts["size_mm"])
    lines = [f"Imported a surface of {size} mm (the file's unit is {facts['unit']}) with these openings:"]
    return "\n".join([*lines, *(f"  {opening_text(opening)}" for opening in facts["openings"])])


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sample", nargs="?", help="id of the sample; none lists them")
    parser.add_argument("case", nargs="?", type=Path, help="case folder to make (.case)")
    parser.add_argument(
        "--dicom", type=Path, metavar="FOLDER", help="write the scan as DICOM slices, and its points, into this folder"
    )


def _sample(arguments: argparse.Namespace) -> Result:
    from app.workflow.samples import POINTS_FILE, import_sample, list_samples, write_sample_dicom

    if arguments.sample is None:
        samples = list_samples()
        lines = [f"{sample['id']}: {sample['title']} ({sample['licence']})" for sample in samples]
        return Result(samples, "\n".join(lines))
    if arguments.dicom is not None:
        if arguments.case is not None:
            raise CaseError("bad_parameter", "Either a case is made (my.case) or a DICOM folder (--dicom), not both.")
        slices = write_sample_dicom(arguments.sample, arguments.dicom, console_progress("sample"))
        found = {"slices": str(slices), "points": str(arguments.dicom / POINTS_FILE)}
        return Result(found, f"The slices are in {found['slices']}, the points in {found['points']}.")
    if arguments.case is None:
        raise CaseError("case_missing", "Name the case folder to make, for example my.case.")
    record = import_sample(arguments.sample, arguments.case, console_progress("sample"))
    return Result(record.model_dump(mode="json"), f"The sample {arguments.sample} is in {arguments.case.name}.")


def _info(arguments: argparse.Namespace) -> Result:
    with OpenCase.open(arguments.case, writable=False) as opened:
        summary = summarize(opened.case)
        summary["damaged_files"] = opened.damaged_files() if arguments.check else None
    lines = [f"{summary['title']} ({summary['id']})"]
    for record in summary["records"]:
        state = "stale: " + ", ".join(record["stale_inputs"]) if record["stale_inputs"] else "up to date"
        lines.append(f"  {record['kind']:<13}{record['id']:<24}{record['title']:<40}{state}")
    lines += [f"  assumed: {a['name']} {a['value']:g} {a['unit']} ({a['source']})" for a in summary["assumptions"]]
    if arguments.check:
        lines += [f"  damaged: {path}" for path in summary["damaged_files"]] or ["  all files are whole"]
    return Result(summary, "\n".join(lines))


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--check", action="store_true", help="check every file against its SHA-256")


def _points_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--set", nargs="+", default=[], metavar="ROLE=X,Y,Z", help="place points (LPS, mm)")
    parser.add_argument("--remove", nargs="+", default=[], metavar="ROLE", help="take points away")


def _points(arguments: argparse.Namespace) -> Result:
    from app.workflow.segment import POINT_ROLES
    from imaging.anatomy.landmarks import LANDMARKS

    placed = {role: position(text) for role, text in assignments(arguments.set).items()}
    for role in placed:
        if role in LANDMARKS:
            raise CaseError("no_such_point", f"{role} is a landmark: place it with `angiotwin landmarks CASE --set`.")
        if role not in POINT_ROLES:
            raise CaseError("no_such_point", f"No anatomy has a point {role}; there are {nearest(role, POINT_ROLES)}.")
    with OpenCase.open(arguments.case, writable=bool(placed or arguments.remove)) as opened:
        after = {**opened.case.points, **placed}
        for role in arguments.remove:
            if after.pop(role, None) is None:
                there = ", ".join(opened.case.points) or "none yet"
                raise CaseError("no_such_point", f"The case has no point {role}; its points: {there}.")
        if placed or arguments.remove:
            opened.do(_one_change(placed, arguments.remove, after))
        points = opened.case.points
    lines = [f"{role}: {x:.1f}, {y:.1f}, {z:.1f} mm (LPS)" for role, (x, y, z) in points.items()]
    return Result(points, "\n".join(lines) or "No points yet.")


def _one_change(
    placed: dict[str, Position], removed: list[str], after: dict[str, Position]
) -> SetPoint | RemovePoint | SetPoints:
    """What one call of the program asked for is one thing to undo."""
    if len(placed) == 1 and not removed:
        return SetPoint(*next(iter(placed.items())))
    if len(removed) == 1 and not placed:
        return RemovePoint(removed[0])
    return SetPoints(after)


def _patient_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    names = ", ".join(f"{p.name} [{'|'.join(p.choices) or p.unit}]" for p in _of_patient())
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help=f"enter values: {names.replace('%', '%%')}"
    )
    parser.add_argument("--unset", nargs="+", default=[], metavar="NAME", help="make values unknown again")
    parser.add_argument(
        "--fhir",
        type=Path,
        metavar="FILE",
        help="read Patient and Observations of FHIR R4 or R5 JSON; no names are kept",
    )
    parser.add_argument("--patient-id", default="", metavar="ID", help="the id that the patient of FILE must have")


def _of_patient() -> tuple[Parameter, ...]:
    return (*entered_parameters(), *describe(Person))


def _patient(arguments: argparse.Namespace) -> Result:
    entered = assignments(arguments.set)
    flow = {parameter.name for parameter in entered_parameters()}
    names = [parameter.name for parameter in _of_patient()]
    for name in (*entered, *arguments.unset):
        if name not in names:
            raise CaseError("bad_parameter", f"There is no patient value {name}; there are: {nearest(name, names)}.")
    values = checked_values({name: value for name, value in entered.items() if name in flow})
    person = checked_person({name: value for name, value in entered.items() if name not in flow})
    unset = dict.fromkeys(arguments.unset)
    read = None
    with OpenCase.open(arguments.case, writable=bool(entered or unset or arguments.fhir)) as opened:
        if arguments.fhir is not None:
            from app.workflow.fhir import take_fhir

            read = take_fhir(opened, arguments.fhir, arguments.patient_id)
        if entered or unset:
            opened.do(
                SetPatientValues(
                    values | {name: None for name in unset if name in flow},
                    person | {name: None for name in unset if name not in flow},
                )
            )
        case = opened.case
    used = vars(patient_values(case.patient)) | vars(person_values(case.person))
    known = {**case.patient, **case.person}
    followed, body = derived_values(case.patient), {parameter.name for parameter in describe(BodyValues)}

    def told(p: Parameter) -> str:
        if p.name in body:
            return f"{p.help}: " + (f"{known[p.name]:g} {p.unit} (entered)" if p.name in known else "unknown, not used")
        value = f"{used[p.name] if p.choices else format(used[p.name], '.4g')} {p.unit}".rstrip()
        if p.name in followed:
            return f"{p.help}: {value} ({followed[p.name].how})"
        if p.name in known:
            return f"{p.help}: {value} (entered)"
        band = POPULATION_BANDS.get(p.name)
        wide = f"; 90 % of people: {band[0]:g} to {band[1]:g}, an assumption" if band else ""
        return f"{p.help}: {value} (assumed, {p.source}{wide})"

    lines = [told(p) for p in _of_patient()]
    value = {
        "entered": known,
        "used": used,
        "derived": {name: vars(one) for name, one in followed.items()},
        "population_bands": {name: list(band) for name, band in POPULATION_BANDS.items() if name not in known},
    }
    if read is not None:
        value["fhir"] = read.as_dict()
        lines += [*(f"Taken: {line}" for line in read.taken), *(f"Not taken: {line}" for line in read.not_taken)]
    return Result(value, "\n".join(lines))


def _undo(arguments: argparse.Namespace) -> Result:
    with OpenCase.open(arguments.case) as opened:
        label = opened.undo()
        return Result({"undone": label}, f"Undone: {label}")


def _redo(arguments: argparse.Namespace) -> Result:
    with OpenCase.open(arguments.case) as opened:
        label = opened.redo()
        return Result({"redone": label}, f"Done again: {label}")


def _scan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="DICOM folder, DICOMDIR, zip archive or file, or a scan file")
    parser.add_argument("--headers-only", action="store_true", help="do not unpack slices: no enhancement, no noise")


def _scan(arguments: argparse.Namespace) -> Result:
    from app.workflow.scan_study import scan_study, study_text

    study = scan_study(arguments.source, look=not arguments.headers_only, progress=console_progress("scan"))
    return Result(study.to_json(), study_text(study))


COMMANDS = (
    Command("scan", "list the series of a study with what each is fit for", _scan_arguments, _scan),
    Command("sample", "fetch a public sample case and import it", _sample_arguments, _sample),
    Command("import", "import a scan or a surface into a new case", _import_arguments, _import),
    Command("info", "show what a case holds and what is stale", _info_arguments, _info),
    Command("points", "show, place or remove the points of a case", _points_arguments, _points),
    Command("patient", "show or enter what is known of the patient", _patient_arguments, _patient),
    Command("undo", "take back the last change of a case", add_case, _undo),
    Command("redo", "do again what was undone", add_case, _redo),
)
