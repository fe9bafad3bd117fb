"""Whether each real scan and surface beside a developer's checkout becomes a verified mesh, or a refusal in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.workflow.bench_phantoms import verified_mesh
from app.workflow.bench_runs import NOT_NAMED, Work, run_beside
from imaging.errors import ImagingError
from imaging.types import FloatArray, Grid, IntArray, LabelMap, Progress, VesselEnd, VesselModel, Volume

DATA = Path(__file__).parents[2].parent / "shared" / "data"
"""Real scans that lie beside a developer's checkout; the project does not ship them."""

Index = tuple[float, float, float]
"""Voxel along i, j, k."""
_LEAST_CONTACT = 6
"""Voxels in which a vessel leaves the scan; fewer is noise."""
_BONE_HU = 500.0
_WILLIS: dict[str, Index] = {
    "right_internal_carotid": (15.0, 25.0, 1.0),
    "right_middle_cerebral": (3.0, 41.0, 17.0),
    "left_internal_carotid": (70.0, 25.0, 1.0),
    "left_middle_cerebral": (90.0, 41.0, 17.0),
    "basilar": (40.0, 67.0, 1.0),
    "anterior_communicating": (50.0, 20.0, 17.0),
}
_ANEURYSM = "intracranial-aneurysm"
_GIANT_SAC: dict[str, Index] = {
    "internal_carotid_start": (185.0, 37.0, 153.0),
    "middle_cerebral": (179.0, 134.0, 186.0),
    "anterior_cerebral": (92.0, 136.0, 186.0),
    "aneurysm": (116.0, 104.0, 163.0),
    "second_aneurysm": (129.0, 91.0, 186.0),
}
"""Points (voxel along i, j, k) that were picked by eye."""
_ROTATIONAL_SPACING_MM = 0.4
"""The file of the rotational angiogram states no size of its voxels; the width of the carotid speaks for this."""
_ATLAS = {"aorta": 7, "right_common_iliac": 71, "left_common_iliac": 72, "right_external_iliac": 73}
_ATLAS |= {"left_external_iliac": 74, "right_internal_iliac": 75, "left_internal_iliac": 76}
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
EndKind = Literal["inlet", "outlet"]


def works() -> dict[str, Work]:
    """The real cases by name."""
    surfaces = sorted((DATA / "intracranial_aneurysm_surfaces").glob("*.obj"))
    found: dict[str, Work] = {
        "thoracic_ct": partial(_meshed, "thoracic_ct"),
        "aorta_mra, level set": partial(_meshed, "aorta_mra_level_set"),
        "aorta_mra, grown": partial(_meshed, "aorta_mra_grown"),
        "abdominal_atlas": partial(_meshed, "abdominal_atlas"),
        "circle_of_willis, MRA": partial(_meshed, "willis_mra"),
        "intracranial_aneurysm_3dra": partial(_meshed, "rotational"),
        "aorta_mra, open surface": partial(_of_surface, DATA / "aorta_mra/aorta-surface-open-ends.stl", "mm"),
        "aorta_iliac_model": partial(_of_surface, DATA / "aorta_iliac_model/model_surface.vtp", "cm"),
    }
    return found | {path.stem: partial(_of_surface, path, "mm") for path in surfaces}


def real_rows(progress: Progress, kept: Path | None = None) -> list[dict[str, Any]]:
    """How many real cases become a verified mesh on the first try, and why the others do not."""
    if not DATA.is_dir():
        how = "not measured: the real scans are not beside this checkout"
        return [{"name": "imaging-real", "value": None, "unit": "1", "goal": "-", "met": False, "how": how}]
    cases = works()
    results = dict(zip(cases, run_beside(list(cases.items()), kept, progress), strict=True))
    good = {name: found for name, found in results.items() if not found["failure"]}
    meshed = ", ".join(f"{name} {found['n_cells']}{_repaired(found)}" for name, found in good.items())
    refused = "; ".join(f"{name}: {r['code']}, {r['failure']}" for name, r in results.items() if r["failure"])
    unnamed = [name for name, found in results.items() if found["code"] in NOT_NAMED]
    how = f"cells: {meshed}. Not meshed: {refused or 'none'}"
    return [
        {
            "name": "imaging-real",
            "value": len(good),
            "unit": "cases",
            "goal": f"= {len(cases)}",
            "met": len(good) == len(cases),
            "how": how,
        },
        {
            "name": "imaging-real-crashes",
            "value": len(unnamed),
            "unit": "cases",
            "goal": "= 0",
            "met": not unnamed,
            "how": ", ".join(unnamed) or "every cause has a name",
        },
    ]


