"""``/confirm/{token}``: customers confirm that they want messages, or say no.

The yes is acknowledged once it is committed, with the words that it agrees to, and ends the run
that asks. A link holds for seven days, and only for the mailbox that it was sent to.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.links import Confirm, mailbox_mark, read_confirm
from sojourn.domain.messages import Reason
from sojourn.domain.opt_ins import Stage
from sojourn.gateway.pages.questions import Question, Shown
from sojourn.rendering.languages import fallbacks
from sojourn.rendering.words import clean, is_advertisement
from sojourn.store import holds, opting
from sojourn.store.card_addresses import address_of
from sojourn.store.tables import CustomerRow, EventRow

LONGEST_WORDING = 1000
PAGES = {Stage.OPEN: "confirm", Stage.AGREED: "confirmed", Stage.WITHDRAWN: "declined"}


class Wish(StrEnum):
    """The answer that a form expresses."""

    CONFIRM = "confirm"
    DECLINE = "decline"


class Confirming(Question[Confirm]):
    """The question of a double opt-in."""

    path = "/confirm/{token}"
    page = "The page to confirm on"
    deed = "Confirm, or say no, by the page's buttons"
    wishes = tuple(Wish)

    def read(self, token: str) -> Confirm:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """
        return read_confirm(self.secrets, token)

    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: Confirm, now: datetime
    ) -> Shown:
        """Return the page with the buttons, or with the state of the request.

        Args:
            session: any session.
            person: the customer's row; None if nobody has the link's id.
            link: the contents of the link.
            now: by the machine's clock.

        Returns:
            The page.
        """
        found = await self._found(session, person, link, now)
        if found is None or found[1] not in PAGES:
            return Shown("lapsed", 410)
        asked, stage = found
        return Shown(PAGES[stage], names=_names(asked))

    async def answer(
        self, session: AsyncSession, person: CustomerRow, link: Confirm, wish: str, now: datetime
    ) -> Sequence[EventRow]:
        """Record a yes to an open request, or a no to one that is not refused yet.

        Args:
            session: a writing transaction that holds the customer.
            person: the customer's row.
            link: the contents of the link.
            wish: one of `Wish`.
            now: by the machine's clock.

        Returns:
            The events that end the runs that ask, and wake those that wait.
        """
        found = await self._found(session, person, link, now)
        if found is None:
            return ()
        asked, stage = found
        if wish == Wish.CONFIRM and stage is Stage.OPEN:
            told = await opting.confirm(session, person, asked)
            # a message that waits for a consent asks again
            woken = await holds.end(
                session,
                person.customer_id,
                because=f"confirmed {asked.row.id}",
                at=now,
                cured=[Reason.NO_CONSENT],
            )
            return *told, *woken
        if wish == Wish.DECLINE and stage in (Stage.OPEN, Stage.AGREED, Stage.EXPIRED):
            return await opting.decline(session, person, asked, at=now)
        return ()

    async def _found(
        self, session: AsyncSession, person: CustomerRow | None, link: Confirm, now: datetime
    ) -> tuple[opting.Asked, Stage] | None:
        """Return the request that a link names, and its stage as seen by the link's mailbox."""
        if person is None:
            return None
        asked = await opting.numbered(session, person, link.request, now)
        if asked is None:
            return None
        channel = asked.opt_in.channel
        has = normalised(channel, address_of(person, channel))
        marks = [mailbox_mark(secret, has) for secret in self.secrets]
        return asked, asked.stage if link.mailbox in marks else Stage.MOVED


def _names(asked: opting.Asked) -> dict[str, Any]:
    opt_in = asked.opt_in
    # a stranger may have filled the form in, with an advertisement in the wording
    wording = clean(opt_in.wording)
    is_shown = len(wording) <= LONGEST_WORDING and not is_advertisement(wording)
    return {
        "topic": opt_in.topic,
        "channel": opt_in.channel.value,
        "wording": wording if is_shown else "",
        # a screen reader needs the language of the wording
        "wording_lang": next(iter(fallbacks([asked.row.locale or ""])), ""),
    }
