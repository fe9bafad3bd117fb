"""How much pressure a vessel loses by what lumped and one-dimensional models leave out: estimates that name a cause.

None of them enters a solution. Flows are given over a beat, so that losses that grow with the square are averaged
rightly; each estimate is the mean over the beat [Pa], and says from which numbers it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.network.stenosis import segment_of
from solvers.network.tree import Segment
from solvers.network.vessel_tree import VesselShape, lesions_of

FloatArray = NDArray[np.float64]
CauseKind = Literal["jet", "curvature", "entrance", "law", "profile"]

DEAN_FROM, DEAN_TO = 11.6, 2000.0
"""Range of White's law; below it a bend costs nothing, above it the law is held at its end."""
LAMINAR_TO = 2300.0
"""Reynolds number above which flow in a long tube may be turbulent: laminar estimates are then too small."""
TANGENT_RADII = 2.0
"""A bend is measured over so many radii before and behind: shorter ones are unevenness of the centerline."""


@dataclass(frozen=True)
class Estimate:
    """Mean pressure [Pa] that 3D loses and a reduced model does not (negative: the other way), and where from."""

    kind: CauseKind
    pressure: float
    evidence: str


def estimates_of(
    shape: VesselShape, points: FloatArray | None, flow: FloatArray, fluid: Fluid, law: str, is_inlet: bool
) -> tuple[Estimate, ...]:
    """All that can be estimated of a vessel, the largest first.

    Parameters
    ----------
    points : (n, 3)
        Of its centerline [m], for its bends.
    flow : (k,)
        Over a beat [m3/s].
    law
        Of narrowings in the reduced model.
    is_inlet
        Whether blood enters the model here with a flat profile.
    """
    found = [jet(shape, flow, fluid, law), profile(shape, flow, fluid)]
    if points is not None:
        found.append(curvature(shape, points, flow, fluid))
    if is_inlet:
        found.append(entrance(shape, flow, fluid))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -abs(one.pressure)))


def jet(shape: VesselShape, flow: FloatArray, fluid: Fluid, law: str) -> Estimate | None:
    """The loss of the jet behind the narrowest place by Borda and Carnot, rho / 2 (1/As - 1/Ad)^2 Q^2, less what the
    law of the reduced model takes for the vessel's lesions beyond friction. Ad is the widest section downstream that
    the vessel has upstream, too.
    """
    r = shape.radius
    open_again = np.minimum(np.maximum.accumulate(r), np.maximum.accumulate(r[::-1])[::-1])
    wider = (1.0 / r**2 - 1.0 / open_again**2) / np.pi
    at = int(wider.argmax())
    square = float(np.mean(np.abs(flow) * flow))
    borda = 0.5 * fluid.density * float(wider[at]) ** 2 * square
    known = sum(segment_of(lesion, fluid, law).loss for _, lesion in lesions_of(shape)) * square
    if wider[at] <= 0.0:
        return None
    words = (
        f"area {np.pi * r[at] ** 2 * 1e6:.1f} of {np.pi * open_again[at] ** 2 * 1e6:.1f} mm2 at "
        f"{1e3 * shape.arc_length[at]:.0f} mm (ratio {(r[at] / open_again[at]) ** 2:.2f}), Reynolds number there "
        f"{_reynolds(float(r[at]), flow, fluid):.0f} mean, {_reynolds(float(r[at]), flow, fluid, True):.0f} peak"
    )
    return Estimate("jet" if borda >= known else "law", borda - known, words)


def curvature(shape: VesselShape, points: FloatArray, flow: FloatArray, fluid: Fluid) -> Estimate | None:
    """Friction in bends beyond that of straight tubes: White's ratio 1 / (1 - (1 - (11.6/De)^0.45)^(1/0.45)) with the
    Dean number De = Re sqrt(r / R) (White 1929, Proc. R. Soc. A 123:645, as handbooks quote it; steady, laminar, fully
    developed).
    """
    s, r = shape.arc_length, shape.radius
    bend = bend_radius(s, points, TANGENT_RADII * float(np.median(r)))
    mean = float(np.mean(flow))
    reynolds = 2.0 * fluid.density * abs(mean) / (np.pi * r * fluid.viscosity)
    dean = reynolds * np.sqrt(np.minimum(r / bend, 1.0))
    ratio = friction_ratio(dean)
    more = float(np.trapezoid(8.0 * fluid.viscosity / (np.pi * r**4) * (ratio - 1.0), s)) * mean
    if more == 0.0:
        return None
    at = int(dean.argmax())
    words = (
        f"Dean number up to {dean[at]:.0f} (bend of {1e3 * bend[at]:.0f} mm, Reynolds number {reynolds[at]:.0f}), "
        f"friction up to {ratio.max():.1f} times a straight tube's"
    )
    return Estimate("curvature", more, words)


