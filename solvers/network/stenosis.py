"""Pressure drop of a narrowing, by published laws.

The laws of ``LAWS`` are of the form ``dP = R Q + K |Q| Q + L dQ/dt``, so that they fit a segment of a lumped network;
that of Huo et al. is not and stands on its own (:func:`huo_drop`). A0, D0 are area and diameter of the healthy lumen,
As, Ds those of the throat.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.contract.fluid import Fluid
from solvers.network.tree import Segment

FloatArray = NDArray[np.float64]

EXPANSION = 1.52
"""Kt of Young & Tsai: loss of the jet over Borda's and Carnot's."""
UNSTEADY = 1.2
"""Ku of Young & Tsai."""
BLUNTNESS = 9.0
"""Zeta of Itu et al.: the velocity profile 1 - (r/R)^zeta whose friction acts in a narrowing; 2 is Poiseuille's."""
N_PROFILE = 101
DEFAULT_LAW = "expansion"
"""Nearest to 3D of the laws on smooth narrowings of 30 to 70 % (docs/verification/README.md, the same vessels)."""


@dataclass(frozen=True)
class OwnLaw:
    """How the total pressure of one patient falls along a stretch of a vessel, as 3D runs showed it:
    ``R Q + K |Q| Q``.

    Attributes
    ----------
    start, end
        Of the stretch, along its vessel [m].
    resistance, loss
        R [Pa s/m3] in blood of ``viscosity`` [Pa s], K [Pa s2/m6].
    """

    start: float
    end: float
    resistance: float
    loss: float
    viscosity: float

    def scaled(self, factor: float) -> OwnLaw:
        """The law where the radius of the vessel is a multiple of what it was, its length the same: both coefficients
        grow with its fourth power (exact for Poiseuille's friction and for losses of the dynamic pressure).
        """
        return replace(self, resistance=self.resistance / factor**4, loss=self.loss / factor**4)


@dataclass(frozen=True, eq=False)
class Lesion:
    """A narrowing.

    Attributes
    ----------
    reference_radius, minimal_radius, length
        Of the healthy lumen, of the throat, of the narrowed stretch [m].
    profile : ((n,), (n,)) or None
        Arc length and radius along it [m]; a cosine's bell between the two radii where it is not known.
    own
        The patient's own law of it, which then stands in the place of every published one.
    """

    reference_radius: float
    minimal_radius: float
    length: float
    profile: tuple[FloatArray, FloatArray] | None = None
    own: OwnLaw | None = None

    @property
    def reference_area(self) -> float:
        """A0 [m2]."""
        return math.pi * self.reference_radius**2

    @property
    def minimal_area(self) -> float:
        """As [m2]."""
        return math.pi * self.minimal_radius**2

    @property
    def reduction(self) -> float:
        """Of the diameter, 0 to 1."""
        return 1.0 - self.minimal_radius / self.reference_radius

    def curve(self) -> tuple[FloatArray, FloatArray]:
        """Arc length and radius along it, (n,) each [m]."""
        if self.profile is not None:
            return self.profile
        s = np.linspace(0.0, self.length, N_PROFILE)
        return s, self.reference_radius * narrowed(s, 0.5 * self.length, self.length, self.reduction)


