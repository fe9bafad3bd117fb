"""What a sub-command is, and what the sub-commands share: arguments of a case, declared parameters, progress."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.case.errors import CaseError
from app.case.records import Case
from app.workflow.parameters import Parameter, describe
from app.workflow.steps import remembered_values
from imaging.types import Progress

MOST_NAMED = 6


@dataclass(frozen=True)
class Result:
    """What a sub-command says: a JSON value, the same in words, and the exit code."""

    value: Any
    text: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class Command:
    """A sub-command: its name, one line of help, its arguments, what it does."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Result]


def add_case(parser: argparse.ArgumentParser) -> None:
    """The case folder, as the first argument."""
    parser.add_argument("case", type=Path, help="case folder (.case)")


def add_parameters(
    parser: argparse._ActionsContainer, *declarations: type[Any], only: Sequence[str] | None = None
) -> None:
    """One option for each declared parameter (of ``only``, if given) that is not private, or is a file; declarations
    may share names.
    """
    by_name = {parameter.name: parameter for declaration in declarations for parameter in describe(declaration)}
    for parameter in by_name.values():
        if (only is None or parameter.name in only) and (not parameter.is_private or parameter.is_file):
            option = f"--{parameter.name.replace('_', '-')}"
            parser.add_argument(
                option, dest=f"parameter_{parameter.name}", metavar=_metavar(parameter), help=_help(parameter)
            )


def add_reduced_parameters(parser: argparse.ArgumentParser) -> None:
    """Options of a 0D or 1D model: its own, and those of a run that say what enters."""
    from app.workflow.flow_setup import ENTERING, ReducedParameters
    from app.workflow.simulate import Parameters

    add_parameters(parser, ReducedParameters)
    group = parser.add_argument_group("what enters, in place of what the case's run or its parameters say")
    add_parameters(group, Parameters, only=ENTERING)


def chosen_parameters(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """The declared parameters that were given on the command line; None when none was."""
    prefix = "parameter_"
    given = {name[len(prefix) :]: value for name, value in vars(arguments).items() if name.startswith(prefix)}
    return {name: value for name, value in given.items() if value is not None} or None


def over_remembered(case: Case, step_id: str, given: dict[str, Any] | None) -> dict[str, Any] | None:
    """The parameters given on the command line over those that the case remembers for the step; None when none is."""
    return None if given is None else {**remembered_values(case, step_id), **given}


def assignments(words: Iterable[str]) -> dict[str, str]:
    """``name=value`` words as a dictionary.

    Raises
    ------
    CaseError
        ``bad_assignment`` for a word without ``=``.
    """
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise CaseError(
                "bad_assignment",
                f"{word!r} is not of the form name=value: write, for example, arch=9,22,75 or heart_rate_bpm=75.",
            )
        pairs[name] = value
    return pairs


def nearest(name: str, registry: Iterable[str]) -> str:
    """The names that one may have meant, or some where none is near: words that follow "there are"."""
    names = list(registry)
    near = get_close_matches(name, names, MOST_NAMED) or names[:MOST_NAMED]
    return ", ".join(near) + (" and others" if len(near) < len(names) else "")


def console_progress(title: str) -> Progress:
    """Progress on standard error: one line that is rewritten on a terminal, a line every ten seconds elsewhere."""
    interactive = sys.stderr.isatty()
    started = time.monotonic()
    shown_at = started - 10.0

    def report(fraction: float, text: str) -> None:
        nonlocal shown_at
        now = time.monotonic()
        is_last = fraction >= 1.0
        if not is_last and now - shown_at < (0.2 if interactive else 10.0):
            return
        shown_at = now
        elapsed = now - started
        left = f", about {elapsed / fraction - elapsed:.0f} s left" if 0.02 < fraction < 1.0 else ""
        line = f"{title}: {100 * fraction:3.0f} %  {text} ({elapsed:.0f} s{left})"
        ending = "\n" if is_last or not interactive else ""
        print(f"\r\x1b[K{line}" if interactive else line, end=ending, file=sys.stderr, flush=True)

    return report


def _metavar(parameter: Parameter) -> str:
    if parameter.choices:
        return "{" + ",".join(parameter.choices) + "}"
    if parameter.is_file:
        return "FILE"
    plain = {"int": "NUMBER", "float": "NUMBER", "bool": "{true,false}", "str": "TEXT"}[parameter.kind.__name__]
    if parameter.unit in ("", "1"):
        return plain
    return parameter.unit.upper().replace(" ", "_").replace("%", "PERCENT")


def _help(parameter: Parameter) -> str:
    bounds = ""
    if parameter.minimum is not None and parameter.maximum is not None:
        bounds = f", {parameter.minimum:g} to {parameter.maximum:g}"
    unit = f" [{parameter.unit}]" if parameter.unit not in ("", "1") else ""
    source = f"; source: {parameter.source}" if parameter.source else ""
    return f"{parameter.help}{unit} (default {parameter.default}{bounds}{source})".replace("%", "%%")
