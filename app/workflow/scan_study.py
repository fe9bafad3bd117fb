"""What a study holds and what can be done with it before anything is imported, for command line and window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imaging.errors import ImagingError
from imaging.finding import Finding
from imaging.fitness import Fitness, ScanFigures, fitness_of, headline
from imaging.types import Progress, Volume, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imaging.dicom.images import Image

VERDICTS = ("good", "limited", "repair", "no analysis", "refused")


@dataclass(frozen=True, eq=False)
class SeriesVerdict:
    """A series of a study, or the one volume of a file.

    Attributes
    ----------
    series_uid, number, description
        As DICOM has them, the description without words that name a person; empty for a file.
    phases
        (what to type, what to read) for each phase when there are several.
    verdict
        ``good``: some analysis is possible as it is. ``limited``: some is, with limits. ``repair``: after a repair that
        the user asks for. ``no analysis``: it can be imported, but no analysis of `imaging.fitness` fits. ``refused``:
        it cannot be imported.
    headline
        The verdict in one line.
    picture
        (96, 96) gray, or None.
    """

    series_uid: str
    number: str
    description: str
    modality: str
    phase: str
    phases: tuple[tuple[str, str], ...]
    n_images: int
    n_slices: int
    size: tuple[int, int]
    spacing_mm: tuple[float, ...]
    coverage_mm: tuple[float, ...]
    body_part: str
    kernel: str
    packing: str
    figures: ScanFigures | None
    findings: tuple[Finding, ...]
    fitness: tuple[Fitness, ...]
    verdict: str
    headline: str
    picture: NDArray[np.uint8] | None = None

    @property
    def needs_repair(self) -> bool:
        """Whether the series can be used only after a repair."""
        return self.verdict == "repair"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without the picture."""
        figures = self.figures
        return {
            "series_uid": self.series_uid,
            "number": self.number,
            "description": self.description,
            "modality": self.modality,
            "phase": self.phase,
            "phases": [typed for typed, _ in self.phases],
            "n_images": self.n_images,
            "n_slices": self.n_slices,
            "size": list(self.size),
            "spacing_mm": [round(x, 4) for x in self.spacing_mm],
            "slice_thickness_mm": figures.thickness_mm if figures else None,
            "coverage_mm": [round(x, 2) for x in self.coverage_mm],
            "body_part": self.body_part,
            "kernel": self.kernel,
            "packing": self.packing,
            "lumen_hu": _rounded(figures.lumen_hu) if figures else None,
            "noise_hu": _rounded(figures.noise_hu) if figures else None,
            "verdict": self.verdict,
            "headline": self.headline,
            "findings": [finding.to_json() for finding in self.findings],
            "fitness": [one.to_json() for one in self.fitness],
        }


@dataclass(frozen=True, eq=False)
class StudyVerdict:
    """Everything in a source: its series, the most useful first, and what was left out, in sentences."""

    series: tuple[SeriesVerdict, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"series": [one.to_json() for one in self.series], "notes": list(self.notes)}


def scan_study(source: Path, *, look: bool = True, progress: Progress = silent) -> StudyVerdict:
    """List the series of a source with what the checks found and what each is fit for. Nothing is changed.

    Parameters
    ----------
    source
        A DICOM folder, DICOMDIR, zip archive or file, or a scan file (NIfTI, NRRD, MHA).
    look
        Whether to unpack up to 16 slices of each series for enhancement, noise and a small picture; without it only
        headers are read.

    Raises
    ------
    ImagingError
        When there is no scan at all; what is wrong with a single series is told in its findings.
    """
    from imaging.dicom.checks import check_series
    from imaging.dicom.images import gather
    from imaging.dicom.series import is_dicom_source
    from imaging.dicom.sources import study_files

    source = Path(source)
    if source.exists() and not is_dicom_source(source):
        return StudyVerdict((_of_file(source, progress),), ())
    found = []
    with study_files(source, lambda fraction, text: progress(0.2 * fraction, text)) as (files, notes):
        gathered = gather(
            files, with_descriptions=True, lenient=True, progress=lambda f, text: progress(0.2 + 0.3 * f, text)
        )
        for n, images in enumerate(gathered.series.values()):
            progress(0.5 + 0.5 * n / len(gathered.series), f"Checking series {n + 1} of {len(gathered.series)}")
            found.append(_of_series(check_series(images, look=look), images))
    found.sort(key=lambda one: (VERDICTS.index(one.verdict), -one.n_slices, one.series_uid))
    progress(1.0, "Study checked")
    return StudyVerdict(tuple(found), (*notes, *gathered.notes))


def study_text(study: StudyVerdict) -> str:
    """The study for people who read a terminal."""
    lines = []
    for one in study.series:
        size = " x ".join(map(str, (*one.size, one.n_slices)))
        spacing = " x ".join(f"{x:.3g}" for x in one.spacing_mm)
        name = f"Series {one.number} ({one.modality})" if one.number else f"Volume ({one.modality})"
        parts = [name, one.description, one.phase, f"{size} voxels", f"{spacing} mm" if spacing else ""]
        lines += [", ".join(part for part in parts if part), f"  {one.verdict}: {one.headline}"]
        if one.series_uid:
            lines.append(f"  UID {one.series_uid}")
        if one.phases:
            lines.append(f"  phases: {', '.join(typed for typed, _ in one.phases)}")
        figures = one.figures
        if figures is not None and figures.was_looked_at:
            lumen = "none found" if figures.lumen_hu is None else f"{figures.lumen_hu:.0f} HU"
            noise = "unknown" if figures.noise_hu is None else f"{figures.noise_hu:.0f} HU"
            lines.append(f"  estimated: enhanced lumen {lumen}, noise {noise}")
        lines += [f"  {finding.severity}: {finding.message}" for finding in one.findings]
        if not any(finding.severity == "refused" for finding in one.findings):
            lines += [
                f"    {fit.analysis.title}: {fit.state}{': ' + ' '.join(fit.reasons) if fit.reasons else ''}"
                for fit in one.fitness
            ]
    return "\n".join([*lines, *study.notes])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _verdict(findings: tuple[Finding, ...], fitness: tuple[Fitness, ...]) -> str:
    severities = {finding.severity for finding in findings}
    states = {one.state for one in fitness}
    if "refused" in severities:
        return "refused"
    if "repairable" in severities:
        return "repair"
    return "good" if "yes" in states else "limited" if "limited" in states else "no analysis"


