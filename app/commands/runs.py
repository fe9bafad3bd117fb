"""Sub-commands that start, watch and stop a run."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.commands.checks import table
from app.commands.command import (
    Command,
    Result,
    add_case,
    add_parameters,
    assignments,
    chosen_parameters,
    console_progress,
    over_remembered,
)
from app.workflow.steps import STEPS, run_step
from solvers.contract.errors import RunError

if TYPE_CHECKING:
    from solvers.launch.slurm import SlurmOptions

MOST_RANKS = 256


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--ranks", type=int, help="processes (default: up to two)")
    parser.add_argument("--detach", action="store_true", help="start the run and return; watch it with `run`")
    parser.add_argument("--prepare", action="store_true", help="only write the run folder")
    parser.add_argument("--restart", action="store_true", help="go on from the last checkpoint of the current run")
    _queue_arguments(parser)
    add_parameters(parser, STEPS["simulate"].module.Parameters)


def _simulate(arguments: argparse.Namespace) -> Result:
    from app.workflow.simulate import follow_run, run_state, start_run, turn_word

    chosen = chosen_parameters(arguments)
    _check_options(arguments, chosen)
    with OpenCase.open(arguments.case) as opened:
        if not arguments.restart:
            _refuse_if_running(opened)
            values = over_remembered(opened.case, "simulate", chosen)
            record = run_step(opened, "simulate", values, console_progress("prepare"))
            if arguments.prepare:
                return Result(
                    record.model_dump(mode="json"), f"The run folder is {opened.folder / 'runs' / record.id}."
                )
            _refuse_ill_posed(opened, arguments.ranks)
        folder = start_run(opened, arguments.ranks, go_on=arguments.restart, queue=_queue(arguments))
    if arguments.detach:
        started = run_state(folder)
        word = "waits in the queue" if started.status == "queued" else "has started"
        return Result({"run": folder.name, "status": started.status}, f"The run {folder.name} {word}.")
    state = follow_run(folder, console_progress("simulate"))
    return Result(_plain(state), f"The run {folder.name} is finished after {turn_word(folder)} {state.cycle + 1}.")


def _queue_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", choices=("slurm",), help="submit the run to this queue instead of solving it here")
    parser.add_argument("--partition", default="", help="partition of the queue (default: the cluster's)")
    parser.add_argument("--account", default="", help="account that the queue charges (default: the cluster's)")
    parser.add_argument("--hours", type=float, default=4.0, help="time limit of the job [h] (default 4)")
    parser.add_argument("--memory-mb", type=int, default=4000, help="memory for each process [MB] (default 4000)")
    parser.add_argument("--setup", default="", help="shell line before the run, such as 'module load python'")


def _queue(arguments: argparse.Namespace) -> SlurmOptions | None:
    from solvers.launch.slurm import SlurmOptions

    if arguments.queue is None:
        return None
    return SlurmOptions(arguments.partition, arguments.account, arguments.hours, arguments.memory_mb, arguments.setup)


def _refuse_ill_posed(opened: OpenCase, n_ranks: int | None) -> None:
    from app.workflow.preflight import check_run
    from solvers.preflight.finding import refuse_errors

    refuse_errors(check_run(opened, n_ranks))


def _check_options(arguments: argparse.Namespace, chosen: dict[str, Any] | None) -> None:
    if arguments.restart and (chosen or arguments.prepare):
        raise CaseError(
            "bad_parameter",
            "A restart goes on with the settings that the run was prepared with: leave the other options out.",
        )
    if arguments.ranks is not None and not 1 <= arguments.ranks <= MOST_RANKS:
        raise CaseError("bad_parameter", f"--ranks must be from 1 to {MOST_RANKS}, not {arguments.ranks}.")


def _refuse_if_running(opened: OpenCase) -> None:
    from app.workflow.simulate import run_folder, run_state

    if opened.case.current("run") is not None and run_state(run_folder(opened)).status in ("queued", "running"):
        raise RunError(
            "already_running", "A run of this case is going on: wait for it with `run --watch`, or `cancel` it."
        )


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("--watch", action="store_true", help="wait for its end")


def _run(arguments: argparse.Namespace) -> Result:
    from app.workflow.simulate import follow_run, run_folder, run_state, turn_word

    with OpenCase.open(arguments.case, writable=False) as opened:
        folder = run_folder(opened)
    state = follow_run(folder, console_progress("simulate")) if arguments.watch else run_state(folder)
    text = f"{folder.name}: {state.status}, step {state.step}, {turn_word(folder)} {state.cycle + 1}"
    return Result(_plain(state), f"{text}\n{state.message}" if state.message else text)


def _sections(arguments: argparse.Namespace) -> Result:
    from app.workflow.section_places import section_averages
    from app.workflow.simulate import run_folder

    with OpenCase.open(arguments.case, writable=False) as opened:
        rows = section_averages(run_folder(opened))
    if not rows:
        return Result([], "The current run has written no sections yet.")
    columns = tuple(name for name in rows[0] if name not in ("center_mm", "branch"))
    return Result(rows, table(rows, columns))


def _cancel(arguments: argparse.Namespace) -> Result:
    from app.workflow.simulate import cancel_run, run_folder

    with OpenCase.open(arguments.case, writable=False) as opened:
        folder = run_folder(opened)
    state = cancel_run(folder)
    return Result(_plain(state), f"{folder.name}: {state.status}")


def _family_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("out", type=Path, help="folder of the family; one that exists already goes on")
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="a value of the run's spec.json in SI units and what it shall be, for example fluid.viscosity=0.003,0.004 "
        "or inlets.inlet.flow=x0.8,x1.2; several give every combination",
    )
    parser.add_argument("--ranks", type=int, help="processes of each run (default: up to two)")
    parser.add_argument("--prepare", action="store_true", help="only write the run folders")
    _queue_arguments(parser)


def _family(arguments: argparse.Namespace) -> Result:
    from app.workflow.families import plan_family, solve_family

    if arguments.vary:
        variations = {name: words.split(",") for name, words in assignments(arguments.vary).items()}
        with OpenCase.open(arguments.case, writable=False) as opened:
            plan_family(opened, arguments.out, variations)
    if arguments.prepare:
        return Result({"folder": arguments.out.name}, f"The runs are prepared in {arguments.out}.")
    rows = solve_family(arguments.out, arguments.ranks, console_progress("family"), _queue(arguments))
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    shown = table([{name: row.get(name, "") for name in columns} for row in rows], columns)
    return Result(rows, f"{shown}\nTable: {arguments.out / 'family.csv'}")


def _circulation_arguments(parser: argparse.ArgumentParser) -> None:
    add_case(parser)
    parser.add_argument("out", type=Path, help="new folder for the run in the circulation")
    parser.add_argument("file", type=Path, help="svZeroDSolver input of a closed circulation")
    parser.add_argument(
        *("--way", "-w"),
        action="append",
        default=[],
        metavar="OUTLET=VESSEL",
        help="the vessel of the file that stands for the way to an outlet; one for every outlet",
    )
    parser.add_argument("--units", choices=("mmHg", "cgs"), default="mmHg", help="of the file (with mL and s)")
    parser.add_argument("--ranks", type=int, help="processes of each run (default: up to two)")


def _circulation(arguments: argparse.Namespace) -> Result:
    from app.workflow.circulation import solve_circulation

    with OpenCase.open(arguments.case, writable=False) as opened:
        found = solve_circulation(
            *(opened, arguments.out, arguments.file, assignments(arguments.way)),
            *(arguments.units, arguments.ranks, console_progress("circulation")),
        )
    facts = {"rounds": found.rounds, "change": found.change, "pressure_miss": found.pressure_miss}
    return Result(facts, f"The vessel and the circulation agree after {found.rounds} rounds: see {arguments.out}.")


def _plain(state: Any) -> dict[str, Any]:
    return dataclasses.asdict(state)


COMMANDS = (
    Command("simulate", "prepare and solve the blood flow", _simulate_arguments, _simulate),
    Command("run", "show how the current run goes", _run_arguments, _run),
    Command("sections", "show flow and pressure along the vessels in the current run", add_case, _sections),
    Command("cancel", "stop the current run with a checkpoint", add_case, _cancel),
    Command("circulation", "solve the current run in a closed circulation", _circulation_arguments, _circulation),
    Command("family", "solve the current run again with some values changed", _family_arguments, _family),
)
