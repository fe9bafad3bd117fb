"""How much pressure a vessel loses by what lumped and one-dimensional models leave out: estimates that name a cause.

None of them enters a solution. Flows are given over a beat, so that losses that grow with the square are averaged
rightly; an estimate is the mean over the beat [Pa], or that at one instant, and says from which numbers it comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.network.stenosis import segment_of
from solvers.network.tree import Segment
from solvers.network.vessel_tree import VesselShape, lesions_of

FloatArray = NDArray[np.float64]
CauseKind = Literal["jet", "law", "curvature", "entrance", "profile", "section", "pulse", "junction"]

DEAN_FROM, DEAN_TO = 11.6, 2000.0
"""Range of White's law; below it a bend costs nothing, above it the law is held at its end."""
ENTRANCE = 0.06
"""Length over diameter and Reynolds number at which a profile that began flat is parabolic (laminar; any textbook)."""
LAMINAR_TO = 2300.0
"""Reynolds number above which flow in a long tube may be turbulent: laminar estimates are then too small."""
TANGENT_RADII = 2.0
"""A bend is measured over so many radii before and behind: shorter ones are unevenness of the centerline."""


@dataclass(frozen=True)
class Estimate:
    """Pressure [Pa] that 3D loses and a reduced model does not (negative: the other way), and where from."""

    kind: CauseKind
    pressure: float
    evidence: str


@dataclass(frozen=True, eq=False)
class Passage:
    """Blood on a stretch of a vessel.

    Attributes
    ----------
    flow : (k,)
        Over a beat, at equal steps [m3/s].
    period
        [s].
    at
        The instant of ``flow`` that counts; None for the mean over the beat.
    points : (n, 3)
        Of the vessel's centerline [m], for its bends; None where they are not known.
    inscribed : (n,)
        Radius of the spheres inscribed there [m], for sections that are not round; None where it is not known.
    is_flat
        Whether the velocity profile is flat where the vessel's branch begins.
    first, last
        Of the stretch, along the vessel [m].
    """

    shape: VesselShape
    flow: FloatArray
    period: float
    at: int | None = None
    points: FloatArray | None = None
    inscribed: FloatArray | None = None
    is_flat: bool = False
    first: float = 0.0
    last: float = float("inf")

    @property
    def flows(self) -> FloatArray:
        """(k,) [m3/s] over which quasi-steady losses are averaged."""
        return self.flow if self.at is None else self.flow[[self.at]]

    @property
    def steps(self) -> FloatArray:
        """(n - 1,) the part of each step between the vessel's points that lies on the stretch [m]."""
        s = self.shape.arc_length
        inside = np.minimum(s[1:], self.last) - np.maximum(s[:-1], self.first)
        return np.asarray(np.maximum(inside, 0.0))

    def integral(self, values: FloatArray) -> float:
        """Of values (n,) at the vessel's points along the stretch."""
        return float(0.5 * (values[1:] + values[:-1]) @ self.steps)


def estimates_of(passage: Passage, fluid: Fluid, law: str) -> tuple[Estimate, ...]:
    """All that can be estimated of a stretch, the largest first.

    Parameters
    ----------
    law
        Of narrowings in the reduced model.
    """
    found = [
        jet(passage, fluid, law),
        curvature(passage, fluid),
        section(passage, fluid),
        (entrance if passage.is_flat else profile)(passage, fluid),
        pulse(passage, fluid),
    ]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -abs(one.pressure)))


def jet(passage: Passage, fluid: Fluid, law: str) -> Estimate | None:
    """The loss of the jet behind the narrowest place by Borda and Carnot, rho / 2 (1/As - 1/Ad)^2 Q^2, less what the
    law of the reduced model takes for the stretch's lesions beyond friction. Ad is the widest section downstream that
    the vessel has upstream, too.
    """
    s, r, flow = passage.shape.arc_length, passage.shape.radius, passage.flows
    open_again = np.minimum(np.maximum.accumulate(r), np.maximum.accumulate(r[::-1])[::-1])
    is_here = (s >= passage.first) & (s <= passage.last)
    wider = np.where(is_here, (1.0 / r**2 - 1.0 / open_again**2) / np.pi, 0.0)
    at = int(wider.argmax())
    if wider[at] <= 0.0:
        return None
    square = float(np.mean(np.abs(flow) * flow))
    borda = 0.5 * fluid.density * float(wider[at]) ** 2 * square
    known = square * sum(
        segment_of(lesion, fluid, law).loss
        for start, lesion in lesions_of(passage.shape)
        if passage.first <= start + 0.5 * lesion.length <= passage.last
    )
    words = (
        f"area {np.pi * r[at] ** 2 * 1e6:.1f} of {np.pi * open_again[at] ** 2 * 1e6:.1f} mm2 at {1e3 * s[at]:.0f} mm "
        f"(ratio {(r[at] / open_again[at]) ** 2:.2f}), Reynolds number there {_reynolds(r[at], flow, fluid):.0f} mean, "
        f"{_reynolds(r[at], flow, fluid, True):.0f} peak"
    )
    return Estimate("jet" if borda >= known else "law", borda - known, words)


