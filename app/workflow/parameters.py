"""Parameters are declared once, as fields of a frozen dataclass; forms, command line, audit and report read them here.

A field's metadata may hold ``unit``, ``min``, ``max``, ``choices``, ``help``, ``source``, ``private`` and
``file``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from app.case.errors import CaseError
from app.case.records import Position


def declared(
    default: Any,
    *,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    source: str = "",
    private: bool = False,
    file: bool = False,
) -> Any:
    """A declared field. A private one (a path, say) is used but never written down; a file's path is private."""
    said = {"help": help, "unit": unit, "min": minimum, "max": maximum, "choices": choices, "source": source}
    return dataclasses.field(default=default, metadata={**said, "private": private or file, "file": file})


@dataclass(frozen=True)
class Parameter:
    """One declared parameter, as a form or a command line needs it."""

    name: str
    kind: type
    default: Any
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    help: str
    source: str
    is_private: bool
    is_file: bool = False


def describe(declaration: type[Any]) -> tuple[Parameter, ...]:
    """The parameters that a frozen dataclass declares, in order. Every field has a plain default."""
    hints = get_type_hints(declaration)
    described = []
    for field in dataclasses.fields(declaration):
        default = field.default
        said = field.metadata
        kind = hints[field.name] if hints[field.name] in (bool, int, float, str) else type(default)
        described.append(
            Parameter(
                name=field.name,
                kind=kind,
                default=default,
                unit=said.get("unit", ""),
                minimum=said.get("min"),
                maximum=said.get("max"),
                choices=tuple(said.get("choices", ())),
                help=said.get("help", ""),
                source=said.get("source", ""),
                is_private=said.get("private", False),
                is_file=said.get("file", False),
            )
        )
    return tuple(described)


def build[T](declaration: type[T], values: Mapping[str, Any]) -> T:
    """The declared dataclass with ``values`` over its defaults.

    Raises
    ------
    CaseError
        ``bad_parameter`` for an unknown name, a value of the wrong type, not finite, or out of bounds.
    """
    known = {parameter.name: parameter for parameter in describe(declaration)}
    checked = {}
    for name, value in values.items():
        if name not in known:
            raise CaseError("bad_parameter", f"There is no parameter {name}; there are: {', '.join(known)}.")
        checked[name] = _checked(known[name], value)
    return declaration(**checked)


def _checked(parameter: Parameter, value: Any) -> Any:
    unit = f" {parameter.unit}" if parameter.unit not in ("", "1") else ""
    if parameter.kind in (int, float):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or (parameter.kind is int and number != int(number)):
            what = "a whole number" if parameter.kind is int else "a number"
            raise CaseError("bad_parameter", f"{parameter.name} must be {what}, not {value!r}.")
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            bounds = (
                f"from {low:g} to {high:g}"
                if low is not None and high is not None
                else (f"at least {low:g}" if low is not None else f"at most {high:g}")
            )
            raise CaseError("bad_parameter", f"{parameter.name} must be {bounds}{unit}, not {number:g}{unit}.")
        return parameter.kind(number)
    if parameter.kind is bool and not isinstance(value, bool):
        if str(value).lower() not in ("true", "false", "yes", "no"):
            raise CaseError("bad_parameter", f"{parameter.name} must be true or false, not {value!r}.")
        return str(value).lower() in ("true", "yes")
    if parameter.choices and value not in parameter.choices:
        raise CaseError(
            "bad_parameter",
            f"{parameter.name} must be one of {', '.join(filter(None, parameter.choices))}, not {value!r}.",
        )
    return value


def position(text: str) -> Position:
    """The position (mm, LPS), or the direction, that ``x,y,z`` stands for; CaseError ``bad_point``."""
    try:
        x, y, z = (float(number) for number in text.split(","))
        if not all(math.isfinite(number) for number in (x, y, z)):
            raise ValueError(text)
    except ValueError as error:
        raise CaseError("bad_point", f"{text!r} is not a position: give x,y,z in mm (LPS).") from error
    return x, y, z
