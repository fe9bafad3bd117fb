"""How quickly the slice views follow the mouse on a large scan, and what memory that takes, against limits."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from imaging.types import Progress

FRAME_LIMIT_MS = 33.0
TURN_LIMIT_MS = 100.0
MEMORY_LIMIT_VOLUMES = 2.5


def frame_rows(progress: Progress) -> list[dict[str, Any]]:
    """Median frames of 512 x 512 x 500 voxels in three planes of a real window, and memory beside the scan's own."""
    progress(0.0, "Scrolling through 500 slices")
    command = [sys.executable, "-m", "app.desktop.scroll_bench"]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    found = json.loads(said)
    memory = found.pop("memory_volumes")
    rows = []
    for name, frame in found.items():
        limit = TURN_LIMIT_MS if name == "oblique_turn" else FRAME_LIMIT_MS
        how = f"median of 40 frames {frame['median_ms']:.1f} ms, longest {frame['longest_ms']:.0f} ms, "
        how += f"processor {frame['median_processor_ms']:.1f} ms; limit {limit:g} ms"
        rows.append(_row(f"look-{name.replace('_', '-')}", frame["median_ms"] / limit, how))
    how = f"peak memory {memory:.2f} volumes over the empty window, limit {MEMORY_LIMIT_VOLUMES:g}"
    rows.append(_row("look-memory", memory / MEMORY_LIMIT_VOLUMES, how))
    return rows


def _row(name: str, ratio: float, how: str) -> dict[str, Any]:
    return {"name": name, "value": round(ratio, 4), "unit": "1", "goal": "<= 1", "met": ratio <= 1.0, "how": how}
