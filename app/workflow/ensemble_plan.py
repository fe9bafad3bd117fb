"""What an ensemble is drawn from: which inputs are uncertain by how much, how many samples, of which model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from app.case.errors import CaseError
from app.workflow.parameters import declared
from imaging.types import FloatArray

Kind = Literal["steady", "beats", "waves"]
KINDS: dict[str, str] = {"steady": "0D, mean flow", "beats": "0D, heart beats", "waves": "1D, heart beats"}
INPUTS = ("inflow", "radius", "outlet_resistance", "outlet_compliance", "stiffness", "viscosity")
SHAPES = ("uniform", "normal", "lognormal")
FACTORS = (0.1, 10.0)


@dataclass(frozen=True)
class Spread:
    """How uncertain an input is: a factor on what the case has, with a distribution.

    Attributes
    ----------
    name
        One of ``INPUTS``; ``radius``, ``outlet_resistance`` and ``outlet_compliance`` may say where, as ``radius:LAD``.
    shape
        ``uniform`` from ``first`` to ``second``; ``normal`` of mean ``first`` and standard deviation ``second``;
        ``lognormal`` of median ``first`` and standard deviation ``second`` of its logarithm.
    source
        Where the numbers come from.
    """

    name: str
    shape: str
    first: float
    second: float
    source: str = "as given"

    def at(self, probability: FloatArray) -> FloatArray:
        """Factors below which the distribution lies with a probability, any shape."""
        from scipy.special import ndtri

        if self.shape == "uniform":
            return np.asarray(self.first + (self.second - self.first) * probability)
        if self.shape == "normal":
            return np.asarray(self.first + self.second * ndtri(probability))
        return np.asarray(self.first * np.exp(self.second * ndtri(probability)))


ASSUMED = (
    Spread("inflow", "normal", 1.0, 0.10, "assumption"),
    Spread("radius", "normal", 1.0, 0.05, "assumption: about half a voxel of 0.5 mm in a lumen of 10 mm"),
    Spread("outlet_resistance", "lognormal", 1.0, 0.15, "assumption"),
    Spread("outlet_compliance", "lognormal", 1.0, 0.25, "assumption"),
    Spread("stiffness", "lognormal", 1.0, 0.25, "assumption"),
    Spread("viscosity", "normal", 1.0, 0.08, "assumption"),
)
"""Taken where none are given."""


@dataclass(frozen=True)
class Plan:
    """What an ensemble consists of.

    Attributes
    ----------
    kind
        Of model, one of ``KINDS``.
    seed
        Of the scrambling.
    """

    kind: Kind = "steady"
    n_samples: int = 256
    seed: int = 0
    spreads: tuple[Spread, ...] = ASSUMED


def _spread(name: str) -> Any:
    one = next(one for one in ASSUMED if one.name == name)
    kind = "its logarithm" if one.shape == "lognormal" else "its factor"
    return declared(
        100.0 * one.second,
        help=f"Standard deviation of {name.replace('_', ' ')} ({one.shape}: of {kind}); 0: as it is",
        unit="%",
        minimum=0.0,
        maximum=50.0,
        source=one.source,
    )


@dataclass(frozen=True)
class Parameters:
    """An ensemble of every vessel's pressure and flow."""

    kind: str = declared(
        "steady", help="Model: " + "; ".join(f"{k}: {v}" for k, v in KINDS.items()), choices=tuple(KINDS)
    )
    n_samples: int = declared(256, help="Number of samples", unit="1", minimum=2, maximum=100_000, source="our choice")
    seed: int = declared(0, help="Same seed, same samples", unit="1", minimum=0, maximum=10**6, source="our choice")
    inflow_percent: float = _spread("inflow")
    radius_percent: float = _spread("radius")
    outlet_resistance_percent: float = _spread("outlet_resistance")
    outlet_compliance_percent: float = _spread("outlet_compliance")
    stiffness_percent: float = _spread("stiffness")
    viscosity_percent: float = _spread("viscosity")


def plan_of(chosen: Parameters) -> Plan:
    """The plan of declared parameters: spreads with the shapes of `ASSUMED`.

    Raises
    ------
    CaseError
        ``bad_spread`` when nothing varies.
    """
    spreads = []
    for one in ASSUMED:
        percent: float = getattr(chosen, f"{one.name}_percent")
        if percent > 0.0:
            is_assumed = abs(percent - 100.0 * one.second) < 1e-9
            spreads.append(one if is_assumed else replace(one, second=0.01 * percent, source="as given"))
    if not spreads:
        raise CaseError("bad_spread", "An ensemble needs inputs that vary: give at least one a spread above zero.")
    kind: Any = chosen.kind  # one of the declared choices
    return Plan(kind, chosen.n_samples, chosen.seed, tuple(spreads))


def parse_spread(text: str) -> Spread:
    """``radius:LAD=uniform:0.9:1.1`` as a spread.

    Raises
    ------
    CaseError
        ``bad_spread``.
    """
    name, equals, rest = text.partition("=")
    parts = rest.split(":")
    try:
        if not equals:
            raise ValueError
        shape, first, second = parts
        return Spread(name, shape, float(first), float(second))
    except ValueError:
        raise CaseError(
            "bad_spread", f"{text!r} is no spread: write, for example, inflow=normal:1:0.1 or radius:LAD=uniform:0.9:1."
        ) from None


def inputs_of(plan: Plan, first: int = 0) -> FloatArray:
    """(n_samples - first, m) factors of the samples from number ``first`` on."""
    from scipy.stats import qmc

    n = 1 << max(0, plan.n_samples - 1).bit_length()
    unit = qmc.Sobol(len(plan.spreads), seed=plan.seed).random(n)[first : plan.n_samples]
    return np.column_stack([spread.at(unit[:, k]) for k, spread in enumerate(plan.spreads)])
