"""What a one-dimensional network is: vessels, what stands at their ends, stenoses, blood. Plain data, SI units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solvers.contract.openings import (
    CoronaryOutlet,
    Inlet,
    PressureInlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
)
from solvers.network.stenosis import DEFAULT_LAW, Lesion

Junctions = Literal["total", "static", "static forks"]
Interpolation = Literal["smooth", "linear"]


@dataclass(frozen=True)
class Vessel1D:
    """A straight elastic tube from ``start`` to ``end`` (node numbers); flow is positive that way.

    Pressure: ``p = p_external + beta (sqrt(A / A0) - 1) + wall_viscosity / (A0 sqrt(A)) dA/dt`` with A0 the section
    area at the reference radius; values between the places ``at`` lie on straight lines.

    Attributes
    ----------
    name
        Of the vessel, once in a network.
    length
        [m].
    radius : (n,)
        Reference radius [m], at which the wall bears ``p_external``.
    beta : (n,)
        Stiffness [Pa]; :mod:`solvers.network.one_d.walls` has it from E and h, :mod:`solvers.network.stiffness` from
        laws.
    wall_viscosity
        Gamma of Kelvin and Voigt [Pa s m]: (2/3) sqrt(pi) phi h with phi the viscosity of the wall [Pa s] and h its
        thickness (Alastruey et al. 2011, J. Biomech. 44:2250).
    profile
        Exponent of the velocity profile u = U (profile + 2) / profile (1 - (r/R)^profile): 2 is parabolic, 9 blunt. It
        gives the friction -2 (profile + 2) pi mu U.
    p_external
        Pressure [Pa] at the reference area.
    at : (n,)
        Where radius and beta hold, as parts of the length, from 0 to 1.
    more_resistance, more_loss
        R [Pa s/m3] and K [Pa s2/m6] of what it loses all along beyond the profile's friction, R Q + K |Q| Q.
    entry_loss
        K [Pa s2/m6] of what is lost on the way into it at its start, unless that is a free end.
    """

    name: str
    start: int
    end: int
    length: float
    radius: tuple[float, ...]
    beta: tuple[float, ...]
    wall_viscosity: float = 0.0
    profile: float = 2.0
    p_external: float = 0.0
    at: tuple[float, ...] = (0.0, 1.0)
    more_resistance: float = 0.0
    more_loss: float = 0.0
    entry_loss: float = 0.0


@dataclass(frozen=True)
class Reflection:
    """An outlet that sends back a share of the arriving wave: 0 nothing, 1 all of it with its sign (a closed end).

    Attributes
    ----------
    coefficient
        Of the pressure wave, -1 (an open end) to 1.
    pressure
        [Pa] at which nothing moves: waves are counted from there.
    """

    coefficient: float = 0.0
    pressure: float = 0.0
    name: str = ""


Condition = Inlet | PressureInlet | RcrOutlet | PressureOutlet | ResistanceOutlet | CoronaryOutlet | Reflection
"""What can stand at a free end: the inlets and outlets of the three-dimensional flow (their patch number says nothing
here), or a reflection."""


@dataclass(frozen=True)
class Terminal:
    """A condition at a node with one vessel."""

    node: int
    condition: Condition


@dataclass(frozen=True)
class Stenosis:
    """A narrowing at the end of a vessel, which has no length of its own in the network.

    Attributes
    ----------
    vessel
        At whose end it stands, before the node.
    lesion
        What it is.
    law
        By which pressure falls over it, one of :data:`solvers.network.stenosis.LAWS`.
    """

    vessel: str
    lesion: Lesion
    law: str = DEFAULT_LAW


@dataclass(frozen=True)
class Network1D:
    """Vessels that meet at nodes, and what stands at the free ends.

    Attributes
    ----------
    density, viscosity
        Of the blood [kg/m3, Pa s].
    period
        Of all waveforms [s].
    junctions
        What is the same in all vessels at a node: total pressure p + rho U^2 / 2 (energy is kept), or p alone, at all
        nodes or where three or more vessels meet.
    flattening
        Whether convection carries the momentum factor of the profile, (profile + 2) / (profile + 1); otherwise 1.
    interpolation
        Of waveforms between their samples: cubic, as in the three-dimensional flow, or straight.
    """

    vessels: tuple[Vessel1D, ...]
    terminals: tuple[Terminal, ...]
    period: float
    density: float = 1060.0
    viscosity: float = 4e-3
    stenoses: tuple[Stenosis, ...] = ()
    junctions: Junctions = "total"
    flattening: bool = False
    interpolation: Interpolation = "smooth"
    name: str = "network"
