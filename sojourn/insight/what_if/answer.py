"""The answer to "what if": a customer's story as it was, and with some facts changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from sojourn.domain.calendar import zone
from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadInput
from sojourn.domain.events import EARLIEST
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.states import MessageState
from sojourn.in_memory.people import Row
from sojourn.insight.backtesting.ledgered import under_one_id
from sojourn.insight.backtesting.stored import Stored
from sojourn.insight.letters import unknown_customer
from sojourn.insight.what_if.reading import read_supposition
from sojourn.insight.what_if.supposing import suppose
from sojourn.insight.what_if.telling import Happening, Tale, play_tale
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, cards, past
from sojourn.store.past import Past

SAME_MOMENT = timedelta(minutes=1)


class Fate(BaseModel):
    """The fate of a message. ``at``: when it was decided on last."""

    at: datetime
    state: MessageState
    reason: Reason | None


class Unlike(BaseModel):
    """A message that came to something else in memory than it really did.

    Args:
        run: its run.
        step: its step.
        channel: its channel.
        ledger: as the ledger has it; None: it has none.
        played: as memory has it; None: it has none.
    """

    run: str
    step: str
    channel: Channel
    ledger: Fate | None
    played: Fate | None


class WhatIf(BaseModel):
    """Two stories of a customer.

    Args:
        customer_id: the id that holds everything.
        timezone: the customer's.
        supposed: what is supposed, as it was written.
        until: the end of both stories.
        gaps: what the store does not know of the history, or memory does not play.
        left_out: journeys that are not played.
        unlike: messages of the story as it was that the ledger has otherwise.
        as_it_was: the history, played as it is stored.
        if_so: the same with what is supposed.
        different: ids of the happenings that differ.
    """

    customer_id: str
    timezone: str
    supposed: list[str]
    until: datetime
    gaps: dict[str, int]
    left_out: list[str]
    unlike: list[Unlike]
    as_it_was: list[Happening]
    if_so: list[Happening]
    different: list[str]

    def pairs(self) -> list[tuple[Happening | None, Happening | None]]:
        """Return the happenings of both stories side by side, in their order."""
        then = {one.id: one for one in self.as_it_was}
        now = {one.id: one for one in self.if_so}
        found = [(then.get(key), now.get(key)) for key in dict.fromkeys([*then, *now])]
        return sorted(found, key=lambda pair: min(one.place for one in pair if one is not None))


async def what_if(
    store: Store,
    settings: Settings,
    project: Project,
    customer_id: str,
    supposed: Sequence[str],
    *,
    now: datetime | None = None,
) -> WhatIf:
    """Play a customer's history as it was, and with some facts changed.

    Args:
        store: the open store, which is only read.
        settings: of the installation.
        project: has the journeys.
        customer_id: any id of the customer.
        supposed: the facts, as operators write them.
        now: the present; None: by the machine's clock.

    Returns:
        Both stories.

    Raises:
        UnknownName: no identify call and no event ever named this customer.
        BadInput: a supposition makes no sense; or nothing of the customer may be read.
    """
    now = now or datetime.now(UTC)
    async with store.reading() as session:
        customer = await cards.find(session, customer_id)
        if customer is None:
            raise unknown_customer(customer_id)
        home = customer.customer_id
        read = await past.read(session, [home], until=now)
    if not read.customers:
        why = "was erased" if read.erased else "must not be used: the data are restricted"
        raise BadInput(f"{customer_id}: {why}: nothing of the history can be played")
    timezone = home_zone(customer, settings.timezone)
    suppositions = [read_supposition(one, project.events, project.topics, home) for one in supposed]
    stored = Stored()
    stored.add(read, project.events, since=EARLIEST, until=datetime.max.replace(tzinfo=UTC))
    calls = sorted(stored.calls, key=lambda call: call.at)
    if not calls:
        raise BadInput(f"{customer_id}: nothing was ever said or done: there is no history to play")
    changed = suppose(calls, suppositions, known=project.events, tz=zone(timezone), now=now)
    until = max(now, calls[-1].at)
    was = play_tale(calls, project, settings, until=until)
    so = play_tale(changed, project, settings, until=until)
    answer = WhatIf(
        customer_id=home,
        timezone=timezone,
        supposed=list(supposed),
        until=until,
        gaps=_gaps(stored.gaps, read),
        left_out=list(was.left_out),
        unlike=_unlike(read, was, until),
        as_it_was=was.happenings,
        if_so=so.happenings,
        different=[],
    )
    differ = [
        next(one.id for one in pair if one is not None)
        for pair in answer.pairs()
        if pair[0] is None or not pair[0].is_as(pair[1])
    ]
    return answer.model_copy(update={"different": differ})


def _gaps(found: Mapping[str, int], read: Past) -> dict[str, int]:
    campaigns = sum(row.workflow_id.startswith(PREFIX) for row in read.messages)
    return {gap: number for gap, number in {**found, "campaigns": campaigns}.items() if number}


def _unlike(read: Past, was: Tale, until: datetime) -> list[Unlike]:
    """Compare the ledger that memory came to with the real one."""
    former = list(read.joined)
    real = {
        (under_one_id(row, former), row.channel): row
        for row in read.messages
        if not row.workflow_id.startswith(PREFIX)
        and row.journey not in was.left_out
        and row.decided_at < until
    }
    played: dict[tuple[str, str], Row] = {(r.message_id, r.channel.value): r for r in was.rows}
    found = []
    for key in dict.fromkeys([*real, *played]):
        row, here = real.get(key), played.get(key)
        theirs = None if row is None else _fate_of(row.decided_at, row.state, row.reason)
        ours = None if here is None else _fate_of(here.decided_at, here.state, here.reason)
        if not _alike(theirs, ours):
            named = row or here
            assert named is not None, "one of the two has it"
            found.append(
                Unlike(
                    run=named.workflow_id,
                    step=named.step,
                    channel=Channel(named.channel),
                    ledger=theirs,
                    played=ours,
                )
            )
    return found


def _fate_of(at: datetime, state: MessageState, reason: str | None) -> Fate:
    return Fate(at=at, state=state, reason=Reason(reason) if reason else None)


def _alike(one: Fate | None, other: Fate | None) -> bool:
    if one is None or other is None:
        return False
    apart = abs(one.at - other.at)
    return apart < SAME_MOMENT and (one.state, one.reason) == (other.state, other.reason)
