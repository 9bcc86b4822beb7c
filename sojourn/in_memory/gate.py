"""The gate in memory: the facts of a verdict, the verdict of `domain.verdict`, and its row.

Every message that may leave leaves at once, unless `Outcomes` says that its provider refuses it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from sojourn.domain.caps import Slot
from sojourn.domain.holdout import Assigned, assign
from sojourn.domain.keys import plain
from sojourn.domain.messages import Channel, Delivery, Heard, MessageClass, Reason, Receipt, Status
from sojourn.domain.ordering import earliest
from sojourn.domain.policy import Allow, Defer, Recipient, Skip
from sojourn.domain.room import LATE, Room
from sojourn.domain.rules import Rules
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import (
    Case,
    Circumstances,
    Doubt,
    Late,
    Ruling,
    judge,
    overtaken,
    receipt,
    settled,
    watch,
)
from sojourn.in_memory.facts import judged
from sojourn.in_memory.opting import Requests
from sojourn.in_memory.people import Happened, Person, Row
from sojourn.sending.gathering import as_recipient
from sojourn.sending.grounds import Grounds
from sojourn.sending.opting import asks
from sojourn.store import events
from sojourn.store.ledger import MAYBE_SENT
from sojourn.store.slots import RESERVING

Carries = Callable[[Person, Delivery, Channel], Reason | None]
"""Why the provider of a channel refuses a message for good; None: it takes the message."""
Declines = Callable[[Person, Delivery, Channel], tuple[Reason, str] | None]
"""Why a message's template has nothing to say or fails, and that in words; None: it is written."""
NOTHING_PAUSED: Mapping[Channel, timedelta] = MappingProxyType({})
Templates = Callable[[str, str], Collection[Channel]]
"""The channels that have a template, by journey and template name."""


def takes_all(person: Person, delivery: Delivery, channel: Channel) -> None:
    """Take every message, as a provider without a fault would.

    Args:
        person: its customer.
        delivery: the message.
        channel: that it takes.
    """


