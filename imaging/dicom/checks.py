"""What is looked at in a DICOM series before it is taken: findings with numbers, figures, a small picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.geometry import StackGeometry, defects, measure
from imaging.dicom.images import Image
from imaging.dicom.phases import Phase, phase_of_description, split_phases
from imaging.dicom.pixels import hounsfield
from imaging.dicom.series import check_kind, without_copies, without_strays
from imaging.errors import ImagingError
from imaging.finding import Finding
from imaging.fitness import ScanFigures
from imaging.image_quality import ImageQuality, image_quality, slices_to_look_at
from imaging.thumbnail import thumbnail

_PROJECTED = ("MIP", "MINIP", "PROJECTION", "VRT", "SCREEN", "CURVED")
_AIR_HU = -200.0
"""Assumption: a scan of the body holds some air, so that its darkest percent lies below this."""
_THICKNESS_SHORT, _THICKNESS_LONG = 0.7, 2.5
"""Assumptions: share of the step below which slices leave gaps, above which they blur into each other."""


@dataclass(frozen=True, eq=False)
class SeriesCheck:
    """What the checks of a series found.

    Attributes
    ----------
    phases
        The phases, or one without a name.
    phase_text
        What the description says about the phase, where there is only one.
    n_slices
        Of one phase.
    spacing_mm
        (along a row, along a column, between slices); empty when the slices form no stack.
    coverage_mm
        Extent along left-right, front-back and feet-head.
    """

    images: tuple[Image, ...]
    findings: tuple[Finding, ...]
    figures: ScanFigures | None
    phases: tuple[Phase, ...]
    phase_text: str
    n_slices: int
    spacing_mm: tuple[float, float, float] | tuple[()]
    coverage_mm: tuple[float, float, float] | tuple[()]
    picture: NDArray[np.uint8] | None

    @property
    def refusal(self) -> str:
        """Why the series cannot be used, or an empty text."""
        return next((f.message for f in self.findings if f.severity == "refused"), "")


def check_series(series: Sequence[Image], *, look: bool = True) -> SeriesCheck:
    """Check a series; nothing is raised for what is wrong with it.

    Parameters
    ----------
    look : bool
        Whether to unpack some slices for enhancement, noise and the small picture.
    """
    notes: list[str] = []
    findings: list[Finding] = []
    try:
        check_kind(series)
    except ImagingError as error:
        findings.append(_refused(error))
    images = without_copies(series, notes)
    phases = split_phases(images)
    geometry = None
    for number, phase in enumerate(phases):
        try:
            stack = without_strays(phase.images, notes if number == 0 else [])
            measured = measure(stack)
        except ImagingError as error:
            if not any(finding.code == error.code for finding in findings):
                findings.append(_of_phase(_refused(error), phase))
            continue
        if geometry is None:
            geometry, first = measured, stack
        known = {finding.code for finding in findings}
        findings += [_of_phase(f, phase) for f in defects(measured) if f.code not in known]
    findings += [Finding("left_out", "note", note) for note in notes]
    findings += _header_findings(images)
    if geometry is None:
        return SeriesCheck(
            tuple(images),
            tuple(findings),
            None,
            tuple(phases),
            "",
            len(phases[0].images),
            (),
            (),
            _picture(images, look),
        )
    first = [first[n] for n in geometry.order]
    findings += _stack_findings(geometry, first)
    quality, picture = _looked_at(first, geometry, findings) if look else (None, None)
    if quality is not None:
        findings += _quality_findings(quality, first[0])
    coverage = _coverage(geometry)
    step = float(np.median(geometry.steps))
    thickness = first[0].numbers.get("SliceThickness")
    figures = ScanFigures(
        modality=first[0].modality,
        in_plane_mm=max(geometry.spacing_mm),
        step_mm=step,
        coverage_mm=geometry.length_mm + step,
        thickness_mm=thickness if thickness and thickness > 0 else None,
        n_phases=len(phases),
        noise_hu=quality.noise_hu if quality else None,
        lumen_hu=quality.lumen_hu if quality else None,
        was_looked_at=quality is not None,
        body_part=first[0].words.get("BodyPartExamined", ""),
    )
    described = phase_of_description(first[0].words.get("SeriesDescription", ""))
    return SeriesCheck(
        tuple(first),
        tuple(findings),
        figures,
        tuple(phases),
        described if len(phases) == 1 else "",
        geometry.n_slices,
        (*geometry.spacing_mm, step),
        coverage,
        picture,
    )


def _refused(error: ImagingError) -> Finding:
    return Finding(error.code, "refused", error.message, place_mm=error.place_mm)


def _of_phase(finding: Finding, phase: Phase) -> Finding:
    return replace(finding, message=f"{finding.message} (phase {phase.id})") if phase.id else finding


def _coverage(geometry: StackGeometry) -> tuple[float, float, float]:
    corners = []
    columns, rows = geometry.size
    for position in (geometry.positions[0], geometry.positions[-1]):
        for i in (0, columns - 1):
            for j in (0, rows - 1):
                corners.append(
                    position + i * geometry.spacing_mm[0] * geometry.row + j * geometry.spacing_mm[1] * geometry.column
                )
    x, y, z = (float(extent) for extent in np.ptp(np.array(corners), axis=0))
    return x, y, z


def _header_findings(images: Sequence[Image]) -> list[Finding]:
    found = []
    first = images[0]
    projected = [word for word in first.image_type if any(sign in word.upper() for sign in _PROJECTED)]
    if projected:
        message = f"The images are no slices but pictures made from them ({projected[0][:24]}); choose the slices."
        found.append(Finding("derived_image", "warning", message))
    if first.words.get("LossyImageCompression") == "01":
        message = "The images were compressed with loss, so HU and edges are not what the scanner measured."
        found.append(Finding("lossy", "warning", message))
    if first.words.get("BurnedInAnnotation", "").upper() == "YES":
        message = "Text is burned into the images; it may name the patient, and de-identification does not remove it."
        found.append(Finding("burned_in_text", "warning", message))
    scales = {(image.slope, image.intercept) for image in images if image.slope is not None}
    if len(scales) > 1:
        message = f"The images have {len(scales)} different HU scales; each image's own is used."
        found.append(Finding("hu_scale_varies", "note", message, float(len(scales)), "scales"))
    odd = next((s for s, _ in scales if s is not None and s != 1.0), None)
    if odd is not None:
        message = f"The rescale slope is {odd:g} HU a step, where CT scanners write 1."
        found.append(Finding("hu_scale_odd", "warning" if odd < 0 or odd > 4 else "note", message, odd, "HU"))
    return found


def _stack_findings(geometry: StackGeometry, images: Sequence[Image]) -> list[Finding]:
    found = []
    numbers = [image.numbers.get("InstanceNumber") for image in images]
    if all(number is not None for number in numbers) and len(set(numbers)) == len(numbers):
        steps = np.sign(np.diff(np.array(numbers, dtype=float)))
        backward = int((steps < 0).sum())
        if 0 < backward < len(steps):
            fewer = min(backward, len(steps) - backward)
            message = f"The numbers of the images disagree with their positions at {fewer} places; positions are used."
            found.append(Finding("order_disagrees", "warning", message, float(fewer), "places", 0.0))
        elif backward:
            message = "The images are numbered against the direction of their normal; positions are used."
            found.append(Finding("order_flipped", "note", message))
    thickness = images[0].numbers.get("SliceThickness")
    step = float(np.median(geometry.steps))
    if thickness is None or thickness <= 0:
        found.append(Finding("thickness_missing", "note", "The header does not say how thick the slices are."))
    elif thickness < _THICKNESS_SHORT * step:
        gap = step - thickness
        message = f"Slices of {thickness:.2f} mm lie {step:.2f} mm apart: {gap:.2f} mm between them were not scanned."
        found.append(Finding("slice_gaps", "warning", message, gap, "mm", 0.0))
    elif thickness > _THICKNESS_LONG * step:
        message = (
            f"Slices {thickness:.2f} mm thick lie only {step:.2f} mm apart; what is seen is {thickness:.2f} mm thick."
        )
        found.append(Finding("slices_overlap", "note", message, thickness, "mm", round(_THICKNESS_LONG * step, 3)))
    return found


def _quality_findings(quality: ImageQuality, image: Image) -> list[Finding]:
    found = []
    if quality.lowest_hu > _AIR_HU:
        message = (
            f"The darkest percent of the images begins at {quality.lowest_hu:.0f} HU, but air has -1000: either the "
            "images hold no air, or their values are not HU."
        )
        found.append(Finding("no_air", "warning", message, quality.lowest_hu, "HU", _AIR_HU))
    if quality.lumen_hu is None:
        said = "names a contrast agent" if image.words.get("ContrastBolusAgent") else "names no contrast agent"
        share = f"{100 * quality.lumen_share:.2f} % of the body's section"
        message = f"No enhanced lumen was found (even regions above 150 HU take up {share}; the header {said})."
        found.append(Finding("not_enhanced", "warning", message, 100 * quality.lumen_share, "%", 0.12))
    return found


def _looked_at(
    images: Sequence[Image], geometry: StackGeometry, findings: list[Finding]
) -> tuple[ImageQuality | None, NDArray[np.uint8] | None]:
    """Quality and picture; a slice that cannot be unpacked becomes a finding."""
    chosen = [images[n] for n in slices_to_look_at(len(images))]
    is_ct = all(i.modality == "CT" and i.samples == 1 and i.slope is not None and i.slope > 0 for i in chosen)
    if not is_ct:
        return None, _picture(images, True)
    try:
        slices = hounsfield(chosen)
    except ImagingError as error:
        findings.append(_refused(error))
        return None, None
    middle = slices[len(slices) // 2]
    aspect = geometry.spacing_mm[1] / geometry.spacing_mm[0]
    return image_quality(list(slices), geometry.spacing_mm[0]), thumbnail(middle, aspect)


def _picture(images: Sequence[Image], look: bool) -> NDArray[np.uint8] | None:
    """The middle image of what is no CT, or no stack."""
    if not look:
        return None
    middle = images[len(images) // 2]
    if middle.samples != 1 or (middle.frame is None and middle.n_frames > 1):
        return None
    plain = replace(
        middle, slope=middle.slope if middle.slope and middle.slope > 0 else 1.0, intercept=middle.intercept or 0.0
    )
    try:
        array: NDArray[Any] = hounsfield([plain])[0]
    except ImagingError:
        return None
    return thumbnail(array, 1.0, is_hu=middle.modality == "CT" and middle.slope is not None)
