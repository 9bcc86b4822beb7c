"""``/r/{token}``: customers renew a subscription with one click.

The page shows what the renewal costs and what it is for. Its button stores ``Renewal Requested``,
once a period; the shop renews, and sends ``Subscription Renewed``. A link belongs to the period in
which it was written, and is void when that is over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import Event, Events, RenewalRequested
from sojourn.domain.links import Renew, read_renew
from sojourn.domain.made_ids import made_id
from sojourn.gateway.pages.questions import Question, Shown
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.subscription import FOLDED, Subscription, subscription_after
from sojourn.rendering.words import clean
from sojourn.store import cards, events
from sojourn.store.tables import CustomerRow

LAPSED = Shown("renewal-over", 410)
RENEW = "renew"


class Renewing(Question[Renew]):
    """The question whether to renew a subscription.

    Args:
        secrets: any of them may have signed a token.
        known: the project's events, by wire name.
        timezone: the time zone for customers whose own is unknown, an IANA name.
    """

    path = "/r/{token}"
    page = "The page to renew on"
    deed = "Have the subscription renewed, by the page's button"
    wishes = (RENEW,)

    def __init__(self, secrets: Sequence[str], known: Events, timezone: str) -> None:
        super().__init__(secrets)
        self._known = known
        self._timezone = timezone
        self._names = [name for name, event in known.items() if issubclass(event, FOLDED)]

    def read(self, token: str) -> Renew:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """
        return read_renew(self.secrets, token)

    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: Renew, now: datetime
    ) -> Shown:
        """Return the page with the button, or with the state of the subscription.

        Args:
            session: any session.
            person: the customer's row; None if nobody has the link's id.
            link: the contents of the link.
            now: by the machine's clock.

        Returns:
            The page.
        """
        if person is None or person.erased_at is not None or not link.until:
            return LAPSED
        found = subscription_after(await self._told(session, person), link.subscription_id)
        ends = datetime.fromtimestamp(link.until, UTC)
        if found is None or found.expires_at is None or found.is_cancelled:
            return LAPSED
        names = self._shown(found, person)
        runs_until = found.expires_at.replace(microsecond=0)
        if runs_until > ends:
            return Shown("renewed", names=names)
        if runs_until < ends or now >= ends:
            return LAPSED
        if found.is_requested:
            return Shown("renewing", names=names)
        return Shown("renew", names=names, offers={RENEW: _requested(found, person, now)})

    async def _told(self, session: AsyncSession, person: CustomerRow) -> list[Event]:
        rows = await events.of_names(
            session, [person.customer_id], self._names, since=datetime.min.replace(tzinfo=UTC)
        )
        found = []
        for row in rows.get(person.customer_id, []):
            try:
                found.append(events.typed(row, self._known))
            except (BadEvent, UnknownName):
                continue  # the quarantine has it, or will
        return found

    def _shown(self, subscription: Subscription, person: CustomerRow) -> dict[str, Any]:
        zone = home_zone(cards.card(person), self._timezone)
        locale = person.locale or ""

        def formats_of(lang: str) -> Formats:
            return Formats(formatting_locale(lang, [locale] if locale else []), zone)

        plan = clean(subscription.plan or "")
        return {"subscription": subscription, "plan": plan, "formats_of": formats_of}


def _requested(subscription: Subscription, person: CustomerRow, now: datetime) -> RenewalRequested:
    """Return the event of a renewal: one for each period of a subscription."""
    assert subscription.expires_at, "the page has looked"
    id_ = subscription.subscription_id
    return RenewalRequested(
        message_id=made_id("renewal", person.customer_id, id_, subscription.expires_at),
        customer_id=person.customer_id,
        occurred_at=now,
        subscription_id=id_,
        expires_at=subscription.expires_at,
        renews_until=subscription.renews_until,
        plan=subscription.plan,
        price=subscription.price,
        currency=subscription.currency,
    )
