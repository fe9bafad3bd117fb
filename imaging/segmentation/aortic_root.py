"""The aortic root: its lumen from the plane of the valve's hinge points to a point in the ascending aorta."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imaging.anatomy.hinges import hinge_circle
from imaging.anatomy.landmarks import HINGES, LANDMARKS
from imaging.segmentation.arterial_tree import ArterialTreeParameters, TreeRoles, segment_tree
from imaging.segmentation.declaration import (
    AnatomyFacts,
    Opening,
    PointRole,
    PointsMm,
    Preset,
    check_bounds,
    check_points,
)
from imaging.types import LabelMap, Progress, Volume

OUTFLOW_MM = 5.0
"""So far below the valve the outflow tract of the left ventricle is labeled: the wall is cut in the plane of the
valve where the lumen goes on behind it, and not where a label's rounded end lies."""
LEAST_VOXEL_MM = 0.6

_STUB = "In the artery a centimeter beyond its ostium, where the model shall end."
ROLES = (
    *[PointRole(hinge, LANDMARKS[hinge].title, LANDMARKS[hinge].hint) for hinge in HINGES],
    PointRole("root_end", "End of the model", "Middle of the lumen of the ascending aorta, where the model shall end."),
    PointRole("right_coronary_stub", "Right coronary artery", _STUB, is_optional=True),
    PointRole("left_coronary_stub", "Left coronary artery", _STUB, is_optional=True),
)
_ROOT, _OUTFLOW = 1, 4
NAMES = {_ROOT: "aortic_root", 2: "right_coronary", 3: "left_coronary", _OUTFLOW: "outflow_tract"}
_VALVE = "aortic_valve"
_TITLES = {role.id: role.title for role in ROLES}


def _segment(volume: Volume, points: PointsMm, parameters: ArterialTreeParameters, progress: Progress) -> LabelMap:
    """The tree of the aorta and the coronaries from below the valve, parted at its plane into root and outflow."""
    check_bounds(parameters)
    places = check_points(
        points, {role.id: role.title for role in ROLES if role.id in points or not role.is_optional}, volume.grid
    )
    center, _, normal = hinge_circle([places[hinge] for hinge in HINGES], np.asarray(places["root_end"]))
    x, y, z = (center - OUTFLOW_MM * normal).tolist()
    stubs = tuple(role for role in places if role.endswith("_stub"))
    names = {_ROOT: NAMES[_ROOT], **{n: stub.removesuffix("_stub") for n, stub in enumerate(stubs, start=_ROOT + 1)}}
    tree = TreeRoles(
        main=(_VALVE, "root_end"),
        branches=stubs,
        titles={_VALVE: "Aortic valve", "root_end": _TITLES["root_end"], **{stub: _TITLES[stub] for stub in stubs}},
        names=names,
    )
    ends = {_VALVE: (x, y, z), "root_end": places["root_end"], **{stub: places[stub] for stub in stubs}}
    # A root holds few voxels, so that the work need not be coarser than the scan.
    voxel_mm = float(np.clip(min(volume.grid.spacing_mm), LEAST_VOXEL_MM, parameters.working_voxel_mm))
    found = segment_tree(volume, ends, tree, replace(parameters, working_voxel_mm=voxel_mm), progress, -normal)
    labels = found.array
    root = np.argwhere(labels == _ROOT)
    below = root[(volume.grid.to_lps(root[:, ::-1]) - center) @ normal < 0.0]
    labels[tuple(below.T)] = _OUTFLOW
    return LabelMap(labels, volume.grid, {**names, _OUTFLOW: NAMES[_OUTFLOW]})


AORTIC_ROOT = Preset(
    id="aortic-root",
    title="Aortic root and valve plane",
    anatomy="Lumen of the aortic root from the plane through the valve's hinge points to a point in the ascending "
    "aorta, sinuses included, with the coronary arteries whose points are set, in a CT with contrast medium in the "
    "arteries; the first 5 mm of the outflow tract below the plane have a label of their own and are not modeled.",
    roles=ROLES,
    openings=(
        Opening(HINGES[0], _VALVE, "inlet", plane=HINGES),
        Opening("root_end", "ascending_aorta", "outlet"),
        Opening("right_coronary_stub", "right_coronary", "outlet"),
        Opening("left_coronary_stub", "left_coronary", "outlet"),
    ),
    parameters_type=ArterialTreeParameters,
    names=NAMES,
    segment=_segment,
    facts=AnatomyFacts("aortic"),
)