def curvature(passage: Passage, fluid: Fluid) -> Estimate | None:
    """Friction in bends beyond that of straight tubes: White's ratio 1 / (1 - (1 - (11.6/De)^0.45)^(1/0.45)) with the
    Dean number De = Re sqrt(r / R) (White 1929, Proc. R. Soc. A 123:645, as handbooks quote it; steady, laminar, fully
    developed), less what the reduced model takes for them already.
    """
    if passage.points is None:
        return None
    s, r, mean = passage.shape.arc_length, passage.shape.radius, float(np.mean(passage.flows))
    bend = bend_radius(s, passage.points, TANGENT_RADII * float(np.median(r)))
    reynolds = 2.0 * fluid.density * abs(mean) / (np.pi * r * fluid.viscosity)
    dean = reynolds * np.sqrt(np.minimum(r / bend, 1.0))
    ratio = friction_ratio(dean)
    of_stretch = passage.integral(_friction(r, fluid) * (ratio - 1.0))
    if of_stretch == 0.0:
        return None
    whole = replace(passage, first=0.0, last=float("inf")).integral(_friction(r, fluid) * (ratio - 1.0))
    known = passage.shape.bends
    taken = float(np.mean((known.resistance + known.loss * np.abs(passage.flows)) * passage.flows)) * of_stretch / whole
    more = of_stretch * mean - taken
    at = int(np.where((s >= passage.first) & (s <= passage.last), dean, 0.0).argmax())
    words = (
        f"Dean number up to {dean[at]:.0f} (bend of {1e3 * bend[at]:.0f} mm, Reynolds number {reynolds[at]:.0f}), "
        f"friction up to {ratio[at]:.1f} times a straight tube's"
    )
    return Estimate("curvature", more, words)


def section(passage: Passage, fluid: Fluid) -> Estimate | None:
    """Friction of sections that are not round beyond that of circles of their area: (g^2 + 1/g^2) / 2 for an ellipse
    whose half axes are r g and r / g, r the radius by area, r / g that of the sphere inscribed (Poiseuille flow in an
    ellipse, exact).
    """
    if passage.inscribed is None:
        return None
    r, mean = passage.shape.radius, float(np.mean(passage.flows))
    flat = np.maximum(r / passage.inscribed, 1.0)
    ratio = 0.5 * (flat**2 + 1.0 / flat**2)
    more = passage.integral(_friction(r, fluid) * (ratio - 1.0)) * mean
    if more == 0.0:
        return None
    s = passage.shape.arc_length
    at = int(np.where((s >= passage.first) & (s <= passage.last), ratio, 0.0).argmax())
    words = (
        f"radius {1e3 * r[at]:.1f} mm by area, {1e3 * passage.inscribed[at]:.1f} mm inscribed at {1e3 * s[at]:.0f} mm, "
        f"friction there {ratio[at]:.1f} times a circle's"
    )
    return Estimate("section", more, words)


def entrance(passage: Passage, fluid: Fluid) -> Estimate | None:
    """What a profile that is flat where its branch begins costs beyond Poiseuille, step by step: Shah and London's fit
    of the apparent friction, f Re = 3.44/sqrt(x) + (1.25/(4x) + 16 - 3.44/sqrt(x)) / (1 + 0.00021/x^2) with x = length
    / (D Re) (Shah and London 1978). Where the vessel tapers the layer at the wall is as thick as after a uniform way of
    r^8 times the integral of r^-8: Thwaites' momentum thickness on a surface of revolution, theta^2 = 0.45 nu /
    (r^2 U^6) times the integral of r^2 U^5 (Thwaites 1949, Aeronaut. Q. 1:245; Rott and Crabtree 1952, J.
    Aeronaut. Sci. 19:553), all as textbooks quote it.
    """
    s, r, flow = passage.shape.arc_length, passage.shape.radius, passage.flows
    per_length = np.pi * fluid.viscosity / (4.0 * fluid.density * np.maximum(np.abs(flow), 1e-300))
    x, loss = passage.shape.start * per_length, np.zeros(len(flow))
    for length, inside, before, behind in zip(np.diff(s), passage.steps, r[:-1], r[1:], strict=True):
        end = x + length * per_length
        speed = flow / (np.pi * (0.5 * (before + behind)) ** 2)
        part = inside / max(float(length), 1e-300)
        loss += part * 0.5 * fluid.density * np.abs(speed) * speed * (excess_head(end) - excess_head(x))
        x = end * (behind / before) ** 8
    more = float(loss.mean())
    if more == 0.0:
        return None
    radius = float(np.median(r))
    reynolds = _reynolds(radius, flow, fluid)
    words = (
        f"entrance length {ENTRANCE * reynolds * 2e3 * radius:.0f} mm at Reynolds number {reynolds:.0f}, the vessel "
        f"has {1e3 * passage.shape.length:.0f} mm"
    )
    return Estimate("entrance", more, words)