def cerebral_rows(progress: Progress) -> list[dict[str, Any]]:
    """The circle of Willis beside the skull base, and a carotid artery with a giant sac: all of it, and no bone."""
    if not DATA.is_dir():
        how = "not measured: the real scans are not beside this checkout"
        return [{"name": "imaging-cerebral", "value": None, "unit": "1", "goal": "-", "met": False, "how": how}]
    rows = _vessel_rows(
        "imaging-willis",
        "circle-of-willis",
        _scan(DATA / "circle_of_willis/cta.mha"),
        _WILLIS,
        ("right_internal_carotid", "left_internal_carotid", "basilar"),
    )
    progress(0.5, "Rotational angiogram")
    wanted = ("internal_carotid", "middle_cerebral", "anterior_cerebral", "aneurysm")
    return rows + _vessel_rows("imaging-3dra", _ANEURYSM, _rotational_scan(), _GIANT_SAC, wanted)


def _vessel_rows(
    name: str, preset_id: str, volume: Volume, points: dict[str, Index], wanted: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Whether the wanted vessels are in one piece, and in a CT whether bone is among them."""
    rows: list[dict[str, Any]] = []
    missing = wanted
    try:
        found = _by_preset(preset_id, volume, points)
    except ImagingError as refusal:
        how = f"{refusal.code}: {refusal.message}"
    else:
        missing = _outside_main_piece(found, wanted)
        how = ", ".join(f"{vessel} {int((found.array == value).sum())} voxels" for value, vessel in found.names.items())
        if volume.modality == "CT":
            brightest = float(volume.array[found.array > 0].max())
            row = {"name": f"{name}-bone", "value": brightest, "unit": "HU", "goal": f"<= {_BONE_HU:g}"}
            rows.append({**row, "met": brightest <= _BONE_HU, "how": "brightest voxel of the vessel mask"})
    row = {"name": name, "value": len(wanted) - len(missing), "unit": "vessels", "goal": f"= {len(wanted)}"}
    how = f"in one piece, missing: {', '.join(missing) or 'none'}; {how}"
    return [{**row, "met": not missing, "how": how}, *rows]


def _by_preset(preset_id: str, volume: Volume, points: dict[str, Index]) -> LabelMap:
    from imaging.segmentation.presets import PRESETS
    from imaging.types import silent

    preset = PRESETS[preset_id]
    return preset.segment(volume, _places(volume.grid, points), preset.parameters_type(), silent)


def _places(grid: Grid, points: dict[str, Index]) -> dict[str, Index]:
    """The points in LPS mm."""
    found = {}
    for role, index in points.items():
        x, y, z = (float(c) for c in grid.to_lps(np.array(index)))
        found[role] = x, y, z
    return found


def _outside_main_piece(labels: LabelMap, wanted: tuple[str, ...]) -> tuple[str, ...]:
    from scipy import ndimage

    pieces, _ = ndimage.label(labels.array > 0, np.ones((3, 3, 3)))
    largest = np.bincount(pieces[pieces > 0]).argmax()
    there = {labels.names[int(value)] for value in np.unique(labels.array[pieces == largest])}
    return tuple(vessel for vessel in wanted if vessel not in there)


def _repaired(found: dict[str, Any]) -> str:
    return f" ({found['repairs']} repairs)" if found["repairs"] else ""


def _meshed(name: str) -> dict[str, Any]:
    return verified_mesh(_MODELS[name]())


def _of_surface(path: Path, unit: str) -> dict[str, Any]:
    """From a surface made elsewhere; its largest opening is the inlet."""
    from imaging.surface.foreign import MM_PER_UNIT, read_foreign_surface, unit_for
    from imaging.surface.model import build_model_of_surface
    from imaging.surface.openings import closed_with_openings
    from imaging.types import Surface

    found = read_foreign_surface(path)
    closed, openings, _ = closed_with_openings(found)
    widest = max(openings, key=lambda opening: opening.area)
    scale = MM_PER_UNIT[unit_for(found.length, widest.radius, unit)]
    surface = Surface(closed.points * scale, closed.triangles, {}, closed.triangle_data)
    ends = []
    for opening in sorted(openings, key=lambda o: -o.area):
        x, y, z = (scale * c for c in opening.center)
        ends.append(VesselEnd(f"face_{opening.id}", "inlet" if opening is widest else "outlet", (x, y, z)))
    return verified_mesh(build_model_of_surface(surface, ends, scale * min(o.radius for o in openings)))


@dataclass(frozen=True, eq=False)
class VmtkReference:
    """VMTK's level set of an abdominal aorta as labels, its ends, and its centerlines (LPS mm) with their radius."""

    labels: LabelMap
    ends: list[VesselEnd]
    points: FloatArray
    radius_mm: FloatArray
    lines: list[IntArray]


def vmtk_polydata(name: str) -> Any:
    """One of VMTK's files of the aorta, in RAS."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(DATA / "aorta_mra" / name))
    reader.Update()
    return reader.GetOutput()


def vmtk_reference() -> VmtkReference:
    """What VMTK's test data hold of the aorta."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    level_set = _scan(DATA / "aorta_mra/aorta-final-levelset.mha")
    labels = LabelMap((np.asarray(level_set.array) < 0).astype(np.uint8), level_set.grid, {1: "aorta"})
    reference = vmtk_polydata("aorta-centerline.vtp")
    points = vtk_to_numpy(reference.GetPoints().GetData()) * RAS_TO_LPS
    radius = vtk_to_numpy(reference.GetPointData().GetArray("MaximumInscribedSphereRadius"))
    cells = reference.GetLines()
    offsets, connectivity = vtk_to_numpy(cells.GetOffsetsArray()), vtk_to_numpy(cells.GetConnectivityArray())
    lines = [connectivity[a:b] for a, b in pairwise(offsets)]
    tips = [points[lines[0][0]], *[points[line[-1]] for line in lines]]
    ends = []
    for number, (x, y, z) in enumerate(tips):
        name: tuple[str, EndKind] = (f"iliac_{number - 1}", "outlet") if number else ("inlet", "inlet")
        ends.append(VesselEnd(*name, (float(x), float(y), float(z))))
    return VmtkReference(labels, ends, points, radius, lines)


def _thoracic_ct() -> VesselModel:
    import json

    import sample_data
    from imaging.segmentation.presets import PRESETS
    from imaging.surface.model import build_model
    from imaging.types import silent

    points = json.loads((Path(sample_data.__file__).parent / "points" / "thoracic_ct.json").read_text())["points"]
    volume, preset = _scan(DATA / "thoracic_ct/ct.nii.gz"), PRESETS["thoracic-aorta"]
    labels = preset.segment(volume, points, preset.parameters_type(), silent)
    return build_model(labels, volume, preset.ends_at(points))


def _aorta_mra_level_set() -> VesselModel:
    """From VMTK's level set, whose ends are drawn to points, open at VMTK's own ends."""
    from imaging.surface.model import build_model

    reference = vmtk_reference()
    return build_model(reference.labels, None, reference.ends)


def _aorta_mra_grown() -> VesselModel:
    """The brightest third of the values, open where the aorta and the iliac arteries leave the field."""
    ends: list[tuple[str, EndKind, Index]] = [("aorta", "inlet", (71.0, 335.0, 15.0))]
    ends += [("right_iliac", "outlet", (38.0, 8.0, 31.0)), ("left_iliac", "outlet", (132.0, 8.0, 28.0))]
    return _of_threshold(DATA / "aorta_mra/aorta.mha", 800.0, ends)


def _abdominal_atlas() -> VesselModel:
    """From an atlas' labels: aorta and iliac arteries."""
    from imaging.surface.model import build_model

    read = _scan(DATA / "abdominal_atlas/seg.nrrd")
    labels = np.zeros(read.array.shape, np.uint8)
    for value, label in enumerate(_ATLAS.values(), start=1):
        labels[np.asarray(read.array) == label] = value
    ends: list[tuple[str, EndKind, Index]] = [("aorta", "inlet", (146.0, 95.0, 4.0))]
    ends += [("right_external", "outlet", (81.0, 132.0, 109.0)), ("left_external", "outlet", (163.0, 141.0, 109.0))]
    ends += [("right_internal", "outlet", (98.0, 102.0, 100.0)), ("left_internal", "outlet", (146.0, 103.0, 99.0))]
    names = dict(enumerate(_ATLAS, start=1))
    return build_model(LabelMap(labels, read.grid, names), None, _ends(read.grid, ends))


def _willis_mra() -> VesselModel:
    """All that is bright, open wherever a vessel leaves the crop; the larger carotid artery is the inlet."""
    return _of_threshold(DATA / "circle_of_willis/mra.mha", 300.0, None)


def _rotational() -> VesselModel:
    """Carotid artery with both sacs, the middle and the anterior cerebral arteries, by the preset."""
    from imaging.segmentation.presets import PRESETS
    from imaging.surface.model import build_model

    volume = _rotational_scan()
    ends = PRESETS[_ANEURYSM].ends_at(_places(volume.grid, _GIANT_SAC))
    return build_model(_by_preset(_ANEURYSM, volume, _GIANT_SAC), volume, ends)


def _rotational_scan() -> Volume:
    from dataclasses import replace

    volume = _scan(DATA / "intracranial_aneurysm_3dra/aneurism.nrrd")
    return replace(volume, grid=replace(volume.grid, spacing_mm=(_ROTATIONAL_SPACING_MM,) * 3))


def _of_threshold(path: Path, lowest: float, ends: list[tuple[str, EndKind, Index]] | None) -> VesselModel:
    """From the largest piece above a value, in a scan whose contrast has no scale."""
    from scipy import ndimage

    from imaging.surface.model import build_model

    volume = _scan(path)
    pieces, _ = ndimage.label(np.asarray(volume.array) > lowest)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    mask = pieces == sizes.argmax()
    labels = LabelMap(mask.astype(np.uint8), volume.grid, {1: "vessels"})
    return build_model(labels, volume, _ends(volume.grid, ends) if ends else _leaving(mask, volume.grid))


def _scan(path: Path) -> Volume:
    from imaging.volume_io import read_volume

    return read_volume(path)


def _ends(grid: Grid, ends: list[tuple[str, EndKind, Index]]) -> list[VesselEnd]:
    found = []
    for name, kind, index in ends:
        x, y, z = (float(c) for c in grid.to_lps(np.array(index)))
        found.append(VesselEnd(name, kind, (x, y, z)))
    return found


def _leaving(mask: NDArray[np.bool_], grid: Grid) -> list[VesselEnd]:
    """An end wherever a vessel leaves the scan, the one with the largest contact as the inlet."""
    from scipy import ndimage

    contacts: list[tuple[int, Index]] = []
    for axis in range(3):
        for side in (0, mask.shape[axis] - 1):
            patches, n = ndimage.label(mask.take(side, axis=axis))
            for number in range(1, n + 1):
                own = np.argwhere(patches == number)
                if len(own) >= _LEAST_CONTACT:
                    k, j, i = np.insert(own.mean(axis=0), axis, float(side))
                    contacts.append((len(own), (float(i), float(j), float(k))))
    contacts.sort(reverse=True)
    named: list[tuple[str, EndKind, Index]] = [
        (f"end_{n}", "outlet" if n else "inlet", index) for n, (_, index) in enumerate(contacts)
    ]
    return _ends(grid, named)


_MODELS = {
    "thoracic_ct": _thoracic_ct,
    "aorta_mra_level_set": _aorta_mra_level_set,
    "aorta_mra_grown": _aorta_mra_grown,
    "abdominal_atlas": _abdominal_atlas,
    "willis_mra": _willis_mra,
    "rotational": _rotational,
}
