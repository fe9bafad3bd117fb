"""The thoracic aorta from the annulus to the lower descending part, with its three branches.

Sizes are drawn around what CT angiography shows in adults; they are assumptions of a test object, not a statistical
model of a population.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.arch_surroundings import arch_tissues
from sample_data.phantoms.curves import SplineCurve, Vector, as_vector, unit
from sample_data.phantoms.phantom import Phantom, Plaque
from sample_data.phantoms.radii import Monotone
from sample_data.phantoms.vessel import Vessel

BRANCHES = ("brachiocephalic_trunk", "left_common_carotid", "left_subclavian")
_SEED_DEPTH_MM = 1.0
"""Seeds that say where the model ends lie this far inside the truth's end planes."""


@dataclass(frozen=True)
class ArchParameters:
    """Sizes in mm, angles in degrees; x to the left, y to the back, z to the head.

    Attributes
    ----------
    annulus_center_mm
        Center of the aortic annulus in the patient.
    axis
        Direction of the outflow at the annulus: to the right, front and head.
    width_mm, height_mm
        Distance between the centers of ascending and descending aorta; height of the arch's center above the annulus.
    azimuth_deg
        Direction of the arch seen from below: 0 runs to the left, 90 to the back.
    drop_mm
        How far below the annulus the descending end lies.
    sway_mm
        How far the top of the arch lies off the plane through ascending and descending aorta.
    branch_radii_mm, branch_gaps_mm, branch_lengths_mm, branch_tilts
        Of brachiocephalic trunk, left common carotid and left subclavian: radius; gap between neighbors' walls at their
        departure (two); length from the aorta's centerline; direction (x, y) per unit z in which each leans.
    first_branch_mm
        How far before the top of the arch the brachiocephalic trunk departs, along the centerline.
    blend_mm
        Blend radius of the ostia.
    wall_mm
        Thickness of the wall, also between the aorta and the chambers and vessels that touch it.
    plaques
        Arc length, angle (degrees) and radius of each calcified plaque on the aorta's wall.
    pulmonary_enhancement, atrial_enhancement, venous_enhancement
        Contrast of pulmonary artery, left atrium and superior vena cava relative to the aorta's.
    """

    annulus_center_mm: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (-0.40, -0.25, 1.0)
    annulus_radius_mm: float = 12.0
    sinus_radius_mm: float = 16.5
    junction_radius_mm: float = 14.0
    ascending_radius_mm: float = 15.5
    arch_radius_mm: float = 13.5
    isthmus_radius_mm: float = 12.0
    descending_radius_mm: float = 11.5
    end_radius_mm: float = 10.5
    width_mm: float = 70.0
    height_mm: float = 85.0
    azimuth_deg: float = 55.0
    drop_mm: float = 40.0
    sway_mm: float = 0.0
    branch_radii_mm: Vector = (5.8, 3.6, 4.6)
    branch_gaps_mm: tuple[float, float] = (6.0, 6.0)
    branch_lengths_mm: Vector = (58.0, 58.0, 58.0)
    branch_tilts: tuple[tuple[float, float], ...] = ((-0.45, -0.05), (0.05, 0.10), (0.45, 0.40))
    first_branch_mm: float = 15.0
    blend_mm: float = 3.0
    wall_mm: float = 1.2
    plaques: tuple[Vector, ...] = ((125.0, 30.0, 2.5), (170.0, 200.0, 3.0), (215.0, 90.0, 2.0))
    pulmonary_enhancement: float = 0.95
    atrial_enhancement: float = 1.0
    venous_enhancement: float = 2.8