def profile(passage: Passage, fluid: Fluid) -> Estimate | None:
    """What it takes beyond Bernoulli to speed blood up on the way along a stretch whose profile is a parabola: its
    kinetic energy is twice that of a flat one, so rho / 2 (1/Ae^2 - 1/Ab^2) Q^2 once more. Of first order in the taper,
    because friction is least for the parabola (Helmholtz); laminar, developed, with no lesion in the vessel.
    """
    s, r, flow = passage.shape.arc_length, passage.shape.radius, passage.flows
    places = np.clip([passage.first, passage.last], s[0], s[-1])
    begin, end = (np.pi * np.interp(places, s, r) ** 2).tolist()
    reynolds = _reynolds(float(r.min()), flow, fluid)
    more = 0.5 * fluid.density * (1.0 / end**2 - 1.0 / begin**2) * float(np.mean(np.abs(flow) * flow))
    if more == 0.0 or reynolds > LAMINAR_TO or lesions_of(passage.shape):
        return None
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
    straight = _friction(r, fluid)
    dean = 2.0 * fluid.density / (np.pi * r * fluid.viscosity) * np.sqrt(np.minimum(r / bend, 1.0))
    whole = np.array([np.trapezoid(straight * friction_ratio(dean * flow), s) for flow in flows])
    more = whole - float(np.trapezoid(straight, s))
    terms = np.column_stack([np.ones_like(flows), flows / largest]) / whole[:, None]
    constant, growing = nnls(terms, more / whole)[0]
    return Segment(float(constant), 0.0, float(growing) / largest)


def pulse(passage: Passage, fluid: Fluid) -> Estimate | None:
    """Friction and inertia of a pulsating profile beyond those of a parabola and a plug, at the instant that counts:
    i omega rho / (pi r^2) / (1 - 2 J1(l) / (l J0(l))), l = i^1.5 r sqrt(omega / nu), for each harmonic (Womersley
    1955, J. Physiol. 127:553). Over a whole beat it is nothing.
    """
    from scipy.special import jve

    if passage.at is None or len(passage.flow) < 3:
        return None
    r, n = passage.shape.radius, len(passage.flow)
    harmonics = np.fft.rfft(passage.flow)
    omega = 2.0 * np.pi * np.arange(1, len(harmonics)) / passage.period
    womersley = r[:, None] * np.sqrt(omega * fluid.density / fluid.viscosity)
    argument = 1j**1.5 * womersley
    inertia = 1j * omega * fluid.density / (np.pi * r[:, None] ** 2)
    known = inertia + _friction(r, fluid)[:, None]
    more = inertia / (1.0 - 2.0 * jve(1, argument) / (argument * jve(0, argument))) - known
    along = np.array([passage.integral(part) for part in more.real.T]) + 1j * np.array(
        [passage.integral(part) for part in more.imag.T]
    )
    loss = np.fft.irfft(np.concatenate([[0.0], along]) * harmonics, n)
    radius = float(np.median(r))
    words = f"Womersley number {radius * np.sqrt(omega[0] * fluid.density / fluid.viscosity):.1f} at the heart rate"
    return Estimate("pulse", float(loss[passage.at]), words)


def excess_head(x: FloatArray) -> FloatArray:
    """Pressure that a flat profile loses beyond Poiseuille until x = length / (D Re), in dynamic pressures (k,)."""
    return np.asarray(4.0 * x * (apparent_friction(np.maximum(x, 1e-12)) - 16.0))


def apparent_friction(x: FloatArray) -> FloatArray:
    """f Re of Shah and London at x = length / (D Re); 16 far from the entrance."""
    root = 3.44 / np.sqrt(x)
    return np.asarray(root + (1.25 / (4.0 * x) + 16.0 - root) / (1.0 + 0.00021 / x**2))


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


def _friction(radius: FloatArray, fluid: Fluid) -> FloatArray:
    """Poiseuille's, of a length [Pa s/m4]."""
    return np.asarray(8.0 * fluid.viscosity / (np.pi * radius**4))


def _reynolds(radius: float, flow: FloatArray, fluid: Fluid, at_peak: bool = False) -> float:
    through = float(np.abs(flow).max() if at_peak else abs(np.mean(flow)))
    return 2.0 * fluid.density * through / (np.pi * radius * fluid.viscosity)
