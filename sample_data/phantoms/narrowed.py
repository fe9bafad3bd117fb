"""Phantoms of narrowed arteries: straight, eccentric, bent, and at a fork, with one or more cosine stenoses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample_data.phantoms.curves import Arc, Line, SplineCurve, as_vector
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.radii import Constant, Narrowed, RadiusProfile
from sample_data.phantoms.vessel import Vessel

Shape = Literal["straight", "eccentric", "curved", "behind a fork", "before a fork"]
LENGTH_MM, RADIUS_MM = 55.0, 1.5
PARENT_MM, PARENT_RADIUS_MM, SISTER_RADIUS_MM = 24.0, 1.75, 1.2
BEND_RADIUS_MM = 20.0
FORK_DEG, SISTER_DEG = 25.0, 40.0
BLEND_MM = 0.5
TOUCH = 0.8
"""An eccentric narrowing leaves the wall of one side this part of the way to where it was."""


@dataclass(frozen=True)
class Narrowing:
    """A cosine stenosis: percent of the diameter, where its throat is along its vessel, half its length [mm]."""

    percent: int
    at_mm: float
    half_length_mm: float


def narrowed_artery(shape: Shape, narrowings: tuple[Narrowing, ...] = ()) -> Phantom:
    """An artery of 3 mm in diameter; before a fork, of 3.5 mm.

    Parameters
    ----------
    shape
        At a fork the narrowings are in the larger daughter or in the parent.
    """
    if shape in ("behind a fork", "before a fork"):
        return _fork(shape, narrowings)
    vessel = Vessel("vessel", _curve(shape, narrowings), _profile(RADIUS_MM, narrowings), None, 0.0, "inlet", "outlet")
    return _phantom(shape, (vessel,))


def _curve(shape: Shape, narrowings: tuple[Narrowing, ...]) -> Arc | Line | SplineCurve:
    if shape == "curved":
        sweep = LENGTH_MM / BEND_RADIUS_MM
        return Arc((0.0, 0.0, 0.0), BEND_RADIUS_MM, (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), sweep)
    if shape == "eccentric" and narrowings:
        s = np.linspace(0.0, LENGTH_MM, 111)
        aside = TOUCH * (RADIUS_MM - _profile(RADIUS_MM, narrowings)(s))
        return SplineCurve(np.column_stack([aside, np.zeros_like(s), s]), knot_spacing_mm=0.5)
    return Line((0.0, 0.0, 0.0), (0.0, 0.0, LENGTH_MM))


def _fork(shape: Shape, narrowings: tuple[Narrowing, ...]) -> Phantom:
    before, behind = (narrowings, ()) if shape == "before a fork" else ((), narrowings)
    top = (0.0, 0.0, PARENT_MM)
    parent = Vessel("parent", Line((0.0, 0.0, 0.0), top), _profile(PARENT_RADIUS_MM, before), inlet="inlet")
    daughters = []
    for name, degrees, radius in (
        ("large", -FORK_DEG, _profile(RADIUS_MM, behind)),
        ("small", SISTER_DEG, Constant(SISTER_RADIUS_MM)),
    ):
        heading = np.array([np.sin(np.deg2rad(degrees)), 0.0, np.cos(np.deg2rad(degrees))])
        curve = Line(top, as_vector(np.array(top) + 0.6 * LENGTH_MM * heading))
        daughters.append(Vessel(name, curve, radius, "parent", PARENT_MM, outlet=f"{name}_end"))
    return _phantom(shape, (parent, *daughters))


def _phantom(shape: Shape, vessels: tuple[Vessel, ...]) -> Phantom:
    seeds = {"inlet": as_vector(vessels[0].curve.position(0.0))}
    for vessel in vessels:
        if vessel.outlet:
            seeds[vessel.outlet] = as_vector(vessel.curve.position(vessel.curve.length_mm))
    return Phantom(shape, vessels, seeds, blend_mm=BLEND_MM if len(vessels) > 1 else 0.0, background_hu=50.0)


def _profile(radius_mm: float, narrowings: tuple[Narrowing, ...]) -> RadiusProfile:
    profile: RadiusProfile = Constant(radius_mm)
    for one in narrowings:
        profile = Narrowed(profile, one.percent / 100.0, one.at_mm, one.half_length_mm)
    return profile