def aortic_arch(parameters: ArchParameters | None = None) -> Phantom:
    """The thoracic aorta with its branches, surrounded by what touches it.

    Vessels: ``aorta``, ``brachiocephalic_trunk``, ``left_common_carotid``, ``left_subclavian`` (labels 1 to 4). Inlet:
    ``aortic_valve``; outlets: ``brachiocephalic``, ``left_common_carotid``, ``left_subclavian``, ``descending``. Seeds:
    ``aortic_valve``, ``ascending``, ``arch``, ``descending``, ``descending_end`` and one near the end of each branch,
    named as its outlet.

    Raises
    ------
    ValueError
        When a bend is too tight for the vessel's radius.
    """
    p = parameters or ArchParameters()
    centerline, bend_start, bend_end = _aorta_centerline(p)
    aorta = Vessel(
        "aorta",
        centerline,
        _aorta_radius(p, centerline.length_mm, bend_start, bend_end),
        inlet="aortic_valve",
        outlet="descending",
        inlet_image_mm=3.0,
    )
    top = _highest(centerline)
    branches = _branches(p, aorta, top)
    seeds = {
        "aortic_valve": as_vector(centerline.position(0.0)),
        "ascending": as_vector(centerline.position(0.8 * bend_start)),
        "arch": as_vector(centerline.position(top)),
        "descending": as_vector(centerline.position(0.5 * (bend_end + centerline.length_mm))),
        "descending_end": as_vector(centerline.position(centerline.length_mm - _SEED_DEPTH_MM)),
    }
    for branch in branches:
        seeds[str(branch.outlet)] = as_vector(branch.curve.position(branch.curve.length_mm - _SEED_DEPTH_MM))
    return Phantom(
        kind="aortic_arch",
        vessels=(aorta, *branches),
        seeds=seeds,
        blend_mm=p.blend_mm,
        tissues=arch_tissues(aorta, branches, bend_start, bend_end, p),
        plaques=tuple(_plaque(aorta, *plaque) for plaque in p.plaques),
        wall_mm=p.wall_mm,
        margin_mm=30.0,
        parameters=asdict(p),
    )


