"""The segmentation presets by id."""

from __future__ import annotations

from imaging.segmentation.aortic_root import AORTIC_ROOT
from imaging.segmentation.declaration import PointRole, Preset
from imaging.segmentation.thin_presets import THIN_PRESETS
from imaging.segmentation.thoracic_aorta import THORACIC_AORTA

__all__ = ["PRESETS", "PointRole", "Preset"]

PRESETS: dict[str, Preset] = {preset.id: preset for preset in (THORACIC_AORTA, AORTIC_ROOT, *THIN_PRESETS)}
