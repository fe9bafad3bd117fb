"""From the outlets of a spec to the models that close them."""

from __future__ import annotations

from solvers.contract.openings import CoronaryOutlet, Outlet, RcrOutlet, ResistanceOutlet, SplitOutlet
from solvers.network.coronary import Coronary
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import FlowShare, OutletModel, PrescribedPressure, Resistance, Windkessel

Closure = OutletModel | FlowShare


def outlet_model(outlet: Outlet, period: float, elsewhere: float = 0.0) -> Closure:
    """The model of an outlet; ``elsewhere`` [Pa] is where the pressure starts if the outlet does not say."""
    if isinstance(outlet, RcrOutlet):
        return Windkessel(outlet.r_proximal, outlet.c, outlet.r_distal, outlet.p_distal, outlet.p_initial)
    if isinstance(outlet, ResistanceOutlet):
        return Resistance(outlet.resistance, outlet.p_distal)
    if isinstance(outlet, CoronaryOutlet):
        return Coronary(
            outlet.r_artery,
            outlet.c_artery,
            outlet.r_micro,
            outlet.c_muscle,
            outlet.r_vein,
            outlet.p_venous,
            outlet.p_initial,
            PeriodicCurve(outlet.p_muscle, period),
        )
    if isinstance(outlet, SplitOutlet):
        return FlowShare(outlet.share, elsewhere)
    return PrescribedPressure(PeriodicCurve(outlet.pressure, period))


def outlet_models(outlets: tuple[Outlet, ...], period: float) -> dict[int, Closure]:
    """The models of all outlets by patch id; those of a given share start at the mean pressure of the others."""
    pressures = [outlet_model(o, period).initial_pressure() for o in outlets if not isinstance(o, SplitOutlet)]
    elsewhere = sum(pressures) / max(1, len(pressures))
    return {outlet.patch_id: outlet_model(outlet, period, elsewhere) for outlet in outlets}
