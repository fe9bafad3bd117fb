"""The abdominal aorta with renal and common iliac arteries; vena cava, spine and kidneys beside it.

Sizes are drawn around what angiography shows in adults; they are assumptions of a test object.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from sample_data.phantoms.curves import SplineCurve, as_vector
from sample_data.phantoms.phantom import Phantom, Tissue
from sample_data.phantoms.radii import Constant, CosineBump, Monotone, RadiusProfile
from sample_data.phantoms.shapes import Column, Ellipsoid, Inset, Stack
from sample_data.phantoms.vessel import Vessel

_BULGE_AT, _BULGE_HALF_LENGTH_MM = 0.68, 24.0


@dataclass(frozen=True)
class AbdominalParameters:
    """Sizes in mm, angles in degrees.

    Attributes
    ----------
    renals_depart_mm
        Of the right and the left renal artery, along the aorta from its upper end.
    aneurysm_radius_mm
        Of the aorta below the renal arteries where it is widest; 0 leaves it as it is.
    venous_enhancement
        Contrast of the vena cava relative to the aorta's.
    """

    aorta_radius_mm: float = 9.5
    aorta_length_mm: float = 115.0
    iliac_radius_mm: float = 5.0
    iliac_length_mm: float = 55.0
    iliac_angles_deg: tuple[float, float] = (24.0, 20.0)
    renal_radius_mm: float = 2.7
    renal_length_mm: float = 40.0
    renals_depart_mm: tuple[float, float] = (30.0, 24.0)
    aneurysm_radius_mm: float = 0.0
    sideways_mm: float = 4.0
    venous_enhancement: float = 0.4
    blend_mm: float = 1.5


def abdominal_aorta(parameters: AbdominalParameters | None = None) -> Phantom:
    """An abdominal aorta that begins at the origin and runs to the feet.

    Vessels: ``aorta``, ``right_iliac``, ``left_iliac``, ``right_renal``, ``left_renal``. Inlet: ``abdominal_aorta``;
    the outlets are named as their vessels, the seeds as the ends.
    """
    p = parameters or AbdominalParameters()
    length = p.aorta_length_mm
    fork = np.array([0.0, 0.0, -length])
    aside = np.array([p.sideways_mm, -0.5 * p.sideways_mm, -0.5 * length])
    aorta_curve = SplineCurve(np.array([np.zeros(3), aside, fork]), end_direction=np.array([0.0, 0.0, -1.0]))
    radius: RadiusProfile = Constant(p.aorta_radius_mm)
    if p.aneurysm_radius_mm > 0.0:
        at = _BULGE_AT * aorta_curve.length_mm
        radius = CosineBump(p.aorta_radius_mm, p.aneurysm_radius_mm, at, _BULGE_HALF_LENGTH_MM)
    aorta = Vessel("aorta", aorta_curve, radius, inlet="abdominal_aorta")
    vessels = [aorta]
    for name, side, angle in zip(("right_iliac", "left_iliac"), (-1.0, 1.0), p.iliac_angles_deg, strict=True):
        lean = np.deg2rad(angle)
        away = np.array([side * np.sin(lean), 0.0, -np.cos(lean)])
        knee = fork + 0.5 * p.iliac_length_mm * away
        end = knee + 0.5 * p.iliac_length_mm * np.array([0.6 * away[0], 0.45, away[2]]) / np.hypot(1.0, 0.3)
        curve = SplineCurve(np.array([fork, fork + 0.25 * p.iliac_length_mm * away, knee, end]), start_direction=away)
        profile = Monotone((0.0, curve.length_mm), (1.1 * p.iliac_radius_mm, p.iliac_radius_mm))
        vessels.append(Vessel(name, curve, profile, "aorta", aorta_curve.length_mm, outlet=name))
    for name, side, departs in zip(("right_renal", "left_renal"), (-1.0, 1.0), p.renals_depart_mm, strict=True):
        start = aorta_curve.position(departs)
        out = np.array([side, 0.35, -0.25])
        points = [start + part * p.renal_length_mm * out + [0.0, 6.0 * part**2, 0.0] for part in (0.0, 0.4, 0.7, 1.0)]
        curve = SplineCurve(np.array(points))
        profile = Monotone((0.0, curve.length_mm), (1.1 * p.renal_radius_mm, 0.9 * p.renal_radius_mm))
        vessels.append(Vessel(name, curve, profile, "aorta", departs, outlet=name))
    seeds = {"abdominal_aorta": as_vector(aorta_curve.position(0.0))}
    seeds |= {v.name: as_vector(v.curve.position(v.curve.length_mm)) for v in vessels[1:]}
    return Phantom(
        kind="abdominal_aorta",
        vessels=tuple(vessels),
        seeds=seeds,
        blend_mm=p.blend_mm,
        tissues=_abdomen(aorta, p),
        background_hu=-100.0,
        wall_mm=1.2,
        margin_mm=14.0,
        parameters=asdict(p),
    )


def random_abdominal(seed: int) -> Phantom:
    """A plausible abdominal aorta drawn from a seed, one in two with an aneurysm."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    radius = draw(8.0, 11.0)
    return abdominal_aorta(
        AbdominalParameters(
            aorta_radius_mm=radius,
            iliac_radius_mm=draw(0.48, 0.6) * radius,
            iliac_angles_deg=(draw(16.0, 30.0), draw(16.0, 30.0)),
            renal_radius_mm=draw(2.3, 3.0),
            renals_depart_mm=(draw(26.0, 36.0), draw(20.0, 30.0)),
            aneurysm_radius_mm=float(rng.choice([0.0, draw(1.5, 2.2) * radius])),
            sideways_mm=draw(-6.0, 6.0),
            venous_enhancement=draw(0.2, 0.6),
        )
    )


def _abdomen(aorta: Vessel, p: AbdominalParameters) -> tuple[Tissue, ...]:
    """The vena cava lies to the right with just the wall between, before the right renal and behind the right iliac."""
    widest, vein_radius = aorta.max_radius_mm, 10.0
    beside = -(widest + vein_radius + 0.3)
    low = -p.aorta_length_mm
    way = ((-6.0, 120.0), (-6.0, 0.4 * low), (14.0, low), (34.0, low - 60.0), (40.0, low - 200.0))
    vein = Vessel("cava", SplineCurve(np.array([(beside, y, z) for y, z in way])), Constant(vein_radius))
    spine = Column((0.0, widest + 26.0), (21.0, 17.0))
    vertebrae = Stack(spine, period_mm=34.0, height_mm=26.0)
    far = 1.25 * p.renal_length_mm + 26.0
    kidneys = [Ellipsoid((side * far, 20.0, -0.45 * p.aorta_length_mm), (24.0, 22.0, 48.0)) for side in (-1.0, 1.0)]
    return (
        Tissue("intervertebral discs", spine, 80.0),
        Tissue("cortical bone", vertebrae, 700.0),
        Tissue("spongy bone", Inset(vertebrae, 1.5), 200.0),
        Tissue("vena cava", vein, 40.0, p.venous_enhancement),
        *[Tissue("kidney", kidney, 35.0, 0.5) for kidney in kidneys],
    )
