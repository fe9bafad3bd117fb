"""Vessels with exactly known geometry, and their CT images: the ground truth of the tests."""

from sample_data.phantoms.arch import ArchParameters, aortic_arch, random_arch
from sample_data.phantoms.phantom import End, Phantom, Vessel
from sample_data.phantoms.render import RenderedPhantom, RenderSettings, phantom_grid, render_ct
from sample_data.phantoms.tubes import (
    curved_tube,
    fusiform_aneurysm,
    saccular_aneurysm,
    stenosed_tube,
    straight_tube,
    y_bifurcation,
)

__all__ = [
    "ArchParameters",
    "End",
    "Phantom",
    "RenderSettings",
    "RenderedPhantom",
    "Vessel",
    "aortic_arch",
    "curved_tube",
    "fusiform_aneurysm",
    "phantom_grid",
    "random_arch",
    "render_ct",
    "saccular_aneurysm",
    "stenosed_tube",
    "straight_tube",
    "y_bifurcation",
]
