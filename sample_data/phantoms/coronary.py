"""The coronary trees on the heart: left main, LAD with a diagonal, circumflex with an obtuse marginal; right coronary
with an acute marginal and the posterior descending.

Sizes are drawn around what coronary CT angiography shows in adults; they are assumptions of a test object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.curves import Line, SplineCurve, Vector, as_vector, unit
from sample_data.phantoms.phantom import Phantom, Plaque, Tissue
from sample_data.phantoms.radii import Constant, Monotone, Narrowed, RadiusProfile
from sample_data.phantoms.shapes import Ellipsoid, Without
from sample_data.phantoms.vessel import Vessel

_MUSCLE_SEMI_AXES: Vector = (40.0, 36.0, 48.0)
_UP = np.array([0.0, 0.0, 1.0])
_FAT_MM = 0.8
"""Between the vessels and the heart muscle that they run on."""
_STENOSIS_HALF_LENGTH_MM = 6.0


@dataclass(frozen=True)
class CoronaryParameters:
    """Sizes in mm; places on the heart as (azimuth, elevation) in degrees.

    The heart is an ellipsoid around the origin; azimuth 0 is the patient's left, 90 the front, elevation 90 the base.

    Attributes
    ----------
    stenosis_percent, stenosis_at_mm
        Of the LAD: by diameter, and where along it; 0 for none.
    plaque_radius_mm
        Of the calcified balls beside the stenosis; 0 for none.
    """

    left_main_radius_mm: float = 2.2
    left_main_length_mm: float = 12.0
    descending_radii_mm: tuple[float, float] = (1.8, 1.0)
    circumflex_radii_mm: tuple[float, float] = (1.6, 1.0)
    diagonal_radii_mm: tuple[float, float] = (1.1, 0.8)
    marginal_radii_mm: tuple[float, float] = (1.2, 0.8)
    diagonal_departs_mm: float = 32.0
    marginal_departs_mm: float = 26.0
    fork: tuple[float, float] = (118.0, 58.0)
    descending_path: tuple[tuple[float, float], ...] = ((106.0, 36.0), (98.0, 12.0), (94.0, -14.0), (95.0, -42.0))
    circumflex_path: tuple[tuple[float, float], ...] = ((80.0, 50.0), (38.0, 44.0), (0.0, 42.0), (-35.0, 34.0))
    diagonal_path: tuple[tuple[float, float], ...] = ((70.0, 2.0), (52.0, -22.0))
    marginal_path: tuple[tuple[float, float], ...] = ((20.0, 18.0), (14.0, -18.0))
    stenosis_percent: float = 0.0
    stenosis_at_mm: float = 16.0
    plaque_radius_mm: float = 1.2
    blend_mm: float = 0.5
    wall_mm: float = 0.6


def left_coronary_tree(parameters: CoronaryParameters | None = None) -> Phantom:
    """The left coronary arteries from the ostium.

    Vessels: ``left_main``, ``left_anterior_descending``, ``left_circumflex``, ``first_diagonal``, ``obtuse_marginal``.
    Inlet: ``ostium``; every other end is an outlet named as its vessel; the seeds are named like the ends.
    """
    p = parameters or CoronaryParameters()
    fork = _on_heart(p.fork, p.left_main_radius_mm)
    outward, side = unit(fork), unit(np.cross(fork, (0.0, 0.0, 1.0)))
    ostium = fork + p.left_main_length_mm * unit(0.55 * outward + 0.5 * side + 0.5 * _UP)
    middle = 0.5 * (fork + ostium) + 1.0 * outward
    left_main = Vessel(
        "left_main",
        SplineCurve(np.array([ostium, middle, fork])),
        Constant(p.left_main_radius_mm),
        inlet="ostium",
        inlet_image_mm=3.0,
    )
    length = left_main.curve.length_mm
    descending = _branch("left_anterior_descending", left_main, length, p.descending_radii_mm, p.descending_path)
    if p.stenosis_percent > 0.0:
        narrowed = Narrowed(descending.radius, p.stenosis_percent / 100.0, p.stenosis_at_mm, _STENOSIS_HALF_LENGTH_MM)
        descending = _with_radius(descending, narrowed)
    circumflex = _branch("left_circumflex", left_main, length, p.circumflex_radii_mm, p.circumflex_path)
    diagonal = _branch("first_diagonal", descending, p.diagonal_departs_mm, p.diagonal_radii_mm, p.diagonal_path)
    marginal = _branch("obtuse_marginal", circumflex, p.marginal_departs_mm, p.marginal_radii_mm, p.marginal_path)
    vessels = (left_main, descending, circumflex, diagonal, marginal)
    seeds = {"ostium": as_vector(ostium)}
    seeds |= {v.name: as_vector(v.curve.position(v.curve.length_mm)) for v in vessels[1:]}
    return Phantom(
        kind="left_coronary_tree",
        vessels=vessels,
        seeds=seeds,
        blend_mm=p.blend_mm,
        tissues=_heart(left_main, p),
        plaques=_plaques(descending, p.stenosis_at_mm, p.plaque_radius_mm),
        wall_mm=p.wall_mm,
        margin_mm=12.0,
        parameters=asdict(p),
    )


def random_coronary(seed: int) -> Phantom:
    """A plausible left coronary tree drawn from a seed, one in two with a stenosis of the LAD."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def wander(path: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        return tuple((azimuth + draw(-4.0, 4.0), elevation + draw(-3.0, 3.0)) for azimuth, elevation in path)

    standard = CoronaryParameters()
    scale = draw(0.85, 1.2)
    return left_coronary_tree(
        CoronaryParameters(
            left_main_radius_mm=2.2 * scale,
            left_main_length_mm=draw(8.0, 15.0),
            descending_radii_mm=(1.8 * scale, draw(0.8, 1.1) * scale),
            circumflex_radii_mm=(draw(1.4, 1.7) * scale, draw(0.8, 1.1) * scale),
            diagonal_radii_mm=(draw(1.0, 1.2) * scale, 0.8 * scale),
            marginal_radii_mm=(draw(1.0, 1.2) * scale, 0.8 * scale),
            diagonal_departs_mm=draw(27.0, 36.0),
            marginal_departs_mm=draw(22.0, 30.0),
            descending_path=wander(standard.descending_path),
            circumflex_path=wander(standard.circumflex_path),
            diagonal_path=wander(standard.diagonal_path),
            marginal_path=wander(standard.marginal_path),
            stenosis_percent=float(rng.choice([0.0, draw(30.0, 70.0)])),
            plaque_radius_mm=draw(0.8, 1.4),
        )
    )


