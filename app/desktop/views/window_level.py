"""Which HU become which gray: windows, their presets on the number keys, and the mapping of a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NARROWEST_WIDTH = 1.0


@dataclass(frozen=True)
class Window:
    """Gray values run from black at ``level - width / 2`` to white at ``level + width / 2``, in the scan's unit."""

    width: float
    level: float

    def __str__(self) -> str:
        return f"{self.width:.0f} / {self.level:.0f}"

    def dragged(self, right_px: float, up_px: float) -> Window:
        """The window after a drag: right widens, up raises the level; wide windows move faster."""
        speed = max(0.25, self.width / 300.0)
        return Window(max(NARROWEST_WIDTH, self.width + speed * right_px), self.level + speed * up_px)


@dataclass(frozen=True)
class WindowPreset:
    """A window that people ask for by name."""

    id: str
    title: str
    key: str
    window: Window


# Widths and levels as radiology viewers have them.
PRESETS: tuple[WindowPreset, ...] = (
    WindowPreset("cta", "CT angiography", "1", Window(600, 200)),
    WindowPreset("soft_tissue", "Soft tissue", "2", Window(400, 40)),
    WindowPreset("bone", "Bone", "3", Window(2000, 500)),
    WindowPreset("lung", "Lung", "4", Window(1500, -600)),
    WindowPreset("mediastinum", "Mediastinum", "5", Window(350, 50)),
)
FIRST_WINDOW = PRESETS[0].window


def automatic_window(array: NDArray[Any]) -> Window:
    """The window from the 1st to the 99th percentile of a sample of the voxels above air (or of all, in a non-CT)."""
    sample = array.reshape(-1)[:: max(1, array.size // 200_000)].astype(np.float32)
    body = sample[sample > -500.0]
    low, high = np.percentile(body if body.size > sample.size // 100 else sample, (1.0, 99.0))
    return Window(max(NARROWEST_WIDTH, float(high - low)), float(high + low) / 2.0)


def to_gray(values: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """8-bit gray of values seen through a window; contiguous, of the same shape."""
    low = window.level - window.width / 2.0
    scaled = (np.ascontiguousarray(values).astype(np.float32) - np.float32(low)) * np.float32(255.0 / window.width)
    return np.ascontiguousarray(np.clip(scaled, 0.0, 255.0).astype(np.uint8))
