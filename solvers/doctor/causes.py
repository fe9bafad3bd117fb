"""The written table of causes: for each code that can end or refuse a run, what is behind it and what helps.

docs/solver-doctor.md is this table (``page``), which a test checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solvers.doctor.fixes import FIXES

Where = Literal["conditions", "mesh", "numerics", "machine", "program"]


@dataclass(frozen=True)
class Cause:
    """A cause by the code of its error.

    Attributes
    ----------
    cause
        What is behind it, as one sentence.
    fixes
        Names in FIXES, the best first.
    """

    code: str
    where: Where
    cause: str
    fixes: tuple[str, ...]


def _table(*rows: tuple[str, Where, str, str]) -> dict[str, Cause]:
    return {code: Cause(code, where, cause, tuple(fixes.split())) for code, where, cause, fixes in rows}


CAUSES: dict[str, Cause] = _table(
    ("no_inlet", "conditions", "No opening lets blood in.", "correct_conditions prepare_again"),
    ("no_outlet", "conditions", "No opening lets blood out.", "correct_conditions prepare_again"),
    ("no_wall", "conditions", "The spec names no wall.", "prepare_again"),
    ("no_inflow", "conditions", "The inflow is zero all the time.", "correct_conditions"),
    ("patch_used_twice", "conditions", "One patch is given two conditions.", "correct_conditions prepare_again"),
    ("name_used_twice", "conditions", "Two openings have one name.", "correct_conditions prepare_again"),
    (
        "outlets_all_split",
        "conditions",
        "All outlets have a given share, so nothing sets the pressure.",
        "correct_conditions",
    ),
    ("two_inlets_one_flow", "conditions", "One measured flow is put on two inlets.", "correct_conditions"),
    ("inflow_sign", "conditions", "The inflow has the wrong sign.", "turn_sign"),
    ("inflow_units", "conditions", "The inflow or the mesh is in another unit.", "flow_from_ml_s correct_conditions"),
    ("bad_waveform", "conditions", "A curve is not a function over one cycle.", "correct_conditions"),
    ("waveform_open", "conditions", "A curve jumps at the end of the cycle.", "close_waveform"),
    (
        "viscosity_absurd",
        "conditions",
        "The viscosity is not blood's, or in poise.",
        "viscosity_of_blood viscosity_from_poise",
    ),
    ("resistance_absurd", "conditions", "The outlets' resistances are in another unit.", "outlets_from_cgs"),
    ("compliance_absurd", "conditions", "An outlet's compliance is in another unit.", "outlets_from_cgs"),
    ("pressure_absurd", "conditions", "An outlet's pressure is in another unit.", "correct_conditions"),
    ("out_of_bounds", "conditions", "A number of the spec is absurd.", "viscosity_of_blood prepare_again"),
    ("bad_target", "conditions", "No outlets give the wished pressures and shares.", "correct_conditions"),
    ("bad_spec", "conditions", "The spec is not readable as one.", "prepare_again"),
    ("spec_newer", "program", "The run was prepared by a newer program.", "update_program prepare_again"),
    ("mesh_missing", "mesh", "The run folder has lost its mesh.", "prepare_again"),
    ("mesh_altered", "mesh", "The mesh file was changed or cut short.", "prepare_again"),
    ("bad_mesh", "mesh", "The mesh file holds no usable mesh.", "mesh_again"),
    ("mesh_units", "mesh", "The mesh is not in meters.", "prepare_again mesh_again"),
    ("mesh_inverted", "mesh", "Cells are inverted or flat.", "mesh_again finer_mesh"),
    ("mesh_open", "mesh", "The boundary does not enclose the cells.", "mesh_again"),
    ("mesh_in_pieces", "mesh", "The vessel is in pieces that do not touch.", "model_again mesh_again"),
    ("mesh_too_coarse", "mesh", "Hardly a cell fits across the lumen.", "finer_mesh"),
    ("mesh_too_large", "mesh", "The mesh has more vertices than can be solved.", "coarser_mesh"),
    ("patch_missing", "mesh", "The mesh lacks an opening that the spec names.", "mesh_again prepare_again"),
    ("patch_unnamed", "mesh", "The mesh has an opening that nothing closes.", "correct_conditions prepare_again"),
    ("time_step_too_large", "numerics", "The time step is too large.", "smaller_step allow_halving"),
    (
        "backflow",
        "numerics",
        "Blood flows back in through an outlet near by.",
        "backflow_on longer_extension smaller_step",
    ),
    ("mesh_coarse_there", "mesh", "The mesh is too coarse for the flow at that place.", "finer_mesh smaller_step"),
    ("sliver_there", "mesh", "A cell at that place is almost flat.", "mesh_again smaller_step"),
    (
        "energy_grows",
        "numerics",
        "The computed flow feeds itself: its energy grows by more than enters.",
        "supg_on backflow_on smaller_step finer_mesh",
    ),
    (
        "solver_stagnates",
        "numerics",
        "The equations of a step stay unsolved however small it is.",
        "mesh_again smaller_step",
    ),
    (
        "tolerance_too_small",
        "numerics",
        "The equations are to be solved more exactly than rounding allows.",
        "usual_tolerance",
    ),
    ("too_fast", "conditions", "The inflow is too large for the vessel.", "flow_from_ml_s smaller_step"),
    ("not_periodic", "numerics", "The flow has not settled to repeat itself.", "more_cycles"),
    ("not_steady", "numerics", "The flow did not become steady.", "more_cycles finer_mesh"),
    ("not_converged", "numerics", "The steady flow was not found.", "more_cycles finer_mesh"),
    ("pressure_solve", "mesh", "The pressure equation cannot be solved on the mesh.", "mesh_again"),
    ("disk_full", "machine", "The disk is full.", "free_disk"),
    ("cannot_write", "machine", "The run folder cannot be written.", "restart"),
    ("not_enough_memory", "machine", "The machine has too little memory for the run.", "more_memory coarser_mesh"),
    ("out_of_memory", "machine", "A process got no more memory.", "more_memory coarser_mesh"),
    ("killed", "machine", "A process was killed, or the computer switched off.", "restart more_memory"),
    ("no_checkpoint", "machine", "No checkpoint is whole.", "prepare_again"),
    ("other_checkpoint", "conditions", "The checkpoint belongs to other settings.", "prepare_again"),
    ("no_mpiexec", "program", "The program's MPI is missing.", "report_error"),
    ("internal", "program", "The program itself has a mistake.", "restart report_error"),
)


def page() -> str:
    """The table as docs/solver-doctor.md has it."""
    lines = [
        "| code | about | cause | what helps (the first that can be done is what `--apply` does) |",
        "|---|---|---|---|",
    ]
    for cause in CAUSES.values():
        helps = "; ".join(
            FIXES[name].title + ("" if FIXES[name].is_automatic else " (by hand)") for name in cause.fixes
        )
        lines.append(f"| `{cause.code}` | {cause.where} | {cause.cause} | {helps} |")
    return "\n".join(lines) + "\n"
