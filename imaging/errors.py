"""The one error that imaging raises at a user: a sentence that says what is wrong, where, and what to do."""

from __future__ import annotations


def not_readable() -> ImagingError:
    """The refusal of what the operating system does not let this user read."""
    return ImagingError(
        "not_readable",
        "The chosen scan cannot be read, because you have no permission to read it; copy it to a folder of your own or "
        "ask its owner.",
    )


class ImagingError(Exception):
    """Input that cannot be used, in words for a radiologist.

    Parameters
    ----------
    code : str
        Stable short name of the cause, e.g. ``"empty_label"``; tests and the window switch on it, never on the text.
    message : str
        One plain sentence: what is wrong, where, and what to do. No file path that could carry a patient's name.
    place_mm : tuple of 3 floats, optional
        The place in the patient frame (LPS, mm) that the window can show.
    """

    def __init__(self, code: str, message: str, place_mm: tuple[float, float, float] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place_mm = place_mm
