"""Learned segmenters: tiny stand-ins made here for a plug-in, the two commands and the ONNX runtime."""

from __future__ import annotations

import json
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import ImagingError
from imaging.segmentation.editing.registry import Applied, Edit, apply_edit
from imaging.types import Grid, Volume, silent

GRID = Grid((12, 10, 8), (1.0, 1.0, 2.0), (5.0, -3.0, 40.0))


def scan() -> Volume:
    hu = np.full(GRID.array_shape, 50, np.int16)
    hu[2:6, 3:7, 2:9], hu[2:6, 3:7, 10:] = 400, 900
    return Volume(hu, GRID)


def asked(**parameters: str) -> Applied:
    return apply_edit(np.zeros(GRID.array_shape, np.uint8), GRID, scan(), Edit("learned", parameters), silent)


def found(applied: Applied) -> np.ndarray:
    labels = np.zeros(GRID.array_shape, np.uint8)
    assert applied.delta is not None
    applied.delta.put(labels)
    return labels > 0


PROGRAM = """#!{python}
import sys
import numpy as np, SimpleITK as sitk
from pathlib import Path
words = sys.argv[1:]
given, out = Path(words[words.index("-i") + 1]), Path(words[words.index("-o") + 1])
if given.is_dir():
    given, out = given / "scan_0000.nii.gz", out / "scan.nii.gz"
    assert words[words.index("-d") + 1] == "7" and words[words.index("-c") + 1] == "2d", words
image = sitk.ReadImage(str(given))
if sitk.GetArrayFromImage(image).max() > 5000:
    sys.exit("RuntimeError: out of memory")
values = sitk.GetArrayFromImage(image)
labels = sitk.GetImageFromArray(((values > 300).astype(np.uint8) + (values > 700)).astype(np.uint8))
labels.CopyInformation(image)
sitk.WriteImage(labels, str(out))
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both commands, as programs that set a threshold."""
    for name in ("TotalSegmentator", "nnUNetv2_predict"):
        program = tmp_path / name
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(("segmenter", "model"), [("totalsegmentator", ""), ("nnunet", "7:2d")])
def test_an_installed_command_is_run_on_the_scan(segmenter: str, model: str) -> None:
    assert (found(asked(segmenter=segmenter, model=model)) == (scan().array > 300)).all()
    assert (found(asked(segmenter=segmenter, model=model, structure="2")) == (scan().array > 700)).all()


@pytest.mark.usefixtures("commands")
def test_a_command_that_fails_is_quoted() -> None:
    bright = Volume(np.full(GRID.array_shape, 9000, np.int16), GRID)
    with pytest.raises(ImagingError) as refusal:
        apply_edit(np.zeros(GRID.array_shape, np.uint8), GRID, bright, Edit("learned"), silent)
    assert refusal.value.code == "segmenter_failed" and "out of memory" in refusal.value.message


def test_an_onnx_network_is_normalized_run_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def __init__(self, path: str, providers: list[str]) -> None:
            self.weights = json.loads(Path(path).read_text())

        def get_modelmeta(self) -> types.SimpleNamespace:
            said = {"mean": "50", "std": "100", "names": json.dumps({"1": "artery", "2": "bone"})}
            return types.SimpleNamespace(custom_metadata_map=said)

        def get_inputs(self) -> list[types.SimpleNamespace]:
            return [types.SimpleNamespace(name="scan")]

        def run(self, outputs: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
            x = given["scan"]
            assert x.dtype == np.float32
            return [np.concatenate([w * x + b for w, b in self.weights], axis=1)]

    runtime = types.ModuleType("onnxruntime")
    runtime.InferenceSession = Session  # type: ignore[attr-defined]
    runtime.__spec__ = ModuleSpec("onnxruntime", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    network = tmp_path / "tiny.onnx"
    network.write_text(json.dumps([[0.0, 0.0], [1.0, -2.0], [2.0, -8.0]]))  # artery wins at 250 HU, bone at 650
    assert (found(asked(segmenter="onnx", model=str(network), structure="artery")) == (scan().array == 400)).all()
    assert (found(asked(segmenter="onnx", model=str(network), structure="bone")) == (scan().array == 900)).all()
    network.write_text(json.dumps([]))
    with pytest.raises(ImagingError) as refusal:
        asked(segmenter="onnx", model=str(network))
    assert refusal.value.code == "segmenter_failed"


def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bright_plug_in.py").write_text(
        "from imaging.types import LabelMap\n"
        "import numpy as np\n"
        "class Bright:\n"
        "    id, title = 'bright', 'Bright'\n"
        "    def missing(self, model): return ''\n"
        "    def segment(self, volume, model, structure, progress):\n"
        "        return LabelMap((volume.array > 300).astype(np.uint8), volume.grid, {1: 'artery'})\n"
    )
    info = tmp_path / "bright_plug_in-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bright-plug-in\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[angiotwin.segmenters]\nbright = bright_plug_in:Bright\nbroken = bright_plug_in:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert (found(asked(segmenter="bright")) == (scan().array > 300)).all()
    with pytest.raises(ImagingError) as refusal:
        asked(segmenter="broken")
    assert refusal.value.code == "segmenter_failed" and "broken" in refusal.value.message


@pytest.mark.parametrize(
    ("parameters", "code", "word"),
    [
        ({"segmenter": "totalsegmentator"}, "segmenter_missing", "not installed"),
        ({"segmenter": "nnunet"}, "segmenter_missing", "nnUNetv2_predict"),
        ({"segmenter": "onnx"}, "segmenter_missing", "onnxruntime"),
        ({"segmenter": "nobody"}, "unknown_segmenter", "nobody"),
    ],
)
def test_what_is_not_installed_is_said_in_one_sentence(
    parameters: dict[str, str], code: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImagingError) as refusal:
        asked(**parameters)
    assert refusal.value.code == code and word in refusal.value.message and refusal.value.message.count(". ") == 0
