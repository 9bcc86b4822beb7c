"""The stories for a project's journeys: the shipped ones, and one for each other journey."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from pydantic import ValidationError

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.shipped import SHIPPED
from sojourn.cli.demo.tale import Tale
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_fields
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names

FIRST_NAMES = ("Ada", "Ben", "Chiara", "Dev", "Elena", "Femi", "Grace", "Hana", "Ivan", "Juno")


@dataclass(frozen=True)
class Programme:
    """The stories to play.

    Args:
        tales: the stories, in the order of the journeys.
        left_out: a line for each journey that cannot be played, with the reason.
    """

    tales: tuple[Tale, ...]
    left_out: tuple[str, ...]


def programme_of(journeys: Journeys) -> Programme:
    """Choose the stories for a project's journeys; journeys that are switched off have none."""
    tales: list[Tale] = []
    left_out: list[str] = []
    first_names = _first_names()
    for name, journey in journeys.items():
        if name in journeys.off:
            continue
        own = [tale for tale in SHIPPED if tale.journey == name and _begins(tale, journey)]
        try:
            tales += own or [_alone(journey, next(first_names))]
        except BadInput as error:
            left_out.append(f"{name} is not played: {error}")
    return Programme(tuple(tales), tuple(left_out))


def _begins(tale: Tale, journey: type[Journey]) -> bool:
    """Return whether the story's first event starts the journey: a project may have its own."""
    return tale.begins.event_name in names(journey.terms.starts_on)


def _alone(journey: type[Journey], first_name: str) -> Tale:
    """Create the story of a customer who starts a journey and then does nothing more."""
    begins = journey.terms.starts_on[0]
    started = _made_up(begins, journey.terms.key, first_name.lower())

    async def play(guide: Guide) -> Played:
        who = await guide.customer(first_name, guide.language)
        await guide.publish(started)
        await guide.pass_all_time(who)
        title = f'starts {journey.name} by "{begins.event_name}" and does nothing more'
        return await guide.tell(title, who, guide.noon)

    return Tale(journey.name, begins, play)


def _made_up(event: type[Event], key: str, customer_id: str) -> Event:
    try:
        fields = made_up_fields(event, also=key, now=datetime.now(UTC))
        return event(customer_id=customer_id, **fields)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise BadInput(f'"{event.event_name}": {fault["msg"]}') from None
    except BadInput as error:
        raise BadInput(f'"{event.event_name}": {error}') from None


def _first_names() -> Iterator[str]:
    """Yield first names, then the same ones with a number."""
    yield from FIRST_NAMES
    for number in count(2):
        yield from (f"{name}{number}" for name in FIRST_NAMES)
