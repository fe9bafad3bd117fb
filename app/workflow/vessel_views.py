"""A case's vessels as radiologists look at them: curved planar pictures, sections across, area and diameter along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.parameters import build, declared
from imaging.centerline.curves import way_to
from imaging.types import FloatArray, VesselModel, Volume

if TYPE_CHECKING:
    from imaging.reformat.curved_planar import CurvedPicture
    from imaging.reformat.profile import VesselProfile
    from imaging.reformat.vessel_line import VesselLine

_LEAST_HALF_WIDTH_MM, _HALF_WIDTH_RADII = 15.0, 2.5
_LINE_STEP_MM = 0.5
_FORMATS = (".png", ".nrrd")


@dataclass(frozen=True)
class CurvedParameters:
    """How a vessel is shown along its line."""

    kind: str = declared(
        "straightened",
        choices=("straightened", "stretched"),
        help="straightened: the vessel becomes a straight line; stretched: it keeps its curves, unrolled into a plane",
    )
    angle: float = declared(
        0.0, unit="degrees", minimum=-360.0, maximum=360.0, help="turn of the cut about the vessel, from its first side"
    )
    half_width: float = declared(
        0.0, unit="mm", minimum=0.0, maximum=150.0, help="how far to either side is shown; 0: 2.5 largest radii"
    )
    pixel: float = declared(
        0.0, unit="mm", minimum=0.0, maximum=5.0, help="size of a pixel; 0: half the scan's smallest voxel edge"
    )
    window_width: float = declared(600.0, unit="HU", minimum=1.0, maximum=10000.0, help="from black to white in a PNG")
    window_level: float = declared(200.0, unit="HU", minimum=-2000.0, maximum=10000.0, help="middle gray of a PNG")


@dataclass(frozen=True, eq=False)
class VesselView:
    """A vessel of a model, ready to be looked at.

    Attributes
    ----------
    points, radius_mm : (n, 3), (n,)
        Its centerline from the root of the tree, without flow extensions, and the inscribed radius.
    own_start_mm
        Arc length at which the vessel itself begins; before that runs what feeds it.
    """

    name: str
    line: VesselLine
    points: FloatArray
    radius_mm: FloatArray
    own_start_mm: float

    @property
    def half_width_mm(self) -> float:
        """How far pictures reach to either side of the vessel when nothing else is asked for."""
        return max(_LEAST_HALF_WIDTH_MM, _HALF_WIDTH_RADII * float(self.radius_mm.max()))


def vessel_view(model: VesselModel, name: str) -> VesselView:
    """The way from the model's inlet to the end of a vessel.

    Raises
    ------
    CaseError
        ``no_such_vessel``.
    ImagingError
        ``line_too_short``.
    """
    from imaging.reformat.vessel_line import vessel_line

    tree = model.centerlines
    try:
        indices = np.array(way_to(tree, name))
    except KeyError:
        there = ", ".join(branch.name for branch in tree.branches)
        raise CaseError("no_such_vessel", f"The model has no vessel {name}; its vessels: {there}.") from None
    points, radius = tree.points[indices], tree.radius_mm[indices]
    low, high = _anatomy(model, points, radius)
    own = len(indices) - len(tree.branch(name).indices)
    line = vessel_line(points[low : high + 1], _LINE_STEP_MM)
    start = line.nearest(points[max(own, low)])[0] if own > 0 else 0.0
    return VesselView(name, line, points[low : high + 1], radius[low : high + 1], start)


def profile_of(model: VesselModel, view: VesselView, step_mm: float = 1.0) -> VesselProfile:
    """Area and diameter along a vessel."""
    from imaging.reformat.profile import vessel_profile

    return vessel_profile(model.surface, view.line, view.points, view.radius_mm, step_mm)


def curved_picture(volume: Volume, view: VesselView, parameters: CurvedParameters) -> CurvedPicture:
    """The scan along a vessel."""
    from imaging.reformat.curved_planar import straightened, stretched

    make = straightened if parameters.kind == "straightened" else stretched
    half_width = parameters.half_width or view.half_width_mm
    return make(volume, view.line, half_width, pixel_of(volume, parameters), parameters.angle)


def pixel_of(volume: Volume, parameters: CurvedParameters) -> float:
    """The size of a pixel that was asked for, or half the scan's smallest voxel edge."""
    return parameters.pixel or 0.5 * float(min(volume.grid.spacing_mm))


