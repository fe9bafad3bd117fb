"""Phantoms of one or a few plain tubes: straight, curved, stenosed, aneurysmal, bifurcating."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sample_data.phantoms.curves import Arc, Curve, Line, Vector, as_vector, unit
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.radii import Constant, CosineBump, RadiusProfile
from sample_data.phantoms.vessel import Sphere, Vessel

TubeKind = Literal[
    "straight_tube", "curved_tube", "stenosed_tube", "fusiform_aneurysm", "saccular_aneurysm", "y_bifurcation"
]
_ORIGIN: Vector = (0.0, 0.0, 0.0)


def _single(
    kind: str, curve: Curve, radius: RadiusProfile, sacs: tuple[Sphere, ...] = (), blend_mm: float = 0.0
) -> Phantom:
    vessel = Vessel("vessel", curve, radius, inlet="inlet", outlet="outlet")
    length = curve.length_mm
    seeds = {"inlet": 0.0, "middle": 0.5 * length, "outlet": length}
    return Phantom(
        kind=kind,
        vessels=(vessel,),
        seeds={role: as_vector(curve.position(s)) for role, s in seeds.items()},
        sacs=sacs,
        blend_mm=blend_mm,
        background_hu=50.0,
    )


def straight_tube(length_mm: float = 60.0, radius_mm: float = 4.0, direction: Vector = (0.0, 0.0, 1.0)) -> Phantom:
    """A straight tube from the origin."""
    end = as_vector(length_mm * unit(direction))
    return _single("straight_tube", Line(_ORIGIN, end), Constant(radius_mm))


def curved_tube(bend_radius_mm: float = 25.0, radius_mm: float = 4.0, sweep_deg: float = 180.0) -> Phantom:
    """A piece of a torus in the plane y = 0, opening downward."""
    sweep = float(np.deg2rad(sweep_deg))
    arc = Arc(_ORIGIN, bend_radius_mm, (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), sweep)
    return _single("curved_tube", arc, Constant(radius_mm))


def stenosed_tube(
    length_mm: float = 60.0,
    radius_mm: float = 2.0,
    throat_radius_mm: float = 1.0,
    center_mm: float = 20.0,
    half_length_mm: float = 4.0,
) -> Phantom:
    """A straight tube along z with a cosine stenosis; the defaults are the flow team's benchmark (75 % by area)."""
    profile = CosineBump(radius_mm, throat_radius_mm, center_mm, half_length_mm)
    return _single("stenosed_tube", Line(_ORIGIN, (0.0, 0.0, length_mm)), profile)


def fusiform_aneurysm(
    length_mm: float = 120.0,
    radius_mm: float = 10.0,
    aneurysm_radius_mm: float = 25.0,
    center_mm: float = 60.0,
    half_length_mm: float = 40.0,
) -> Phantom:
    """A straight tube along z that widens by a raised cosine, as an abdominal aortic aneurysm does."""
    profile = CosineBump(radius_mm, aneurysm_radius_mm, center_mm, half_length_mm)
    return _single("fusiform_aneurysm", Line(_ORIGIN, (0.0, 0.0, length_mm)), profile)


def saccular_aneurysm(
    radius_mm: float = 2.0,
    bend_radius_mm: float = 14.0,
    sac_radius_mm: float = 4.0,
    neck_offset_mm: float = 3.0,
    blend_mm: float = 0.8,
) -> Phantom:
    """A bend with a spherical sac on its outer side.

    Parameters
    ----------
    neck_offset_mm
        Distance of the sac's center from the vessel's wall.
    """
    sweep = 2.0 * np.pi / 3.0
    arc = Arc(_ORIGIN, bend_radius_mm, as_vector(unit((-1.0, 0.0, 0.5774))), as_vector(unit((0.5774, 0.0, 1.0))), sweep)
    center = (0.0, 0.0, bend_radius_mm + radius_mm + neck_offset_mm)
    phantom = _single("saccular_aneurysm", arc, Constant(radius_mm), (Sphere(center, sac_radius_mm),), blend_mm)
    return phantom


def y_bifurcation(
    parent_radius_mm: float = 5.0,
    daughter_radii_mm: tuple[float, float] = (4.0, 3.4),
    angles_deg: tuple[float, float] = (30.0, 40.0),
    lengths_mm: tuple[float, float, float] = (40.0, 40.0, 40.0),
    blend_mm: float = 1.5,
) -> Phantom:
    """A parent along z that parts into two daughters in the plane y = 0, each bending away by its angle."""
    top = (0.0, 0.0, lengths_mm[0])
    parent = Vessel("parent", Line(_ORIGIN, top), Constant(parent_radius_mm), inlet="inlet")
    daughters = []
    for n, (radius, angle, length, side) in enumerate(
        zip(daughter_radii_mm, np.deg2rad(angles_deg), lengths_mm[1:], (-1.0, 1.0), strict=True), start=1
    ):
        heading = np.array([side * np.sin(angle), 0.0, np.cos(angle)])
        curve = Line(top, as_vector(np.asarray(top) + length * heading))
        name = f"daughter_{n}"
        daughters.append(Vessel(name, curve, Constant(radius), "parent", lengths_mm[0], outlet=f"outlet_{n}"))
    seeds = {"inlet": _ORIGIN} | {str(d.outlet): as_vector(d.curve.position(d.curve.length_mm)) for d in daughters}
    return Phantom("y_bifurcation", (parent, *daughters), seeds, blend_mm=blend_mm, background_hu=50.0)


def random_tube(kind: TubeKind, seed: int) -> Phantom:
    """A plausible phantom of one of this module's kinds drawn from a seed."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    radius = draw(2.0, 6.0)
    match kind:
        case "straight_tube":
            return straight_tube(draw(40.0, 90.0), radius, (draw(-1.0, 1.0), draw(-1.0, 1.0), 1.0))
        case "curved_tube":
            return curved_tube(draw(3.0, 8.0) * radius, radius, draw(60.0, 200.0))
        case "stenosed_tube":
            return stenosed_tube(60.0, radius, draw(0.4, 0.8) * radius, draw(25.0, 35.0), draw(1.5, 3.0) * radius)
        case "fusiform_aneurysm":
            neck = draw(8.0, 12.0)
            return fusiform_aneurysm(120.0, neck, draw(1.5, 3.0) * neck, draw(55.0, 65.0), draw(35.0, 45.0))
        case "saccular_aneurysm":
            parent = draw(1.5, 2.5)
            sac = draw(1.5, 2.5) * parent
            return saccular_aneurysm(parent, draw(5.0, 9.0) * parent, sac, draw(0.5, 0.8) * sac, 0.4 * parent)
        case "y_bifurcation":
            radii = (draw(0.7, 0.85) * radius, draw(0.55, 0.8) * radius)
            return y_bifurcation(radius, radii, (draw(20.0, 45.0), draw(20.0, 50.0)), blend_mm=draw(0.1, 0.4) * radius)