@dataclass(frozen=True)
class RightCoronaryParameters:
    """Sizes in mm; places on the heart as those of `CoronaryParameters`, azimuth 180 is the patient's right."""

    radii_mm: tuple[float, float] = (1.9, 1.2)
    marginal_radii_mm: tuple[float, float] = (1.1, 0.8)
    descending_radii_mm: tuple[float, float] = (1.1, 0.8)
    ostium: tuple[float, float] = (128.0, 62.0)
    path: tuple[tuple[float, float], ...] = ((150.0, 50.0), (172.0, 40.0), (200.0, 30.0), (226.0, 22.0))
    marginal_path: tuple[tuple[float, float], ...] = ((165.0, 8.0), (150.0, -20.0))
    descending_path: tuple[tuple[float, float], ...] = ((222.0, 0.0), (232.0, -26.0))
    marginal_departs_mm: float = 34.0
    descending_departs_mm: float = 62.0
    stenosis_percent: float = 0.0
    stenosis_at_mm: float = 20.0
    plaque_radius_mm: float = 1.2
    blend_mm: float = 0.5
    wall_mm: float = 0.6


def right_coronary_tree(parameters: RightCoronaryParameters | None = None) -> Phantom:
    """The right coronary artery from its ostium.

    Vessels: ``right_coronary``, ``acute_marginal``, ``posterior_descending``. Inlet: ``right_ostium``; the outlets are
    named as their vessels, the seeds as the ends.
    """
    p = parameters or RightCoronaryParameters()
    mean = float(np.mean(p.radii_mm))
    first = _on_heart(p.ostium, mean)
    points = [first + 3.0 * _UP, *[_on_heart(place, mean) for place in p.path]]
    curve = SplineCurve(np.array(points))
    radius: RadiusProfile = Monotone((0.0, curve.length_mm), p.radii_mm)
    if p.stenosis_percent > 0.0:
        radius = Narrowed(radius, p.stenosis_percent / 100.0, p.stenosis_at_mm, _STENOSIS_HALF_LENGTH_MM)
    name = "right_coronary"
    main = Vessel(name, curve, radius, inlet="right_ostium", outlet=name, inlet_image_mm=3.0)
    marginal = _branch("acute_marginal", main, p.marginal_departs_mm, p.marginal_radii_mm, p.marginal_path)
    descending = _branch(
        "posterior_descending", main, p.descending_departs_mm, p.descending_radii_mm, p.descending_path
    )
    vessels = (main, marginal, descending)
    seeds = {"right_ostium": as_vector(curve.position(0.0))}
    seeds |= {v.name: as_vector(v.curve.position(v.curve.length_mm)) for v in vessels}
    muscle = Ellipsoid((0.0, 0.0, 0.0), _MUSCLE_SEMI_AXES)
    ventricle = Ellipsoid((0.0, 0.0, 0.0), as_vector(np.subtract(_MUSCLE_SEMI_AXES, 5.0)))
    root = curve.position(0.0) - 14.5 * unit(curve.tangent(0.0) * (1.0, 1.0, 0.0))
    aorta = Line(as_vector(root - 6.0 * _UP), as_vector(root + 80.0 * _UP))
    return Phantom(
        kind="right_coronary_tree",
        vessels=vessels,
        seeds=seeds,
        blend_mm=p.blend_mm,
        tissues=(
            Tissue("right lung", Ellipsoid((-100.0, -10.0, 0.0), (48.0, 90.0, 140.0)), -850.0),
            Tissue("heart muscle", muscle, 45.0, 0.18),
            Tissue("right ventricle", ventricle, 40.0, 0.6),
            Tissue("right atrium", Ellipsoid((-40.0, 30.0, 44.0), (22.0, 22.0, 20.0)), 40.0, 0.5),
            Tissue("aortic root", Vessel("root", aorta, Constant(15.0)), 40.0, 1.0, opens_wall=True),
        ),
        plaques=_plaques(main, p.stenosis_at_mm, p.plaque_radius_mm),
        wall_mm=p.wall_mm,
        margin_mm=12.0,
        parameters=asdict(p),
    )


