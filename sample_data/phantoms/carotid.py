"""The carotid bifurcation: common, internal with its bulb, external; calcified plaque, jugular vein, cervical spine.

Sizes are drawn around what angiography shows in adults; they are assumptions of a test object.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from imaging.types import FloatArray
from sample_data.phantoms.curves import Line, SplineCurve, as_vector, unit
from sample_data.phantoms.phantom import Phantom, Plaque, Tissue
from sample_data.phantoms.radii import Constant, Monotone, Narrowed, RadiusProfile
from sample_data.phantoms.shapes import Column, Inset, Stack
from sample_data.phantoms.vessel import Vessel

_BULB_AT_MM = 10.0
_STENOSIS_HALF_LENGTH_MM = 7.0


@dataclass(frozen=True)
class CarotidParameters:
    """Sizes in mm, angles in degrees.

    Attributes
    ----------
    azimuth_deg
        Direction in which the internal carotid leans: 0 is the patient's left, 90 the back. The external leans the
        other way.
    nascet_percent
        Stenosis of the bulb by the NASCET definition, (1 - smallest / distal diameter of the internal carotid) 100;
        0 leaves the bulb as it is.
    plaque_radius_mm
        Of the calcified balls around the bulb; 0 for none.
    venous_enhancement
        Contrast of the jugular vein relative to the artery's.
    """

    common_radius_mm: float = 3.2
    bulb_radius_mm: float = 3.7
    internal_radius_mm: float = 2.4
    external_radius_mm: float = 2.0
    internal_angle_deg: float = 22.0
    external_angle_deg: float = 28.0
    azimuth_deg: float = 60.0
    common_length_mm: float = 40.0
    internal_length_mm: float = 50.0
    external_length_mm: float = 45.0
    nascet_percent: float = 0.0
    blend_mm: float = 1.0
    plaque_radius_mm: float = 1.8
    venous_enhancement: float = 0.7


def carotid_bifurcation(parameters: CarotidParameters | None = None) -> Phantom:
    """A left carotid bifurcation; the common carotid starts at the origin and runs to the head.

    Vessels: ``common_carotid``, ``internal_carotid``, ``external_carotid``. Inlet: ``common_carotid``; outlets:
    ``internal_carotid``, ``external_carotid``; the seeds lie at the three ends and are named like them.
    """
    p = parameters or CarotidParameters()
    fork = np.array([0.0, 0.0, p.common_length_mm])
    azimuth = np.deg2rad(p.azimuth_deg)
    lean = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    common = Vessel(
        "common_carotid",
        SplineCurve(np.array([np.zeros(3), 0.5 * fork - 1.5 * lean, fork]), end_direction=np.array([0.0, 0.0, 1.0])),
        Constant(p.common_radius_mm),
        inlet="common_carotid",
    )
    internal_curve = _daughter_curve(fork, lean, p.internal_angle_deg, p.internal_length_mm)
    external_curve = _daughter_curve(fork, -lean, p.external_angle_deg, p.external_length_mm)
    departs = common.curve.length_mm
    internal = Vessel(
        "internal_carotid",
        internal_curve,
        _internal_radius(p, internal_curve.length_mm),
        "common_carotid",
        departs,
        outlet="internal_carotid",
    )
    external = Vessel(
        "external_carotid",
        external_curve,
        Monotone((0.0, 25.0), (1.1 * p.external_radius_mm, p.external_radius_mm)),
        "common_carotid",
        departs,
        outlet="external_carotid",
    )
    vessels = (common, internal, external)
    seeds = {"common_carotid": as_vector(common.curve.position(0.0))}
    seeds |= {v.name: as_vector(v.curve.position(v.curve.length_mm)) for v in (internal, external)}
    return Phantom(
        kind="carotid_bifurcation",
        vessels=vessels,
        seeds=seeds,
        blend_mm=p.blend_mm,
        tissues=_neck(common, internal, p),
        plaques=_plaques(internal, lean, p),
        background_hu=60.0,
        wall_mm=0.8,
        margin_mm=18.0,
        parameters=asdict(p),
    )


def random_carotid(seed: int) -> Phantom:
    """A plausible carotid bifurcation drawn from a seed, one in two with a stenosis."""
    rng = np.random.default_rng(seed)
    common = float(rng.uniform(2.8, 3.8))
    return carotid_bifurcation(
        CarotidParameters(
            common_radius_mm=common,
            bulb_radius_mm=common * float(rng.uniform(1.05, 1.25)),
            internal_radius_mm=common * float(rng.uniform(0.68, 0.80)),
            external_radius_mm=common * float(rng.uniform(0.55, 0.68)),
            internal_angle_deg=float(rng.uniform(16.0, 30.0)),
            external_angle_deg=float(rng.uniform(20.0, 35.0)),
            azimuth_deg=float(rng.uniform(30.0, 80.0)),
            nascet_percent=float(rng.choice([0.0, rng.uniform(30.0, 75.0)])),
            plaque_radius_mm=float(rng.uniform(1.2, 2.2)),
            venous_enhancement=float(rng.uniform(0.3, 0.9)),
        )
    )


def _daughter_curve(fork: FloatArray, lean: FloatArray, angle_deg: float, length: float) -> SplineCurve:
    """Leaves at its angle and turns back toward the head."""
    up = np.array([0.0, 0.0, 1.0])
    away = np.cos(np.deg2rad(angle_deg)) * up + np.sin(np.deg2rad(angle_deg)) * lean
    points = [fork, fork + 0.25 * length * away, fork + 0.25 * length * away + 0.25 * length * unit(away + up)]
    points.append(points[-1] + 0.5 * length * unit(0.25 * away + up))
    return SplineCurve(np.array(points), start_direction=away)


def _internal_radius(p: CarotidParameters, length: float) -> RadiusProfile:
    healthy = Monotone(
        (0.0, _BULB_AT_MM, 24.0, length),
        (0.9 * p.bulb_radius_mm, p.bulb_radius_mm, p.internal_radius_mm, p.internal_radius_mm),
    )
    if p.nascet_percent == 0.0:
        return healthy
    smallest = (1.0 - p.nascet_percent / 100.0) * p.internal_radius_mm
    return Narrowed(healthy, 1.0 - smallest / p.bulb_radius_mm, _BULB_AT_MM, _STENOSIS_HALF_LENGTH_MM)


def _plaques(internal: Vessel, lean: FloatArray, p: CarotidParameters) -> tuple[Plaque, ...]:
    if p.plaque_radius_mm == 0.0:
        return ()
    plaques = []
    for s, angle_deg in ((_BULB_AT_MM - 3.0, 20.0), (_BULB_AT_MM + 1.0, -30.0), (_BULB_AT_MM + 3.0, 150.0)):
        tangent = internal.curve.tangent(s)
        u = unit(lean - (lean @ tangent) * tangent)
        v = np.cross(tangent, u)
        angle = np.deg2rad(angle_deg)
        distance = float(internal.radius(s)) + 0.5 * p.plaque_radius_mm
        center = internal.curve.position(s) + distance * (np.cos(angle) * u + np.sin(angle) * v)
        plaques.append(Plaque(as_vector(center), p.plaque_radius_mm, hu=1200.0))
    return tuple(plaques)


def _neck(common: Vessel, internal: Vessel, p: CarotidParameters) -> tuple[Tissue, ...]:
    """The jugular vein runs beside the common and internal carotid with just the wall between."""
    vein_radius = 5.5
    aside = unit((0.9, 0.45, 0.0))
    path = []
    for vessel, s in ((common, 5.0), (common, 25.0), (internal, 12.0), (internal, 40.0)):
        path.append(vessel.curve.position(s) + (float(vessel.radius(s)) + vein_radius + 0.2) * aside)
    path = [path[0] - [0.0, 0.0, 80.0], *path, path[-1] + [0.0, 0.0, 80.0]]
    vein = Vessel("vein", SplineCurve(np.array(path)), Constant(vein_radius))
    spine = Column((-16.0, 27.0), (11.0, 8.0))
    vertebrae = Stack(spine, period_mm=18.0, height_mm=13.0)
    airway = Line((-30.0, -8.0, -200.0), (-30.0, -8.0, 300.0))
    return (
        Tissue("fat of the neck", Column((4.0, 2.0), (16.0, 13.0)), -90.0),
        Tissue("intervertebral discs", spine, 80.0),
        Tissue("cortical bone", vertebrae, 800.0),
        Tissue("spongy bone", Inset(vertebrae, 1.2), 300.0),
        Tissue("airway", Vessel("airway", airway, Constant(8.0)), -980.0),
        Tissue("jugular vein", vein, 40.0, p.venous_enhancement),
    )