class Gate:
    """Decides on messages, and keeps their rows.

    Args:
        grounds: of the decisions.
        templates: the channels that have a template.
        kin: the other customers who share an address with one.
        number: gives the next row its number.
        requests: for confirmation.
        carries: the providers.
        declines: the templates.

    Attributes:
        grounds: as given.
        rules: of the project's policy, as they were when the gate was made.
        given_up: promotional messages that waited, and are not sent: each may have kept a slot.
    """

    def __init__(
        self,
        grounds: Grounds,
        templates: Templates,
        kin: Callable[[Person], Sequence[Person]],
        number: Callable[[], int],
        requests: Requests,
        *,
        carries: Carries = takes_all,
        declines: Declines = takes_all,
    ) -> None:
        self.grounds = grounds
        self.rules: Rules = grounds.rules()
        self._templates = templates
        self._written: dict[tuple[str, str], Collection[Channel]] = {}
        self._kin = kin
        self._carries = carries
        self._declines = declines
        self._number = number
        self._requests = requests
        self.given_up: list[Row] = []

    def decide(self, person: Person, delivery: Delivery, now: datetime) -> Receipt | Late:
        """Decide on a message, and keep the decision.

        Args:
            person: its customer.
            delivery: the message.
            now: by the journey's clock.

        Returns:
            The receipt; `Late` if it is too late only by a plan that may differ from its wait's.
        """
        while True:
            rows = self._rows(person, delivery)
            case = self._case(person, delivery, now, rows)
            verdict = judge(case)
            if not rows:
                self._supersede_holds(person, delivery)
            if not isinstance(verdict, Ruling):
                assert not isinstance(verdict, Doubt), "nothing is ever in doubt here"
                return verdict
            row = self._note(person, case, rows, verdict)
            match verdict.decision:
                case Allow(channel):
                    if (refused := self._carry(person, delivery, row, channel)) is not None:
                        return refused
                    if row.state is MessageState.REJECTED:
                        continue  # the gate decides what follows from it
                    return receipt(row.entry, case.timezone)
                case Defer(until, reason, _):
                    return Receipt.made(
                        status=Status.DEFERRED, reason=reason, until=until, timezone=case.timezone
                    )
                case Skip():
                    return receipt(row.entry, case.timezone, verdict.news)

    # ---- the case --------------------------------------------------------------------------

    def _rows(self, person: Person, delivery: Delivery) -> list[Row]:
        rows = person.rows
        if not rows:
            return []
        name = delivery.message_id
        return [row for row in rows if row.message_id == name]

    def _case(self, person: Person, delivery: Delivery, now: datetime, rows: Sequence[Row]) -> Case:
        grounds = self.grounds
        timezone = person.zone(grounds.default_zone)
        case = partial(
            Case,
            delivery,
            now,
            timezone,
            [row.entry for row in rows],
            templates=self._written_for(delivery),
            rules=self.rules,
            switched_off=delivery.journey in grounds.off,
            needs_own_yes=delivery.topic in grounds.topics.own,
        )
        if rows and settled(first := case()):
            return first
        others = self._kin(person) if delivery.key_field and delivery.key else ()
        news = self.news(person, delivery, others)
        if news and overtaken(second := case(news=news)):
            return second
        around = self._around(person, delivery, now, timezone, others)
        return case(news=news, circumstances=around)

    def _written_for(self, delivery: Delivery) -> Collection[Channel]:
        if len(delivery.channels) == 1:
            return delivery.channels  # no choice, so no need to look at the files
        asked = (delivery.journey, delivery.template)
        if asked not in self._written:
            self._written[asked] = self._templates(*asked)
        return self._written[asked]

    def news(
        self, person: Person, delivery: Delivery, others: Sequence[Person] = ()
    ) -> list[Heard]:
        """Return the events that may have overtaken a run, as `store.events.newer` does.

        Args:
            person: the customer.
            delivery: a message of the run.
            others: customers who share an address with this one: what ends runs counts.

        Returns:
            The events as the run hears them, oldest first.
        """
        if not others and not _has_newer(person, delivery.start):
            return []
        within, ends = self.grounds.clock_skew, (*delivery.goals, *delivery.ends)
        found = _newer(person, watch(delivery), delivery.start, within)
        for other in others:
            found += _newer(other, ends, delivery.start, within)
        if not found:
            return []
        return heard_of(
            sorted(found, key=lambda one: one.place),
            [person, *others],
            delivery,
            regardless=ends,
            grounds=self.grounds,
        )

    def _around(
        self,
        person: Person,
        delivery: Delivery,
        now: datetime,
        timezone: str,
        others: Sequence[Person],
    ) -> Circumstances:
        grounds = self.grounds
        recipient = person.recipient
        if recipient is None:
            recipient = self._recipient(person, timezone, now)
            if person.says_for_good:
                person.recipient = recipient
        finding = None
        if (condition := grounds.condition(delivery)) is not None:
            finding = judged(person, condition, now, grounds.topics.own, said=recipient.consents)
        sides: tuple[Assigned, ...] = ()
        if asked := grounds.holdouts.asked(delivery):
            had = {name: variants[0] for name, variants in person.variants.items()}
            sides = assign(asked, had, person.customer_id)
        around = Circumstances(
            recipient=recipient,
            paused=NOTHING_PAUSED,
            already_told=_is_told(delivery, person, others),
            room=self._room(person, delivery, now, recipient),
            condition=finding,
            assigned=sides,
        )
        return self._requests.judged(person, delivery, around, now) if asks(delivery) else around

    def _recipient(self, person: Person, timezone: str, now: datetime) -> Recipient:
        customer, barred = person.card, set[tuple[Channel, str]]()
        if self.grounds.only_to is not None:
            pairs = [(c, one) for c in customer.reachable for one in customer.addresses(c)]
            barred = {pair for pair in pairs if not self.grounds.may_write_to(*pair)}
        said = person.consents(now)
        return as_recipient(customer, said, timezone, dead=person.dead, barred=barred)

    def _room(
        self, person: Person, delivery: Delivery, now: datetime, recipient: Recipient
    ) -> Room | None:
        least = person.card.least_days.get(delivery.topic, 0)
        room = Room.of(delivery, self.rules, now, least_days=least)
        if room is None or not person.rows:
            return room
        besides = room.own.message_id
        others = [
            row
            for row in person.rows
            if row.message_class is MessageClass.PROMOTIONAL and row.message_id != besides
        ]
        if not others:
            return room
        waits = any(row.state is MessageState.DEFERRED for row in others)
        if not waits and room.has_room_after([row.decided_at for row in others]):
            return room  # nearly always; nobody needs to know where the customer's days begin
        since, held_since = room.since(recipient.tz), now - LATE
        return room.among(
            [slot for row in others if (slot := _slot_of(row, since, held_since)) is not None]
        )

    # ---- the row ---------------------------------------------------------------------------

    def _note(self, person: Person, case: Case, rows: Sequence[Row], ruling: Ruling) -> Row:
        """Keep a verdict, as `sending.applying` does."""
        delivery = case.delivery
        if case.entry is None:
            row = Row.of(self._number(), person.customer_id, delivery, case.now)
            person.rows.append(row)
        else:
            row = rows[-1]
        row.state, row.channel, row.decided_at = ruling.state, ruling.channel, case.now
        counted = case.circumstances.counted_as if case.circumstances is not None else ""
        if counted and counted != row.counted_as:
            row.counted_as = counted
            self._requests.note(row)
        match ruling.decision:
            case Allow():
                row.reason, row.caused_by = None, None
                row.attempt += 1
            case Defer(until, reason, detail):
                row.reason, row.held_until, row.detail = reason, until, detail or row.detail
            case Skip(reason, detail):
                row.reason, row.detail = reason, detail or row.detail
                row.caused_by = ruling.news.id if ruling.news else None
                promotional = delivery.message_class is MessageClass.PROMOTIONAL
                if case.entry is not None and promotional:
                    self.given_up.append(row)
        assigned = case.circumstances.assigned if case.circumstances is not None else ()
        if assigned and (
            isinstance(ruling.decision, Allow) or ruling.decision == Skip(Reason.HELD_OUT)
        ):
            for one in assigned:
                if one.is_new:
                    person.variants.setdefault(one.experiment, []).append(one.variant)
        return row

    def _carry(
        self, person: Person, delivery: Delivery, row: Row, channel: Channel
    ) -> Receipt | None:
        """Have a message written and carried; return the receipt of one that says nothing."""
        if (nothing := self._declines(person, delivery, channel)) is not None:
            row.reason, row.detail = nothing
            # it fails, or WhatsApp would not take it: another channel's may not
            if row.reason in (Reason.TEMPLATE, Reason.WINDOW_CLOSED):
                row.state = MessageState.REJECTED
                return None
            row.state = MessageState.SKIPPED
            return Receipt(status=Status.SKIPPED, reason=row.reason)
        row.reason = self._carries(person, delivery, channel)
        row.state = MessageState.SENT if row.reason is None else MessageState.REJECTED
        return None

    def _supersede_holds(self, person: Person, delivery: Delivery) -> None:
        if delivery.n <= 1:
            return
        for row in person.rows:
            if (
                row.state is MessageState.DEFERRED
                and row.workflow_id == delivery.workflow_id
                and row.enrolment == delivery.enrolment
                and row.n < delivery.n
            ):
                row.state, row.reason = MessageState.SKIPPED, Reason.SUPERSEDED
                row.caused_by = delivery.cause or None


