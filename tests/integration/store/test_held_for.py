"""The reasons of a message's holds stay with it, each once."""

from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.measuring.measures import one_more
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.states import MessageState
from sojourn.store import Store, recipients
from sojourn.store.tables import LedgerRow

NOW = datetime(2024, 1, 10, 12, tzinfo=UTC)
FORMER = (None, "cap", "held_back", "cap held_back", "not_held_back", "held_back_not cap")


async def test_reasons_of_holds_stay_each_once(store: Store) -> None:
    async with store.transaction() as session:
        for number, held_for in enumerate(FORMER):
            session.add(
                LedgerRow(
                    ledger_key=f"held-{number}", reference=f"held-{number}",
                    message_id=f"held-{number}", workflow_id=f"{PREFIX}held@1", enrolment="c",
                    journey="held", customer_id=f"held-{number}", n=1, step="s", template="t",
                    channel=Channel.EMAIL.value, message_class="promotional", topic="t",
                    state=MessageState.DEFERRED, reason="cap", held_for=held_for,
                    due_at=NOW, decided_at=NOW, held_until=NOW,
                )
            )  # fmt: skip
    async with store.transaction() as session:
        await recipients.hold_longer(
            session, "held@1", Channel.EMAIL.value, {NOW: NOW + timedelta(days=1)},
            reason=Reason.HELD_BACK, detail="", now=NOW,
        )  # fmt: skip
    async with store.reading() as session:
        query = select(LedgerRow.held_for).where(LedgerRow.journey == "held")
        found = (await session.exec(query.order_by(col(LedgerRow.id)))).all()
    assert list(found) == [one_more(one, Reason.HELD_BACK) for one in FORMER]
    assert found[0] == "held_back"
    assert found[3] == "cap held_back"
