"""JSON values as the dataclasses that declare them, each mistake refused in a sentence that names its place."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, NoReturn

from solvers.contract.errors import ExitCode, RunError


def refuse(sentence: str, code: str = "bad_spec") -> NoReturn:
    """Stop because of what the spec says."""
    raise RunError(code, sentence, exit_code=ExitCode.BAD_SPEC)


def decode(kind: Any, raw: Any, path: str) -> Any:
    """``raw`` JSON as the annotated type ``kind``; refuses what is missing, unknown or of another type."""
    origin = typing.get_origin(kind)
    if origin is types.UnionType or origin is typing.Union:
        return _decode_union(typing.get_args(kind), raw, path)
    if origin is tuple:
        if not isinstance(raw, list):
            refuse(f"{path} must be a list.")
        arguments = typing.get_args(kind)
        if arguments[-1] is Ellipsis:
            return tuple(decode(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(raw))
        if len(raw) != len(arguments):
            refuse(f"{path} must have {len(arguments)} entries, but has {len(raw)}.")
        return tuple(decode(a, item, f"{path}[{i}]") for i, (a, item) in enumerate(zip(arguments, raw, strict=True)))
    if origin is Literal:
        allowed = typing.get_args(kind)
        if raw not in allowed:
            refuse(f"{path} is {raw!r}; it must be one of {', '.join(map(str, allowed))}.")
        return raw
    if dataclasses.is_dataclass(kind):
        return _decode_record(kind, raw, path)
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    if kind is float and is_number:
        return float(raw)
    if kind is int and is_number and raw == int(raw):
        return int(raw)
    if kind in (str, bool) and isinstance(raw, kind):
        return raw
    expected = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}[kind]
    refuse(f"{path} is {raw!r}; it must be {expected}.")


def _decode_union(options: tuple[Any, ...], raw: Any, path: str) -> Any:
    if raw is None and type(None) in options:
        return None
    records = [option for option in options if option is not type(None)]
    if len(records) == 1:
        return decode(records[0], raw, path)
    kinds = {option.kind: option for option in records}
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in kinds:
        refuse(f"{path} has kind {kind!r}; it must be one of {', '.join(kinds)}.")
    return _decode_record(kinds[kind], raw, path)


def _decode_record(kind: Any, raw: Any, path: str) -> Any:
    if not isinstance(raw, dict):
        refuse(f"{path} must be a JSON object.")
    hints = typing.get_type_hints(kind)
    members = {member.name: member for member in dataclasses.fields(kind)}
    unknown = sorted(set(raw) - set(members))
    if unknown:
        refuse(f"{path} has the unknown entry {unknown[0]!r}; known are {', '.join(members)}.")
    values = {name: decode(hints[name], raw[name], f"{path}.{name}") for name in members if name in raw}
    for name, member in members.items():
        if name not in values and member.default is dataclasses.MISSING:
            refuse(f"{path} lacks the entry {name!r}; write it again.")
    return kind(**values)
