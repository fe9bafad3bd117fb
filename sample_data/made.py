"""Samples that the program makes itself: test objects with exact geometry, not patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imaging.types import Progress, Surface, Volume, silent

if TYPE_CHECKING:
    from sample_data.phantoms.phantom import Phantom

_CORONARY_EDGE_MM = 0.4
_CORONARY_VOXEL_MM = 0.5
_CORONARY_NOISE_HU = 25.0
_CORONARY_LUMEN_HU = 400.0
_CORONARY_SEED = 11
_BEYOND_OSTIUM_MM = 2.0
"""So far into the left main the first point lies: at the very mouth what is found may spread into the aorta."""
_ANEURYSM_EDGE_MM = 0.4
_CAROTID_EDGE_MM = 0.4
Point = tuple[float, float, float]


@dataclass(frozen=True)
class MadeSample:
    """A test object: how its surface is made, what its openings are called, and how its steps are set.

    Attributes
    ----------
    surface
        Its closed wall in mm and the name of each opening by number; ``triangle_data["ModelFaceID"]`` holds the
        numbers.
    inlet
        Name of the opening where blood enters.
    settings
        Parameters of steps by step.
    assumptions
        What its sizes and settings rest on, in one sentence.
    """

    id: str
    title: str
    description: str
    surface: Callable[[Progress], tuple[Surface, Mapping[int, str]]]
    inlet: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    assumptions: str = ""


@dataclass(frozen=True)
class MadeScan:
    """A test object as a scanner shows it: how its scan is made, and where the points of its anatomy lie.

    Attributes
    ----------
    scan
        The volume, and the positions (mm, LPS) of the points by role.
    settings
        Parameters of steps by step.
    assumptions
        What its sizes and the scanner rest on, in one sentence.
    """

    id: str
    title: str
    description: str
    scan: Callable[[Progress], tuple[Volume, Mapping[str, Point]]]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    assumptions: str = ""


def write_sample(sample: MadeSample, folder: Path, progress: Progress = silent) -> tuple[Path, Mapping[int, str]]:
    """Make a sample's surface as ``<id>.vtp`` in a folder; returns its path and the names of the openings."""
    from imaging.surface.surface_io import write_surface

    surface, names = sample.surface(progress)
    path = folder / f"{sample.id}.vtp"
    write_surface(surface, path)
    return path, names


def _coronary_tree() -> Phantom:
    from sample_data.phantoms.coronary import CoronaryParameters, left_coronary_tree

    return left_coronary_tree(CoronaryParameters(stenosis_percent=50.0, stenosis_at_mm=22.0))


def _coronary_scan(progress: Progress) -> tuple[Volume, Mapping[str, Point]]:
    from sample_data.phantoms.render import RenderSettings, render_ct

    phantom = _coronary_tree()
    settings = RenderSettings(
        lumen_hu=_CORONARY_LUMEN_HU,
        noise_hu=_CORONARY_NOISE_HU,
        blur_fwhm_mm=(1.1 * _CORONARY_VOXEL_MM,) * 3,
        noise_correlation_mm=_CORONARY_VOXEL_MM,
    )
    rendered = render_ct(phantom, _CORONARY_VOXEL_MM, settings, rng_seed=_CORONARY_SEED, progress=progress)
    left_main = phantom.vessel("left_main").curve
    x, y, z = (float(c) for c in left_main.position(_BEYOND_OSTIUM_MM))
    return rendered.volume, {**phantom.seeds, "ostium": (x, y, z)}


def _coronary_surface(progress: Progress) -> tuple[Surface, Mapping[int, str]]:
    progress(0.0, "Making the exact surface of the coronary arteries")
    return tagged_surface(_coronary_tree(), _CORONARY_EDGE_MM, progress)


