"""Rules of good manners: not too often, not at night, nothing twice, nothing after a no."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sojourn.cli.season.told import Said, Told
from sojourn.domain.states import MessageState
from sojourn.domain.week import Week

MOST_A_WEEK = 5
"""More promotional messages than this in any seven days are too many."""
WEEK = timedelta(days=7)
REPEATED = timedelta(days=1)
ANOTHER_MATTER = timedelta(days=2)
"""The time after which the same words about another cart or case are not a repetition."""


def in_quiet_hours(told: Told, quiet: Week) -> Iterator[str]:
    """Yield a line for each promotional message in the customer's quiet hours."""
    for one in told.said:
        if one.sent and one.promotional and quiet.has(told.local(one.at)):
            yield f"{one.name} on {told.day(one)}, in quiet hours"


def _pestered(told: Told) -> Iterator[str]:
    """Yield a line if seven days in a row, as the caps of a policy count them, have too many."""
    sent = [told.local(one.at).date() for one in told.said if one.sent and one.promotional]
    for number, first in enumerate(sent):
        within = sum(day - first < WEEK for day in sent[number:])
        if within > MOST_A_WEEK:
            yield f"{within} promotional messages in the week from {first:%d %b}"
            return


def _lost(told: Told) -> Iterator[str]:
    for one in told.said:
        if one.state == MessageState.REJECTED:
            yield f"{one.name} on {told.day(one)} could not be sent: {one.reason}"


def _step_twice(told: Told) -> Iterator[str]:
    last: dict[tuple[str, str, str], datetime] = {}
    for one in told.said:
        if one.sent:
            key = (one.workflow_id, one.step, one.headline)
            again = key in last and one.at - last[key] < REPEATED
            if again and not _under_way_once_more(told, one, last[key]):
                yield f"{one.name} twice within a day"
            last[key] = one.at


def _same_words(told: Told) -> Iterator[str]:
    last: dict[tuple[str, str], Said] = {}
    for one in told.said:
        if one.sent and one.words:
            former = last.get((one.channel, one.words))
            last[one.channel, one.words] = one
            if former is None or _under_way_once_more(told, one, former.at):
                continue
            same_matter = one.workflow_id == former.workflow_id
            if one.at - former.at < (WEEK if same_matter else ANOTHER_MATTER):
                yield f"{one.name} on {told.day(one)}, in the words of {told.day(former)}"


def _after_a_no(told: Told) -> Iterator[str]:
    for word in told.did:
        for said in word.properties.get("consents", ()):
            for one in told.said:
                against = one.channel == said["channel"] and not said["granted"]
                if one.sent and one.promotional and against and one.at > word.at:
                    yield f"{one.name} by {one.channel} on {told.day(one)}, after a no"


OF_MANNERS: tuple[Callable[[Told], Iterator[str]], ...] = (
    _pestered,
    _lost,
    _step_twice,
    _same_words,
    _after_a_no,
)


def _under_way_once_more(told: Told, one: Said, since: datetime) -> bool:
    """Return whether a delivery failed in between, so that the next attempt is news."""
    return any(
        since < failed.at < one.at and one.about(failed, "order_id")
        for failed in told.of("Delivery Failed")
    )
