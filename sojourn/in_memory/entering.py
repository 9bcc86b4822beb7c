"""Entering in memory: whether an event may start a run of a journey that selects its customers."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import revives
from sojourn.dispatch.entering import Verdict
from sojourn.domain.again import Begun
from sojourn.domain.calendar import zone
from sojourn.domain.events import Event
from sojourn.domain.messages import Reason
from sojourn.in_memory import limiting
from sojourn.in_memory.facts import judged as judge
from sojourn.in_memory.knowing import before
from sojourn.in_memory.people import Happened, Person
from sojourn.in_memory.registry import Registry
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.sending.grounds import Grounds


def judged(
    registry: Registry,
    person: Person,
    one: Happened,
    event: Event,
    *,
    now: datetime,
    journeys: Journeys,
    starting: Collection[str],
    grounds: Grounds,
) -> dict[tuple[str, str], Verdict]:
    """Judge an event, as `dispatch.entering` does.

    Args:
        registry: has the requests that limits count.
        person: the customer.
        one: the event.
        event: the same, typed.
        now: the present.
        journeys: of the project.
        starting: those of which the event starts a run (`routing.starting_by`).
        grounds: of the installation's decisions.

    Returns:
        The judgement for each journey of which it could start a run.
    """
    found: dict[tuple[str, str], Verdict] = {}
    for name, journey in journeys.selecting(one.name).items():
        if name not in starting and not revives(
            journey, event, one, before(person, one, event, journeys)
        ):
            continue
        moment = max(now, one.occurred_at)
        verdict = _verdict(person, one, journey, event, now=moment, grounds=grounds)
        if verdict.reason is None and (
            why := limiting.refuses(registry, person, journey, event, moment)
        ):
            verdict = Verdict(Reason.TOO_MANY_REQUESTS, why)
        found[one.message_id, name] = verdict
        if verdict.reason is None:
            begun = Begun(routing.key_of(journey, event), one.occurred_at)
            person.begun.setdefault(name, []).append((one.message_id, begun))
            limiting.note(registry, person, journey, event, moment)
    return found


def _verdict(
    person: Person,
    one: Happened,
    journey: type[Journey],
    event: Event,
    *,
    now: datetime,
    grounds: Grounds,
) -> Verdict:
    terms = journey.terms
    if not terms.again.is_open and (had := person.begun.get(journey.name)):
        begun = _newest_of_each(had, besides=one.message_id)
        key = routing.key_of(journey, event)
        lives = zone(person.zone(grounds.default_zone))
        if why := terms.again.refuses(begun, one.occurred_at, key, lives):
            return Verdict(Reason.CAME_AGAIN, why)
    if terms.enters_if is not None:
        own, fields = grounds.topics.own, one.properties
        finding = judge(person, terms.enters_if, now, own, fields=fields)
        if finding.holds is not True:
            return Verdict(Reason.NOT_QUALIFIED, finding.because)
    return Verdict()  # nobody asks why a run began


def _newest_of_each(begun: Iterable[tuple[str, Begun]], *, besides: str) -> list[Begun]:
    newest: dict[str, Begun] = {}
    for message_id, one in begun:
        if message_id != besides and (one.key not in newest or newest[one.key].at < one.at):
            newest[one.key] = one
    return list(newest.values())
