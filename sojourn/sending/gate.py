"""The gate: the last check before a send, in the same transaction as the claim.

The gate gathers (`sending.gathering`), judges (`domain.verdict`) and applies (`sending.applying`).
It holds the customer's lock from the first query to the commit. Events are stored under the same
lock, so the gate sees every purchase that was acknowledged before the claim.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Self

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.caps import Slot
from sojourn.domain.coupons import Pools
from sojourn.domain.events import SHIPPED, Event, Events
from sojourn.domain.facts import Fact, read_fact
from sojourn.domain.holdout import NO_HOLDOUTS, Holdouts
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.rules import Rules
from sojourn.domain.topics import Topics
from sojourn.domain.verdict import Doubt, Late, OnceMore, Verdict, judge
from sojourn.project import Project
from sojourn.sending import couponing, opting
from sojourn.sending.applying import apply
from sojourn.sending.drafting import Claim, drafted
from sojourn.sending.gathering import Gathered, gather
from sojourn.sending.ramping import Ramp
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tombstones import is_tombstone

Templates = Callable[[str, str], Collection[Channel]]
"""The channels that have a template, by journey and template name."""


_OF_NOBODY = Receipt(status=Status.SKIPPED, reason=Reason.ERASED)


def _everywhere(journey: str, template: str) -> Collection[Channel]:
    return tuple(Channel)


class Gate:
    """Decide whether a message may leave, and claim it."""

    def __init__(
        self,
        store: Store,
        rules: Callable[[], Rules],
        default_zone: str,
        *,
        events: Events = SHIPPED,
        templates: Templates = _everywhere,
        off: Collection[str] = (),
        topics: Topics | None = None,
        coupons: Pools = couponing.NO_POOLS,
        stays_if: Mapping[str, Fact] = MappingProxyType({}),
        clock_skew: timedelta = CLOCK_SKEW,
        only_to: OnlyTo | None = None,
        opt_ins_a_day: int = opting.A_DAY,
        versions: Mapping[str, str] = MappingProxyType({}),
        ramp: Ramp | None = None,
        holdouts: Holdouts = NO_HOLDOUTS,
    ) -> None:
        """Make a gate.

        Args:
            store: an open store.
            rules: of the project's policy, as they are at the moment.
            default_zone: the zone of customers whose own is unknown, an IANA name.
            events: the project's, by wire name.
            templates: the channels that have a template; by default, every channel has each.
            off: names of journeys that the project has switched off.
            topics: the project's; None: consent to the channel suffices for every topic.
            coupons: the project's pools of codes.
            stays_if: conditions under which messages leave, by the names of journeys that have one.
            clock_skew: how far senders' clocks may differ.
            only_to: the addresses that this installation may write to; None: all.
            opt_ins_a_day: how often one address is asked to confirm within a day.
            versions: of the code of journeys, by their names.
            ramp: of the domain that e-mails leave from; None: it has no budget.
            holdouts: the parts of all customers that get nothing promotional.
        """
        self._store = store
        self._rules = rules
        self._default_zone = default_zone
        self._events = events
        self._templates = templates
        self._off = off
        self._topics = topics or Topics()
        self._coupons = coupons
        self._stays_if = stays_if
        self._clock_skew = clock_skew
        self._only_to = only_to
        self._opt_ins_a_day = opt_ins_a_day
        self._versions = versions
        self._ramp = ramp
        self._holdouts = holdouts

    @classmethod
    def of(
        cls,
        store: Store,
        settings: Settings,
        project: Project,
        rules: Callable[[], Rules],
        templates: Templates,
    ) -> Self:
        """Make the gate of an installation.

        Args:
            store: an open store.
            settings: of the installation.
            project: its journeys, events and topics.
            rules: of the project's policy, as they are at the moment.
            templates: the channels that have a template.

        Returns:
            The gate.
        """
        return cls(
            store,
            rules,
            settings.timezone,
            events=project.events,
            templates=templates,
            off=project.journeys.off,
            stays_if=project.journeys.stays_if,
            topics=project.topics,
            coupons=project.coupons,
            clock_skew=settings.clock_skew,
            only_to=settings.only_to,
            opt_ins_a_day=settings.opt_ins_a_day,
            versions=project.journeys.versions,
            ramp=Ramp.of(settings, project),
            holdouts=Holdouts(settings.holdout, project.journeys.holdouts),
        )

    async def pass_or_refuse(
        self, delivery: Delivery, now: datetime, *, once_more: OnceMore | None = None
    ) -> Claim | Receipt | Doubt | Late:
        """Claim the message, or say why not, in one transaction.

        Args:
            delivery: the message.
            now: the present moment, by the journey's clock.
            once_more: permission to hand over a message although it is in doubt.

        Returns:
            The claim; a receipt if the message does not leave; a doubt if it may have left; `Late`
            if it is too late only by a plan that may differ from that of its wait.
        """
        rules = self._rules()  # it may read a file: not while the customer is locked
        if not delivery.version:
            version = self._versions.get(delivery.journey, "")
            delivery = delivery.model_copy(update={"version": version})
        async with self._store.transaction() as session:
            gathered = await self._gather(session, delivery, now, rules, once_more=once_more)
            if is_tombstone(gathered.customer.customer_id):  # a row would name the person
                return _OF_NOBODY
            verdict = judge(gathered.case)
            return await apply(
                session,
                verdict,
                gathered,
                known=self._events,
                pools=self._coupons,
                only_to=self._only_to,
                ramp=self._ramp,
            )

    async def look(
        self, delivery: Delivery, now: datetime, *, slots: Sequence[Slot] = ()
    ) -> tuple[Gathered, Verdict]:
        """Tell what would become of the message at a moment; store, hold and send nothing.

        Args:
            delivery: the message.
            now: the moment, by the journey's clock.
            slots: messages of the customer that caps count besides those of the ledger.

        Returns:
            The facts, and the verdict on them.
        """
        async with self._store.reading() as session:
            gathered = await self._gather(session, delivery, now, self._rules(), holding=False)
        if is_tombstone(gathered.customer.customer_id):
            return gathered, _OF_NOBODY
        around = gathered.case.circumstances
        if slots and around is not None and around.room is not None:
            room = replace(around.room, slots=(*around.room.slots, *slots))
            case = replace(gathered.case, circumstances=replace(around, room=room))
            gathered = replace(gathered, case=case)
        return gathered, judge(gathered.case)

    async def draft(self, gathered: Gathered, channel: Channel, start: Event) -> Claim:
        """Read what a message that `look` lets pass is rendered from.

        Args:
            gathered: the facts of `look`.
            channel: by which it would leave.
            start: the event that enrolled the customer.

        Returns:
            A claim that the ledger does not know.
        """
        case = gathered.case
        async with self._store.reading() as session:
            claim = await drafted(session, gathered, channel, start, known=self._events)
        coupon = couponing.made_up(case.delivery, self._coupons, case.now, case.timezone)
        return replace(claim, coupon=coupon)

    def _condition(self, delivery: Delivery) -> Fact | None:
        """Return the fact that must hold when a message leaves: its campaign's or its journey's."""
        return read_fact(delivery.still) if delivery.still else self._stays_if.get(delivery.journey)

    async def _gather(
        self,
        session: AsyncSession,
        delivery: Delivery,
        now: datetime,
        rules: Rules,
        *,
        once_more: OnceMore | None = None,
        holding: bool = True,
    ) -> Gathered:
        return await gather(
            session,
            delivery,
            now,
            once_more=once_more,
            templates=self._written(delivery),
            rules=rules,
            switched_off=delivery.journey in self._off,
            default_zone=self._default_zone,
            known=self._events,
            topics=self._topics,
            pools=self._coupons,
            stays_if=self._condition(delivery),
            within=self._clock_skew,
            only_to=self._only_to,
            opt_ins_a_day=self._opt_ins_a_day,
            ramp=self._ramp,
            holdouts=self._holdouts,
            holding=holding,
        )

    def _written(self, delivery: Delivery) -> Collection[Channel]:
        if len(delivery.channels) == 1:
            return delivery.channels  # no choice, so no need to look at the files
        return self._templates(delivery.journey, delivery.template)
