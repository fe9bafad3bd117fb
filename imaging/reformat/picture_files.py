"""Pictures of reformations to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_gray_picture(path: Path, gray: NDArray[np.uint8], pixel_mm: float) -> None:
    """An 8-bit gray PNG (rows, columns) that states the size of its square pixels (pHYs, pixels per meter)."""
    from PIL import Image

    per_inch = 25.4 / pixel_mm
    Image.fromarray(gray).save(path, dpi=(per_inch, per_inch))
