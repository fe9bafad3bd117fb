"""Sub-commands that let the program check and measure itself, show its window and its demo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.case.errors import CaseError
from app.commands.command import Command, Result, console_progress, nearest

"""Names that are told to someone who gives one that is not there."""


def _names_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones (default: all)")
    parser.add_argument("--list", action="store_true", help="only print the names")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    _names_arguments(parser)
    parser.add_argument("--long", action="store_true", help="finer meshes and steps: takes many minutes")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also write the results as a page")
    parser.add_argument(
        "--from",
        dest="earlier",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.json",
        help="results of earlier runs of verify (--keep or --json) or bench (--json) for the page of --write; then "
        "only checks that are named are run",
    )
    parser.add_argument("--keep", type=Path, metavar="FILE.json", help="also keep the results, curves included")


def _verify(arguments: argparse.Namespace) -> Result:
    from app.workflow.patient_checks import ALL_CHECKS as CHECKS
    from app.workflow.verification_page import is_curve, keep_results, merged, read_results, write_page
    from solvers.verification.registry import run_checks

    known = _known(arguments.names, CHECKS)
    if arguments.list:
        return Result(list(CHECKS), "\n".join(CHECKS))
    for name in arguments.names:
        if CHECKS[name].is_long and not arguments.long:
            raise CaseError("only_long", f"The check {name} has no short version: run it with --long.")
    if arguments.earlier and not arguments.write:
        raise CaseError("earlier_without_page", "--from adds results to a page: say with --write where it goes.")
    try:
        earlier = read_results(arguments.earlier)
    except (OSError, ValueError) as error:
        raise CaseError("unreadable_results", f"Earlier results cannot be read: {error}") from error
    chosen = known if arguments.names or not earlier else []
    found = run_checks(chosen, console_progress("verify"), arguments.long, CHECKS) if chosen else []
    if arguments.keep:
        keep_results(found, arguments.keep)
    if arguments.write:
        found = merged(earlier, found)
        titles, set_ups = ({name: getattr(check, of) for name, check in CHECKS.items()} for of in ("title", "set_up"))
        write_page(arguments.write, found, titles, set_ups)
    rows = [result for result in found if not is_curve(result)]
    exit_code = 0 if all(row.get("passed", True) for row in rows) else 1
    if arguments.write:
        return Result(rows, f"Written: {arguments.write}", exit_code)
    columns = ("name", "quantity", "value", "reference", "error", "gate", "unit", "passed")
    return Result(rows, table(rows, columns), exit_code)


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    _names_arguments(parser)
    parser.add_argument("--long", action="store_true", help="more phantoms where there are any: takes an hour")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep every result in this folder; what is there already is not measured again",
    )
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also write the rows into this page's figures")


def _bench(arguments: argparse.Namespace) -> Result:
    from app.workflow.bench import BENCHES, GROUPS, run_benches
    from app.workflow.verification_page import write_figures

    known = _known(arguments.names, [*BENCHES, *GROUPS]) if arguments.names else list(BENCHES)
    if arguments.list:
        return Result([*BENCHES, *GROUPS], "\n".join([*BENCHES, *GROUPS]))
    rows = run_benches(known, console_progress("bench"), arguments.long, arguments.keep)
    if arguments.write:
        write_figures(arguments.write, rows)
    return Result(rows, table(rows, ("name", "value", "unit", "goal", "met", "how")))


def _known(names: list[str], registry: Iterable[str]) -> list[str]:
    for name in names:
        if name not in registry:
            raise CaseError(
                "unknown_name", f"There is no {name}; there are {nearest(name, registry)}: --list names all."
            )
    return names or list(registry)


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Rows as aligned text."""
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    lines = [list(columns), *cells]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for what it makes (default: demo)")
    parser.add_argument("--ranks", type=int, help="processes of the solver (default: up to two)")
    parser.add_argument("--no-window", action="store_true", help="do not open the window at the end")


def _demo(arguments: argparse.Namespace) -> Result:
    import json
    import os
    import subprocess

    from app.workflow.demo import run_demo

    summary = run_demo(arguments.out, console_progress, n_ranks=arguments.ranks)
    if os.environ.get("DISPLAY") and "ANGIOTWIN_VIRTUAL_DISPLAY" not in os.environ and not arguments.no_window:
        case = arguments.out / summary["case"]
        subprocess.Popen([sys.executable, "-m", "app.cli", "open", str(case)], start_new_session=True)
    return Result(summary, f"{json.dumps(summary, indent=1)}\nReport: {arguments.out / 'report.pdf'}")


def _open_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", nargs="?", type=Path, help="case folder (.case); none starts with the welcome page")


def _open(arguments: argparse.Namespace) -> Result:
    from app.desktop.main import open_window

    return Result({}, "", open_window(arguments.case))


COMMANDS = (
    Command("open", "open the window", _open_arguments, _open),
    Command("demo", "the whole path on the sample case", _demo_arguments, _demo),
    Command("verify", "check the physics against exact solutions", _verify_arguments, _verify),
    Command("bench", "measure speed and accuracy against their limits", _bench_arguments, _bench),
)
