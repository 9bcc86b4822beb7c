"""Webhooks out: what happens is told to the project's addresses, in the order of each customer.

News is written down as calls, one a piece of news and address, in the transaction that moves the
address on: whatever dies, none is lost and none is written down twice. One worker at a time posts
to an address. A call goes once it is taken, so that what a worker was posting when it died is
posted again, under the same id. A call that fails holds back its customer's later ones alone.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
import structlog
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from standardwebhooks import Webhook

from sojourn.domain.errors import CallFailed
from sojourn.domain.events import Event
from sojourn.domain.hooks import BREAKS, MOST_TRIES, SECRETS, Hook, read_hooks, type_of, wait_after
from sojourn.insight.exporting.reading import Row, read
from sojourn.insight.exporting.schema import BY_KIND
from sojourn.insight.numbering import Numbering
from sojourn.sending.signed import headers_of, post, signing
from sojourn.settings import Settings
from sojourn.store import Store, changes, hooks
from sojourn.store.changes import TABLES, Change, Kind
from sojourn.store.hooks import News
from sojourn.store.tables import HookCallRow, HookRow

TIMEOUT = timedelta(seconds=10)
LEASE = 6 * TIMEOUT
"""A worker that has died has an address no longer than that."""
AT_ONCE = 20
PAGE = 500
MOST_WAITING = 5_000
"""Calls of one address that are written down; further news stays where it is until they go."""
UNTOLD = (Kind.EVENT,)
MOMENTS = ("at", "settled_at", "closed_at", "decided_at", "started_at")

log = structlog.stdlib.get_logger("sojourn.worker")


@dataclass(frozen=True)
class Hooks:
    """Tells addresses what happens.

    Args:
        store: open.
        addresses: of the settings.
        signers: by the name of the address.
        events: the project's, by wire name.
        timeout: of one post.
        clock: the machine's.
    """

    store: Store
    addresses: Sequence[Hook]
    signers: Mapping[str, Sequence[Webhook]]
    events: Mapping[str, type[Event]]
    timeout: timedelta = TIMEOUT
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @classmethod
    def of(cls, store: Store, settings: Settings, events: Mapping[str, type[Event]]) -> Self | None:
        """Tell the addresses that the settings name; None if they name none.

        Args:
            store: open.
            settings: of this installation.
            events: the project's, by wire name.

        Returns:
            Ready to tell.

        Raises:
            BadSetting: an address or a secret cannot be used; the text quotes neither.
        """
        addresses = read_hooks(
            settings.webhooks_out, settings.webhooks_out_secret.get_secret_value()
        )
        signers = {
            hook.name: [signing(SECRETS, secret) for secret in hook.secrets] for hook in addresses
        }
        return cls(store, addresses, signers, events) if addresses else None

    async def tell(self) -> int:
        """Tell all addresses what they can be told now.

        Returns:
            How many calls were taken.
        """
        return sum(await asyncio.gather(*(self._tell(hook) for hook in self.addresses)))

    async def _tell(self, hook: Hook) -> int:
        taken = 0
        while await self._write_down(hook) == PAGE:
            taken += await self._post_all(hook)
        return taken + await self._post_all(hook)

    # ---- news to calls -------------------------------------------------------------------------

    async def _write_down(self, hook: Hook) -> int:
        """Write news down as calls; return how much news there was."""
        await self._begin(hook)
        async with self.store.transaction() as session:
            await hooks.alone(session)
            feed, row = await changes.feed(session), await hooks.row_of(session, hook.name)
            assert feed is not None, "it has begun"
            assert row is not None, "it has begun"
            waiting, _ = await hooks.waiting(session, hook.name)
            if waiting >= MOST_WAITING:
                return 0
            news = await hooks.news_since(session, row.seq, feed.seq, PAGE)
            if news:
                session.add_all(await self._calls(session, hook, feed.token, news))
                row.seq = news[-1].seq
                session.add(row)
        return len(news)

    async def _begin(self, hook: Hook) -> None:
        """Have an address told what happens from here on."""
        async with self.store.reading() as session:
            if await hooks.row_of(session, hook.name) is not None:
                return
        async with self.store.transaction() as session:
            await changes.begin(session)
        await Numbering(self.store).catch_up()
        async with self.store.transaction() as session:
            await hooks.alone(session)
            feed = await changes.feed(session)
            if feed is not None and await hooks.row_of(session, hook.name) is None:
                session.add(HookRow(name=hook.name, seq=feed.seq))

    async def _calls(
        self, session: AsyncSession, hook: Hook, token: str, news: Sequence[News]
    ) -> list[HookCallRow]:
        wanted = [
            Change(one.seq, Kind(one.kind), one.ref) for one in news if Kind(one.kind) not in UNTOLD
        ]
        if not wanted:
            return []
        batch = await read(session, wanted, self.events)
        rows = {
            (BY_NAME[name], row["id"]): row
            for name, found in batch.rows.items()
            for row in found
            if not row["gone"]
        }
        whose = await _customers(session, rows)
        calls = []
        for one in news:
            row = rows.get((Kind(one.kind), one.ref))
            type_ = None if row is None else type_of(one.kind, one.state, row)
            customer = whose.get((Kind(one.kind), one.ref))
            if row is None or type_ is None or customer is None:
                continue
            body = {
                "type": type_,
                "timestamp": _moment(row),
                "seq": one.seq,
                "data": {**_shown(Kind(one.kind), row), "customer_id": customer},
            }
            calls.append(
                HookCallRow(
                    hook=hook.name,
                    seq=one.seq,
                    customer_id=customer,
                    name=f"{token}_{one.seq}",
                    body=body,
                )
            )
        return calls

    # ---- calls to posts ------------------------------------------------------------------------

    async def _post_all(self, hook: Hook) -> int:
        """Post what is due, until nothing is; return how many calls were taken."""
        taken, done = 0, 1
        while done:
            now = self.clock()
            async with self.store.transaction() as session:
                until = now + LEASE
                if not await hooks.lease(session, hook.name, now, until):
                    return taken
                row = await hooks.row_of(session, hook.name)
                assert row is not None, "it is leased"
                # after a pause one post tries whether the address is back
                limit = 1 if row.failures else AT_ONCE
                calls = await hooks.due(session, hook.name, now, limit)
            done = await self._post_some(hook, calls, until)
            taken += done
        return taken

    async def _post_some(self, hook: Hook, calls: Sequence[HookCallRow], until: datetime) -> int:
        """Post calls of several customers, and note what came of them; let go of the address.

        A worker that stood still for longer than its lease lets go of nothing: the address is
        another's by now.
        """
        said = await asyncio.gather(*(self._post(hook, call) for call in calls))
        now, done = self.clock(), list[int]()
        async with self.store.transaction() as session:
            row = await hooks.row_of(session, hook.name)
            if row is None:
                return 0
            for call, (fault, asked) in zip(calls, said, strict=True):
                if fault and call.tries + 1 < MOST_TRIES:
                    await hooks.again(session, call, now + wait_after(call.tries + 1, asked))
                    continue
                done.append(call.id or 0)
                if fault:
                    row.given_up += 1
                    log.error("a webhook is given up", hook=hook.name, seq=call.seq, fault=fault)
            await hooks.told(session, done)
            faults = [fault for fault, _ in said if fault]
            _, failing = await hooks.waiting(session, hook.name)
            if len(faults) < len(calls):
                row.failures, row.open_until = 0, None
            elif faults and failing >= BREAKS:
                row.failures += 1
                row.open_until = now + wait_after(row.failures)
                log.warning("a webhook's breaker is open", hook=hook.name, fault=faults[0])
            row.fault = faults[0] if faults else row.fault if failing else None
            if row.leased_until == until:
                row.leased_until = None
            session.add(row)
        return len(calls) - len(faults)

    async def _post(self, hook: Hook, call: HookCallRow) -> tuple[str, timedelta | None]:
        """Post once; return what went wrong, and how long the other side asks us to wait."""
        body = json.dumps(call.body, ensure_ascii=False)
        try:
            status, _, asked = await post(
                hook.url, body, headers_of(self.signers[hook.name], call.name, body), self.timeout
            )
        except (httpx.HTTPError, TimeoutError) as error:
            return f"no answer: {type(error).__name__}", None
        except CallFailed:  # it has taken it, and talks a lot
            return "", None
        return ("" if 200 <= status < 300 else f"HTTP {status}"), asked


BY_NAME = {stream.name: kind for kind, stream in BY_KIND.items()}


def _shown(kind: Kind, row: Row) -> dict[str, Any]:
    """Return the columns of a row that are not personal, as JSON values."""
    names = ["id", *(one.name for one in BY_KIND[kind].columns if not one.personal)]
    return {name: _plain(row[name]) for name in names if row.get(name) is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(row: Row) -> str:
    at = next(row[name] for name in MOMENTS if row.get(name) is not None)
    return str(_plain(at))


async def _customers(
    session: AsyncSession, rows: Mapping[tuple[Kind, int], Row]
) -> dict[tuple[Kind, int], str]:
    """Return whose rows they are, where anybody knows."""
    found = {key: row["customer_id"] for key, row in rows.items() if "customer_id" in row}
    others = {key: row["message"] for key, row in rows.items() if row.get("message") is not None}
    ledger = TABLES["ledger"].c
    query = select(ledger.id, ledger.customer_id).where(ledger.id.in_(set(others.values())))
    told = await (await session.connection()).execute(query)
    of = {row.id: str(row.customer_id) for row in told}
    return found | {key: of[number] for key, number in others.items() if number in of}