@dataclass(frozen=True)
class Law:
    """A law with where it comes from and where it holds.

    Attributes
    ----------
    coefficients
        Of a lesion in a fluid: resistance, loss, inertance.
    reductions
        Smallest and largest reduction of the diameter for which it was made.
    largest_reynolds
        Of the healthy lumen (diameter, mean speed).
    range_source
        Where the two come from.
    """

    name: str
    title: str
    source: str
    coefficients: Callable[[Lesion, Fluid], Segment]
    reductions: tuple[float, float]
    largest_reynolds: float
    range_source: str

    def drop(self, lesion: Lesion, fluid: Fluid, flow: ArrayLike) -> FloatArray:
        """Pressure drop [Pa] of steady flows [m3/s], any shape."""
        found = self.coefficients(lesion, fluid)
        q = np.asarray(flow, dtype=float)
        return np.asarray(found.resistance * q + found.loss * np.abs(q) * q)

    def outside(self, lesion: Lesion, fluid: Fluid, flow: float) -> tuple[str, ...]:
        """What of a lesion and a flow [m3/s] lies outside the law's range, as sentences."""
        told = []
        low, high = self.reductions
        if not low <= lesion.reduction <= high:
            told.append(
                f"{self.title} is meant for narrowings of {100 * low:.0f} to {100 * high:.0f} % of the diameter, not "
                f"{100 * lesion.reduction:.0f} %."
            )
        reynolds = 2.0 * fluid.density * abs(flow) / (math.pi * lesion.reference_radius * fluid.viscosity)
        if reynolds > self.largest_reynolds:
            told.append(
                f"{self.title} is meant for Reynolds numbers up to {self.largest_reynolds:.0f}, not {reynolds:.0f}."
            )
        return tuple(told)


def narrowed(arc_length: ArrayLike, center: float, length: float, reduction: float) -> FloatArray:
    """What a cosine's bell of a given length [m] leaves of the radius along an arc length (n,) [m]: 1 outside it."""
    x = (np.asarray(arc_length, dtype=float) - center) / length
    bell = np.where(np.abs(x) < 0.5, 0.5 * (1.0 + np.cos(2.0 * np.pi * x)), 0.0)
    return np.asarray(1.0 - reduction * bell)


def poiseuille(arc_length: ArrayLike, radius: ArrayLike, viscosity: float, bluntness: float = 2.0) -> float:
    """2 (zeta + 2) pi mu times the integral of ds / A^2 [Pa s/m3]; ``zeta`` 2 gives 8 mu / (pi r^4)."""
    area = np.pi * np.asarray(radius, dtype=float) ** 2
    return float(2.0 * (bluntness + 2.0) * np.pi * viscosity * np.trapezoid(area**-2, np.asarray(arc_length)))


def _expansion(lesion: Lesion, density: float, factor: float) -> float:
    return (
        factor * density / (2.0 * lesion.reference_area**2) * (lesion.reference_area / lesion.minimal_area - 1.0) ** 2
    )


def young_tsai(lesion: Lesion, fluid: Fluid) -> Segment:
    """Kv mu / (A0 D0), Kt rho / (2 A0^2) (A0/As - 1)^2 and Ku rho Ls / A0 with Kv = 32 (0.83 Ls + 1.64 Ds) (A0/As)^2
    / D0.
    """
    a0, d0, ds = lesion.reference_area, 2.0 * lesion.reference_radius, 2.0 * lesion.minimal_radius
    viscous = 32.0 * (0.83 * lesion.length + 1.64 * ds) * (a0 / lesion.minimal_area) ** 2 / d0
    return Segment(
        viscous * fluid.viscosity / (a0 * d0),
        UNSTEADY * fluid.density * lesion.length / a0,
        _expansion(lesion, fluid.density, EXPANSION),
    )


def itu(lesion: Lesion, fluid: Fluid) -> Segment:
    """2 (zeta + 2) pi mu integral dx / A^2 over the lesion, and Young & Tsai's loss of the jet."""
    return Segment(
        poiseuille(*lesion.curve(), fluid.viscosity, BLUNTNESS),
        _inertance(lesion, fluid.density),
        _expansion(lesion, fluid.density, EXPANSION),
    )


def expansion(lesion: Lesion, fluid: Fluid) -> Segment:
    """Poiseuille's friction over the lesion, and rho / 2 (1/As - 1/A0)^2 Q^2 behind it (Borda & Carnot)."""
    return Segment(
        poiseuille(*lesion.curve(), fluid.viscosity),
        _inertance(lesion, fluid.density),
        _expansion(lesion, fluid.density, 1.0),
    )


def _inertance(lesion: Lesion, density: float) -> float:
    s, radius = lesion.curve()
    return float(np.trapezoid(density / (np.pi * np.asarray(radius) ** 2), s))


LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law(
            "young-tsai",
            "Young and Tsai's law",
            "Young & Tsai 1973, J. Biomech. 6:395 and 6:547; coefficients as in Liang et al. 2009 and open codes",
            young_tsai,
            (0.3, 0.7),
            5000.0,
            "assumption: about the tubes of the experiments (half to nine tenths of the area closed), not looked up",
        ),
        Law(
            "itu",
            "Itu's law",
            "Itu et al. 2012, as open coronary codes write it: friction of a blunt profile (zeta 9), Kt 1.52",
            itu,
            (0.2, 0.8),
            2000.0,
            "assumption: narrowings of coronary arteries",
        ),
        Law(
            "expansion",
            "Borda and Carnot's law",
            "momentum balance of a sudden expansion (Borda & Carnot); friction by Poiseuille",
            expansion,
            (0.0, 0.9),
            10_000.0,
            "assumption: a jet from a throat without a vena contracta",
        ),
    )
}


def segment_of(lesion: Lesion, fluid: Fluid, law: str) -> Segment:
    """Resistance, loss and inertance of a lesion by its own law, if it has one, else by that of ``LAWS``."""
    own = lesion.own
    if own is None:
        return LAWS[law].coefficients(lesion, fluid)
    return Segment(own.resistance * fluid.viscosity / own.viscosity, _inertance(lesion, fluid.density), own.loss)


def huo_drop(lesion: Lesion, fluid: Fluid, flow: float) -> float:
    """Pressure drop of a steady flow through a lesion of constant throat, by Huo et al.

    In the throat the core of the profile is flat and shrinks to the radius ``alpha`` times the throat's at its end::

        pi mu L / (rho Q) = integral_alpha^1 (1 - x) (6 + x) p(x) / 5 dx
        p(x) = (1 + 4 x + 9 x^2 + 4 x^3) / (x (3 + 2 x) (3 + 2 x + x^2)^2)
        friction = rho Q^2 / (2 As^2) 96 / 5 integral_alpha^1 p(x) dx
        expansion = rho Q^2 / 2 [u^2 + (2 u v - u^2) (1 - alpha)^2],  u = 1/As - 1/A0,  v = 1/As - 1/(3 A0)

    From ``alpha`` 0.05 on the flow counts as developed: the rest of the throat has Poiseuille's friction. Huo,
    Svendsen, Choy, Zhang & Kassab 2012, J. R. Soc. Interface 9:1325, in the transcription of a public code; that its
    friction becomes Poiseuille's in a long throat is checked.

    Parameters
    ----------
    flow
        [m3/s].
    """
    from scipy.integrate import quad
    from scipy.optimize import brentq

    if flow == 0.0:
        return 0.0
    q = abs(flow)

    def core(x: float) -> float:
        return (1 + 4 * x + 9 * x**2 + 4 * x**3) / (x * (3 + 2 * x) * (3 + 2 * x + x**2) ** 2)

    def grown(alpha: float) -> float:
        return float(quad(lambda x: (1 - x) * (6 + x) * core(x) / 5, alpha, 1.0)[0])

    developed = 0.05
    way = math.pi * fluid.viscosity * lesion.length / (fluid.density * q)
    rest = way - grown(developed)
    alpha = developed if rest >= 0.0 else brentq(lambda x: grown(x) - way, developed, 1.0 - 1e-12)
    a0, a_s = lesion.reference_area, lesion.minimal_area
    dynamic = 0.5 * fluid.density * q**2
    friction = dynamic / a_s**2 * 96.0 / 5.0 * float(quad(core, alpha, 1.0)[0])
    u, v = 1.0 / a_s - 1.0 / a0, 1.0 / a_s - 1.0 / (3.0 * a0)
    jet = dynamic * (u**2 + (2.0 * u * v - u**2) * (1.0 - alpha) ** 2)
    if rest >= 0.0:
        friction += 16.0 * dynamic / a_s**2 * rest  # 8 pi mu Q / As^2 for each length
        jet = dynamic * 2.0 * u * v
    return math.copysign(friction + jet, flow)
