"""`Tale`: one customer's story in a journey."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from sojourn.cli.demo.guide import Guide, Played
from sojourn.domain.events import Event


@dataclass(frozen=True)
class Tale:
    """One customer's story in a journey.

    Args:
        journey: the name of the journey.
        begins: the event that starts the journey in this story.
        play: plays the story with a guide.
    """

    journey: str
    begins: type[Event]
    play: Callable[[Guide], Coroutine[Any, Any, Played]]


async def play(tales: Sequence[Tale], guide: Guide) -> AsyncIterator[Played]:
    """Play the stories concurrently, and yield each result as soon as it is there."""
    playing = [asyncio.create_task(tale.play(guide)) for tale in tales]
    try:
        for over in asyncio.as_completed(playing):
            yield await over
    finally:
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
