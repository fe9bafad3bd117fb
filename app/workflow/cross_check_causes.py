"""Why a reduced model differs from the 3D run: causes with the evidence that was computed for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.workflow.cross_check_result import Difference, ModelId
from app.workflow.flow_setup import ReducedCase
from app.workflow.measured_places import Measured
from app.workflow.units import M3_PER_ML, PA_PER_MMHG
from imaging.anatomy.vessel_names import spelled
from imaging.types import FloatArray

if TYPE_CHECKING:
    from solvers.network.along import Track
    from solvers.network.loss_estimates import Estimate, Passage

WORDS = {
    "jet": "jet loss behind a narrowing",
    "law": "the law of the narrowing takes more than the jet loses",
    "curvature": "curvature",
    "entrance": "a profile that is not yet parabolic",
    "profile": "a rounded velocity profile where the vessel's area changes",
    "section": "sections that are not round",
    "pulse": "friction of a pulsating profile",
    "junction": "junction loss",
}
EXPLAINS = 0.25
"""An estimate names a cause if it explains this part of what is missing. An assumption."""
AT_PEAK = ("pulse", "peak_flow", "flow_curve")
IN_MMHG = ("mean_pressure", "pulse", "drop")
LEAST_MMHG = 0.1


@dataclass(frozen=True)
class Missing:
    """Pressure [Pa] that 3D loses and a model does not, on a stretch, and why."""

    pressure: float
    sentence: str


class Causes:
    """Causes of the differences between a run and the reduced models of its case.

    Parameters
    ----------
    tracks
        Of each model, by the vessels' names.
    """

    def __init__(self, reduced: ReducedCase, measured: Measured, tracks: Mapping[ModelId, Mapping[str, Track]]) -> None:
        from solvers.network.along import upstream

        tree = reduced.patient.tree
        self._case, self._measured, self._tracks = reduced, measured, tracks
        self._upstream = upstream(tree)
        ends = {name: measured.places[name][-1].flow for name in tree.ends}
        self._flow = {
            name: sum(
                (flow for end, flow in ends.items() if name in self._upstream[end]), np.zeros(len(measured.times))
            )
            for name in tree.names
        }
        """Flow of each vessel (k,), by what leaves behind it: walls in 3D are rigid."""
        self._peak = int(np.argmax(measured.places[tree.vessels[0].name][0].flow))
        self._found: dict[tuple[ModelId, bool], dict[str, list[Missing]]] = {}
        self._exchanged = self._pairs()
        self.of_the_list = self._exchanged + self._sizes()

    def of(self, vessel: str, difference: Difference) -> tuple[str, ...]:
        """Causes of a difference in a vessel, the likeliest first."""
        if difference.model == "1d_elastic":
            return (self._storage(),) if difference.quantity in AT_PEAK else ()
        if self._exchanged:
            return self._exchanged
        missing = self._missing(difference.model, difference.quantity in AT_PEAK)
        if difference.quantity == "drop":
            own = missing[vessel][:1]
        elif difference.quantity in ("mean_pressure", "pulse"):
            own = missing[vessel][:1] + [one for name in self._downstream(vessel) for one in missing[name]]
        else:
            own = [one for name in self._upstream[vessel] for one in missing[name]]
        least = EXPLAINS * abs(difference.difference) if difference.quantity in IN_MMHG else LEAST_MMHG
        own = sorted(own, key=lambda one: -abs(one.pressure))
        return tuple(one.sentence for one in own[:2] if abs(one.pressure) >= least * PA_PER_MMHG)

    def _downstream(self, vessel: str) -> list[str]:
        """The vessels behind one on the way of the largest flow: at its end an outlet sets the pressure."""
        tree, found = self._case.patient.tree, list[str]()
        ends = [name for name in tree.ends if vessel in self._upstream[name]]
        end = max(ends, key=lambda name: float(self._measured.places[name][-1].flow.mean()))
        for name in reversed(self._upstream[end]):
            if vessel in self._upstream[name][1:]:
                found.append(name)
        return found

    def _missing(self, model: ModelId, at_peak: bool) -> dict[str, list[Missing]]:
        """Of each vessel: first what is missing along it, then on the way into it."""
        key = (model, at_peak)
        if key not in self._found:
            self._found[key] = {name: self._of_vessel(model, name, at_peak) for name in self._measured.places}
        return self._found[key]

    def _of_vessel(self, model: ModelId, name: str, at_peak: bool) -> list[Missing]:
        places = self._measured.places[name]
        if not places:
            return []
        found = [self._along(model, name, at_peak)]
        before = next((other for other in self._upstream[name][1:] if self._measured.places[other]), None)
        if before is not None:
            found.append(self._into(model, before, name, at_peak))
        return found

    def _along(self, model: ModelId, name: str, at_peak: bool) -> Missing:
        places = self._measured.places[name]
        more = self._drop(model, (name, 0), (name, -1), at_peak)
        estimates = self._estimates(name, places[0].along, places[-1].along, at_peak)
        return Missing(more, f"{spelled(name)}: {_loses(more)} along it{_when(at_peak)}; {_likely(more, estimates)}")

    def _into(self, model: ModelId, before: str, name: str, at_peak: bool) -> Missing:
        """What is missing between the last place of a vessel and the first of one behind it."""
        from solvers.network.junction_losses import junction_estimate

        more = self._drop(model, (before, -1), (name, 0), at_peak)
        first, last = self._measured.places[name][0], self._measured.places[before][-1]
        way = list(self._upstream[name])
        way = way[: way.index(before) + 1]
        tree, setup, points = self._case.patient.tree, self._case.setup, self._case.patient.points_m
        flows = {vessel: flow[[self._peak]] if at_peak else flow for vessel, flow in self._flow.items()}
        found = [junction_estimate(tree, points, flows, vessel, setup.fluid) for vessel in way[:-1]]
        estimates = [one for one in found if one is not None]
        for vessel in way:
            begin = last.along if vessel == before else 0.0
            end = first.along if vessel == name else float("inf")
            estimates += self._estimates(vessel, begin, end, at_peak)
        shape, flow = self._case.patient.tree.vessel(name), self._flow[name]
        radius = float(np.interp(first.along, shape.arc_length, shape.radius))
        speed = flow / (np.pi * radius**2)
        square = float(speed[self._peak] ** 2 if at_peak else np.mean(np.abs(speed) * speed))
        dynamic = 0.5 * self._case.setup.fluid.density * square
        loss = more / dynamic if dynamic > 0.0 else float("nan")
        return Missing(
            more,
            f"{spelled(before)} to {spelled(name)}: {_loses(more)} where the vessels part{_when(at_peak)}; "
            f"{_likely(more, estimates)}; "
            f"in all it has the coefficient {loss:.2f} of the dynamic pressure {_mmhg(dynamic)} in {spelled(name)}",
        )

    def _estimates(self, name: str, first: float, last: float, at_peak: bool) -> list[Estimate]:
        """Of a stretch of a vessel [m]."""
        from solvers.network.loss_estimates import estimates_of

        passage = self._passage(name, first, last, at_peak)
        return list(estimates_of(passage, self._case.setup.fluid, self._case.chosen.law))

    def _passage(self, name: str, first: float, last: float, at_peak: bool) -> Passage:
        from solvers.network.loss_estimates import Passage

        patient = self._case.patient
        shape, root = patient.tree.vessel(name), patient.tree.vessels[0]
        return Passage(
            shape,
            self._flow[name],
            self._case.setup.period,
            self._peak if at_peak else None,
            patient.points_m.get(name),
            patient.inscribed_m.get(name),
            self._measured.is_flat or shape.branch != root.branch,  # a daughter's profile begins anew
            first,
            last,
        )

    def _drop(self, model: ModelId, first: tuple[str, int], last: tuple[str, int], at_peak: bool) -> float:
        """Pressure drop between two places in 3D, less that in a model [Pa]."""
        times, period = self._measured.times, self._case.setup.period
        curves = []
        for name, at in (first, last):
            place = self._measured.places[name][at]
            curves.append(place.pressure - self._tracks[model][name].at(place.along, times, period, place.radius)[1])
        more: FloatArray = curves[0] - curves[1]
        return float(more[self._peak] if at_peak else more.mean())

    def _storage(self) -> str:
        """How much of a beat the elastic walls take up."""
        setup, tree = self._case.setup, self._case.patient.tree
        taken = 0.0
        for shape in tree.vessels:
            track = self._tracks["1d_elastic"][shape.name]
            _, pressure = track.at(0.5 * shape.length, self._measured.times, setup.period)
            compliance = setup.stiffness.compliance(shape.arc_length, shape.radius, setup.fluid.density)
            taken += compliance * float(np.ptp(pressure))
        beat = abs(self._measured.mean_inflow) * setup.period
        return (
            f"wall compliance: elastic walls take up {taken / M3_PER_ML:.1f} of {beat / M3_PER_ML:.1f} mL a beat "
            "(compliance times pulse, all vessels), rigid ones nothing"
        )

    def _pairs(self) -> tuple[str, ...]:
        from solvers.network.pairing import exchanged

        outlets = self._case.setup.outlets
        caps = [self._measured.places[outlet.vessel][-1] for outlet in outlets]
        found = exchanged(
            [outlet.condition for outlet in outlets],
            np.array([cap.flow.mean() for cap in caps]),
            np.array([cap.pressure.mean() for cap in caps]),
        )
        if not found:
            return ()
        unit = PA_PER_MMHG / M3_PER_ML
        told = "; ".join(
            f"at {one.outlet} pressure over flow is {one.seen / unit:.3g} mmHg s/mL, which is the resistance set for "
            f"{one.of} ({one.theirs / unit:.3g}), not its own ({one.own / unit:.3g})"
            for one in found
        )
        return (f"outlet pairing: conditions stand at one another's vessels: {told}. Pair them by name and place.",)

    def _sizes(self) -> tuple[str, ...]:
        from solvers.network.pairing import shifted

        outlets, tree = self._case.setup.outlets, self._case.patient.tree
        radius = np.array([tree.vessel(outlet.vessel).radius[-1] for outlet in outlets])
        found = shifted([outlet.condition for outlet in outlets], radius)
        if found is None:
            return ()
        places, own, best = found
        return (
            f"outlet pairing: the list of the outlets' conditions may be off by {places}: conductances follow the "
            f"vessels' areas with a correlation of {own:.2f} as they stand and of {best:.2f} moved by {places}. Check "
            "which condition belongs to which outlet.",
        )


def _likely(more: float, estimates: list[Estimate]) -> str:
    """Of the estimates of a stretch, those that explain what is missing there [Pa], the largest first."""
    kinds: dict[str, list[Estimate]] = {}
    for one in estimates:
        kinds.setdefault(one.kind, []).append(one)
    sums = {kind: sum(one.pressure for one in found) for kind, found in kinds.items()}
    likely = [kind for kind, value in sums.items() if value * more > 0 and abs(value) >= EXPLAINS * abs(more)]
    if not likely:
        told = ", ".join(f"{WORDS[kind]} {_mmhg(value)}" for kind, value in sums.items() if abs(value) >= 1.0)
        return f"not explained by an estimate ({told or 'none'})"
    likely.sort(key=lambda kind: -abs(sums[kind]))
    words = []
    for kind in likely[:2]:
        largest = max(kinds[kind], key=lambda one: abs(one.pressure))
        words.append(f"{WORDS[kind]} (estimated {_mmhg(abs(sums[kind]))}: {largest.evidence})")
    return " and ".join(words)


def _loses(more: float) -> str:
    return f"3D loses {_mmhg(abs(more))} {'more' if more > 0 else 'less'}"


def _when(at_peak: bool) -> str:
    return " at peak inflow" if at_peak else ""


def _mmhg(pascal: float) -> str:
    return f"{pascal / PA_PER_MMHG:.2f} mmHg"
