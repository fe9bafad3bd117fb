"""The blood in a run's spec: its density, and how viscous it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solvers.contract.openings import quantity


@dataclass(frozen=True)
class CarreauYasuda:
    """Shear-thinning blood (solvers/flow/rheology.py).

    The defaults are Carreau's law of Cho & Kensey (1991), Biorheology 28:241, as later work quotes it.
    """

    zero_viscosity: float = quantity("Pa s", 1e-4, 10.0, "viscosity at rest", 0.056)
    infinite_viscosity: float = quantity("Pa s", 1e-4, 1.0, "viscosity at a large shear rate", 0.00345)
    time_constant: float = quantity("s", 0.0, 1e4, "time constant: thinning begins at its inverse", 3.313)
    power_index: float = quantity("", 0.05, 1.0, "power-law index; 1 is a Newtonian fluid", 0.3568)
    transition: float = quantity("", 0.1, 10.0, "how sharply thinning begins; 2 is Carreau's law", 2.0)
    kind: Literal["carreau-yasuda"] = "carreau-yasuda"


@dataclass(frozen=True)
class Casson:
    """Blood with a yield stress (solvers/flow/rheology.py); the defaults are of the size of textbook values."""

    yield_stress: float = quantity("Pa", 0.0, 10.0, "yield stress of blood", 0.005)
    plastic_viscosity: float = quantity("Pa s", 1e-4, 1.0, "viscosity at a large shear rate", 0.0035)
    regularization: float = quantity("s", 0.1, 1e5, "regularization time: blood creeps below its inverse", 100.0)
    kind: Literal["casson"] = "casson"


@dataclass(frozen=True)
class Fluid:
    """Blood, Newtonian unless a law is given.

    Attributes
    ----------
    viscosity
        Of a Newtonian fluid. Beside a law it is the reference viscosity, which Reynolds numbers, Womersley's inlet
        profile and the outlets' first tuning take: give the law's value at a large shear rate.
    law
        Viscosity as a function of the shear rate.
    """

    density: float = quantity("kg/m3", 500.0, 2000.0, "density of blood", 1060.0)
    viscosity: float = quantity("Pa s", 1e-4, 1.0, "dynamic viscosity of blood", 0.0035)
    law: CarreauYasuda | Casson | None = None

    def problem(self) -> str | None:
        """What is wrong with it beside its bounds, as a sentence, or None."""
        law = self.law
        if isinstance(law, CarreauYasuda) and law.zero_viscosity < law.infinite_viscosity:
            return (
                f"fluid.law makes blood thicker with shear: its viscosity is {law.zero_viscosity:g} Pa s at rest, but "
                f"{law.infinite_viscosity:g} Pa s at a large shear rate; exchange the two."
            )
        return None


NEWTONIAN = Fluid()
"""Blood as it is where a spec says nothing of it."""
