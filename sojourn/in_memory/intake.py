"""Events in memory: kept, judged and planned by the rules of `dispatch`, and told to runs."""

from collections import deque
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sojourn.dispatch.entering import Verdicts
from sojourn.dispatch.planning import Plan, Refused, next_plan
from sojourn.dispatch.routing import Start, starting_by
from sojourn.domain.again import Begun
from sojourn.domain.events import Event, HoldEnded, OptInRequested, TimeZoneChanged
from sojourn.domain.messages import Enrolment, Reason
from sojourn.domain.value_class import value_class
from sojourn.in_memory import muting
from sojourn.in_memory.aliasing import missed
from sojourn.in_memory.copying import copies
from sojourn.in_memory.ending import void_holds
from sojourn.in_memory.entering import judged
from sojourn.in_memory.knowing import known
from sojourn.in_memory.opting import ask
from sojourn.in_memory.people import Happened, Mute, Noted, Person, Row
from sojourn.in_memory.registry import Registry
from sojourn.journeys.stepping import Runs
from sojourn.project import Project
from sojourn.sending.grounds import Grounds
from sojourn.store import events
from sojourn.store.holds import FOR_A_SLOT
from sojourn.store.mutes import ENDED


@value_class
class Taken:
    """An event that was taken in.

    Args:
        event: as it is kept.
        is_new: it was not kept before.
        started: workflow ids of the runs that it started.
        refused: the starts that were refused.
    """

    event: Happened
    is_new: bool = True
    started: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()