def _of_series(check: Any, series: list[Image]) -> SeriesVerdict:
    from pydicom.uid import UID

    first = check.images[0]
    derived = next((f.message for f in check.findings if f.code == "derived_image"), "")
    figures = check.figures
    fitness = fitness_of(figures, check.refusal or derived) if figures is not None else ()
    title = headline(fitness, check.refusal)
    verdict = _verdict(check.findings, fitness)
    if verdict == "repair":
        mend = next(f for f in check.findings if f.severity == "repairable")
        title = f"{title}, once repaired ({mend.code.replace('_', ' ')}, {mend.value:.1f} mm)"
    syntax = UID(first.syntax)
    return SeriesVerdict(
        series_uid=first.series_uid,
        number=first.words.get("SeriesNumber", "?"),
        description=first.words.get("SeriesDescription", ""),
        modality=first.modality,
        phase=check.phase_text or (f"{len(check.phases)} phases" if len(check.phases) > 1 else ""),
        phases=tuple((p.id, p.label) for p in check.phases) if len(check.phases) > 1 else (),
        n_images=len(series),
        n_slices=check.n_slices,
        size=(first.columns, first.rows),
        spacing_mm=check.spacing_mm,
        coverage_mm=check.coverage_mm,
        body_part=first.words.get("BodyPartExamined", ""),
        kernel=first.words.get("ConvolutionKernel", ""),
        packing=syntax.name if syntax and syntax.is_transfer_syntax and syntax.is_compressed else "",
        figures=figures,
        findings=check.findings,
        fitness=fitness,
        verdict=verdict,
        headline=title,
        picture=check.picture,
    )


def _of_file(source: Path, progress: Progress) -> SeriesVerdict:
    """The one volume of a scan file; a file that cannot be read at all is an error."""
    from imaging.volume_io import read_volume, require_ct

    volume = read_volume(source, progress=lambda fraction, text: progress(0.7 * fraction, text))
    findings: list[Finding] = []
    try:
        require_ct(volume)
    except ImagingError as error:
        findings.append(Finding(error.code, "refused", error.message))
    figures, picture = _figures_of(volume)
    if figures.was_looked_at and figures.lumen_hu is None:
        message = "No lumen enhanced to 150 HU or more was found (estimated from some slices)."
        findings.append(Finding("not_enhanced", "warning", message))
    refusal = findings[0].message if findings and findings[0].severity == "refused" else ""
    fitness = fitness_of(figures, refusal)
    grid = volume.grid
    return SeriesVerdict(
        series_uid="",
        number="",
        description="",
        modality=volume.modality,
        phase="",
        phases=(),
        n_images=1,
        n_slices=grid.size[2],
        size=(grid.size[0], grid.size[1]),
        spacing_mm=grid.spacing_mm,
        coverage_mm=_extent(volume),
        body_part="",
        kernel="",
        packing="",
        figures=figures,
        findings=tuple(findings),
        fitness=fitness,
        verdict=_verdict(tuple(findings), fitness),
        headline=headline(fitness, refusal),
        picture=picture,
    )


def _extent(volume: Volume) -> tuple[float, float, float]:
    import numpy as np

    grid = volume.grid
    corners = [[i, j, k] for i in (0, grid.size[0] - 1) for j in (0, grid.size[1] - 1) for k in (0, grid.size[2] - 1)]
    x, y, z = (float(extent) for extent in np.ptp(grid.to_lps(np.array(corners)), axis=0))
    return x, y, z


def _figures_of(volume: Volume) -> tuple[ScanFigures, NDArray[np.uint8]]:
    """Figures of a volume; its slices are taken across the index axis that runs most along the body."""
    import numpy as np

    from imaging.image_quality import image_quality, slices_to_look_at
    from imaging.thumbnail import thumbnail

    grid = volume.grid
    axis = int(np.argmax(np.abs(np.reshape(grid.direction, (3, 3))[2])))
    others = [a for a in range(3) if a != axis]
    stack = np.moveaxis(volume.array, 2 - axis, 0)
    step, in_plane = grid.spacing_mm[axis], max(grid.spacing_mm[a] for a in others)
    is_ct = volume.modality == "CT"
    quality = image_quality([stack[n] for n in slices_to_look_at(len(stack))], in_plane) if is_ct else None
    figures = ScanFigures(
        modality=volume.modality,
        in_plane_mm=in_plane,
        step_mm=step,
        coverage_mm=step * len(stack),
        noise_hu=quality.noise_hu if quality else None,
        lumen_hu=quality.lumen_hu if quality else None,
        was_looked_at=is_ct,
    )
    return figures, thumbnail(stack[len(stack) // 2], is_hu=is_ct)
