"""What lies around the thoracic aorta: chambers and vessels as bright as the lumen, with just the wall between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.curves import Line, SplineCurve, as_vector, unit
from sample_data.phantoms.phantom import Tissue
from sample_data.phantoms.radii import Constant
from sample_data.phantoms.shapes import Column, Ellipsoid, HalfSpace, Inset, Stack, Without
from sample_data.phantoms.vessel import Vessel

if TYPE_CHECKING:
    from sample_data.phantoms.arch import ArchParameters

_OVERLAP_MM = 0.8
"""How far a touching neighbor reaches into the lumen before the wall is painted over it."""


def arch_tissues(
    aorta: Vessel, branches: tuple[Vessel, ...], bend_start: float, bend_end: float, p: ArchParameters
) -> tuple[Tissue, ...]:
    """The neighbors of the arch, from the lungs inward."""
    valve = np.asarray(p.annulus_center_mm)
    return (
        *_chest(aorta, bend_start, bend_end, valve, p.height_mm),
        *_right_heart_and_veins(aorta, branches, bend_start, valve, p),
        *_pulmonary_artery(aorta, bend_start, bend_end, valve, p),
        *_left_heart(aorta, valve, p),
    )


def _chest(aorta: Vessel, bend_start: float, bend_end: float, valve: FloatArray, height: float) -> tuple[Tissue, ...]:
    ascending = aorta.curve.position(bend_start)
    descending = aorta.curve.position(bend_end)
    lowest = aorta.curve.position(aorta.curve.length_mm)
    x, y, z = 0.5 * (ascending + descending)
    radius = float(aorta.radius(bend_end))
    toward_spine = unit((-0.75, 0.66, 0.0))
    body = Column(_xy(0.5 * (descending + lowest) + (radius + 17.0) * toward_spine), (18.0, 15.0), (-1e4, 1e4))
    vertebrae = Stack(body, period_mm=25.0, height_mm=20.0, phase_mm=float(valve[2]))
    esophagus = 0.5 * (descending + lowest) + np.array([-radius - 9.0, -6.0, 0.0])
    sternum = Ellipsoid((x - 12.0, y - 78.0, z), (17.0, 6.0, 90.0))
    carina = np.array([x - 14.0, y + 8.0, z + 10.0])
    trachea = Vessel("trachea", Line(as_vector(carina), as_vector(_shifted(carina, 0, -12, 120))), Constant(8.0))
    return (
        Tissue("right lung", Ellipsoid((x - 95.0, y, z - 20.0), (68.0, 95.0, 150.0)), -850.0),
        Tissue("left lung", Ellipsoid((x + 88.0, y, z - 20.0), (68.0, 95.0, 150.0)), -850.0),
        Tissue("mediastinal fat", Column((x - 4.0, y - 8.0), (40.0, 62.0)), -90.0),
        Tissue("intervertebral discs", body, 80.0, 0.05),
        Tissue("cortical bone", vertebrae, 650.0),
        Tissue("spongy bone", Inset(vertebrae, 1.5), 220.0),
        Tissue("sternum", sternum, 600.0),
        Tissue("sternal marrow", Inset(sternum, 1.5), 180.0),
        Tissue("esophagus", Column(_xy(esophagus), (7.0, 5.0)), 40.0, 0.05),
        Tissue("trachea", trachea, -980.0),
    )


def _right_heart_and_veins(
    aorta: Vessel, branches: tuple[Vessel, ...], bend_start: float, valve: FloatArray, p: ArchParameters
) -> tuple[Tissue, ...]:
    cava_radius, vein_radius = 8.5, 6.0
    heights = np.array([0.25, 0.6, 1.0]) * bend_start
    reach = aorta.radius(heights) + cava_radius - _OVERLAP_MM
    beside = aorta.curve.position(heights) + reach[:, None] * unit((-0.9, 0.35, 0.0))
    confluence = beside[-1] + np.array([-2.0, -2.0, p.height_mm - beside[-1][2] + valve[2] + 12.0])
    crossing = []
    for branch in branches[:2]:
        s = float(aorta.radius(branch.departs_at_mm)) + 14.0
        crossing.append(
            branch.curve.position(s) + (float(branch.radius(s)) + vein_radius + 0.6) * unit((0.0, -1.0, 0.15))
        )
    far_left = crossing[-1] + np.array([38.0, 2.0, 22.0])
    cava = SplineCurve(np.vstack([beside, confluence]))
    vein = SplineCurve(np.vstack([confluence, *crossing, far_left]))
    return (
        Tissue("right ventricle", Ellipsoid(as_vector(_shifted(valve, 12, -48, -22)), (42.0, 22.0, 32.0)), 40.0, 0.6),
        Tissue("right atrium", Ellipsoid(as_vector(_shifted(valve, -38, 4, -14)), (20.0, 24.0, 28.0)), 40.0, 1.3),
        Tissue("left brachiocephalic vein", Vessel("vein", vein, Constant(vein_radius)), 40.0, 1.7),
        Tissue("superior vena cava", Vessel("cava", cava, Constant(cava_radius)), 40.0, p.venous_enhancement),
    )


def _pulmonary_artery(
    aorta: Vessel, bend_start: float, bend_end: float, valve: FloatArray, p: ArchParameters
) -> tuple[Tissue, ...]:
    trunk_radius, right_radius = 12.5, 9.0
    level = 0.75 * bend_start
    ascending, radius = aorta.curve.position(level), float(aorta.radius(level))
    contact = ascending + (radius + trunk_radius - _OVERLAP_MM) * unit((0.95, -0.25, 0.0))
    under_arch = _shifted(0.5 * (aorta.curve.position(bend_start) + aorta.curve.position(bend_end)), 14, -6, -8)
    left_hilum = _shifted(aorta.curve.position(bend_end), 22, -24, -8)
    behind = _shifted(ascending + (radius + right_radius - _OVERLAP_MM) * unit((-0.15, 1.0, 0.0)), 0, 0, 6)
    right_hilum = _shifted(behind, -50, 12, -8)
    trunk = SplineCurve(np.vstack([_shifted(valve, 26, -24, -6), contact, under_arch, left_hilum]))
    right = SplineCurve(np.vstack([under_arch, behind, right_hilum]))
    return (
        Tissue("pulmonary trunk", Vessel("trunk", trunk, Constant(trunk_radius)), 40.0, p.pulmonary_enhancement),
        Tissue("right pulmonary artery", Vessel("right", right, Constant(right_radius)), 40.0, p.pulmonary_enhancement),
    )


def _left_heart(aorta: Vessel, valve: FloatArray, p: ArchParameters) -> tuple[Tissue, ...]:
    axis = unit(p.axis)
    aortic_side = HalfSpace(as_vector(valve), as_vector(axis))
    ventricle = valve - 14.0 * axis + 34.0 * unit((0.55, -0.30, -0.78))
    cavity = Ellipsoid(as_vector(ventricle), (23.0, 23.0, 34.0))
    muscle = Ellipsoid(as_vector(ventricle), (34.0, 34.0, 45.0))
    outflow_end = valve - 26.0 * axis
    outflow = Vessel(
        "outflow",
        Line(as_vector(valve), as_vector(outflow_end)),
        Constant(p.annulus_radius_mm),
        inlet="annulus",
        inlet_image_mm=0.0,
    )
    sinus = aorta.curve.position(10.0)
    atrium_axes = (30.0, 20.0, 24.0)
    atrium = _shifted(sinus, 4, p.sinus_radius_mm + atrium_axes[1] - _OVERLAP_MM, 2)
    coronaries = []
    for name, heading, droop in (
        ("left main stub", (0.9, 0.15, 0.25), -6.0),
        ("right coronary stub", (-0.35, -0.9, 0.2), -14.0),
    ):
        out = (p.sinus_radius_mm + 8.0) * unit(heading)
        path = np.vstack([sinus, sinus + 0.7 * out, sinus + out, _shifted(sinus + 2.0 * out, 0, 0, droop)])
        coronaries.append(Tissue(name, Vessel(name, SplineCurve(path), Constant(1.7)), 40.0, 0.95, opens_wall=True))
    return (
        Tissue("myocardium", Without(muscle, aortic_side), 45.0, 0.18),
        Tissue("left atrium", Ellipsoid(as_vector(atrium), atrium_axes), 40.0, p.atrial_enhancement),
        Tissue("left ventricle", Without(cavity, aortic_side), 40.0, 1.0, opens_wall=True),
        Tissue("left ventricular outflow", outflow, 40.0, 1.0, opens_wall=True),
        *coronaries,
    )


def _shifted(point: FloatArray, x: float, y: float, z: float) -> FloatArray:
    return np.asarray(point + np.array([x, y, z], dtype=float))


def _xy(point: FloatArray) -> tuple[float, float]:
    return float(point[0]), float(point[1])