def random_arch(seed: int) -> Phantom:
    """A plausible aortic arch drawn from a seed; the same seed gives the same arch."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            return aortic_arch(_draw(rng))
        except ValueError:
            continue  # a bend too tight for its radius: draw again from the same generator


def _draw(rng: np.random.Generator) -> ArchParameters:
    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    ascending = draw(12.0, 18.0)
    annulus = draw(10.5, 13.0)
    junction = draw(0.88, 0.97) * ascending
    plaques = [(draw(60.0, 260.0), draw(0.0, 360.0), draw(1.0, 3.5)) for _ in range(int(rng.integers(0, 7)))]
    return ArchParameters(
        annulus_center_mm=(draw(-20.0, 20.0), draw(-180.0, 180.0), draw(-700.0, 700.0)),
        axis=(draw(-0.5, -0.3), draw(-0.35, -0.15), 1.0),
        annulus_radius_mm=annulus,
        sinus_radius_mm=max(annulus, junction) + draw(1.5, 3.0),
        junction_radius_mm=junction,
        ascending_radius_mm=ascending,
        arch_radius_mm=draw(0.84, 0.93) * ascending,
        isthmus_radius_mm=draw(0.72, 0.82) * ascending,
        descending_radius_mm=draw(0.70, 0.80) * ascending,
        end_radius_mm=draw(0.62, 0.70) * ascending,
        width_mm=max(draw(58.0, 82.0), 3.7 * ascending),
        height_mm=draw(78.0, 100.0),
        azimuth_deg=draw(45.0, 65.0),
        drop_mm=draw(20.0, 60.0),
        sway_mm=draw(-5.0, 5.0),
        branch_radii_mm=(draw(4.8, 6.5), draw(2.6, 4.3), draw(3.6, 5.4)),
        branch_gaps_mm=(draw(4.0, 8.0), draw(4.0, 9.0)),
        branch_lengths_mm=(draw(48.0, 62.0), draw(50.0, 65.0), draw(50.0, 65.0)),
        branch_tilts=(
            (draw(-0.6, -0.35), draw(-0.15, 0.1)),
            (draw(-0.05, 0.15), draw(0.0, 0.25)),
            (draw(0.3, 0.6), draw(0.3, 0.6)),
        ),
        first_branch_mm=draw(11.0, 18.0),
        blend_mm=draw(2.0, 4.0),
        wall_mm=draw(0.9, 1.5),
        plaques=tuple(plaques),
        pulmonary_enhancement=draw(0.75, 1.1),
        atrial_enhancement=draw(0.9, 1.05),
        venous_enhancement=draw(2.4, 3.4),
    )


def _aorta_centerline(p: ArchParameters) -> tuple[SplineCurve, float, float]:
    """The centerline and the arc lengths where the bend of the arch starts and ends."""
    axis = unit(p.axis)
    azimuth = np.deg2rad(p.azimuth_deg)
    along = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    aside = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    half_width = 0.5 * p.width_mm
    bend_height = p.height_mm - half_width
    sideways = axis - axis[2] * up
    start = 0.75 * bend_height * sideways + bend_height * up

    def on_bend(angle_deg: float) -> FloatArray:
        angle = np.deg2rad(angle_deg)
        forward = half_width * (1.0 - np.cos(angle)) * along
        return np.asarray(start + forward + np.sin(angle) * (half_width * up + p.sway_mm * aside))

    end = on_bend(180.0)
    points = [np.zeros(3), 12.0 * axis, *[on_bend(a) for a in (0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0)]]
    descent = bend_height + p.drop_mm
    points += [end + np.array([-0.04, 0.06, -1.0]) * descent * part for part in (0.35, 0.7, 1.0)]
    control = np.array(points) + np.asarray(p.annulus_center_mm)
    curve = SplineCurve(control, start_direction=axis)
    (bend_start, bend_end), _ = curve.project(control[[2, 8]])
    return curve, float(bend_start), float(bend_end)


def _aorta_radius(p: ArchParameters, length: float, bend_start: float, bend_end: float) -> Monotone:
    sinus_height = 10.0
    junction_height = max(20.0, 1.35 * p.sinus_radius_mm)
    bend = bend_end - bend_start
    nodes = {
        0.0: p.annulus_radius_mm,
        sinus_height: p.sinus_radius_mm,
        junction_height: p.junction_radius_mm,
        max(bend_start, junction_height + 12.0): p.ascending_radius_mm,
        bend_start + 0.5 * bend: p.arch_radius_mm,
        bend_start + 0.85 * bend: p.isthmus_radius_mm,
        bend_end + 15.0: p.descending_radius_mm,
        length: p.end_radius_mm,
    }
    return Monotone(tuple(nodes), tuple(nodes.values()))


def _highest(curve: SplineCurve) -> float:
    s = np.linspace(0.0, curve.length_mm, 2000)
    return float(s[curve.position(s)[:, 2].argmax()])


def _branches(p: ArchParameters, aorta: Vessel, top: float) -> tuple[Vessel, ...]:
    s = top - p.first_branch_mm
    branches = []
    for n, name in enumerate(BRANCHES):
        radius = p.branch_radii_mm[n]
        if n:
            s += p.branch_radii_mm[n - 1] + p.branch_gaps_mm[n - 1] + radius
        origin, tangent = aorta.curve.position(s), aorta.curve.tangent(s)
        lean = np.array([*p.branch_tilts[n], 1.0])
        outward = unit(np.array([0.0, 0.0, 1.0]) - tangent[2] * tangent)
        start = unit(outward + 0.35 * unit(lean))
        bend_at = float(aorta.radius(s)) + 6.0
        rest = p.branch_lengths_mm[n] - bend_at
        elbow = origin + bend_at * start
        control = np.array([origin, origin + 0.5 * bend_at * start, elbow, elbow + 0.5 * rest * unit(lean + start)])
        control = np.vstack([control, control[-1] + 0.5 * rest * unit(lean)])
        curve = SplineCurve(control, start_direction=start)
        profile = Monotone((0.0, bend_at + 8.0, curve.length_mm), (1.12 * radius, radius, 0.94 * radius))
        outlet = name.removesuffix("_trunk")
        branches.append(Vessel(name, curve, profile, "aorta", float(s), outlet=outlet))
    return tuple(branches)


def _plaque(aorta: Vessel, s: float, angle_deg: float, radius: float) -> Plaque:
    """A ball centered a little outside the lumen, ``s`` along the aorta and ``angle_deg`` around it."""
    tangent = aorta.curve.tangent(s)
    u = unit(np.cross(tangent, np.eye(3)[np.abs(tangent).argmin()]))
    v = np.cross(tangent, u)
    angle = np.deg2rad(angle_deg)
    distance = float(aorta.radius(s)) + 0.3 * radius
    center = aorta.curve.position(s) + distance * (np.cos(angle) * u + np.sin(angle) * v)
    return Plaque(as_vector(center), radius, hu=1100.0)
