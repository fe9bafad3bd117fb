"""Writing by VTK's writers, which say nothing that Python hears when the disk is full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imaging.errors import ImagingError
from imaging.native_messages import native_messages_hidden


def write_vtk(writer: Any, data: Any, path: Path) -> None:
    """Write ``data`` as raw appended VTK XML by a VTK ``writer``; it is whole or an error.

    Raises
    ------
    ImagingError
        ``write_failed``.
    """
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    with native_messages_hidden():
        # Write() returns 1 also when it gave up in the middle; the error code tells.
        is_written = writer.Write() and writer.GetErrorCode() == 0
    if not is_written or not path.is_file():
        path.unlink(missing_ok=True)
        raise ImagingError(
            "write_failed",
            f"The file {path.name} could not be written; check that the disk is not full and the folder is writable.",
        )