def profile(shape: VesselShape, flow: FloatArray, fluid: Fluid) -> Estimate | None:
    """What it takes beyond Bernoulli to speed blood up on the way along a vessel whose profile is a parabola: its
    kinetic energy is twice that of a flat one, so rho / 2 (1/Ae^2 - 1/Ab^2) Q^2 once more. Of first order in the taper,
    because friction is least for the parabola (Helmholtz); laminar, developed, with no lesion in the vessel.
    """
    begin, end = (np.pi * float(radius) ** 2 for radius in (shape.radius[0], shape.radius[-1]))
    reynolds = _reynolds(float(shape.radius.min()), flow, fluid)
    if reynolds > LAMINAR_TO or lesions_of(shape):
        return None
    more = 0.5 * fluid.density * (1.0 / end**2 - 1.0 / begin**2) * float(np.mean(np.abs(flow) * flow))
    words = (
        f"from {1e6 * begin:.1f} to {1e6 * end:.1f} mm2, Reynolds number {reynolds:.0f}; twice the kinetic energy of a "
        "flat profile"
    )
    return Estimate("profile", more, words)


def bend_friction(shape: VesselShape, points: FloatArray, largest: float, fluid: Fluid) -> Segment:
    """What bends add to a vessel's friction by White's law, as R Q + K |Q| Q: the nearest to it for flows from a fifth
    of the largest [m3/s] on, by least squares of the misses relative to the whole friction.
    """
    from scipy.optimize import nnls

    s, r = shape.arc_length, shape.radius
    bend = bend_radius(s, points, TANGENT_RADII * float(np.median(r)))
    flows = np.linspace(0.2, 1.0, 9) * largest
    straight = 8.0 * fluid.viscosity / (np.pi * r**4)
    dean = 2.0 * fluid.density / (np.pi * r * fluid.viscosity) * np.sqrt(np.minimum(r / bend, 1.0))
    whole = np.array([np.trapezoid(straight * friction_ratio(dean * flow), s) for flow in flows])
    more = whole - float(np.trapezoid(straight, s))
    terms = np.column_stack([np.ones_like(flows), flows / largest]) / whole[:, None]
    constant, growing = nnls(terms, more / whole)[0]
    return Segment(float(constant), 0.0, float(growing) / largest)


def entrance(shape: VesselShape, flow: FloatArray, fluid: Fluid) -> Estimate | None:
    """What a flat profile costs until it is parabolic, beyond Poiseuille: Shah and London's fit of the apparent
    friction, f Re = 3.44/sqrt(x) + (1.25/(4x) + 16 - 3.44/sqrt(x)) / (1 + 0.00021/x^2) with x = length / (D Re) (Shah
    and London 1978, as handbooks quote it).
    """
    radius, mean = float(np.median(shape.radius)), float(np.mean(flow))
    reynolds = _reynolds(radius, flow, fluid)
    if not reynolds > 0.0:
        return None
    x = shape.length / (2.0 * radius * reynolds)
    more = 4.0 * x * (apparent_friction(x) - 16.0) * 0.5 * fluid.density * (mean / (np.pi * radius**2)) ** 2
    words = (
        f"entrance length {0.06 * reynolds * 2e3 * radius:.0f} mm at Reynolds number {reynolds:.0f}, the vessel has "
        f"{1e3 * shape.length:.0f} mm"
    )
    return Estimate("entrance", float(np.sign(mean)) * more, words)


def apparent_friction(x: float) -> float:
    """f Re of Shah and London at x = length / (D Re); 16 far from the entrance."""
    root = 3.44 / np.sqrt(x)
    return float(root + (1.25 / (4.0 * x) + 16.0 - root) / (1.0 + 0.00021 / x**2))


def friction_ratio(dean: FloatArray) -> FloatArray:
    """Friction of a bend over that of a straight tube (n,) by White's law; 1 below its range."""
    inside = np.clip(dean, DEAN_FROM, DEAN_TO)
    return np.asarray(1.0 / (1.0 - (1.0 - (DEAN_FROM / inside) ** 0.45) ** (1.0 / 0.45)))


def bend_radius(s: FloatArray, points: FloatArray, reach: float) -> FloatArray:
    """Radius (n,) of the circle [m] through each point of a centerline and those ``reach`` [m] before and behind; near
    the ends that of the nearest point that has both. At most a million times the reach.
    """
    reach = min(reach, 0.5 * float(s[-1] - s[0]))
    middle = np.clip(s, s[0] + reach, s[-1] - reach)
    before, at, behind = (
        np.column_stack([np.interp(middle + way, s, points[:, axis]) for axis in range(3)])
        for way in (-reach, 0.0, reach)
    )
    a, b, c = at - before, behind - at, behind - before
    twice_area = np.linalg.norm(np.cross(a, b), axis=1)
    sides = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) * np.linalg.norm(c, axis=1)
    return np.asarray(sides / np.maximum(2.0 * twice_area, 1e-6 * sides / reach))


def _reynolds(radius: float, flow: FloatArray, fluid: Fluid, at_peak: bool = False) -> float:
    through = float(np.abs(flow).max() if at_peak else abs(np.mean(flow)))
    return 2.0 * fluid.density * through / (np.pi * radius * fluid.viscosity)
