"""Tables of numbers as text, a line a row, the first line naming the columns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_table(path: Path) -> dict[str, NDArray[np.float64]]:
    """Every column (n_rows,) of a table of numbers by name; empty without the file. A torn last row is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    if not rows:
        return {}
    table = np.array([row for row in rows[1:] if len(row) == len(rows[0])], dtype=float).reshape(-1, len(rows[0]))
    return {name: table[:, index].copy() for index, name in enumerate(rows[0])}