def heard_of(
    found: Iterable[Happened],
    people: Sequence[Person],
    delivery: Delivery,
    *,
    regardless: Collection[str],
    grounds: Grounds,
) -> list[Heard]:
    """Return those of some events that concern a run, as it hears them.

    Args:
        found: the events, oldest first.
        people: the customers whose events they are.
        delivery: a message of the run.
        regardless: names of events that count even if nobody can read them.
        grounds: of the installation's decisions.

    Returns:
        What the run hears.
    """
    reach, key, within = delivery.reach, delivery.key, grounds.clock_skew
    rows = list(found)
    depends = reach.starts and any(
        reach.depends(key, name=row.name, said=events.said(row, reach)) for row in rows
    )
    had = (
        events.keys_in([one for person in people for one in person.events], reach)
        if depends
        else None
    )
    heard = []
    for row in rows:
        if not events.reaches(row, reach, key, had, begun=delivery.start[1]):
            continue
        if events.is_of_another_run(row, delivery.workflow_id, grounds.events):
            continue
        if row.event is None:
            if row.name in regardless:
                heard.append(events.heard(row, None, within=within))
        elif row.event.is_whole or row.name in regardless:
            heard.append(events.heard(row, row.event, within=within))
    return heard


def _has_newer(person: Person, than: tuple[datetime, int]) -> bool:
    """Tell whether anything at all has happened or come since a place."""
    return person.last > than or (bool(person.events) and person.events[-1].seq > than[1])


def _newer(
    person: Person, names: Iterable[str], than: tuple[datetime, int], within: timedelta
) -> list[Happened]:
    if not _has_newer(person, than):
        return []
    began, first = than
    oldest = earliest(began, within)
    return [
        one
        for name in names
        for one in person.by_name.get(name, ())
        if (one.occurred_at, one.seq) > than or (one.seq > first and one.occurred_at >= oldest)
    ]


def _slot_of(row: Row, since: datetime, held_since: datetime) -> Slot | None:
    """Return the slot that a message takes, as `store.slots` reads it; None: it takes none."""
    if row.state in MAYBE_SENT and row.decided_at >= since:
        return _slot(row, row.decided_at, held=False)
    if (
        row.state is MessageState.DEFERRED
        and row.held_until is not None
        and row.held_until >= held_since
        and row.reason in RESERVING
    ):
        return _slot(row, row.held_until, held=True)
    return None


def _slot(row: Row, at: datetime, *, held: bool) -> Slot:
    return Slot(
        at,
        row.journey,
        row.step,
        row.channel,
        row.topic,
        row.due_at,
        row.message_id,
        row.counted_as,
        held,
    )


def _is_told(delivery: Delivery, person: Person, others: Sequence[Person]) -> bool:
    """Tell whether the same person has had this step, as `sending.gathering` does."""
    for row in person.rows:
        if (
            row.enrolment != delivery.enrolment
            and row.workflow_id == delivery.workflow_id
            and row.state in MAYBE_SENT
            and row.message_id.endswith(delivery.of_cause)
        ):
            return True
    if not others and not person.is_merged:
        return False
    since, _ = delivery.latest
    return any(
        row.step == delivery.step
        and row.journey == delivery.journey
        and row.workflow_id != delivery.workflow_id
        and row.state in MAYBE_SENT
        and row.decided_at >= since
        and plain(_key_of(row)) == plain(delivery.key)
        for one in (person, *others)
        for row in one.rows
    )


def _key_of(row: Row) -> str:
    """Return the key of a row's run, as its id has it."""
    return row.workflow_id.split(":", 2)[2] if row.workflow_id.count(":") > 1 else ""
