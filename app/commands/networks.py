"""The sub-command for networks of arteries in one dimension."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.case.errors import CaseError
from app.commands.checks import table
from app.commands.command import (
    Command,
    Result,
    add_reduced_parameters,
    assignments,
    chosen_parameters,
    console_progress,
)


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="openBF's YAML file, svOneDSolver's input (.in), or a case folder")
    parser.add_argument(
        "--reading",
        choices=("file", "openbf"),
        default="file",
        help="take an openBF file at its word, or as openBF reads it (default: file)",
    )
    parser.add_argument("--spacing", type=float, default=2.0, metavar="MM", help="length of a cell (default: 2)")
    parser.add_argument("--max-cycles", type=int, default=40, metavar="N", help="end after N cycles (default: 40)")
    parser.add_argument("--graft", type=Path, metavar="CASE", help="put this case's vessels in the place of some")
    parser.add_argument(
        "--replace", action="append", default=[], metavar="VESSEL", help="vessel of the network that the case replaces"
    )
    parser.add_argument(
        "--join",
        action="append",
        default=[],
        metavar="VESSEL=OWN",
        help="vessel of the network into which the case's vessel OWN goes on",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="also write the curves of the last cycle")
    add_reduced_parameters(parser)


def _network(arguments: argparse.Namespace) -> Result:
    from app.workflow.network import Graft, solve_network_file

    if not arguments.graft and (arguments.replace or arguments.join):
        raise CaseError("no_graft", "--replace and --join say where a case is put in: name it with --graft.")
    graft = Graft(arguments.graft, tuple(arguments.replace), assignments(arguments.join)) if arguments.graft else None
    facts = solve_network_file(
        *(arguments.file, arguments.reading, arguments.spacing, arguments.max_cycles, arguments.out),
        progress=console_progress("network"),
        graft=graft,
        given=chosen_parameters(arguments),
    )
    columns = tuple(facts["vessels"][0])
    state = "periodic" if facts["is_periodic"] else "NOT PERIODIC YET"
    title = f"{facts['network']}: {facts['n_vessels']} vessels, {facts['n_cycles']} cycles, {state}"
    return Result(facts, f"{title}\n{table(facts['vessels'], columns)}")


HELP = "pulse waves in 1D in a published network of arteries, or in a case's vessels"
COMMANDS = (Command("network", HELP, _network_arguments, _network),)
