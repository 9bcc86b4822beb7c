"""The invariants that hold in every shop, as docs/reasons.md and docs/policy.md say.

The gate keeps them; here they are asked of the outcome, by other means than the gate's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from sojourn.domain.calendar import local_day
from sojourn.domain.caps import Limit
from sojourn.domain.invariants.invariant import Breach, Invariant
from sojourn.domain.invariants.story import Card, Course, Said, Story
from sojourn.domain.message import Message
from sojourn.domain.messages import Reason

Found = Iterator[Breach]


def in_closed_hours(story: Story) -> Found:
    """Find promotional messages in hours that the policy, or the message, keeps closed."""
    for message, cards in _promotional(story):
        closed = [_closed(story, message, card) for card in cards]
        if all(closed):
            yield _of(story, message, f"although: {'; '.join(closed[0])}")


def after_the_goal(story: Story) -> Found:
    """Find messages that left after the goal of their run was acknowledged."""
    yield from _after(story, lambda course: course.goals, "its goal")


def after_the_end(story: Story) -> Found:
    """Find messages that left after an event that ends their run was acknowledged."""
    yield from _after(story, lambda course: course.ends, "which ends it")


def after_a_stop(story: Story) -> Found:
    """Find messages of a run that left after an operator had stopped it."""
    for message in story.left:
        cause = story.cause(message)
        for event in story.events:
            if (
                event.name == "Journey Stopped"
                and event.fields.get("run") == message.workflow_id
                and event.arrived < message.at
                and (cause is None or cause.arrived < event.arrived)
            ):
                yield _of(story, message, "after an operator had stopped its run")


def twice(story: Story) -> Found:
    """Find a step that left twice for one event, or one message that left by two channels.

    Steps that send a message several times, in a loop, mean to: each time has a name of its own.
    """
    seen: dict[tuple[str, str, str, str], Said] = {}
    for message in story.left:
        time = message.id.rpartition("/")[2]
        key = (message.workflow_id, message.cause, message.step, time)
        if not message.cause:
            continue
        if (first := seen.setdefault(key, message)) is not message:
            yield _of(
                story,
                message,
                f"although it had left for the same event on {story.told(first.at)}",
                first,
            )


def too_early(story: Story) -> Found:
    """Find messages that left before they were due."""
    for message in story.left:
        if message.at < message.due:
            yield _of(story, message, f"before it was due, on {story.told(message.due)}")


def too_late(story: Story) -> Found:
    """Find messages that left when they were of no use any more."""
    for message in story.left:
        declared = _declared(story, message)
        if declared and message.at >= message.due + declared.useful_for:
            yield _of(
                story, message, f"when its use was over: it fell due on {story.told(message.due)}"
            )


def without_consent(story: Story) -> Found:
    """Find promotional messages by a channel to which the customer has not agreed."""
    for message, cards in _promotional(story):
        if not any(
            message.channel in card.agreed or (message.channel, message.topic) in card.wanted
            for card in cards
        ):
            yield _of(story, message, f"without consent to {message.channel}")


def after_a_no(story: Story) -> Found:
    """Find promotional messages on a topic that the customer has refused."""
    for message, cards in _promotional(story):
        noes = {(message.channel, message.topic), (None, message.topic)}
        if all(card.refused & noes for card in cards):
            yield _of(story, message, f'although the customer had said no to "{message.topic}"')


def without_address(story: Story) -> Found:
    """Find messages by a channel for which the customer had no address."""
    for message in story.left:
        cards = story.cards_at(message.at)
        if cards and not any(message.channel in card.reachable for card in cards):
            yield _of(story, message, f"by {message.channel}, of which there was no address")


def to_nobody(story: Story) -> Found:
    """Find messages to a customer before any identify call had come."""
    for message in story.left:
        if story.card(message.at) is None:
            yield _of(story, message, "before the customer was identified")


def over_a_cap(story: Story) -> Found:
    """Find promotional messages over a cap of the policy, or over the limit of their step."""
    sent = [message for message, _ in _promotional(story)]
    for distance in story.rules.caps.distances:
        near = [m for m in sent if distance.channel in (None, m.channel)]
        for first, second in pairwise(near):
            if second.at - first.at < distance.least:
                yield _of(story, second, f"less than {distance.written} after {first.name}", first)
    for limit in story.rules.caps.limits:
        counted = [m for m in sent if limit.channel in (None, m.channel)]
        yield from _over(story, counted, limit)
    by_step: dict[str, list[Said]] = defaultdict(list)
    for message in sent:
        by_step[message.name].append(message)
    for messages in by_step.values():
        declared = _declared(story, messages[0])
        most = declared.at_most if declared else None
        if most is not None and not most.key:
            step = (messages[0].journey, messages[0].step)
            yield from _over(story, messages, Limit(most.number, most.days, step=step))


def broken(story: Story) -> Found:
    """Find messages that could not be sent because their template failed."""
    failed = [one for one in story.messages if one.reason == Reason.TEMPLATE]
    for message in {one.id: one for one in failed}.values():  # of several channels, one is told
        yield Breach(
            f"{message.name} could not leave on {story.told(message.at)}: its template failed",
            (message.at,),
        )


def _over(story: Story, messages: list[Said], limit: Limit) -> Found:
    for n, message in enumerate(messages):
        card = story.card(message.at)
        if card is None:
            continue
        # days are those of the zone that the customer has when the message is claimed
        today = local_day(message.at, card.tz)
        near = [
            one
            for one in messages[: n + 1]
            if (today - local_day(one.at, card.tz)).days < limit.days
        ]
        if len(near) > limit.number:
            yield _of(story, message, f"over the {limit}", *near[:-1])


def _promotional(story: Story) -> Iterator[tuple[Said, Sequence[Card]]]:
    for message in story.left:
        cards = story.cards_at(message.at)
        if message.is_promotional and cards:
            yield message, cards


def _closed(story: Story, message: Said, card: Card) -> list[str]:
    """Return why a message may not leave at its moment, by the clock and the place of a card."""
    declared = _declared(story, message)
    holders = story.rules.holders(
        message.channel, card.country, card.region, declared.within if declared else ""
    )
    shown = message.at.astimezone(card.tz)
    return [why for holder in holders if (why := holder.holds(shown))]


def _after(story: Story, names: Callable[[Course], Iterable[str]], which: str) -> Found:
    for message in story.left:
        if (course := story.courses.get(message.journey)) is None:
            continue
        for event in story.after(message, *names(course)):
            yield Breach(
                f'{message.name} left on {story.told(message.at)}, after "{event.name}" of '
                f"{story.told(event.at)}, {which}",
                (event.at, message.at),
            )


def _declared(story: Story, message: Said) -> Message | None:
    course = story.courses.get(message.journey)
    return course.messages.get(message.step) if course else None


def _of(story: Story, message: Said, why: str, *others: Said) -> Breach:
    return Breach(
        f"{message.name} left on {story.told(message.at)} {why}",
        (*(one.at for one in others), message.at),
    )


SHIPPED = (
    Invariant("no promotional message in closed hours by the customer's clock", in_closed_hours),
    Invariant("no message after the goal of its run", after_the_goal),
    Invariant("no message after an event that ends its run", after_the_end),
    Invariant("no message after an operator's stop of its run", after_a_stop),
    Invariant("no message twice for one event", twice),
    Invariant("no message before it is due", too_early),
    Invariant("no message after its use", too_late),
    Invariant("no promotional message without consent", without_consent),
    Invariant("no promotional message after a no to its topic", after_a_no),
    Invariant("no message to a channel without an address", without_address),
    Invariant("no message to an unknown customer", to_nobody),
    Invariant("no promotional message over a cap", over_a_cap),
    Invariant("no message whose template fails", broken),
)
"""All of them."""
