"""What the mouse does in the slices, declared for each habit: radiology viewers, and 3D Slicer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt

Gesture = Literal["crosshair", "window", "pan", "zoom"]

_LEFT, _RIGHT, _MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton


@dataclass(frozen=True)
class MouseProfile:
    """Which gesture a drag with a button is, and with Shift held; a click with the left button moves the crosshair."""

    id: str
    title: str
    drags: Mapping[Qt.MouseButton, Gesture]
    shift_drags: Mapping[Qt.MouseButton, Gesture]

    def gesture(self, button: Qt.MouseButton, held: Qt.KeyboardModifier) -> Gesture | None:
        """What a drag does, or None."""
        if held & Qt.KeyboardModifier.ShiftModifier and button in self.shift_drags:
            return self.shift_drags[button]
        return self.drags.get(button)


RADIOLOGY = MouseProfile("radiology", "Radiology", {_LEFT: "crosshair", _RIGHT: "window", _MIDDLE: "pan"}, {})
SLICER = MouseProfile(
    "slicer", "3D Slicer", {_LEFT: "window", _RIGHT: "zoom", _MIDDLE: "pan"}, {_LEFT: "pan", _MIDDLE: "pan"}
)
PROFILES: Mapping[str, MouseProfile] = {profile.id: profile for profile in (RADIOLOGY, SLICER)}
