"""Measures how long a frame of the slice views takes on a scan of 512 x 512 x 500 voxels, and how much memory.

``python -m app.desktop.scroll_bench`` prints JSON. A frame is what the window does for one notch of the wheel or one
step of a drag, until the pictures of all three planes are painted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

from app.desktop.main import make_application
from imaging.reformat.slab import Slab
from imaging.types import Grid, Volume

SIZE = (512, 512, 500)
_SPACING_MM = (0.7, 0.7, 0.8)
_N_FRAMES = 40
_VIEWS_PX = (1150, 900)


def made_volume() -> Volume:
    """Noise, so that nothing is cached for being alike; int16."""
    rng = np.random.default_rng(0)
    block = rng.normal(100.0, 300.0, SIZE[::-1][1:]).astype(np.int16)
    array = np.empty(SIZE[::-1], dtype=np.int16)
    for k in range(SIZE[2]):
        array[k] = np.roll(block, 7 * k, axis=1)
    return Volume(array, Grid(SIZE, _SPACING_MM, (0.0, 0.0, 0.0)))


def measure() -> dict[str, Any]:
    """Median and longest frame in ms of each kind, and peak memory over the volume's own size."""
    application = make_application()
    from app.desktop.views.quad_view import QuadView
    from app.desktop.views.window_level import Window

    process = psutil.Process()
    quad = QuadView()
    quad.resize(*_VIEWS_PX)
    quad.show()
    application.processEvents()
    before = process.memory_info().rss
    volume = made_volume()
    quad.set_volume(volume)
    application.processEvents()
    axial, sagittal = quad.slices["axial"], quad.slices["sagittal"]
    most = process.memory_info().rss

    def frames(work: Callable[[int], object]) -> dict[str, float]:
        nonlocal most
        taken, spent = [], []
        for n in range(_N_FRAMES):
            began, used = time.perf_counter(), time.process_time()
            work(n)
            application.processEvents()  # the views paint what has changed
            taken.append(1000.0 * (time.perf_counter() - began))
            spent.append(1000.0 * (time.process_time() - used))
            most = max(most, process.memory_info().rss)
        return {
            "median_ms": float(np.median(taken)),
            "longest_ms": max(taken),
            "median_processor_ms": float(np.median(spent)),
        }

    found: dict[str, Any] = {
        "scroll_axial": frames(lambda n: axial.scroll_slices(1)),
        "scroll_sagittal": frames(lambda n: sagittal.scroll_slices(1)),
        "crosshair": frames(lambda n: quad.choose_position(volume.grid.to_lps((200 + n, 220 + n, 230 + n)))),
        "window_level": frames(lambda n: quad.set_window(Window(600 + 10 * n, 200 + 5 * n))),
    }
    quad.set_slab(Slab("MIP", 10.0))
    found["slab_10_mm"] = frames(lambda n: axial.scroll_slices(1))
    quad.set_slab(Slab())
    quad.set_oblique(True)
    application.processEvents()
    found["oblique_scroll"] = frames(lambda n: axial.scroll_slices(1))
    found["oblique_turn"] = frames(lambda n: quad.turn("axial", 1.0))
    found["memory_volumes"] = (most - before) / volume.array.nbytes
    quad.close()
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
    sys.exit(0)