def export_curved(opened: OpenCase, vessel: str, values: dict[str, Any], out: Path | None) -> dict[str, Any]:
    """Picture and profile of a case's vessel.

    Parameters
    ----------
    values
        Of `CurvedParameters`.
    out : Path, optional
        ``.png``: the picture in gray; ``.nrrd``: its HU, or of a straightened vessel the whole straightened volume.

    Returns
    -------
    dict
        What was shown, in mm, and the profile every mm, ready for JSON.

    Raises
    ------
    CaseError
        ``step_missing``, ``no_such_vessel``, ``bad_parameter``, ``bad_format``.
    """
    parameters = build(CurvedParameters, values)
    if out is not None and out.suffix.lower() not in _FORMATS:
        raise CaseError("bad_format", f"{out.name} is neither .png nor .nrrd: name a file of one of these kinds.")
    volume, model = scan_and_model(opened)
    view = vessel_view(model, vessel)
    picture = curved_picture(volume, view, parameters)
    profile = profile_of(model, view)
    if out is not None:
        _write(out, volume, view, picture, parameters)
    width, height = picture.extent_mm
    return {
        "vessel": vessel,
        "kind": parameters.kind,
        "angle_deg": parameters.angle,
        "length_mm": round(view.line.length_mm, 3),
        "own_start_mm": round(view.own_start_mm, 3),
        "pixel_mm": picture.pixel_mm,
        "width_mm": round(width, 3),
        "height_mm": round(height, 3),
        "file": out.name if out is not None else None,
        "profile": [
            {
                "along_mm": round(float(along), 3),
                "center_mm": [round(float(x), 3) for x in view.line.at(float(along))[0]],
                "area_mm2": _rounded(area),
                "diameter_mm": _rounded(diameter),
                "inscribed_diameter_mm": _rounded(inscribed),
            }
            for along, area, diameter, inscribed in zip(
                profile.along_mm, profile.area_mm2, profile.diameter_mm, profile.inscribed_mm, strict=True
            )
        ],
    }


def scan_and_model(opened: OpenCase) -> tuple[Volume, VesselModel]:
    """The scan and the vessel model of a case.

    Raises
    ------
    CaseError
        ``step_missing`` when one of them is not there.
    """
    from imaging.surface.surface_io import read_model
    from imaging.volume_io import read_volume

    image, model = opened.case.current("image"), opened.case.current("model")
    if image is None or model is None:
        missing = "scan" if image is None else "vessel model: run the step Model first"
        raise CaseError(
            "step_missing", f"A vessel is shown along its centerline in the scan, but there is no {missing}."
        )
    folder = opened.path_of(next(iter(model.files.values()))).parent
    return read_volume(opened.path_of(image.files["volume"])), read_model(folder)


def _anatomy(model: VesselModel, points: FloatArray, radius_mm: FloatArray) -> tuple[int, int]:
    """First and last index of a way through the tree that lie in the patient, not in a flow extension."""
    low, high = 0, len(points) - 1
    for patch in model.patches:
        if patch.id not in model.extension_start_mm:
            continue
        offset = points - np.asarray(model.extension_start_mm[patch.id])
        at = int(np.linalg.norm(offset, axis=1).argmin())
        if np.linalg.norm(offset[at]) > float(radius_mm[at]):
            continue
        is_beyond = int(offset[at] @ np.asarray(patch.normal) > 0.0)
        if patch.kind == "inlet":
            low = max(low, at + is_beyond)
        else:
            high = min(high, at - is_beyond)
    return (low, high) if low < high else (0, len(points) - 1)


def _write(out: Path, volume: Volume, view: VesselView, picture: CurvedPicture, parameters: CurvedParameters) -> None:
    from imaging.reformat.curved_planar import straightened_volume
    from imaging.reformat.picture_files import write_gray_picture
    from imaging.volume_io import write_volume

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".png":
            write_gray_picture(out, gray(picture.values, parameters), picture.pixel_mm)
        elif parameters.kind == "straightened":
            half_width = parameters.half_width or view.half_width_mm
            write_volume(straightened_volume(volume, view.line, half_width, picture.pixel_mm), out)
        else:
            write_volume(picture.as_volume(volume), out)
    except OSError as error:
        raise CaseError("cannot_write", f"{out.name} cannot be written there: choose another folder.") from error


def gray(values: NDArray[np.float32], parameters: CurvedParameters) -> NDArray[np.uint8]:
    """8-bit gray through the window; black outside the scan."""
    low = parameters.window_level - parameters.window_width / 2.0
    scaled = (np.nan_to_num(values, nan=low) - low) * (255.0 / parameters.window_width)
    result: NDArray[np.uint8] = np.clip(scaled, 0.0, 255.0).astype(np.uint8)
    return result


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
