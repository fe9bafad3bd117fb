"""The checks that the program can run on itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solvers.verification.calibration_checks import check_calibration
from solvers.verification.cavity_checks import check_cavity
from solvers.verification.circulation_checks import check_circulation
from solvers.verification.coronary_checks import check_coronary
from solvers.verification.cylinder_checks import check_cylinder, check_cylinder_3d
from solvers.verification.grid_checks import check_grid_convergence
from solvers.verification.index_checks import check_indices
from solvers.verification.junction_checks import check_junctions, check_volume
from solvers.verification.network_checks import check_arterial_trees, check_boileau
from solvers.verification.nozzle_checks import check_nozzle
from solvers.verification.nozzle_unsteady import check_nozzle_unsteady
from solvers.verification.opening_checks import check_openings
from solvers.verification.order_checks import (
    check_linear_space_order,
    check_linear_time_order,
    check_space_order,
    check_time_order,
)
from solvers.verification.outlet_checks import check_windkessel
from solvers.verification.pulse_checks import check_pulse, check_pulse_order, check_reflection, check_tube_law
from solvers.verification.rheology_checks import check_rheology
from solvers.verification.row import Curve, Progress, Row
from solvers.verification.same_tree_checks import check_same_tree
from solvers.verification.start_checks import check_start
from solvers.verification.stepping_checks import check_step_changes
from solvers.verification.tube_flow import (
    check_linear_poiseuille,
    check_linear_womersley,
    check_poiseuille,
    check_womersley,
)
from solvers.verification.wall_checks import (
    check_lame,
    check_wall_laws,
    check_wall_order,
    check_wall_prestress,
    check_wall_sphere,
    check_wall_strength,
)
from solvers.verification.zero_d_checks import check_stenosis_laws, check_zero_d


@dataclass(frozen=True)
class Check:
    """A named check: ``run(progress, long)`` returns rows and curves; ``long`` asks for a finer version.

    Attributes
    ----------
    is_long
        Whether there is only the long version.
    """

    name: str
    title: str
    run: Callable[[Progress, bool], Sequence[Row | Curve]]
    is_long: bool = False

    @property
    def set_up(self) -> str:
        """What is solved, in a sentence."""
        return (self.run.__doc__ or "").strip().split("\n")[0]


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check("poiseuille", "Steady flow in a tube", check_poiseuille),
        Check("womersley", "Pulsatile flow in a tube", check_womersley),
        Check("rheology", "Shear-thinning blood in a tube", check_rheology),
        Check("windkessel", "Windkessel outlets and their tuning", check_windkessel),
        Check("coronary", "Coronary outlets", check_coronary),
        Check("openings", "Inlets and outlets of every kind", check_openings),
        Check("circulation", "A tube in a closed circulation", check_circulation),
        Check("stenosis_laws", "Pressure drop of a narrowing by published laws", check_stenosis_laws),
        Check("zero_d", "Lumped trees (0D)", check_zero_d),
        Check("start", "Beats that are needed by where the pressures start", check_start),
        Check("indices", "Definitions of the wall indices", check_indices),
        Check("space_order", "Order of convergence in space", check_space_order),
        Check("time_order", "Order of convergence in time", check_time_order),
        Check("linear_poiseuille", "Steady flow in a tube, P1/P1", check_linear_poiseuille),
        Check("linear_womersley", "Pulsatile flow in a tube, P1/P1", check_linear_womersley),
        Check("linear_space_order", "Order of convergence in space, P1/P1", check_linear_space_order),
        Check("linear_time_order", "Order of convergence in time, P1/P1", check_linear_time_order),
        Check("cavity", "Driven cavity", check_cavity),
        Check("cylinder", "Cylinder in a plane channel: 2D-1, 2D-2, 2D-3", check_cylinder),
        Check("cylinder_3d", "Cylinder in a square channel: 3D-1Z", check_cylinder_3d, is_long=True),
        Check("step_changes", "Order in time when steps are halved and doubled on the way", check_step_changes),
        Check("calibration_0d", "Lumped tubes calibrated to 3D flows", check_calibration, is_long=True),
        Check("same_tree", "The same vessels in 0D, 1D and 3D", check_same_tree, is_long=True),
        Check("grid_convergence", "Steady stenosis on three meshes", check_grid_convergence, is_long=True),
        Check("tube_law", "One dimension: elastic tube at rest", check_tube_law),
        Check("pulse", "One dimension: a single pulse", check_pulse),
        Check("pulse_order", "One dimension: order of convergence", check_pulse_order),
        Check("reflection", "One dimension: reflections", check_reflection),
        Check("junctions", "One dimension: steady junctions and stenoses", check_junctions),
        Check("volume", "One dimension: balance of volume", check_volume),
        Check("boileau", "One dimension: carotid, aorta, iliac bifurcation", check_boileau),
        Check("wall_lame", "Stress in a thick tube", check_lame),
        Check("wall_order", "Stress in a thick tube: order of convergence", check_wall_order),
        Check("wall_laws", "Laws of wall and thrombus", check_wall_laws),
        Check("wall_sphere", "Spheres of the wall's law blown up", check_wall_sphere),
        Check("wall_strength", "Strength of the wall", check_wall_strength),
        Check("wall_prestress", "Unloaded shape of an aneurysm", check_wall_prestress),
        Check("arterial_trees", "One dimension: ADAN56 and circle of Willis", check_arterial_trees, is_long=True),
        Check("fda_nozzle", "FDA nozzle at Re 500, against measurements", check_nozzle, is_long=True),
        Check("fda_nozzle_3500", "FDA nozzle at Re 3500, means over time", check_nozzle_unsteady, is_long=True),
    )
}


def run_checks(
    names: Sequence[str], progress: Progress, long: bool = False, checks: Mapping[str, Check] = CHECKS
) -> list[dict[str, Any]]:
    """Rows and curves of the named checks, or of all if none is named; KeyError names an unknown one.

    Without ``long`` those that are only long are left out. A check that fails to run does not keep the others from
    running: it gives one row, not passed, that says why.
    """
    chosen = [check for check in (checks[name] for name in (names or checks)) if long or not check.is_long]
    found: list[dict[str, Any]] = []
    for index, check in enumerate(chosen):

        def part(fraction: float, text: str, index: int = index) -> None:
            progress((index + fraction) / len(chosen), text)

        try:
            found += [result.as_dict() for result in check.run(part, long)]
        except Exception as error:  # whatever it is, the other checks are worth running
            found.append(_failed(check.name, error))
    progress(1.0, "Done")
    return found


def _failed(name: str, error: Exception) -> dict[str, Any]:
    numbers = dict.fromkeys(("value", "reference", "error", "gate"))
    what = f"did not run to its end: {type(error).__name__}: {error}"
    return {"name": name, "quantity": what, "unit": "", **numbers, "passed": False, "source": ""}
