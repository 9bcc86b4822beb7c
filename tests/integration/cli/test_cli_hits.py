"""`sojourn hits judge`: stored hits by the lists of today."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import col, select

from sojourn.domain.measuring import hits as lists
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.store import Store, reports
from sojourn.store.tables import ReportRow
from tests.support.cli_stack import Cli
from tests.support.gateway_links import sent


async def _clicked(store: Store, customer_id: str, agent: str) -> int:
    message = await sent(store, customer_id)
    now = datetime.now(UTC) - timedelta(days=1)
    report = Report(str(uuid4()), Kind.CLICKED, now, Channel.EMAIL, message.reference, agent=agent)
    async with store.transaction() as session:
        await reports.take(session, "links", report, now)
    assert message.id is not None
    return message.id


async def _verdict(store: Store, ledger_id: int) -> str | None:
    async with store.reading() as session:
        query = select(ReportRow.machine).where(col(ReportRow.ledger_id) == ledger_id)
        return (await session.exec(query)).one()


async def test_hits_are_judged_by_the_lists_of_today(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await _clicked(offline.store, f"c-{uuid4().hex[:12]}", "Mozilla/5.0 Firefox/143.0")
    new = await _clicked(offline.store, f"c-{uuid4().hex[:12]}", "Mozilla/5.0 Newfetcher/1.0")
    assert await _verdict(offline.store, new) is None
    assert (await offline("hits", "judge", "--json")).json["changed"] == 0
    monkeypatch.setattr(lists, "AGENTS", re.compile("newfetcher", re.IGNORECASE))
    dry = (await offline("hits", "judge", "--dry-run")).out
    assert "1 verdicts would change" in dry
    assert await _verdict(offline.store, new) is None
    late = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert (await offline("hits", "judge", "--since", late, "--json")).json["messages"] == 0
    assert (await offline("hits", "judge", "--json")).json["changed"] == 1
    assert await _verdict(offline.store, new) == "agent"
    assert await _verdict(offline.store, person) is None
    assert (await offline("hits", "judge", "--json")).json["changed"] == 0
