"""Places: where in a journey's source a verb stands, and all that its steps know there.

Two visits of a place at which the steps know the same go on alike: one of them is enough.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from types import CodeType, FrameType
from typing import Any

from pydantic import BaseModel

from sojourn.domain.events import ENVELOPE, Event
from sojourn.domain.message import Message
from sojourn.domain.question import Question

Place = tuple[tuple[str, int, int], ...]
"""For each function from the steps down to the verb: its file, its first line, its instruction."""
_MOST = 4
"""Elements of a collection beyond which another one makes no difference."""


def frames_up_to(outermost: CodeType) -> list[FrameType]:
    """Return the frames of the author's functions that have come to a verb, the inmost first.

    Args:
        outermost: the code of the function that runs the steps.
    """
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 (of a verb that was awaited)
    while frame is not None and frame.f_code is not outermost:
        found.append(frame)
        frame = frame.f_back
    return found


def place_of(frames: Iterable[FrameType]) -> Place:
    """Return the place to which frames have come."""
    return tuple(
        (frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_lasti) for frame in frames
    )


def known_in(frames: Iterable[FrameType]) -> tuple[Any, ...]:
    """Return what the variables of frames hold, but for moments and ids, which always differ."""
    return tuple(
        (name, gist(value))
        for frame in frames
        for name, value in sorted(frame.f_locals.items())
        if name != "self"
    )


def gist(value: Any) -> Any:  # noqa: C901, PLR0911 (a case each)
    """Return what matters of a value, as something that can be compared and hashed."""
    match value:
        case None | bool() | int() | float() | str() | Enum():
            return value
        case Decimal():
            return str(value)
        case date() | timedelta():
            return type(value).__name__
        case Message():
            return ("message", value.step, value.words)
        case Question():
            return ("question", value.name)
        case Event():
            own = {n: v for n, v in vars(value).items() if n not in ENVELOPE}
            return (value.event_name, gist(own))
        case BaseModel():
            return (type(value).__name__, gist(vars(value)))
        case Mapping():
            return tuple(sorted(((str(k), gist(v)) for k, v in value.items()), key=repr))
        case list() | tuple() | set() | frozenset():
            parts = sorted({gist(part) for part in value}, key=repr)
            return (type(value).__name__, tuple(parts), min(len(value), _MOST))
    if is_dataclass(value) and not isinstance(value, type):
        return (
            type(value).__name__,
            gist({one.name: getattr(value, one.name) for one in fields(value)}),
        )
    return type(value).__name__
