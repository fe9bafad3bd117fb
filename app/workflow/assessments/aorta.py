"""Assessment: diameter of an aorta from outer wall to outer wall, thrombus and false lumen included."""

from __future__ import annotations

import numpy as np

from app.case.records import Case
from app.workflow.assessments.frame import Assessed, Assessment, Curve, Figure, Held, Need, Rule, Table, step_done
from app.workflow.parameters import describe
from app.workflow.patient import Assumption
from app.workflow.result_files import Quantity
from app.workflow.steps import Request
from app.workflow.wall_parameters import WallParameters
from imaging.segmentation.outer_wall import FALSE_LUMEN, FLAP, LUMEN, THROMBUS, OuterWall, OuterWallParameters
from imaging.segmentation.wall_measures import WallMeasures
from imaging.types import FloatArray, Progress, Surface, VesselModel

Parameters = OuterWallParameters
POINT = "false_lumen"
"""The landmark that tells where the false lumen is filled."""
_SOURCE = "imaging/segmentation/outer_wall.py"
_WORDS = {LUMEN: "Lumen", FALSE_LUMEN: "False lumen, filled", THROMBUS: "Thrombus", FLAP: "Flap"}
_LAYER = Quantity("layer_mm", "From the lumen to the outer wall", "mm", "along the ray of the nearest section")
_THROMBUS = Quantity("thrombus_mm", "Thrombus on the lumen", "mm", "the layer without a wall of usual thickness")
LIMITS = (
    "The wall itself is not seen in CT: what is labeled thrombus holds the wall behind it (1.5 to 2 mm), so its "
    "volume is too large by that layer.",
    "Where a muscle, a vein or the gut touches the wall there is no edge: the wall is drawn smoothly from where it is "
    "seen.",
    "Thrombus and branches beyond the ends of the model, and thrombus in its branches, are not measured.",
    "The surroundings were drawn, not scanned, when the method was tuned; it was tried on one patient.",
)


def assess_aorta(request: Request, progress: Progress) -> Assessed:
    """Outer wall, thrombus and false lumen of the case's aorta."""
    from imaging.segmentation.outer_wall import find_outer_wall
    from imaging.segmentation.wall_measures import measures_of
    from imaging.surface.surface_io import read_model
    from imaging.volume_io import read_labels, read_volume

    progress(0.0, "Reading")
    volume = read_volume(request.path("image", "volume"))
    labels = read_labels(request.path("segmentation", "labels"))
    model = read_model(request.path("model", "surface").parent)
    mark = request.case.landmarks.get(POINT)
    place = mark.position_mm if mark is not None else None
    chosen = request.parameters
    found = find_outer_wall(
        volume, labels, model.centerlines, place, chosen, lambda part, text: progress(0.1 + 0.7 * part, text)
    )
    progress(0.8, "Measuring")
    measures = measures_of(found)
    lumen_mm = 2.0 * np.sqrt(measures.areas_mm2[LUMEN] / np.pi)
    surface, colored = _colored(model, found, chosen, place is None)
    along = measures.along_mm
    curves = [_curve("Diameters along the aorta", "outer wall, largest", "diameter [mm]", along, measures.max_mm)]
    curves.append(_curve("Diameters along the aorta", "lumen, circle of its area", "diameter [mm]", along, lumen_mm))
    curves += [
        _curve("Areas along the aorta", _WORDS[label].lower(), "area [mm2]", measures.along_mm, area)
        for label, area in measures.areas_mm2.items()
        if measures.volumes_ml[label] > 0.0 and label != FLAP
    ]
    return Assessed(
        _headline(measures, place is not None),
        tuple(_figures(measures, float(lumen_mm.max()))),
        (_volumes(measures),),
        tuple(curves),
        reasons=(*found.notes, *_on_the_point(place is not None), *LIMITS),
        assumptions=tuple(_assumptions(chosen)),
        surface=surface,
        labels=found.labels,
        colored=colored,
        details={
            "largest_outer_diameter": {
                "mm": round(measures.largest_mm, 2),
                "half_a_voxel_mm": [round(measures.largest_mm + sign * measures.voxel_mm, 2) for sign in (-1.0, 1.0)],
                "place_mm": list(measures.largest_at_mm),
            },
            "volumes_ml": {found.labels.names[label]: round(ml, 2) for label, ml in measures.volumes_ml.items()},
            "labels": {str(value): name for value, name in found.labels.names.items()},
            "model": request.record("model").id,
        },
    )


def _on_the_point(is_placed: bool) -> tuple[str, ...]:
    if is_placed:
        return ("What is thrombosed of the false lumen is told from thrombus on the true lumen's side by nothing.",)
    return ("No point was placed in a false lumen: a filled one would be taken for a neighbor, or for nothing.",)


def _headline(measures: WallMeasures, is_dissection: bool) -> str:
    low, high = measures.largest_mm - measures.voxel_mm, measures.largest_mm + measures.voxel_mm
    told = (
        f"Largest diameter {measures.largest_mm:.1f} mm, outer wall to outer wall ({low:.1f} to {high:.1f} mm with the "
    )
    told += f"wall half a voxel in or out); thrombus {measures.volumes_ml[THROMBUS]:.0f} mL"
    share, clotted = measures.false_share, measures.thrombosed_share
    if share is None or clotted is None:
        return f"{told}, no filled false lumen{' was found' if is_dissection else ''}."
    return f"{told}; false lumen {100 * share:.0f} % of both lumens, {100 * clotted:.0f} % of it thrombosed."


