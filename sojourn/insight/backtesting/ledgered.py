"""The recorded side of a backtest: what the store's ledger really has of the runs of a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from sojourn.dispatch.routing import workflow_id
from sojourn.domain.messages import Channel
from sojourn.domain.prices import Prices
from sojourn.domain.states import MessageState
from sojourn.insight.backtesting.costing import PRICED, Bill
from sojourn.insight.backtesting.playing import OVERTAKEN
from sojourn.insight.backtesting.side import Line, Side
from sojourn.insight.backtesting.stored import began_by
from sojourn.store import Store, past
from sojourn.store.past import Past
from sojourn.store.tables import LedgerRow


async def ledgered(store: Store, *, since: datetime, until: datetime, prices: Prices) -> Side:
    """Return what became of the runs that began in a time, as the store has it.

    How runs ended is not in the store, so the side has no outcomes.

    Args:
        store: an open store.
        since: the first moment of the time.
        until: its end.
        prices: of text messages; without any, nothing is billed.

    Returns:
        The side.
    """
    entered: Counter[str] = Counter()
    refused: dict[str, Counter[str]] = {}
    lines: list[Line] = []
    bill = Bill()
    async for page in past.pages(store, since=since, until=until):
        began = began_by(page.events, since)
        entered.update(run.journey for run in page.runs if run.enrolment in began)
        for entry in page.entries:
            if entry.message_id in began and not entry.taken:
                refused.setdefault(entry.journey, Counter())[entry.reason or ""] += 1
        rows = [row for row in page.messages if row.enrolment in began and row.decided_at < until]
        lines += _lines(page, rows)
        if prices:
            texts = [row for row in rows if row.channel == PRICED and row.state == "sent"]
            async with store.reading() as session:
                contents = await past.contents(session, [row.id for row in texts if row.id])
            for row in texts:
                said = contents.get(row.id or 0)
                number, segments = (said.address, said.content.get("segments")) if said else ("", 0)
                bill.add(prices, number, row.provider or "", segments or 0)
    bills = {PRICED.value: bill} if bill.messages else {}
    return Side(entered, {}, refused, lines, bills=bills)


def _lines(page: Past, rows: list[LedgerRow]) -> list[Line]:
    happened = {row.message_id: row.occurred_at for row in page.events}
    former: dict[str, list[str]] = {}
    for old, home in page.joined.items():
        former.setdefault(home, []).append(old)
    return [_line(row, happened, former.get(row.customer_id, [])) for row in rows]


def _line(row: LedgerRow, happened: Mapping[str, datetime], former: list[str]) -> Line:
    caused = happened.get(row.caused_by or "")
    overtaken = row.reason in _OVERTAKEN and caused is not None and caused < row.due_at
    return Line(
        under_one_id(row, former),
        row.customer_id,
        row.journey,
        row.step,
        Channel(row.channel).value,
        MessageState(row.state).value,
        row.reason or "",
        row.due_at,
        row.decided_at,
        held=row.held_for is not None,
        overtaken=overtaken,
    )


_OVERTAKEN = frozenset(reason.value for reason in OVERTAKEN)


def under_one_id(row: LedgerRow, former: Iterable[str]) -> str:
    """Return a message's name as if its customer had always had one id: so they are played.

    Args:
        row: the message.
        former: the ids that were joined to the customer's.

    Returns:
        The name that memory gives it.
    """
    for old in former:
        prefix = workflow_id(row.journey, old)
        if row.message_id.startswith((f"{prefix}:", f"{prefix}/")):
            home = workflow_id(row.journey, row.customer_id)
            return home + row.message_id.removeprefix(prefix)
    return row.message_id