def random_right_coronary(seed: int) -> Phantom:
    """A plausible right coronary tree drawn from a seed, one in two with a stenosis."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    scale = draw(0.9, 1.2)
    return right_coronary_tree(
        RightCoronaryParameters(
            radii_mm=(draw(1.7, 2.0) * scale, draw(1.1, 1.3) * scale),
            marginal_radii_mm=(draw(1.0, 1.15) * scale, 0.8 * scale),
            descending_radii_mm=(draw(1.0, 1.15) * scale, 0.8 * scale),
            marginal_departs_mm=draw(30.0, 38.0),
            descending_departs_mm=draw(58.0, 66.0),
            stenosis_percent=float(rng.choice([0.0, draw(30.0, 70.0)])),
            plaque_radius_mm=draw(0.8, 1.4),
        )
    )


def _on_heart(place: tuple[float, float], radius_mm: float) -> FloatArray:
    """Where a vessel of that radius lies on the heart muscle, with a little fat between."""
    azimuth, elevation = np.deg2rad(place)
    ray = np.array([np.cos(azimuth) * np.cos(elevation), -np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    on_muscle = ray / np.linalg.norm(ray / np.asarray(_MUSCLE_SEMI_AXES))
    outward = unit(on_muscle / np.asarray(_MUSCLE_SEMI_AXES) ** 2)
    return np.asarray(on_muscle + (radius_mm + _FAT_MM) * outward)


def _branch(
    name: str,
    parent: Vessel,
    departs_mm: float,
    radii_mm: tuple[float, float],
    path: Sequence[tuple[float, float]],
) -> Vessel:
    origin = parent.curve.position(departs_mm)
    points = [origin, *[_on_heart(place, float(np.mean(radii_mm))) for place in path]]
    chord = points[1] - origin
    quarter = origin + 0.35 * chord
    quarter = quarter * (0.5 * np.linalg.norm(origin) + 0.5 * np.linalg.norm(points[1])) / np.linalg.norm(quarter)
    curve = SplineCurve(np.array([origin, quarter, *points[1:]]))
    profile = Monotone((0.0, curve.length_mm), radii_mm)
    return Vessel(name, curve, profile, parent.name, departs_mm, outlet=name)


def _with_radius(vessel: Vessel, radius: RadiusProfile) -> Vessel:
    return Vessel(vessel.name, vessel.curve, radius, vessel.parent, vessel.departs_at_mm, outlet=vessel.outlet)


def _plaques(vessel: Vessel, at_mm: float, radius_mm: float) -> tuple[Plaque, ...]:
    if radius_mm == 0.0:
        return ()
    plaques = []
    for offset, angle in ((-2.5, 0.4), (1.5, 2.6)):
        s = at_mm + offset
        tangent = vessel.curve.tangent(s)
        u = unit(np.cross(tangent, (0.0, 0.0, 1.0)))
        v = np.cross(tangent, u)
        distance = float(vessel.radius(s)) + 0.5 * radius_mm
        center = vessel.curve.position(s) + distance * (np.cos(angle) * u + np.sin(angle) * v)
        plaques.append(Plaque(as_vector(center), radius_mm, hu=1000.0))
    return tuple(plaques)


def _heart(left_main: Vessel, p: CoronaryParameters) -> tuple[Tissue, ...]:
    ostium = left_main.curve.position(0.0)
    back = -left_main.curve.tangent(0.0)
    root_radius = 15.0
    root = ostium + (root_radius - 0.5) * unit((back[0], back[1], 0.0))
    aorta = Line(as_vector(root - 6.0 * _UP), as_vector(root + 80.0 * unit((-0.08, -0.05, 1.0))))
    pulmonary = ostium + unit((0.3, -1.0, 0.0)) * (13.0 + p.left_main_radius_mm + 1.5)
    trunk = Line(as_vector(pulmonary), as_vector(pulmonary + 70.0 * unit((0.11, 0.09, 1.0))))
    muscle = Ellipsoid((0.0, 0.0, 0.0), _MUSCLE_SEMI_AXES)
    cavity = Ellipsoid((0.0, 0.0, 2.0), as_vector(np.subtract(_MUSCLE_SEMI_AXES, 10.0)))
    right = Ellipsoid((-34.0, -16.0, -4.0), (34.0, 30.0, 42.0))
    return (
        Tissue("left lung", Ellipsoid((95.0, -10.0, 0.0), (50.0, 90.0, 140.0)), -850.0),
        Tissue("right ventricle", Without(right, Ellipsoid((0.0, 0.0, 0.0), (42.0, 41.0, 50.0))), 40.0, 0.6),
        Tissue("left atrium", Ellipsoid((-6.0, 38.0, 44.0), (32.0, 24.0, 22.0)), 40.0, 1.0),
        Tissue("heart muscle", muscle, 45.0, 0.18),
        Tissue("left ventricle", cavity, 40.0, 1.0),
        Tissue("pulmonary trunk", Vessel("trunk", trunk, Constant(13.0)), 40.0, 0.9),
        Tissue("aortic root", Vessel("root", aorta, Constant(root_radius)), 40.0, 1.0, opens_wall=True),
    )
