"""Learned segmenters: trained networks that the user has installed, found by entry point or run as commands.

A package offers a segmenter of its own by an entry point of the group ``angiotwin.segmenters`` that loads to a
`Segmenter` (or to a class of one, which is called without arguments). None is shipped, and no weights are fetched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imaging.errors import ImagingError
from imaging.types import LabelMap, Progress, Volume

GROUP = "angiotwin.segmenters"


class Segmenter(Protocol):
    """A network. ``model`` names what it is to use (a file, a data set's id), ``structure`` what it is to find."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    def missing(self, model: str) -> str:
        """One sentence that says what must be installed or chosen first; empty when it can run."""

    def segment(self, volume: Volume, model: str, structure: str, progress: Progress) -> LabelMap:
        """Labels on the volume's grid. ``progress`` may raise to cancel."""


@dataclass(frozen=True)
class CommandSegmenter:
    """A program of the user's that reads and writes NIfTI files, run in a folder that is removed afterwards.

    ``arguments(folder, model, structure)`` gives its words; ``scan_name`` and ``result_name`` are files in the folder.
    """

    id: str
    title: str
    command: str
    install: str
    scan_name: str
    result_name: str
    arguments: Callable[[Path, str, str], Sequence[str]]
    needs_model: str = ""

    def missing(self, model: str) -> str:
        if shutil.which(self.command) is None:
            return (
                f"{self.title} is not installed: {self.install}, so that {self.command} is on the PATH, and try again."
            )
        return f"{self.title} needs {self.needs_model}." if self.needs_model and not model else ""

    def segment(self, volume: Volume, model: str, structure: str, progress: Progress) -> LabelMap:
        from imaging.volume_io import read_labels, write_volume

        with tempfile.TemporaryDirectory(prefix="angiotwin-") as name:
            folder = Path(name)
            scan, result = folder / self.scan_name, folder / self.result_name
            for path in (scan, result):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(volume, scan)
            words = [self.command, *self.arguments(folder, model, structure)]
            with (folder / "said.txt").open("w+b") as said:
                child = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
                try:
                    while child.poll() is None:
                        progress(0.1, f"{self.title} is at work")
                        time.sleep(0.2)
                finally:
                    if child.poll() is None:
                        child.kill()
                        child.wait()
                said.seek(0)
                lines = said.read().decode(errors="replace").replace(name, "").strip().splitlines()
            if child.returncode != 0 or not result.is_file():
                last = lines[-1][:200] if lines else f"it ended with code {child.returncode}"
                raise ImagingError("segmenter_failed", f"{self.title} made no segmentation; its last words: {last}")
            return read_labels(result)


def _total_segmentator(folder: Path, model: str, structure: str) -> list[str]:
    words = ["-i", str(folder / "scan.nii.gz"), "-o", str(folder / "labels.nii.gz"), "--ml"]
    words += ["--task", model] if model else []
    return words + (["--roi_subset", structure] if structure else [])


def _nn_unet(folder: Path, model: str, structure: str) -> list[str]:
    dataset, _, configuration = model.partition(":")
    return ["-i", str(folder / "in"), "-o", str(folder / "out"), "-d", dataset, "-c", configuration or "3d_fullres"]


@dataclass(frozen=True)
class OnnxSegmenter:
    """A network in an ONNX file: input (1, 1, k, j, i) of float32, output (1, classes, k, j, i) scores.

    One class is taken for a probability, several for scores of which the largest wins, class 0 being background. The
    file's metadata may say ``mean`` and ``std``, with which the scan is normalized, and ``names``, a JSON object from
    value to name.
    """

    id: str = "onnx"
    title: str = "ONNX network"

    def missing(self, model: str) -> str:
        from importlib.util import find_spec

        if find_spec("onnxruntime") is None:
            return "ONNX networks need onnxruntime, which is not installed: pip install onnxruntime, and try again."
        if not model or not Path(model).is_file():
            return "Choose the network: the setting model is the path of an ONNX file."
        return ""

    def segment(self, volume: Volume, model: str, structure: str, progress: Progress) -> LabelMap:
        import onnxruntime

        try:
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            said = dict(session.get_modelmeta().custom_metadata_map)
            scan = (volume.array.astype(np.float32) - float(said.get("mean", 0.0))) / float(said.get("std", 1.0))
            progress(0.2, f"{self.title} is at work")
            scores = np.asarray(session.run(None, {session.get_inputs()[0].name: scan[None, None]})[0])
            names = {int(value): str(name) for value, name in json.loads(said.get("names", "{}")).items()}
        except ImagingError:
            raise
        except Exception as error:
            last = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise ImagingError("segmenter_failed", f"The ONNX network made no segmentation: {last}") from error
        if scores.ndim != 5 or scores.shape[0] != 1 or scores.shape[2:] != volume.array.shape:
            raise ImagingError(
                "segmenter_failed",
                f"The ONNX network answers with {scores.shape} for a scan of {volume.array.shape}: it must give "
                "one score for each class and voxel.",
            )
        found = scores[0].argmax(axis=0) if scores.shape[1] > 1 else scores[0, 0] > 0.5
        array = np.asarray(found, dtype=np.uint8)
        values = [int(v) for v in np.unique(array) if v]
        return LabelMap(array, volume.grid, {v: names.get(v, f"label {v}") for v in values})


BUILT_IN: tuple[Segmenter, ...] = (
    CommandSegmenter(
        "totalsegmentator",
        "TotalSegmentator",
        "TotalSegmentator",
        "pip install TotalSegmentator in an environment of its own",
        "scan.nii.gz",
        "labels.nii.gz",
        _total_segmentator,
    ),
    CommandSegmenter(
        "nnunet",
        "nnU-Net",
        "nnUNetv2_predict",
        "pip install nnunetv2 in an environment of its own",
        "in/scan_0000.nii.gz",
        "out/scan.nii.gz",
        _nn_unet,
        needs_model="a trained data set: set model to its id and its configuration, such as 7:3d_fullres",
    ),
    OnnxSegmenter(),
)


def plug_ins() -> dict[str, EntryPoint]:
    """The entry points that offer segmenters, by name; none is loaded."""
    return {point.name: point for point in entry_points(group=GROUP)}


def segmenter_of(segmenter_id: str) -> Segmenter:
    """The segmenter of that id.

    Raises
    ------
    ImagingError
        ``unknown_segmenter``; ``segmenter_failed`` when a plug-in cannot be loaded.
    """
    for built_in in BUILT_IN:
        if built_in.id == segmenter_id:
            return built_in
    found = plug_ins()
    if segmenter_id not in found:
        known = ", ".join([*(b.id for b in BUILT_IN), *found])
        raise ImagingError("unknown_segmenter", f"There is no segmenter {segmenter_id!r}; there are: {known}.")
    try:
        loaded: Any = found[segmenter_id].load()
        made: Segmenter = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        raise ImagingError(
            "segmenter_failed",
            f"The plug-in {segmenter_id} cannot be loaded ({type(error).__name__}): update it or remove it.",
        ) from error
    return made
