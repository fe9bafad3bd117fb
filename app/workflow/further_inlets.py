"""More than one opening through which blood enters, each with its share of the inflow or a curve of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.case.errors import CaseError
from app.workflow.boundary_files import Inflow, check_inflow_speed, read_inflow
from app.workflow.patient import Assumption
from app.workflow.units import M_PER_MM
from imaging.types import FloatArray, Patch

if TYPE_CHECKING:
    from app.workflow.simulate import Parameters
    from solvers.contract.spec import Waveform

SAME_BEAT = 0.02
"""Lengths of two inflows' beats may differ by this part: the further ones are then stretched to the first's."""
N_SAMPLES = 200


@dataclass(frozen=True)
class DrivenInlet:
    """An inlet, the flow into it [m3/s], and which part of a common inflow that is (1: a curve of its own)."""

    patch: Patch
    flow: Waveform
    share: float = 1.0


@dataclass(frozen=True)
class Openings:
    """The openings of a model, sorted by what they do: the model's own inlet first.

    Attributes
    ----------
    shares
        Of the inflow, by the name of a further inlet.
    files
        Of a further inlet's own curve, by its name.
    """

    inlets: tuple[Patch, ...]
    outlets: tuple[Patch, ...]
    shares: dict[str, float]
    files: dict[str, Path]


def sorted_openings(patches: Sequence[Patch], chosen: Parameters) -> Openings:
    """Which openings are inlets and which are outlets, by the model and by what was chosen for this run.

    Raises
    ------
    CaseError
        ``no_inlet``, ``no_outlet``, ``bad_inlet``.
    """
    first = tuple(patch for patch in patches if patch.kind == "inlet")
    others = {_plain(patch.name): patch for patch in patches if patch.kind == "outlet"}
    if not first:
        raise CaseError("no_inlet", "The model has no inlet, so no blood could enter it: build it again.")
    if not others:
        raise CaseError("no_outlet", "The model has no outlet, so no blood could leave it: build it again.")
    shares, files = _pairs(chosen.further_inlets, "share"), _pairs(chosen.further_inflows, "file")
    twice = sorted(set(shares) & set(files))
    if twice:
        raise CaseError("bad_inlet", f"Inlet {twice[0]} is given a share and a file: keep one of the two.")
    for name in (*shares, *files):
        if name not in others:
            there = ", ".join(patch.name for patch in others.values())
            raise CaseError("bad_inlet", f"The model has no opening {name!r} that could be an inlet: it has {there}.")
    numbers = {others[name].name: _share(name, word) for name, word in shares.items()}
    if sum(numbers.values()) >= 1.0:
        raise CaseError(
            "bad_inlet",
            f"The further inlets take {sum(numbers.values()):g} of the inflow, which leaves nothing for "
            f"{first[0].name}: their shares must add up to less than 1.",
        )
    further = tuple(patch for name, patch in others.items() if name in shares or name in files)
    outlets = tuple(patch for name, patch in others.items() if name not in shares and name not in files)
    if not outlets:
        raise CaseError("no_outlet", "All openings are inlets, so no blood could leave: leave one of them out.")
    paths = {others[name].name: Path(word) for name, word in files.items()}
    return Openings((*first, *further), outlets, numbers, paths)


def driven_inlets(openings: Openings, chosen: Parameters, flow: Waveform, period: float) -> tuple[DrivenInlet, ...]:
    """The flow into each inlet, when ``flow`` [m3/s] is what the model's own inlet and the shares divide.

    Raises
    ------
    CaseError
        ``bad_inlet`` for beats of different lengths, and what reading a file refuses.
    """
    from solvers.contract.spec import Waveform

    def part(share: float) -> Waveform:
        return Waveform(flow.t, tuple(share * value for value in flow.values))

    main, *further = openings.inlets
    rest = 1.0 - sum(openings.shares.values())
    found = [DrivenInlet(main, flow if rest == 1.0 else part(rest), rest)]
    for patch in further:
        if patch.name in openings.shares:
            share = openings.shares[patch.name]
            found.append(DrivenInlet(patch, part(share), share))
            continue
        own = read_inflow(openings.files[patch.name], chosen.inflow_unit, chosen.inflow_sign)
        check_inflow_speed(own, patch.area_mm2 * M_PER_MM**2)
        found.append(DrivenInlet(patch, _stretched(own, period, main.name, patch.name)))
    return tuple(found)


def whole_inflow(inlets: Sequence[DrivenInlet], period: float) -> Waveform:
    """The sum of all inflows."""
    from solvers.contract.spec import Waveform

    if len(inlets) == 1:
        return inlets[0].flow
    total = np.sum([_sampled(inlet.flow, period) for inlet in inlets], axis=0)
    times = period * np.arange(N_SAMPLES) / N_SAMPLES
    return Waveform(tuple(times.tolist()), tuple(total.tolist()))


def area_of_fastest(inlets: Sequence[DrivenInlet], period: float) -> float:
    """The area [m2] through which the whole inflow would be as fast at its peak as it is at the fastest inlet."""
    areas = [inlet.patch.area_mm2 * M_PER_MM**2 for inlet in inlets]
    if len(inlets) == 1:
        return areas[0]
    curves = [np.abs(_sampled(inlet.flow, period)) for inlet in inlets]
    fastest = max(float(curve.max()) / area for curve, area in zip(curves, areas, strict=True))
    return float(np.abs(_sampled(whole_inflow(inlets, period), period)).max()) / fastest


def further_assumptions(chosen: Parameters) -> tuple[Assumption, ...]:
    """What was not measured of the further inlets."""
    found = [
        Assumption(f"Share of the inflow that enters at {name}", float(share), "1", "assumption, without a source")
        for name, share in _pairs(chosen.further_inlets, "share").items()
    ]
    if found or chosen.further_inflows:
        found.append(
            Assumption(
                *("Lumped vessel behind several inlets", "one trunk, with the pressure of the first inlet", ""),
                "assumption: right for the outlets' mean flows, rough for pulses that differ",
            )
        )
    return tuple(found)


def _sampled(flow: Waveform, period: float) -> FloatArray:
    from solvers.network.waveform import PeriodicCurve

    return PeriodicCurve(flow, period).sample(N_SAMPLES)


def _stretched(inflow: Inflow, period: float, first: str, name: str) -> Waveform:
    from solvers.contract.spec import Waveform

    if abs(inflow.period_s / period - 1.0) > SAME_BEAT:
        raise CaseError(
            "bad_inlet",
            f"The beat of the inflow at {name} lasts {inflow.period_s:.3g} s, but that at {first} {period:.3g} s: give "
            "curves of one heart rate.",
        )
    scale = period / inflow.period_s
    return Waveform(tuple(scale * t for t in inflow.times_s), inflow.flow_m3_s)


def _pairs(words: str, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not name or not value:
            raise CaseError("bad_inlet", f"{word!r} is no inlet with its {what}: write, for example, left=0.3.")
        if _plain(name) in found:
            raise CaseError("bad_inlet", f"Inlet {name} is named twice: keep one.")
        found[_plain(name)] = value
    return found


def _share(name: str, word: str) -> float:
    try:
        share = float(word)
    except ValueError:
        share = float("nan")
    if not 0.0 < share < 1.0:
        raise CaseError("bad_inlet", f"The share {word!r} of inlet {name} must be a number between 0 and 1.")
    return share


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("cap_")