class Intake:
    """Takes events in. Runs hear them, and take their steps when somebody has them go on.

    Args:
        registry: the customers.
        grounds: of the installation's decisions.
        project: its journeys and events.

    Attributes:
        runs: of the world, whose desk needs this intake: set by the world.
        refused: the starts that were refused so far.
    """

    runs: Runs

    def __init__(
        self,
        registry: Registry,
        grounds: Grounds,
        project: Project,
    ) -> None:
        self.refused: list[Refused] = []
        self._registry = registry
        self._grounds = grounds
        self._events = project.events
        self._journeys = project.journeys
        self._timezone = grounds.default_zone
        self._within = grounds.clock_skew

    def take(
        self,
        event: Event,
        now: datetime,
        *,
        name: str | None = None,
        properties: dict[str, Any] | None = None,
        also: Iterable[str] = (),
    ) -> Taken:
        """Take an event in, and tell the runs that it concerns.

        Args:
            event: what happened.
            now: the present.
            name: on the wire; None: that of its class.
            properties: those that it was read from; None: its own fields.
            also: ids that the call has beside the customer's.

        Returns:
            What became of it.
        """
        person = self._registry.person(event.customer_id)
        name = name or event.event_name
        is_heard = bool(self._journeys.heard_by(event.event_name))
        if properties is None:
            properties = event.properties()
        elif event.made:
            properties = {**properties, **event.derived()}
        one = Happened(
            0,
            event.message_id,
            person.customer_id,
            name,
            min(event.occurred_at, now),
            now,
            properties,
            event if is_heard else None,
            None if is_heard else now,
        )
        if not is_heard:
            return self._keep(person, one, now, event)
        copied = copies(
            person,
            one,
            event,
            journeys=self._journeys,
            registry=self._registry,
            known=self._events,
            also=also,
        )
        taken = self._keep(person, one, now, event)
        for other, copy in copied:
            self._keep(other, copy, now)
        return taken

    def tell_own(self, person: Person, event: Event, now: datetime) -> None:
        """Take in an event that Sojourn itself writes.

        Args:
            person: the customer.
            event: which tells runs of them something.
            now: the present.
        """
        self._keep(person, _own(person, event, now), now)

    def _keep(
        self, person: Person, one: Happened, now: datetime, event: Event | None = None
    ) -> Taken:
        """Keep an event, and route it."""
        if (kept := self._kept(one)) is not None:
            return Taken(kept, is_new=False)
        self._add(person, one)
        if isinstance(event, OptInRequested):
            self._ask(person, one, event, now)
        return Taken(one) if one.event is None else self._judge(person, one, one.event, now)

    def _ask(self, person: Person, one: Happened, event: OptInRequested, now: datetime) -> None:
        """Keep a request for confirmation, and the answer that it may have already.

        The gate knows of the answer at once. Runs are told of it a moment later, as by the sweep.
        """
        for told in ask(self._registry, person, one, event):
            if not self._has(told):
                answer = _own(person, told, now)
                self._add(person, answer)
                self.runs.at(now, partial(self._judge, person, answer, told, now))

    def _has(self, event: Event) -> bool:
        return event.message_id in self._registry.events

    def _add(self, person: Person, one: Happened) -> None:
        one.seq = self._registry.number()
        self._registry.events[one.message_id] = one
        person.keep(one)

    def _judge(self, person: Person, one: Happened, event: Event, now: datetime) -> Taken:
        """Judge what an event that is kept could start, and route it."""
        if (event.occurred_at, event.customer_id) != (one.occurred_at, one.customer_id):
            # a sender's clock ran ahead, or an alias call has given up the id: every reader of the
            # event sees the moment that counts, and the id that is left
            counts = {"occurred_at": one.occurred_at, "customer_id": one.customer_id}
            event = one.event = event.model_copy(update=counts)
        starting = starting_by(event, self._journeys)
        verdicts = judged(
            self._registry,
            person,
            one,
            event,
            now=now,
            journeys=self._journeys,
            starting=starting,
            grounds=self._grounds,
        )
        if muting.begin(person, one, event, verdicts, self._journeys):
            self._settle_mutes(person, now)
        return self._route(person, one, event, now, verdicts, starting=starting)

    def _kept(self, one: Happened) -> Happened | None:
        """Return the event that was kept under the same id; give another one an id of its own."""
        if one.message_id not in self._registry.events:
            return None
        kept: Happened | None = None
        for message_id in events.ids_of(one, self._events):
            one.message_id = message_id
            kept = self._registry.events.get(message_id)
            if kept is None or events.is_same(kept, one, self._events):
                break
        return kept

    # ---- routing ---------------------------------------------------------------------------

    def _route(
        self,
        person: Person,
        first: Happened,
        event: Event,
        now: datetime,
        verdicts: Verdicts,
        *,
        starting: Collection[str],
    ) -> Taken:
        if void_holds(person, first, event, self._journeys, self._registry, within=self._within):
            why = f"free/{first.message_id}"
            self.end_holds(person, because=why, at=first.occurred_at, cured=FOR_A_SLOT, now=now)
        waiting = deque([first])
        started: list[str] = []
        refused: list[Refused] = []
        while waiting:
            one = waiting.popleft()
            if one.event is None:
                continue
            if one is not first:
                starting = starting_by(one.event, self._journeys)
            planned = next_plan(
                known(
                    person,
                    one,
                    one.event,
                    verdicts,
                    self._journeys,
                    starting=starting,
                    within=self._within,
                ),
                [(one, one.event)],
                self._journeys,
                timezone=self._timezone,
                clock=timedelta(0),
                within=self._within,
            )
            one.routed_at = now
            refused += planned.refused
            if (plan := planned.plan) is not None:
                begun, reached = self._tell(person, plan, one)
                started += [target.workflow_id for target in begun]
                if plan.judged:
                    heard = plan.judged & reached - {target.journey for target in begun}
                    _forget_entries(person, one.message_id, heard)
                refused += [each for each in plan.refused if each.journey not in reached]
                if plan.missed:
                    waiting.extend(other for other in person.events if other.seq in plan.missed)
        if refused:
            self.refused += refused
            for each in refused:
                _forget_entries(person, each.row.message_id, [each.journey])
            self._take_back(person, refused, now)
        return Taken(first, True, tuple(started), tuple(refused))

    def _tell(self, person: Person, plan: Plan, one: Happened) -> tuple[list[Start], set[str]]:
        """Tell or start the runs of a plan.

        Returns:
            The runs that it started, and the journeys of those that it told.
        """
        started: list[Start] = []
        reached: set[str] = set()
        for target in plan.targets:
            noted = self._registry.runs.get(target.workflow_id)
            if noted is not None and noted.run.is_open:
                noted.run.hear(plan.enrolment.start)
                reached.add(target.journey)
            elif isinstance(target, Start):
                self._start(person, target, plan.enrolment, one)
                started.append(target)
        return started, reached

    def _start(self, person: Person, target: Start, enrolment: Enrolment, one: Happened) -> None:
        who = enrolment.model_copy(update={"key": target.key}) if target.key else enrolment
        run = self.runs.start(self._journeys[target.journey], target.workflow_id, who)
        number = self._registry.number()
        noted = Noted(number, target.workflow_id, target.journey, target.key, run)
        self._registry.runs[target.workflow_id] = noted
        self._registry.every_run.append(noted)
        person.runs.append(noted)
        begun = Begun(target.key, one.occurred_at)
        person.begun.setdefault(target.journey, []).append((one.message_id, begun))

    # ---- holds -----------------------------------------------------------------------------

    def end_holds(
        self, person: Person, *, because: str, at: datetime, cured: Iterable[Reason], now: datetime
    ) -> None:
        """Have runs whose messages wait for one of some reasons ask again, as `store.holds` does.

        Args:
            person: the customer.
            because: names what may have removed the reasons.
            at: when that was.
            cured: the reasons.
            now: the present.
        """
        reasons = set(cured)
        held = {row.workflow_id: row for row in person.held() if row.reason in reasons}
        for row in held.values():
            event = HoldEnded(
                message_id=f"held/{row.number}/{because}",
                customer_id=person.customer_id,
                occurred_at=max(at, row.decided_at),
                journey=row.journey,
                run=row.workflow_id,
            )
            self.tell_own(person, event, now)

    def end_holds_for_a_slot(self, person: Person, row: Row, now: datetime) -> None:
        """Have runs that wait for a slot of a cap ask again: a message leaves one.

        Args:
            person: the customer.
            row: the message that is given up.
            now: the present.
        """
        because = f"free/{row.message_id}"
        self.end_holds(person, because=because, at=now, cured=FOR_A_SLOT, now=now)

    def move(
        self, person: Person, runs: Iterable[Noted], timezone: str, *, because: str, at: datetime
    ) -> None:
        """Have open runs of a customer plan by another zone, as `store.zones` does.

        Args:
            person: the customer.
            runs: the runs.
            timezone: the new zone, an IANA name.
            because: names the call that brought it.
            at: when it was said.
        """
        for noted in list(runs):
            event = TimeZoneChanged(
                message_id=f"zone/{noted.id}/{because}",
                customer_id=person.customer_id,
                occurred_at=at,
                journey=noted.journey,
                run=noted.workflow_id,
                timezone=timezone,
            )
            self.tell_own(person, event, at)

    def tell_again(self, person: Person, now: datetime) -> None:
        """Tell the runs of a customer who had two ids of the events that came under the other one.

        Args:
            person: the customer.
            now: the present.
        """
        for one in missed(person, self._journeys, within=self._within):
            if one.event is not None:
                starting = starting_by(one.event, self._journeys)
                self._route(person, one, one.event, now, {}, starting=starting)
        self._settle_mutes(person, now)

    # ---- mutes -----------------------------------------------------------------------------

    def unmute(
        self,
        person: Person,
        mutes: Iterable[Mute],
        *,
        because: str,
        at: datetime,
        now: datetime,
    ) -> None:
        """End mutes, and have runs whose messages they held ask again.

        Args:
            person: the customer.
            mutes: those to end.
            because: names what ends them.
            at: when that was.
            now: the present.
        """
        gone = set(map(id, mutes))
        if not gone:
            return
        person.mutes = [mute for mute in person.mutes if id(mute) not in gone]
        person.is_changed()
        self.end_holds(person, because=f"care/{because}", at=at, cured=ENDED, now=now)

    def _settle_mutes(self, person: Person, now: datetime) -> None:
        for mute in list(person.mutes):
            by = muting.ended_by(person, mute, self._journeys, self._events, within=self._within)
            if by is not None:
                why = by.message_id
                self.unmute(person, [mute], because=why, at=by.occurred_at, now=now)

    def _take_back(self, person: Person, refused: Iterable[Refused], now: datetime) -> None:
        """Take back the mutes of starts that were refused."""
        for each in refused if person.mutes else ():
            case = (each.row.message_id, each.journey)
            mutes = [one for one in person.mutes if (one.message_id, one.journey) == case]
            why, at = each.row.message_id, each.row.occurred_at
            self.unmute(person, mutes, because=why, at=at, now=now)


def _own(person: Person, event: Event, now: datetime) -> Happened:
    """Return an event that Sojourn itself writes, about to be kept."""
    return Happened(
        0,
        event.message_id,
        person.customer_id,
        event.event_name,
        event.occurred_at,
        now,
        event.properties(),
        event,
    )


def _forget_entries(person: Person, message_id: str, journeys: Iterable[str]) -> None:
    """Forget that an event was let into journeys: no run began, as `dispatch.entries` settles."""
    for name in journeys:
        begun = person.begun.get(name, ())
        person.begun[name] = [had for had in begun if had[0] != message_id]
