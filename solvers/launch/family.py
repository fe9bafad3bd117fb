"""Families of runs: one base run, solved again with some of its spec's values changed.

A family is a folder with ``family.json`` and a run folder for each member; one that is finished is not solved again,
so an interrupted family goes on where it was. Members are started like any run, here or in a queue.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.errors import RunError
from solvers.contract.files import INDICES, MESH
from solvers.contract.spec import RunSpec, read_spec, write_spec
from solvers.contract.state import RunState, read_state
from solvers.launch import local, runs, slurm

FAMILY = "family.json"
TABLE = "family.csv"
SCHEMA_VERSION = 1
MOST_MEMBERS = 10_000
Changes = Mapping[str, str]
"""Dotted name of a value in the spec, openings by their names (``outlets.left.r_distal``), and its new value: a number,
a factor (``x1.2``), a word or ``null``. A waveform takes a factor."""


@dataclass(frozen=True)
class Member:
    """One run of a family and what is changed in it."""

    folder: Path
    changes: dict[str, str]

    @property
    def state(self) -> RunState:
        """What it is doing, or how it ended."""
        if read_state(self.folder) is not None:
            runs.reattach(self.folder)
        return read_state(self.folder) or RunState()


def grid(variations: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Every combination of the values of each name."""
    return [dict(zip(variations, values, strict=True)) for values in product(*variations.values())]


def changed(spec: RunSpec, changes: Changes) -> RunSpec:
    """The spec with values changed, checked.

    Raises
    ------
    RunError
        ``bad_change``: no such value, or one that cannot be changed so; ``bad_spec``: out of its bounds.
    """
    raw = json.loads(spec.to_json())
    for name, value in changes.items():
        holder, key = _place(raw, name)
        holder[key] = _new_value(holder[key], value, name)
    return RunSpec.from_json(json.dumps(raw))


def plan(base: Path, out: Path, all_changes: Sequence[Changes]) -> list[Member]:
    """Write the folders of a family, each with its spec and the base's mesh; all specs are checked before.

    Raises
    ------
    RunError
        ``bad_family``: no member, too many, or ``out`` holds something else; see also :func:`changed`.
    """
    if not 0 < len(all_changes) <= MOST_MEMBERS:
        _refuse("bad_family", f"A family of {len(all_changes)} runs cannot be solved; ask for 1 to {MOST_MEMBERS}.")
    if out.exists() and any(out.iterdir()):
        _refuse("bad_family", f"The folder {out.name} is not empty; give the family a new one.")
    spec = read_spec(base)
    specs = [changed(spec, changes) for changes in all_changes]
    width = len(str(len(specs)))
    members = []
    for number, (member_spec, changes) in enumerate(zip(specs, all_changes, strict=True), 1):
        folder = out / f"{number:0{width}d}"
        folder.mkdir(parents=True)
        _link(base / spec.mesh.path, folder / MESH)
        write_spec(folder, member_spec)
        members.append(Member(folder, dict(changes)))
    listed = [{"folder": member.folder.name, "changes": member.changes} for member in members]
    content = {"schema_version": SCHEMA_VERSION, "members": listed}
    write_bytes_atomically(out / FAMILY, json.dumps(content, indent=1).encode())
    return members


def read_family(out: Path) -> list[Member]:
    """The members of a family; RunError ``bad_family`` if there is none."""
    try:
        content = json.loads((out / FAMILY).read_text(encoding="utf-8"))
        return [Member(out / entry["folder"], dict(entry["changes"])) for entry in content["members"]]
    except (OSError, ValueError, KeyError, TypeError):
        _refuse("bad_family", f"{out.name} holds no family of runs; plan one first.")


def solve(
    members: Sequence[Member],
    n_ranks: int,
    progress: Callable[[float, str], None],
    queue: slurm.SlurmOptions | None = None,
) -> None:
    """Solve the members that are not finished: one after another here, or all at once in a queue.

    A failure is left to the table and does not keep the others from being solved. An interruption stops the run that is
    going on with a checkpoint, from which the next call goes on.
    """
    for number, member in enumerate(members):
        progress(number / len(members), f"run {number + 1} of {len(members)}")
        if member.state.status in ("finished", "queued", "running"):
            continue
        is_begun = local.can_restart(member.folder)
        if queue is not None:
            (slurm.restart if is_begun else slurm.start)(member.folder, n_ranks, queue)
            continue
        handle = (local.restart if is_begun else local.start)(member.folder, n_ranks)
        try:
            handle.wait()
        except BaseException:
            local.cancel(handle)
            raise
    progress(1.0, "submitted" if queue is not None else "solved")


def table(members: Sequence[Member]) -> list[dict[str, Any]]:
    """One row a member: its changes, its status, and of its last cycle the caps' mean flows [m3/s] and pressures [Pa].

    Of a run that did not finish there are no numbers.
    """
    rows = []
    for member in members:
        state = member.state
        row: dict[str, Any] = {"run": member.folder.name, **member.changes, "status": state.status, "code": state.code}
        if state.status == "finished":
            indices = json.loads((member.folder / INDICES).read_text(encoding="utf-8"))
            for name, cap in indices["caps"].items():
                row |= {f"{quantity}[{name}]": cap[quantity] for quantity in cap if quantity != "kind"}
            row |= {f"{name}_mean": found["mean"] for name, found in indices["wall"].items() if isinstance(found, dict)}
        rows.append(row)
    return rows


def write_table(out: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the rows as ``family.csv`` in the family's folder and return its path."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes_atomically(out / TABLE, text.getvalue().encode())
    return out / TABLE


def _place(raw: Any, name: str) -> tuple[Any, Any]:
    """The container and key of a dotted name."""
    holder, words = raw, name.split(".")
    for position, word in enumerate(words):
        key: Any = word
        if isinstance(holder, list):
            named = [
                index for index, entry in enumerate(holder) if isinstance(entry, dict) and entry.get("name") == word
            ]
            key = named[0] if named else None
        known = isinstance(holder, dict | list) and key is not None and (isinstance(holder, list) or key in holder)
        if not known:
            what = [entry.get("name") for entry in holder] if isinstance(holder, list) else list(holder or [])
            _refuse(
                "bad_change", f"The run's spec has no value {name!r}: at {word!r} it knows {', '.join(map(str, what))}."
            )
        if position == len(words) - 1:
            return holder, key
        holder = holder[key]
    raise AssertionError("a name has at least one word")


def _new_value(old: Any, value: str, name: str) -> Any:
    if value == "null":
        return None
    if value.startswith("x"):
        factor = _number(value[1:], name)
        if isinstance(old, dict) and isinstance(old.get("values"), list):
            return {**old, "values": [factor * number for number in old["values"]]}
        if isinstance(old, int | float) and not isinstance(old, bool):
            return old * factor
        _refuse("bad_change", f"{name} is no number that a factor could change: give a value instead of {value}.")
    if isinstance(old, bool):
        return value == "true"
    if isinstance(old, str):
        return value
    if isinstance(old, dict | list):
        _refuse(
            "bad_change", f"{name} holds several values: name one of them, or give a waveform a factor such as x1.2."
        )
    return _number(value, name)


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        _refuse(
            "bad_change", f"{text!r} for {name} is not a number: write, for example, {name}=0.003,0.004 or {name}=x1.2."
        )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _refuse(code: str, sentence: str) -> NoReturn:
    raise RunError(code, sentence)
