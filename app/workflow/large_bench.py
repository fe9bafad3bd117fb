"""A large CT: how long it takes to open, what memory that needs, and how quickly edits are undone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from imaging.types import Grid, Progress, Volume, silent

OPEN_LIMIT_S, MEMORY_LIMIT_VOLUMES = 5.0, 2.5
UNDO_LIMIT_S = 0.2
PRESET_LIMIT_S = 30.0
_OPENED = (512, 512, 500)
_EDITED = (512, 512, 300)
_SPACING_MM = (0.7, 0.7, 0.8)


def large_rows(progress: Progress) -> list[dict[str, Any]]:
    """Opening 512 x 512 x 500 slices, and undoing edits of 512 x 512 x 300 voxels."""
    progress(0.0, "Writing 500 slices")
    rows = _open_rows()
    progress(0.6, "Editing 79 million voxels")
    return [*rows, _undo_row()]


def _row(name: str, value: float, unit: str, limit: float, how: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": f"<= {limit:g}",
        "met": value <= limit,
        "how": how,
    }


def _open_rows() -> list[dict[str, Any]]:
    """In a process of its own, whose memory before and at its peak is read; the files were just written, so cached."""
    with tempfile.TemporaryDirectory() as folder:
        _write_slices(Path(folder))
        child = "import sys; from app.workflow.large_bench import print_opening; print_opening(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", child, folder], check=True, capture_output=True, text=True)
    seconds, volumes = (float(word) for word in done.stdout.split())
    how = "500 uncompressed slices of 512 x 512 from folder to volume, files cached"
    peak = "peak resident memory over that of the program without it, in volumes; " + how
    return [
        _row("imaging-open", seconds, "s", OPEN_LIMIT_S, how),
        _row("imaging-open-memory", volumes, "1", MEMORY_LIMIT_VOLUMES, peak),
    ]


def print_opening(folder: str) -> None:
    """Open a series once; prints seconds, and the peak of memory in volumes over what it was before."""
    import resource

    from imaging.dicom.series import read_series

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    volume = read_series(folder)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(seconds, 1024.0 * (peak - before) / volume.array.nbytes)


def _write_slices(folder: Path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    columns, rows, n = _OPENED
    noise = np.random.default_rng(0).integers(0, 3000, (rows, columns)).astype(np.uint16)
    study, series = generate_uid(), generate_uid()
    for k in range(n):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = study, series, "CT"
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PixelSpacing, dataset.SliceThickness = list(_SPACING_MM[:2]), _SPACING_MM[2]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [0, 0, k * _SPACING_MM[2]]
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.PixelData = np.roll(noise, 7 * k).tobytes()
        dataset.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)


def _undo_row() -> dict[str, Any]:
    """The longest undo of a brush, a growth, a margin and the inversion of all voxels."""
    from imaging.segmentation.editing.registry import Edit, apply_edit

    i, j, k = _EDITED
    jj, ii = np.indices((j, i))
    tube = np.where((jj - 256) ** 2 + (ii - 256) ** 2 < 18**2, 400, 50).astype(np.float32)
    scan = np.random.default_rng(0).normal(0.0, 20.0, (k, j, i)).astype(np.float32)
    scan += tube
    grid = Grid(_EDITED, _SPACING_MM, (0.0, 0.0, 0.0))
    volume = Volume(np.rint(scan).astype(np.int16), grid)
    x, y, z = (float(c) for c in grid.to_lps((256, 256, 150)))
    labels = np.zeros((k, j, i), np.uint8)
    taken: dict[str, float] = {}
    for edit in (
        Edit("brush", {"radius_mm": 20.0}, 1, ((x, y, z),)),
        Edit("grow", {"leak_guard": False}, 1, ((x, y, z),)),
        Edit("margin", {}, 1),
        Edit("logical", {"operation": "invert"}, 1),
    ):
        delta = apply_edit(labels, grid, volume, edit, silent).delta
        if delta is None:
            raise ValueError(f"{edit.operation} changed nothing")
        delta.put(labels)
        started = time.perf_counter()
        delta.put(labels, back=True)
        taken[edit.operation] = time.perf_counter() - started
        delta.put(labels)
    how = "change of the labels in memory, without drawing: "
    how += ", ".join(f"{name} {1000.0 * seconds:.0f} ms" for name, seconds in taken.items())
    return _row("imaging-undo", max(taken.values()), "s", UNDO_LIMIT_S, how)


def preset_rows(progress: Progress) -> list[dict[str, Any]]:
    """The preset of the chest on the sample, resampled to 512 x 512 x 300 voxels."""
    from scipy import ndimage

    from app.case.bundle import OpenCase
    from app.workflow.samples import import_sample
    from imaging.segmentation.presets import PRESETS
    from imaging.volume_io import read_volume

    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder, "large.case")
        import_sample("thoracic_ct", case)
        with OpenCase.open(case) as opened:
            record = opened.case.current("image")
            if record is None:
                raise ValueError("the sample has no image")
            small = read_volume(opened.path_of(record.files["volume"]))
            points = dict(opened.case.points)
    factors = [n / old for n, old in zip(_EDITED[::-1], small.array.shape, strict=True)]
    array = ndimage.zoom(small.array, factors, order=1, grid_mode=True, mode="nearest")
    spacing = [s / f for s, f in zip(small.grid.spacing_mm, factors[::-1], strict=True)]
    first = small.grid.to_lps(np.array([0.5 / f - 0.5 for f in factors[::-1]]))
    grid = Grid(_EDITED, (spacing[0], spacing[1], spacing[2]), tuple(first.tolist()), small.grid.direction)
    preset = PRESETS["thoracic-aorta"]
    started = time.perf_counter()
    labels = preset.segment(Volume(array, grid), points, preset.parameters_type(), progress)
    seconds = time.perf_counter() - started
    volume_ml = float((labels.array > 0).sum()) * grid.voxel_volume_ml
    how = f"thoracic-aorta on the sample resampled to 512 x 512 x 300, {volume_ml:.0f} mL found; {os.cpu_count()} cores"
    return [_row("imaging-preset-large", seconds, "s", PRESET_LIMIT_S, how)]
