"""The blood of a run: its density, and the law by which its viscosity depends on the shear rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.workflow.patient import Assumption, patient_values

if TYPE_CHECKING:
    from solvers.contract.spec import Fluid

RHEOLOGIES = ("newtonian", "carreau-yasuda", "casson")
RHEOLOGY_SOURCE = (
    "assumption: Newtonian; carreau-yasuda: Carreau's law of Cho & Kensey 1991, Biorheology 28:241, as later work "
    "quotes it; casson: yield stress of the size of textbook values"
)


def blood_of(entered: Mapping[str, Any], rheology: str) -> Fluid:
    """The fluid of a patient's entered values under one of ``RHEOLOGIES``.

    An entered viscosity, or that of an entered hematocrit, is the law's at a large shear rate, where viscosities for
    large vessels are measured; without one the law keeps its own. That viscosity is also the fluid's reference
    viscosity.
    """
    from solvers.contract.spec import CarreauYasuda, Casson, Fluid

    values = patient_values(entered)
    density, viscosity = values.blood_density_kg_m3, values.blood_viscosity_mpa_s * 1e-3
    is_entered = bool({"blood_viscosity_mpa_s", "hematocrit_percent"} & set(entered))
    if rheology == "carreau-yasuda":
        thinning = CarreauYasuda(infinite_viscosity=viscosity) if is_entered else CarreauYasuda()
        return Fluid(density, thinning.infinite_viscosity, thinning)
    if rheology == "casson":
        yielding = Casson(plastic_viscosity=viscosity) if is_entered else Casson()
        return Fluid(density, yielding.plastic_viscosity, yielding)
    return Fluid(density, viscosity)


def blood_assumptions(entered: Mapping[str, Any], rheology: str) -> tuple[Assumption, ...]:
    """What is assumed of how the blood flows."""
    from solvers.contract.spec import CarreauYasuda, Casson

    law = blood_of(entered, rheology).law
    laminar = "assumption: no turbulence model"
    if isinstance(law, CarreauYasuda):
        text = (
            f"{1e3 * law.zero_viscosity:g} mPa s at rest, {1e3 * law.infinite_viscosity:g} at a large shear rate, "
            f"time constant {law.time_constant:g} s, n {law.power_index:g}, a {law.transition:g}"
        )
        source = "Carreau's law of Cho & Kensey 1991, Biorheology 28:241, as later work quotes it"
        return (
            Assumption("Blood thins with shear (Carreau-Yasuda)", text, "", source),
            Assumption("Blood", "laminar equations, no memory", "", laminar),
        )
    if isinstance(law, Casson):
        text = (
            f"yield stress {1e3 * law.yield_stress:g} mPa, {1e3 * law.plastic_viscosity:g} mPa s at a large shear "
            f"rate, regularized with {law.regularization:g} s"
        )
        source = "assumption, of the size of textbook values; regularization: Papanastasiou 1987"
        return (
            Assumption("Blood thins with shear (Casson)", text, "", source),
            Assumption("Blood", "laminar equations, no memory", "", laminar),
        )
    return (Assumption("Blood", "Newtonian, laminar equations", "", laminar),)
