"""The ramp of an installation: what may still leave today from the domain of its e-mails."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.ramp import Allowance, Ladder, day_of
from sojourn.domain.ramp_file import domain_of
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, ramps


@dataclass(frozen=True)
class Ramp:
    """The ladder of the domain that e-mails leave from.

    Args:
        domain: in small letters.
        ladder: its steps.
        timezone: in which its days begin, an IANA name.
    """

    domain: str
    ladder: Ladder
    timezone: str

    @classmethod
    def of(cls, settings: Settings, project: Project) -> Self | None:
        """Return the ramp of an installation; None: the project names no ladder for its domain.

        Args:
            settings: of the installation.
            project: its ladders.
        """
        domain = domain_of(settings.from_email)
        ladder = project.ramps.ladders.get(domain)
        return None if ladder is None else cls(domain, ladder, settings.timezone)

    async def allowance(self, session: AsyncSession, *, hold: bool = False) -> Allowance:
        """Return what may leave today; the first call on a day decides on the domain's step.

        Args:
            session: a writing transaction.
            hold: hold it until the transaction ends.
        """
        day, until = day_of(datetime.now(UTC), self.timezone)
        row = await ramps.today(session, self.domain, self.ladder, day, hold=hold)
        return Allowance(self.domain, row.budget, row.used, until)

    async def now(self, store: Store) -> Allowance:
        """Return what may leave today, without holding anything."""
        day, until = day_of(datetime.now(UTC), self.timezone)
        async with store.reading() as session:
            row = await ramps.look(session, self.domain, day)
        if row is not None:
            return Allowance(self.domain, row.budget, row.used, until)
        async with store.transaction() as session:
            return await self.allowance(session)

    async def foreseen(self, session: AsyncSession) -> tuple[Allowance, int]:
        """Return what may leave today, and the domain's step; nothing is stored or held.

        Args:
            session: any session.
        """
        day, until = day_of(datetime.now(UTC), self.timezone)
        row = await ramps.foreseen(session, self.domain, self.ladder, day)
        return Allowance(self.domain, row.budget, row.used, until), row.level

    async def count(self, session: AsyncSession, number: int) -> None:
        """Count promotional e-mails that are claimed.

        Args:
            session: the transaction that claims them.
            number: how many.
        """
        if number:
            day, _ = day_of(datetime.now(UTC), self.timezone)
            await ramps.count(session, self.domain, self.ladder, day, number)


def waits_for_it(delivery: Delivery) -> bool:
    """Tell whether a message waits for the budget of a day: a campaign's promotional one."""
    return bool(delivery.campaign) and counts(delivery, Channel.EMAIL)


def counts(delivery: Delivery, channel: Channel) -> bool:
    """Tell whether a message uses up a part of a day's budget: any promotional e-mail does."""
    return channel is Channel.EMAIL and delivery.message_class is MessageClass.PROMOTIONAL