def tagged_surface(phantom: Phantom, edge_mm: float, progress: Progress = silent) -> tuple[Surface, Mapping[int, str]]:
    """A phantom's exact surface with ``ModelFaceID``, as SimVascular writes it, and the openings' names by number."""
    from sample_data.phantoms.surface import exact_surface

    surface = exact_surface(phantom, edge_mm)
    faces = surface.triangle_data["patch"].astype(np.int32)
    progress(1.0, "Surface made")
    names = {number: end.name for number, end in enumerate(phantom.ends, start=2)}
    return Surface(surface.points, surface.triangles, {}, {"ModelFaceID": faces}), names


def _aneurysm_surface(progress: Progress) -> tuple[Surface, Mapping[int, str]]:
    from sample_data.phantoms.tubes import saccular_aneurysm

    progress(0.0, "Making the exact surface of the aneurysm")
    return tagged_surface(saccular_aneurysm(1.9, 12.0, 3.2, 2.6, 0.5), _ANEURYSM_EDGE_MM, progress)


def _carotid_surface(progress: Progress) -> tuple[Surface, Mapping[int, str]]:
    from sample_data.phantoms.carotid import CarotidParameters, carotid_bifurcation

    progress(0.0, "Making the exact surface of the carotid bifurcation")
    return tagged_surface(carotid_bifurcation(CarotidParameters(nascet_percent=60.0)), _CAROTID_EDGE_MM, progress)


MADE_SAMPLES: Mapping[str, MadeSample] = {
    sample.id: sample
    for sample in (
        MadeSample(
            "coronary_phantom",
            "Left coronary tree with a 50 % stenosis (phantom)",
            "A test object, no patient: left main, anterior descending with a stenosis of 50 % by diameter, diagonal, "
            "circumflex and marginal artery; the surface is exact to a micrometer at its points.",
            _coronary_surface,
            "ostium",
            {
                "simulate": {
                    "inflow_shape": "coronary",
                    "outlet_model": "coronary",
                    "inlet_share": 0.03,
                    "main_share": 0.0,
                    "split_exponent": 2.7,
                },
                "mesh": {"level": "coarse", "edge_scale": 1.4},
            },
            "Sizes as coronary CT angiography shows them in adults (assumption).",
        ),
        MadeSample(
            "aneurysm_phantom",
            "Bend of an intracranial artery with a spherical sac (phantom)",
            "A test object, no patient: an artery of 3.8 mm bends by 120 degrees and carries a sac of 6.4 mm on its "
            "outer side; the surface is exact to a micrometer at its points.",
            _aneurysm_surface,
            "inlet",
            {"simulate": {"inflow_shape": "internal-carotid", "inlet_share": 0.05}, "mesh": {"level": "coarse"}},
            "Sizes of an internal carotid artery, a twentieth of the cardiac output (assumptions).",
        ),
        MadeSample(
            "carotid_phantom",
            "Carotid bifurcation with a stenosis of 60 % by NASCET (phantom)",
            "A test object, no patient: common, internal and external carotid artery, the bulb narrowed by 60 % of the "
            "internal carotid's diameter beyond; the surface is exact to a micrometer at its points.",
            _carotid_surface,
            "common_carotid",
            {"simulate": {"inflow_shape": "common-carotid", "inlet_share": 0.08}, "mesh": {"level": "coarse"}},
            "Sizes as angiography shows them in adults, 8 % of the cardiac output (assumptions).",
        ),
    )
}

MADE_SCANS: Mapping[str, MadeScan] = {
    scan.id: scan
    for scan in (
        MadeScan(
            "left_coronary_ct",
            "CT of a left coronary tree with a 50 % stenosis (phantom)",
            "A test object, no patient: the vessels of coronary_phantom on a heart with calcium at the stenosis, as a "
            "CT angiogram with voxels of 0.5 mm and noise of 25 HU shows them.",
            _coronary_scan,
            {"segment": {"preset": "left-coronary"}},
            "Sizes, contrast, blur and noise as in coronary CT angiography of adults (assumption).",
        ),
    )
}
