"""Hundreds of damaged, absurd or malicious scan and surface files, always the same, and a process that imports them.

``python bad_files.py CORPUS_FOLDER`` imports every file of a corpus and prints one JSON object a line: its name,
whether it was accepted or refused and with what words, how long that took, and whether an accepted geometry is the
one that the files state (read here without the program's readers).
"""

from __future__ import annotations

import gzip
import json
import re
import struct
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from dicom_cases import SPACING, beside_origin, write_directory, write_enhanced, write_series
from pydicom.dataset import FileDataset
from pydicom.uid import JPEG2000Lossless, RLELossless

ROWS, COLUMNS, N = 40, 36, 4
Maker = Callable[[Path], Path]
PIXELS = np.random.default_rng(8).integers(0, 2500, (N, ROWS, COLUMNS)).astype(np.uint16)


def series(folder: Path, change: Callable[[int, FileDataset], None] | None = None, n: int = N) -> Path:
    """A small sound series, changed."""

    def small(k: int, dataset: FileDataset) -> None:
        dataset.Rows, dataset.Columns = ROWS, COLUMNS
        dataset.PixelData = PIXELS[k % N].tobytes()
        dataset.InstanceNumber = k + 1
        with warnings.catch_warnings(action="ignore"):
            if change:
                change(k, dataset)

    with warnings.catch_warnings(action="ignore"):
        return write_series(folder, change=small, n_slices=n)


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def flipped(content: bytes, seed: int, first: int = 0) -> bytes:
    """The content with 1 to 12 bits turned over, half of the time near the beginning."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    end = len(changed) if seed % 2 else min(len(changed), first + 900)
    for at in rng.integers(first, end, size=int(rng.integers(1, 13))):
        changed[int(at)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def scrambled(content: bytes, seed: int, first: int = 0) -> bytes:
    """The content with a run of bytes made random, zero, doubled, or left out."""
    rng = np.random.default_rng(1000 + seed)
    start = int(rng.integers(first, max(first + 1, len(content) - 8)))
    length = int(rng.integers(1, 64))
    piece = (rng.bytes(length), bytes(length), content[start : start + length] * 2, b"")[seed % 4]
    return content[:start] + piece + content[start + length :]


def _one_file(folder: Path) -> Path:
    return sorted(folder.iterdir())[1]


def _dicom_with(change: Callable[[bytes], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        victim = _one_file(series(folder / "s"))
        victim.write_bytes(change(victim.read_bytes()))
        return folder / "s"

    return make


def _packed_with(syntax: str, change: Callable[[bytes], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        for path in series(folder / "s").iterdir():
            dataset = pydicom.dcmread(path)
            dataset.compress(syntax)
            dataset.save_as(path)
        victim = _one_file(folder / "s")
        victim.write_bytes(change(victim.read_bytes()))
        return folder / "s"

    return make


def _enhanced_with(change: Callable[[bytes], bytes] | None, tags: Callable[[Any], None] | None = None) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / "e.dcm"
        small = np.pad(PIXELS, ((0, 0), (0, 72 - ROWS), (0, 64 - COLUMNS)))
        dataset = write_enhanced(path, small)
        if tags:
            with warnings.catch_warnings(action="ignore"):
                tags(dataset)
                dataset.save_as(path)
        if change:
            path.write_bytes(change(path.read_bytes()))
        return path

    return make


def _tag(key: str, value: Any, which: Callable[[int], bool] = lambda k: True) -> Maker:
    def change(k: int, dataset: FileDataset) -> None:
        if not which(k):
            return
        if value is None:
            delattr(dataset, key)
        elif isinstance(value, bytes):  # what pydicom would refuse to write as a value
            from pydicom.datadict import dictionary_VR, tag_for_keyword
            from pydicom.dataelem import RawDataElement
            from pydicom.tag import Tag

            tag = Tag(tag_for_keyword(key))
            raw = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)
            dataset._dict[tag] = raw
        else:
            setattr(dataset, key, value)

    def make(folder: Path) -> Path:
        return series(folder / "s", change)

    return make


_TAGS: tuple[tuple[str, Any], ...] = (
    ("Rows", 0), ("Rows", 1), ("Rows", 80), ("Rows", 65535), ("Rows", None), ("Columns", 0), ("Columns", 72),
    ("Columns", 65535), ("BitsAllocated", 8), ("BitsAllocated", 32), ("BitsAllocated", 12), ("BitsStored", 0),
    ("BitsStored", 17), ("HighBit", 3), ("PixelRepresentation", 7), ("SamplesPerPixel", 3), ("SamplesPerPixel", 0),
    ("PhotometricInterpretation", "RGB"), ("PhotometricInterpretation", "PALETTE COLOR"),
    ("PhotometricInterpretation", None), ("PixelSpacing", [0, 0]), ("PixelSpacing", [-0.7, 0.7]),
    ("PixelSpacing", b"NaN\\NaN "), ("PixelSpacing", b"abc\\def "), ("PixelSpacing", b"0.7 "),
    ("PixelSpacing", [1e-9, 1e-9]), ("PixelSpacing", [1e9, 1e9]), ("PixelSpacing", b"inf\\inf "),
    ("PixelSpacing", None), ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0]),
    ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), ("ImageOrientationPatient", [2, 0, 0, 0, 2, 0]),
    ("ImageOrientationPatient", [0.5, 0, 0, 0, 2, 0]), ("ImageOrientationPatient", b"1\\0\\0\\0\\1 "),
    ("ImageOrientationPatient", b"nan\\0\\0\\0\\1\\0 "), ("ImagePositionPatient", b"1\\2 "),
    ("ImagePositionPatient", b"nan\\nan\\nan "), ("ImagePositionPatient", b"x\\y\\z "),
    ("ImagePositionPatient", [0, 0, 1e30]), ("ImagePositionPatient", [0, 0, 0]), ("ImagePositionPatient", None),
    ("RescaleSlope", 0), ("RescaleSlope", b"NaN "), ("RescaleSlope", b"ab"), ("RescaleSlope", 1e30),
    ("RescaleSlope", b""), ("RescaleSlope", -1), ("RescaleIntercept", 1e30), ("RescaleIntercept", None),
    ("Modality", None), ("Modality", ""), ("SeriesInstanceUID", None), ("SOPInstanceUID", None),
    ("NumberOfFrames", -1), ("NumberOfFrames", 99999), ("NumberOfFrames", b"x "), ("SliceThickness", b"NaN "),
    ("PixelData", b""), ("PixelData", b"\\0\\0"), ("InstanceNumber", b"1e99 "),
    ("ImageType", b"\\\\\\ "), ("SeriesDescription", b"\xff\xfe\x00 "),
)  # fmt: skip


_SYNTAXES = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),
    *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2"),
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.100", "1.2.3.4", ""),
)


def _called(syntax: str) -> Maker:
    """A sound series that says that it is packed in another way than it is (PS3.10, element 0002,0010)."""

    def make(folder: Path) -> Path:
        for path in series(folder / "s").iterdir():
            content = path.read_bytes()
            at = content.index(b"\x02\x00\x10\x00UI")
            old = struct.unpack_from("<H", content, at + 6)[0]
            said = syntax.encode() + b"\0" * (len(syntax) % 2)
            group = struct.unpack_from("<I", content, 140)[0] + len(said) - old
            path.write_bytes(
                content[:140] + struct.pack("<I", group) + content[144 : at + 6] + struct.pack("<H", len(said)) + said
                + content[at + 8 + old :]
            )  # fmt: skip
        return folder / "s"

    return make


def _zip_named(name: str) -> Maker:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "s.zip", "w") as archive:
            for n, path in enumerate(sorted(series(folder / "s").iterdir())):
                archive.writestr(zipfile.ZipInfo(name.format(n=n)), path.read_bytes())
        return folder / "s.zip"

    return make


def _zip_with(change: Callable[[bytes], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        _zip_named("{n}.dcm")(folder)
        path = folder / "s.zip"
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def _directory(parts: list[str]) -> Maker:
    def make(folder: Path) -> Path:
        (folder / "secret.dcm").write_bytes(b"secret")
        series(folder / "disk")
        return write_directory(folder / "disk", [parts])

    return make


def _directory_with(change: Callable[[bytes], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        names = sorted(path.name for path in series(folder / "disk").iterdir())
        path = write_directory(folder / "disk", [[name] for name in names])
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def _doubled(folder: Path) -> Path:
    """Every instance twice, once with another place."""
    series(folder / "s")
    for path in sorted((folder / "s").iterdir()):
        dataset = pydicom.dcmread(path)
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, z + 0.004]
        dataset.save_as(path.with_name(f"again_{path.name}"))
    return folder / "s"


def _dicom() -> Iterator[tuple[str, Maker]]:
    for n, share in enumerate((0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999)):
        yield f"cut{n}", _dicom_with(lambda content, share=share: cut(content, share))
    for seed in range(30):
        yield f"flip{seed}", _dicom_with(lambda content, seed=seed: flipped(content, seed, 128))
    for seed in range(12):
        yield f"scramble{seed}", _dicom_with(lambda content, seed=seed: scrambled(content, seed, 128))
    for n, (key, value) in enumerate(_TAGS):
        yield f"all-{key}{n}", _tag(key, value)
        if key in ("Rows", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope"):
            yield f"one-{key}{n}", _tag(key, value, lambda k: k == 2)
    for n, called in enumerate(_SYNTAXES):
        yield f"syntax{n}", _called(called)
    for syntax, name in ((RLELossless, "rle"), (JPEG2000Lossless, "j2k")):
        for seed in range(10):
            yield f"{name}-flip{seed}", _packed_with(syntax, lambda c, seed=seed: flipped(c, seed, 700))
        for share in (0.6, 0.8, 0.95):
            yield f"{name}-cut{share}", _packed_with(syntax, lambda content, share=share: cut(content, share))
    for seed in range(12):
        yield f"enhanced-flip{seed}", _enhanced_with(lambda c, seed=seed: flipped(c, seed, 128))
    yield "enhanced-cut", _enhanced_with(lambda content: cut(content, 0.7))

    def without(name: str) -> Callable[[Any], None]:
        return lambda dataset: [delattr(g, name) for g in dataset.PerFrameFunctionalGroupsSequence if name in g]

    for key in ("PlanePositionSequence", "PixelValueTransformationSequence"):
        yield f"enhanced-without-{key}", _enhanced_with(None, without(key))
    yield "enhanced-fewer", _enhanced_with(None, lambda d: setattr(d, "NumberOfFrames", 2))
    yield "enhanced-more", _enhanced_with(None, lambda d: setattr(d, "NumberOfFrames", 4000))
    yield "enhanced-bare", _enhanced_with(None, lambda d: delattr(d, "PerFrameFunctionalGroupsSequence"))
    yield "doubled", _doubled
    yield "empty-folder", lambda folder: (folder / "s").mkdir() or folder / "s"
    for n, name in enumerate(
        ("../{n}.dcm", "/tmp/x{n}.dcm", "a/../../{n}.dcm", "..\\{n}.dcm", "C:{n}.dcm", "./{n}.dcm")
    ):
        yield f"zip-name{n}", _zip_named(name)
    for n, share in enumerate((0.1, 0.5, 0.9, 0.999)):
        yield f"zip-cut{n}", _zip_with(lambda content, share=share: cut(content, share))
    for seed in range(8):
        yield f"zip-flip{seed}", _zip_with(lambda content, seed=seed: flipped(content, seed, 4))
    for n, parts in enumerate((["..", "secret.dcm"], ["../secret.dcm"], ["", "etc", "passwd"], ["x" * 200])):
        yield f"dicomdir-name{n}", _directory(parts)
    for seed in range(4):
        yield f"dicomdir-flip{seed}", _directory_with(lambda content, seed=seed: flipped(content, seed, 132))


# Volumes --------------------------------------------------------------------------------------------------------------

_ARRAY = (PIXELS.astype(np.int16) - 1024)[:, :, :]
_NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 36 40 4\n"
    "space directions: (0.7,0,0) (0,0.8,0) (0,0,2.5)\nkinds: domain domain domain\nendian: little\n"
    "encoding: {encoding}\n"
    "space origin: (-101,57,-642)\n{more}\n"
)
_MHA = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = -101 57 -642\nElementSpacing = 0.7 0.8 2.5\nDimSize = 36 40 4\n"
    "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
)


def nrrd(encoding: str = "raw", more: str = "") -> bytes:
    data = _ARRAY.astype("<i2").tobytes()
    return _NRRD.format(encoding=encoding, more=more).encode() + (
        gzip.compress(data, mtime=0) if encoding == "gzip" else data
    )


def mha() -> bytes:
    return _MHA.encode() + _ARRAY.astype("<i2").tobytes()


def nifti(data: bytes | None = None) -> bytes:
    """A NIfTI-1 file with qform and sform that agree (nifti1.h)."""
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, COLUMNS, ROWS, N, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 0.7, 0.8, 2.5, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<ff", header, 112, 1, 0)
    header[123] = 2
    struct.pack_into("<hh", header, 252, 1, 1)
    struct.pack_into("<6f", header, 256, 0, 0, 0, 101, -57, -642)
    for row, values in enumerate(((0.7, 0, 0, 101), (0, 0.8, 0, -57), (0, 0, 2.5, -642))):
        struct.pack_into("<4f", header, 280 + 16 * row, *values)
    header[344:348] = b"n+1\0"
    return bytes(header) + bytes(4) + (_ARRAY.astype("<i2").tobytes() if data is None else data)


def _patched(offset: int, form: str, *values: float) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into(form, changed, offset, *values)
        return bytes(changed)

    return change


def _file(name: str, content: Callable[[], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content())
        return folder / name

    return make


_NRRD_LINES: tuple[tuple[str, str], ...] = (
    ("sizes: 36 40 4", "sizes: 0 14 4"), ("sizes: 36 40 4", "sizes: -36 40 4"), ("sizes: 36 40 4", "sizes: 36 40 5"),
    ("sizes: 36 40 4", "sizes: 90000 90000 90000"), ("sizes: 36 40 4", "sizes: 36 40"),
    ("sizes: 36 40 4", "sizes: a b c"),
    ("sizes: 36 40 4", "sizes: 36 40 3"), ("dimension: 3", "dimension: 2"), ("dimension: 3", "dimension: 16"),
    ("dimension: 3", "dimension: 4"), ("type: short", "type: double"), ("type: short", "type: block"),
    ("type: short", "type: nonsense"), ("(0.7,0,0)", "(nan,0,0)"), ("(0.7,0,0)", "(0,0,0)"),
    ("(0.7,0,0)", "(1e-12,0,0)"),
    ("(0.7,0,0)", "(1e12,0,0)"), ("(0.7,0,0)", "(0.7,0.3,0)"), ("(0.7,0,0)", "(0,0.8,0)"), ("(0.7,0,0)", "none"),
    ("(-101,57,-642)", "(nan,57,-642)"), ("(-101,57,-642)", "(inf,57,-642)"), ("(-101,57,-642)", "(1,2)"),
    ("endian: little", "endian: big"), ("encoding: raw", "encoding: gzip"), ("encoding: raw", "encoding: bzip2"),
    ("encoding: raw", "encoding: secret"), ("NRRD0004", "NRRD9999"), ("NRRD0004", "NRRD"),
    ("kinds: domain domain domain", "kinds: vector domain domain"), ("space: left-posterior-superior", "space: 4"),
)  # fmt: skip
_MHA_LINES: tuple[tuple[str, str], ...] = (
    ("DimSize = 36 40 4", "DimSize = 0 14 4"), ("DimSize = 36 40 4", "DimSize = 99999 99999 99999"),
    ("DimSize = 36 40 4", "DimSize = -1 14 4"), ("DimSize = 36 40 4", "DimSize = 36 40 9"), ("NDims = 3", "NDims = 0"),
    ("NDims = 3", "NDims = 99"), ("0.7 0.8 2.5", "0 0 0"), ("0.7 0.8 2.5", "nan 1 1"), ("0.7 0.8 2.5", "1e-12 1 1"),
    ("0.7 0.8 2.5", "-0.7 0.8 2.5"), ("1 0 0 0 1 0 0 0 1", "0 0 0 0 0 0 0 0 0"),
    ("1 0 0 0 1 0 0 0 1", "1 1 0 0 1 0 0 0 1"),
    ("MET_SHORT", "MET_NONSENSE"), ("= LOCAL", "= ../../etc/passwd"), ("= LOCAL", "= /etc/passwd"),
    ("CompressedData = False", "CompressedData = True"),
)  # fmt: skip


def _volumes() -> Iterator[tuple[str, Maker]]:
    for n, (old, new) in enumerate(_NRRD_LINES):
        yield f"nrrd-line{n}", _file("v.nrrd", lambda o=old, w=new: nrrd().replace(o.encode(), w.encode()))
    for n, name in enumerate(("../secret.raw", "/etc/passwd", "missing.raw", "LIST", "%03d.raw 1 3 1")):
        yield f"nhdr-data{n}", _file("v.nhdr", lambda name=name: nrrd(more=f"data file: {name}"))
    for n, (old, new) in enumerate(_MHA_LINES):
        yield f"mha-line{n}", _file("v.mha", lambda o=old, w=new: mha().replace(o.encode(), w.encode()))
    for kind, name, content in (
        ("nrrd", "v.nrrd", nrrd), ("nrrdgz", "v.nrrd", lambda: nrrd("gzip")), ("mha", "v.mha", mha),
        ("nii", "v.nii", nifti),
        ("niigz", "v.nii.gz", lambda: gzip.compress(nifti(), mtime=0)),
    ):  # fmt: skip
        for share in (0.0, 0.1, 0.4, 0.9, 0.999):
            yield f"{kind}-cut{share}", _file(name, lambda c=content, share=share: cut(c(), share))
        for seed in range(11):
            yield f"{kind}-flip{seed}", _file(name, lambda c=content, seed=seed: flipped(c(), seed))
    patches: tuple[tuple[Any, ...], ...] = (
        (40, "<h", 0), (40, "<h", 9), (40, "<h", -3), (42, "<h", 0), (42, "<h", -5), (42, "<hhh", 32767, 32767, 32767),
        (70, "<h", 9999), (70, "<h", 128), (72, "<h", 1), (80, "<f", float("nan")), (80, "<f", 0.0), (80, "<f", -0.7),
        (80, "<f", 1e20), (80, "<f", 1e-20), (108, "<f", float("nan")), (108, "<f", -9.0), (108, "<f", 1e9),
        (112, "<f", float("nan")), (112, "<f", float("inf")), (116, "<f", 1e38), (252, "<hh", 0, 0),
        (252, "<hh", 99, -4),
        (256, "<fff", 9.0, 9.0, 9.0), (280, "<f", float("nan")), (280, "<f", 5.0), (280, "<ffff", 0, 0, 0, 0),
        (344, "<i", 0), (0, "<i", 7), (123, "<b", 1), (292, "<f", 55.0),
    )  # fmt: skip
    for n, patch in enumerate(patches):
        yield f"nii-field{n}", _file("v.nii", lambda patch=patch: _patched(*patch)(nifti()))
    nan = np.full((N, ROWS, COLUMNS), 1.0, "<f4")
    nan[1, 2, 3] = np.nan
    floats = nifti(nan.tobytes())
    yield "nii-nan", _file("v.nii", lambda: _patched(70, "<hh", 16, 32)(floats))


# Surfaces -------------------------------------------------------------------------------------------------------------


def tube() -> tuple[np.ndarray, np.ndarray]:
    """An open tube of 30 mm with a radius of 4 mm: points (n, 3) and triangles (m, 3)."""
    rings, around = 14, 16
    angle = np.arange(around) * 2.0 * np.pi / around
    points = np.array([[4 * np.cos(a), 4 * np.sin(a), 30.0 * k / (rings - 1)] for k in range(rings) for a in angle])
    triangles = []
    for k in range(rings - 1):
        for i in range(around):
            a, b = k * around + i, k * around + (i + 1) % around
            triangles += [[a, b, a + around], [b, b + around, a + around]]
    return points, np.array(triangles)


def stl(points: np.ndarray | None = None, count: int | None = None) -> bytes:
    given, triangles = tube()
    corners = (given if points is None else points)[triangles].astype("<f4")
    head = bytes(80) + struct.pack("<I", len(triangles) if count is None else count)
    return head + b"".join(bytes(12) + corner.tobytes() + bytes(2) for corner in corners)


def ascii_stl() -> bytes:
    points, triangles = tube()
    facets = []
    for triangle in triangles:
        corners = "".join(f"vertex {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in points[triangle])
        facets.append(f"facet normal 0 0 0\nouter loop\n{corners}endloop\nendfacet\n")
    return ("solid tube\n" + "".join(facets) + "endsolid tube\n").encode()


def vtp(points: np.ndarray | None = None) -> bytes:
    given, triangles = tube()
    given = given if points is None else points
    place = "\n".join(" ".join(f"{x:.5f}" for x in row) for row in given)
    cells = "\n".join(" ".join(map(str, row)) for row in triangles)
    ends = " ".join(str(3 * (n + 1)) for n in range(len(triangles)))
    return (
        f'<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian"><PolyData><Piece '
        f'NumberOfPoints="{len(given)}" '
        f'NumberOfPolys="{len(triangles)}"><Points><DataArray type="Float32" NumberOfComponents="3" format="ascii">'
        f"{place}"
        f'</DataArray></Points><Polys><DataArray type="Int64" Name="connectivity" format="ascii">{cells}</DataArray>'
        f'<DataArray type="Int64" Name="offsets" format="ascii">{ends}</DataArray></Polys></Piece></PolyData></VTKFile>'
    ).encode()


def _surfaces() -> Iterator[tuple[str, Maker]]:
    points, _ = tube()
    nan, far, flat = points.copy(), points.copy(), points.copy()
    nan[5], far[5, 0], flat[:, 2] = np.nan, 1e30, 0.0
    for kind, make in (("stl", stl), ("vtp", vtp)):
        for name, changed in (
            ("nan", nan),
            ("far", far),
            ("flat", flat),
            ("tiny", points * 1e-9),
            ("huge", points * 1e9),
        ):
            yield f"{kind}-{name}", _file(f"m.{kind}", lambda make=make, changed=changed: make(changed))
    for count in (0, 1, 4_000_000_000, 500):
        yield f"stl-count{count}", _file("m.stl", lambda count=count: stl(count=count))
    for kind, name, content in (("stl", "m.stl", stl), ("asciistl", "m.stl", ascii_stl), ("vtp", "m.vtp", vtp)):
        for share in (0.0, 0.1, 0.5, 0.9, 0.995):
            yield f"{kind}-cut{share}", _file(name, lambda c=content, share=share: cut(c(), share))
        for seed in range(11):
            yield f"{kind}-flip{seed}", _file(name, lambda c=content, seed=seed: flipped(c(), seed))
    for n, (old, new) in enumerate(
        ((b'Points="224"', b'Points="0"'), (b'Points="224"', b'Points="99999999999"'), (b'Polys="416"', b'Polys="-1"'),
         (b'Polys="416"', b'Polys="4160000000"'), (b"PolyData", b"ImageData"), (b">0 1 16", b">0 1 99999"),
         (b">0 1 16", b">0 1 -7"), (b">3 6 9", b">3 6 900000"))
    ):  # fmt: skip
        yield f"vtp-part{n}", _file("m.vtp", lambda o=old, w=new: vtp().replace(o, w, 1))


def makers() -> dict[str, Maker]:
    """Every bad input by name."""
    found: dict[str, Maker] = {}
    for group, inputs in (("dicom", _dicom()), ("volume", _volumes()), ("surface", _surfaces())):
        for name, make in inputs:
            found[f"{group}-{name}"] = make
    return found


# The process that imports ---------------------------------------------------------------------------------------------


def stated_places(source: Path, index: np.ndarray) -> np.ndarray | None:
    """Where the files themselves put voxels (n, 3) of index (i, j, k), in LPS mm, up to the order of each axis."""
    if source.suffix == ".zip" or source.name in ("DICOMDIR", "e.dcm"):
        matrix, origin = np.diag(SPACING), np.array(beside_origin(0, 0, 0))
    elif source.is_dir():
        with warnings.catch_warnings(action="ignore"):
            heads = [pydicom.dcmread(p, stop_before_pixels=True) for p in source.iterdir()]
        places = np.array([[float(x) for x in h.ImagePositionPatient] for h in heads])
        turned = np.array([float(x) for x in heads[0].ImageOrientationPatient])
        normal = np.cross(turned[:3], turned[3:])
        order = np.argsort(places @ normal)
        step = (places[order[-1]] - places[order[0]]) / (len(set(map(tuple, places))) - 1)
        spacing = [float(x) for x in heads[0].PixelSpacing]
        matrix = np.column_stack([turned[:3] * spacing[1], turned[3:] * spacing[0], step])
        origin = places[order[0]]
    elif source.suffix in (".nii", ".gz"):
        content = source.read_bytes()
        content = gzip.decompress(content) if source.suffix == ".gz" else content
        rows = np.array([struct.unpack_from("<4f", content, 280 + 16 * row) for row in range(3)])
        flip = np.diag([-1.0, -1.0, 1.0])
        matrix, origin = flip @ rows[:, :3], flip @ rows[:, 3]
    elif source.suffix == ".nrrd":
        head = source.read_bytes().split(b"\n\n")[0].decode("latin-1")
        vectors = re.findall(r"\(([^)]*)\)", re.search(r"space directions:(.*)", head)[1])
        matrix = np.array([[float(x) for x in v.split(",")] for v in vectors]).T
        origin = np.array([float(x) for x in re.search(r"space origin:\s*\(([^)]*)\)", head)[1].split(",")])
    elif source.suffix == ".mha":
        head = source.read_bytes()[:600].decode("latin-1")
        spacing = [float(x) for x in re.search(r"ElementSpacing = (.*)", head)[1].split()]
        turn = np.array([float(x) for x in re.search(r"TransformMatrix = (.*)", head)[1].split()]).reshape(3, 3).T
        matrix = turn * spacing
        origin = np.array([float(x) for x in re.search(r"Offset = (.*)", head)[1].split()])
    else:
        return None
    return index @ matrix.T + origin


def _check_accepted(source: Path, facts: dict[str, Any], written: Path) -> str:
    """What is wrong with an accepted import, or an empty text."""
    if "size" not in facts:
        points, _ = tube()
        expected = np.ptp(points, axis=0)
        got = np.sort(np.array(facts["size_mm"]))
        return "" if np.all(got[:2] < 3 * expected.max()) else f"size {facts['size_mm']}"
    from imaging.types import Grid

    grid = Grid(tuple(facts["size"]), tuple(facts["spacing_mm"]), tuple(facts["origin_mm"]), tuple(facts["direction"]))
    n = np.array(grid.size) - 1
    corners = np.array([[i, j, k] for i in (0, n[0]) for j in (0, n[1]) for k in (0, n[2])])
    stated = stated_places(source, corners)
    if stated is None:
        return ""
    got = grid.to_lps(corners)
    kept = ("syntax", "-field", "-line15", "-line24")  # these leave the voxels as they were
    if any(word in str(source) for word in kept):
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(written)))
        if not np.array_equal(values, PIXELS.astype(int) - 1024):
            return "values differ from those of the sound series"
    apart = np.linalg.norm(got[:, None] - stated[None], axis=2).min(axis=1).max()
    # A NIfTI file states its place twice; half a voxel between the two is taken for rounding.
    allowed = 0.5 * min(facts["spacing_mm"]) if source.suffix in (".nii", ".gz") else 0.05
    return "" if apart < allowed else f"corners lie {apart:.3g} mm from where the file puts them"


def import_all(corpus: Path, names: list[str]) -> None:
    """Import each named input of a corpus and print what came of it."""
    from app.case.errors import CaseError
    from app.workflow.import_study import Parameters, compute
    from app.workflow.import_surface import Parameters as SurfaceParameters
    from app.workflow.import_surface import compute as compute_surface
    from app.workflow.scan_study import scan_study
    from app.workflow.steps import Request
    from imaging.errors import ImagingError
    from imaging.types import silent

    warnings.simplefilter("ignore")
    for name in names:
        source = Path((corpus / name / "source.txt").read_text())
        out = corpus / name / "out"
        out.mkdir()
        print(json.dumps({"name": name, "begun": True}), flush=True)
        began = time.process_time()
        answer: dict[str, Any] = {"name": name}
        try:
            if name.startswith("surface"):
                request = Request(corpus, None, SurfaceParameters(source=str(source), unit="mm"))
                facts = compute_surface(request, out, silent).facts
            else:
                if name.startswith("dicom") and len(name) % 2:  # every other one is also listed
                    try:
                        scan_study(source)
                    except ImagingError as error:
                        answer["scan_message"] = error.message
                facts = compute(Request(corpus, None, Parameters(source=str(source))), out, silent).facts
            answer |= {"outcome": "accepted", "wrong": _check_accepted(source, facts, out / "ct.nrrd")}
        except (ImagingError, CaseError) as error:
            answer |= {"outcome": "refused", "code": error.code, "message": error.message}
        except BaseException as error:
            import traceback

            answer |= {"outcome": "crashed", "error": repr(error), "trace": traceback.format_exc()[-1500:]}
        answer["seconds"] = round(time.process_time() - began, 3)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    import_all(folder, sys.argv[2:] or sorted(path.name for path in folder.iterdir()))
