"""Messages of one customer that compete for the same slots, and the gate's answers."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.messages import Reason, Receipt, Status
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules
from sojourn.sending.drafting import Claim
from sojourn.sending.recording import Recorder
from sojourn.store.tables import LedgerRow
from tests.support.desk import DAY, Desk

MONTH = 30 * DAY


def policy(text: str) -> Rules:
    """Read a policy whose holds end without a spread."""
    return read_rules(f'spread = "off"\n{text}', None)


class Counter:
    """Asks the gate for messages of one customer, each in its own run."""

    def __init__(self, desk: Desk, text: str) -> None:
        self.desk = desk
        self.desk.policy = policy(text)

    async def ask(
        self,
        name: str,
        now: datetime,
        *,
        useful: timedelta = MONTH,
        run: str = "",
        due: datetime | None = None,
        **changes: Any,
    ) -> Claim | Receipt:
        """Ask for ``journey/step``."""
        journey, step = name.split("/")
        delivery = self.desk.delivery(
            workflow_id=f"{journey}:{self.desk.customer_id}:{run or step}",
            journey=journey,
            step=step,
            template=step,
            now=now,
            due=due or now,
            useful_until=(due or now) + useful,
            **changes,
        )
        answer = await self.desk.gate.pass_or_refuse(delivery, now)
        assert isinstance(answer, Claim | Receipt)
        return answer

    async def leaves(self, name: str, now: datetime, **changes: Any) -> Claim:
        answer = await self.ask(name, now, **changes)
        assert isinstance(answer, Claim), answer
        return answer

    async def is_sent(self, name: str, now: datetime, **changes: Any) -> None:
        """Have a message leave, and its provider take it."""
        claim = await self.leaves(name, now, **changes)
        await Recorder(self.desk.store).sent(claim, self.desk.carrier, "provider-id")

    async def waits(self, name: str, now: datetime, **changes: Any) -> tuple[Reason, datetime]:
        answer = await self.ask(name, now, **changes)
        assert isinstance(answer, Receipt), f"{name} leaves"
        assert answer.status is Status.DEFERRED
        assert answer.reason is not None
        assert answer.until is not None
        return answer.reason, answer.until

    async def skips(self, name: str, now: datetime, **changes: Any) -> Reason:
        answer = await self.ask(name, now, **changes)
        assert isinstance(answer, Receipt), f"{name} leaves"
        assert answer.status is Status.SKIPPED
        assert answer.reason is not None
        return answer.reason

    async def row(self, name: str) -> LedgerRow:
        journey, step = name.split("/")
        found = [r for r in await self.desk.rows() if (r.journey, r.step) == (journey, step)]
        return found[-1]

    async def at_once(self, names: list[str], now: datetime) -> list[Claim | Receipt]:
        """Ask for several messages at the same time."""
        asked = (self.ask(name, now, run=f"{name}{n}") for n, name in enumerate(names))
        return await asyncio.gather(*asked)
