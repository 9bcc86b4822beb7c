"""Telling a world in memory what was before: it is known, and nothing hears it."""

from sojourn.domain.again import Begun
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.in_memory.people import Happened, Mute, Row
from sojourn.in_memory.world import World
from sojourn.insight.backtesting.stored import Before
from sojourn.store.tables import LedgerRow


def remember(world: World, before: Before) -> None:
    """Tell a world what was before it begins.

    Events count as facts, for templates and for the keys that a customer has had; runs for the
    rules on coming again; messages for limits and distances. No run is open.

    Args:
        world: the installation in memory, in which nothing has happened.
        before: what was.
    """
    registry = world.registry
    for track in before.events:
        person, event = registry.person(track.customer_id), track.event
        one = Happened(
            registry.number(),
            event.message_id,
            person.customer_id,
            track.name,
            event.occurred_at,
            min(event.occurred_at, world.now),
            track.properties,
            event if world.project.journeys.heard_by(event.event_name) else None,
            world.now,
        )
        registry.events[one.message_id] = one
        person.keep(one)
    for run in before.runs:
        begun = Begun(run.key, run.started_at)
        registry.person(run.customer_id).begun.setdefault(run.journey, []).append(
            (run.enrolment, begun)
        )
    for number, message in enumerate(before.messages, start=-len(before.messages)):
        registry.person(message.customer_id).rows.append(_row(number, message))
    for exposure in before.exposures:
        had = registry.person(exposure.customer_id).variants.setdefault(exposure.experiment, [])
        if exposure.variant not in had:
            had.append(exposure.variant)
    for mute in before.mutes:
        until = min(mute.until, mute.ended_at or mute.until)
        registry.person(mute.customer_id).mutes.append(
            Mute(mute.message_id, mute.journey, mute.workflow_id, mute.key, None, until)
        )


def _row(number: int, message: LedgerRow) -> Row:
    """Return a message of the ledger as memory has it; its number is below those of memory."""
    return Row(
        number,
        message.message_id,
        message.customer_id,
        message.workflow_id,
        message.enrolment,
        message.journey,
        message.step,
        message.n,
        MessageClass(message.message_class),
        message.topic,
        message.counted_as or "",
        message.due_at,
        Channel(message.channel),
        message.state,
        message.decided_at,
        Reason(message.reason) if message.reason else None,
        message.detail,
        message.held_until,
        message.attempt,
        message.caused_by,
    )
