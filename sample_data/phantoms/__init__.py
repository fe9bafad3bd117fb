"""Vessels with exactly known geometry, and their CT images: the ground truth of the tests."""

from sample_data.phantoms.abdominal import AbdominalParameters, abdominal_aorta, random_abdominal
from sample_data.phantoms.arch import ArchParameters, aortic_arch, random_arch
from sample_data.phantoms.carotid import CarotidParameters, carotid_bifurcation, random_carotid
from sample_data.phantoms.centerline import exact_centerlines, exact_interval_mm, inscribed_radius_mm
from sample_data.phantoms.coronary import (
    CoronaryParameters,
    RightCoronaryParameters,
    left_coronary_tree,
    random_coronary,
    random_right_coronary,
    right_coronary_tree,
)
from sample_data.phantoms.phantom import End, Phantom, Plaque, Tissue
from sample_data.phantoms.render import RenderedPhantom, RenderSettings, phantom_grid, render_ct
from sample_data.phantoms.surface import exact_surface
from sample_data.phantoms.tubes import (
    curved_tube,
    fusiform_aneurysm,
    random_tube,
    saccular_aneurysm,
    stenosed_tube,
    straight_tube,
    y_bifurcation,
)
from sample_data.phantoms.vessel import Sphere, Vessel

__all__ = [
    "AbdominalParameters",
    "ArchParameters",
    "CarotidParameters",
    "CoronaryParameters",
    "End",
    "Phantom",
    "Plaque",
    "RenderSettings",
    "RenderedPhantom",
    "RightCoronaryParameters",
    "Sphere",
    "Tissue",
    "Vessel",
    "abdominal_aorta",
    "aortic_arch",
    "carotid_bifurcation",
    "curved_tube",
    "exact_centerlines",
    "exact_interval_mm",
    "exact_surface",
    "fusiform_aneurysm",
    "inscribed_radius_mm",
    "left_coronary_tree",
    "phantom_grid",
    "random_abdominal",
    "random_arch",
    "random_carotid",
    "random_coronary",
    "random_right_coronary",
    "random_tube",
    "render_ct",
    "right_coronary_tree",
    "saccular_aneurysm",
    "stenosed_tube",
    "straight_tube",
    "y_bifurcation",
]
