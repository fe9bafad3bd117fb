"""Sub-commands that let the program check and measure itself, show its window and its demo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.case.errors import CaseError
from app.commands.command import Command, Result, console_progress


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
        help="results of earlier runs of verify or bench (--json) for the page of --write; then only checks that are "
        "named are run",
    )


def _verify(arguments: argparse.Namespace) -> Result:
    from app.workflow.verification_page import merged, page, read_results
    from solvers.verification.registry import CHECKS, run_checks

    known = _known(arguments.names, CHECKS)
    if arguments.list:
        return Result(list(CHECKS), "\n".join(CHECKS))
    if arguments.earlier and not arguments.write:
        raise CaseError("earlier_without_page", "--from adds results to a page: say with --write where it goes.")
    try:
        earlier = read_results(arguments.earlier)
    except (OSError, ValueError) as error:
        raise CaseError("unreadable_results", f"Earlier results cannot be read: {error}") from error
    chosen = known if arguments.names or not earlier else []
    rows = run_checks(chosen, console_progress("verify"), arguments.long) if chosen else []
    if arguments.write:
        rows = merged(earlier, rows)
        arguments.write.write_text(page(rows, {check.name: check.title for check in CHECKS.values()}), encoding="utf-8")
        return Result(rows, f"Written: {arguments.write}", 0 if all(row.get("passed", True) for row in rows) else 1)
    passed = all(row["passed"] for row in rows)
    columns = ("name", "quantity", "value", "reference", "error", "gate", "unit", "passed")
    return Result(rows, table(rows, columns), 0 if passed else 1)


def _bench(arguments: argparse.Namespace) -> Result:
    from app.workflow.bench import BENCHES, GROUPS, run_benches

    known = _known(arguments.names, [*BENCHES, *GROUPS]) if arguments.names else list(BENCHES)
    if arguments.list:
        return Result([*BENCHES, *GROUPS], "\n".join([*BENCHES, *GROUPS]))
    rows = run_benches(known, console_progress("bench"))
    return Result(rows, table(rows, ("name", "value", "unit", "goal", "met", "how")))


def _known(names: list[str], registry: Iterable[str]) -> list[str]:
    for name in names:
        if name not in registry:
            raise CaseError("unknown_name", f"There is no {name}; there are: {', '.join(registry)}.")
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
    Command("bench", "measure speed as ratios against limits", _names_arguments, _bench),
)
