"""The place in the code where an error was raised: a log must not quote its text."""

from pathlib import Path
from traceback import extract_tb

FRAMES = 6
"""Frames of an error's traceback that the log names."""


def whereabouts(error: BaseException) -> str:
    """Return where an error was raised, innermost first; its text may be personal."""
    frames = reversed(extract_tb(error.__traceback__)[-FRAMES:])
    return " < ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames)
