"""The gate: the last check before a send, in the same transaction as the claim.

The gate gathers (`sending.gathering`), judges (`domain.verdict`) and applies (`sending.applying`).
It holds the customer's lock from the first query to the commit. Events are stored under the same
lock, so the gate sees every purchase that was acknowledged before the claim.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.caps import Slot
from sojourn.domain.events import Event
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.rules import Rules
from sojourn.domain.verdict import Doubt, Late, OnceMore, Verdict, judge
from sojourn.project import Project
from sojourn.sending import couponing, shadowing
from sojourn.sending.applying import apply
from sojourn.sending.drafting import Claim, drafted
from sojourn.sending.gathering import Gathered, gather
from sojourn.sending.grounds import Grounds
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

    def __init__(self, store: Store, grounds: Grounds, templates: Templates = _everywhere) -> None:
        """Make a gate.

        Args:
            store: an open store.
            grounds: of its decisions.
            templates: the channels that have a template; by default, every channel has each.
        """
        self._store = store
        self._on = grounds
        self._templates = templates

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
        return cls(store, Grounds.of(settings, project, rules), templates)

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
        on = self._on
        rules = on.rules()  # it may read a file: not while the customer is locked
        if not delivery.version:
            version = self._on.versions.get(delivery.journey, "")
            delivery = delivery.model_copy(update={"version": version})
        async with self._store.transaction(brief=True) as session:
            gathered = await self._gather(session, delivery, now, rules, once_more=once_more)
            if is_tombstone(gathered.customer.customer_id):  # a row would name the person
                return _OF_NOBODY
            verdict = judge(gathered.case)
            if gathered.case.delivery.shadow:
                answer = await shadowing.note(
                    session, verdict, gathered, known=on.events, pools=on.coupons
                )
            else:
                answer = await apply(
                    session,
                    verdict,
                    gathered,
                    known=on.events,
                    pools=on.coupons,
                    only_to=on.only_to,
                    ramp=on.ramp,
                )
        return shadowing.silenced(answer) if delivery.journey in on.at_rest else answer

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
            gathered = await self._gather(session, delivery, now, self._on.rules(), holding=False)
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
            claim = await drafted(session, gathered, channel, start, known=self._on.events)
        coupon = couponing.made_up(case.delivery, self._on.coupons, case.now, case.timezone)
        return replace(claim, coupon=coupon)

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
            self._on,
            rules=rules,
            templates=self._written(delivery),
            once_more=once_more,
            holding=holding,
        )

    def _written(self, delivery: Delivery) -> Collection[Channel]:
        if len(delivery.channels) == 1:
            return delivery.channels  # no choice, so no need to look at the files
        return self._templates(delivery.journey, delivery.template)