def _figures(measures: WallMeasures, lumen_mm: float) -> list[Figure]:
    def with_band(value: float) -> str:
        low, high = value - measures.voxel_mm, value + measures.voxel_mm
        return f"{low:.1f} to {high:.1f} mm with the wall half a voxel in or out"

    x, y, z = measures.largest_at_mm
    at = f"across the vessel's axis at {x:.0f}, {y:.0f}, {z:.0f} (LPS, mm); {with_band(measures.largest_mm)}"
    found = [
        Figure("outer_diameter_mm", "Largest diameter, outer wall", "mm", _SOURCE, measures.largest_mm, about=at),
    ]
    title = "Largest diameter, lumen (circle of its area across the same axis)"
    found.append(Figure("lumen_diameter_mm", title, "mm", _SOURCE, lumen_mm, about=with_band(lumen_mm)))
    names = {LUMEN: "lumen_ml", FALSE_LUMEN: "false_lumen_ml", THROMBUS: "thrombus_ml"}
    found += [
        Figure(name, f"Volume: {_WORDS[label].lower()}", "mL", _SOURCE, measures.volumes_ml[label])
        for label, name in names.items()
    ]
    shares = (
        ("false_lumen_share", "Share of the false lumen, thrombus included, in both lumens", measures.false_share),
        ("thrombosed_share", "Share of the false lumen that is thrombosed", measures.thrombosed_share),
        ("thrombus_share", "Share of thrombus in lumens and thrombus", measures.thrombus_share),
    )
    found += [Figure(name, label, "1", "by volume", share) for name, label, share in shares if share is not None]
    return found


def _volumes(measures: WallMeasures) -> Table:
    rows = [
        (
            _WORDS[label],
            round(ml, 1),
            round(float(measures.areas_mm2[label].max()), 0),
            round(float(measures.along_mm[int(measures.areas_mm2[label].argmax())]), 0),
        )
        for label, ml in measures.volumes_ml.items()
    ]
    return Table(
        "What lies within the outer wall",
        ("part", "volume [mL]", "largest area [mm2]", "at [mm] of its axis"),
        tuple(rows),
    )


def _curve(title: str, name: str, what: str, x: FloatArray, y: FloatArray) -> Curve:
    return Curve(
        title,
        name,
        "along the aorta's axis [mm]",
        what,
        tuple(round(float(v), 2) for v in x),
        tuple(round(float(v), 2) for v in y),
    )


def _colored(
    model: VesselModel, found: OuterWall, chosen: OuterWallParameters, is_thrombus: bool
) -> tuple[Surface, tuple[Quantity, ...]]:
    """The model's wall with what lies on it; thrombus only where no filled false lumen may lie there instead."""
    thickness = describe(WallParameters)[0].default
    layer = np.maximum(np.nan_to_num(found.sections.beneath_mm(model.surface.points)), 0.0)
    arrays = {_LAYER.id: layer.astype(np.float32)}
    if is_thrombus:
        is_clot = layer >= chosen.least_thrombus_mm
        arrays[_THROMBUS.id] = np.where(is_clot, layer - thickness, 0.0).astype(np.float32)
    surface = Surface(model.surface.points, model.surface.triangles, arrays)
    return surface, tuple(one for one in (_LAYER, _THROMBUS) if one.id in arrays)


def _assumptions(chosen: OuterWallParameters) -> list[Assumption]:
    found = []
    for one in describe(OuterWallParameters):
        value = getattr(chosen, one.name)
        source = one.source if value == one.default else "chosen"
        found.append(Assumption(one.help.rstrip("."), value, "" if one.unit == "1" else one.unit, source))
    return found


def _look_at_scan(case: Case) -> Held:
    for kind, title in (("image", "Import"), ("segmentation", "Segment")):
        record = case.current(kind)  # type: ignore[arg-type]
        if record is None:
            if case.current("surface") is not None:
                return Held("missing", "the outer wall is seen in a scan only, and this case was made from a surface")
            return Held("missing", f"run {title} first")
    return Held("met", "Scan and lumen are there.")


def _look_at_point(case: Case) -> Held:
    if POINT in case.landmarks:
        return Held("met", "Placed: what is filled and connected to it is the false lumen.")
    return Held(
        "met",
        "None placed: taken for an aorta without a filled false lumen. In a dissection place the landmark False lumen.",
    )


ASSESSMENT = Assessment(
    "aorta",
    "Aorta: outer wall, thrombus, false lumen",
    "How wide is this aorta from outer wall to outer wall, and how much of it is thrombus or false lumen?",
    (
        Need("Scan and lumen", _look_at_scan),
        step_done("model"),
        Need("Point in the false lumen (dissection only)", _look_at_point),
    ),
    (
        Rule(
            "Diameter across the vessel's own axis, outer wall to outer wall",
            "our definition: the largest caliper of the outer wall's section, thrombus and false lumen included",
            "any aorta: a measure, from which no risk follows here",
            ("Diameters in an axial slice, or of the inner wall, are others: compare like with like.",),
        ),
    ),
    ("image", "segmentation", "model", f"landmark.{POINT}"),
    __name__,
    assess_aorta,
    (POINT,),
)
