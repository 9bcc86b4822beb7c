"""Services are told what happens: signed, in each customer's order, at least once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import update
from sqlmodel import col, select

from sojourn.domain.errors import BadSetting
from sojourn.domain.hooks import BREAKS, LONGEST_WAIT, MOST_TRIES
from sojourn.domain.states import MessageState
from sojourn.insight.hooks import LEASE, Hooks
from sojourn.settings import Settings
from sojourn.store import Store, hooks, joining
from sojourn.store.rights import erasing
from sojourn.store.tables import ConsentRow, HookCallRow, HookRow, LedgerRow, ReportRow
from tests.support.cli_stack import Cli
from tests.support.receiver import NEW, Receiver, receiving
from tests.support.rows import NOON, claimed, event_row, keep

DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def told(migrated_url: str) -> AsyncIterator[Receiver]:
    """Run a receiver that is told of a store of its own."""
    async with await Store.open(migrated_url) as store, receiving(store) as receiver:
        yield receiver


async def said(store: Store, customer_id: str, *, granted: bool = True, times: int = 1) -> None:
    """Have a customer say something about consent."""
    async with store.transaction() as session:
        session.add_all(
            ConsentRow(customer_id=customer_id, channel="email", granted=granted, at=NOON,
                       source="form", proof="10.0.0.1")
            for _ in range(times)
        )  # fmt: skip


async def row_of(store: Store) -> HookRow:
    async with store.reading() as session:
        row = await hooks.row_of(session, "crm")
    assert row is not None
    return row


async def waiting(store: Store) -> list[HookCallRow]:
    async with store.reading() as session:
        return list((await session.exec(select(HookCallRow))).all())


async def test_what_happens_to_a_message_is_told_once_and_signed(told: Receiver) -> None:
    await keep(told.store, event_row("c1"))
    message = await claimed(told.store, "c1")
    await told.tell()
    assert told.taken == [], "what the services said themselves, and a hand-over, is no news"
    async with told.store.transaction() as session:
        await session.exec(update(LedgerRow).values(state=MessageState.SENT, settled_at=NOON))
        session.add(
            ReportRow(provider="p", event_id="x", ledger_id=message, kind="clicked", at=NOON,
                      received_at=NOON, detail="ada@shop.example")
        )  # fmt: skip
    await told.tell()
    await told.tell()
    assert sorted(told.of("c1")) == ["message.clicked", "message.sent"]
    sent = next(one for _, one in told.taken if one["type"] == "message.sent")
    assert sent["data"]["id"] == message
    assert (sent["data"]["state"], sent["timestamp"]) == ("sent", NOON.isoformat())
    assert "ada@" not in str(told.taken)
    assert len({name for name, _ in told.taken}) == 2
    assert await waiting(told.store) == []


async def test_an_address_is_told_what_happens_from_its_begin_on(migrated_url: str) -> None:
    async with await Store.open(migrated_url) as store:
        await said(store, "before")
        async with receiving(store) as told:
            await said(store, "after")
            await told.tell()
            assert [one["data"]["customer_id"] for _, one in told.taken] == ["after"]


async def test_a_customer_whose_call_fails_holds_up_nobody_else(told: Receiver) -> None:
    await said(told.store, "bad", times=3)
    await said(told.store, "good", times=3)
    told.refuses["bad"] = 500
    await told.tell()
    assert (len(told.of("good")), told.posts["bad"]) == (3, 1), "later ones wait behind the first"
    await told.tell()
    assert told.posts["bad"] == 1, "and the first for its time"
    await said(told.store, "good")
    await told.tell(timedelta(seconds=15))
    assert (len(told.of("good")), told.posts["bad"]) == (4, 2)
    told.refuses.clear()
    await told.tell(LONGEST_WAIT)
    seqs = [one["seq"] for _, one in told.taken if one["data"]["customer_id"] == "bad"]
    assert (len(seqs), seqs) == (3, sorted(seqs))


async def test_an_address_that_is_down_is_left_alone_and_tried_by_one_call(told: Receiver) -> None:
    for number in range(BREAKS):
        await said(told.store, f"c{number}", times=2)
    told.refuses["*"] = 503
    await told.tell()
    assert told.posts.total() == BREAKS
    assert (await row_of(told.store)).open_until is not None
    await said(told.store, "new")
    await told.tell()
    assert told.posts.total() == BREAKS, "it is left alone"
    await told.tell(timedelta(minutes=1))
    assert told.posts == Counter({f"c{n}": 1 for n in range(BREAKS)}) + Counter(new=1), "one tries"
    told.refuses.clear()
    await told.tell(LONGEST_WAIT)
    assert len(told.taken) == 2 * BREAKS + 1
    assert (await row_of(told.store)).failures == 0


async def test_a_worker_that_dies_over_a_post_loses_nothing(told: Receiver) -> None:
    await said(told.store, "c1", times=2)

    async def die() -> None:
        worker.cancel()
        await asyncio.wait([worker])  # the post is answered to nobody

    told.on_post = die
    worker = asyncio.ensure_future(told.tell())
    with pytest.raises(asyncio.CancelledError):
        await worker
    told.on_post = None
    assert await told.tell() == 0, "another worker leaves the address to the first one"
    assert await told.tell(LEASE) == 2
    ids = [name for name, _ in told.taken]
    assert len(set(ids)) == 2
    assert ids[-2:] == sorted(set(ids), key=ids.index), "the same ids, in the same order"


async def test_a_worker_that_stood_still_lets_go_of_nothing(told: Receiver) -> None:
    await said(told.store, "c1")
    another = told.now + 2 * LEASE

    async def lose_it() -> None:
        """Another worker has taken the address while the first one stood still over its post."""
        async with told.store.transaction() as session:
            await session.exec(
                update(HookRow).where(col(HookRow.name) == "crm").values(leased_until=another)
            )

    told.on_post = lose_it
    await told.tell()
    assert (await row_of(told.store)).leased_until == another


async def test_several_workers_post_nothing_twice(told: Receiver) -> None:
    for number in range(8):
        await said(told.store, f"c{number % 3}")
    await asyncio.gather(*(told.tell(timedelta()) for _ in range(4)))
    await told.tell()
    assert len(told.taken) == len({name for name, _ in told.taken}) == 8
    for customer in ("c0", "c1", "c2"):
        seqs = [one["seq"] for _, one in told.taken if one["data"]["customer_id"] == customer]
        assert seqs == sorted(seqs)


async def test_a_call_is_given_up_after_days_and_the_next_goes_on(told: Receiver) -> None:
    await said(told.store, "c1", times=2)
    told.refuses["c1"] = 400
    await told.tell()
    async with told.store.transaction() as session:
        await session.exec(
            update(HookCallRow).where(col(HookCallRow.tries) > 0).values(tries=MOST_TRIES - 1)
        )
    await told.tell(DAY)
    assert (await row_of(told.store)).given_up == 1
    told.refuses.clear()
    await told.tell()
    assert told.of("c1") == ["consent.changed"]


async def test_an_erased_customer_is_told_of_no_more_and_a_joined_one_by_the_other_id(
    told: Receiver,
) -> None:
    told.refuses.update({"ada": 500, "old": 500})
    await said(told.store, "ada")
    await said(told.store, "old")
    await told.tell()
    async with told.store.transaction() as session:
        await erasing.begin(session, "ada", why="asked", by="anna")
        await joining.join(session, "old", "new", at=NOON)
    assert [call.customer_id for call in await waiting(told.store)] == ["new"]


async def test_a_replay_tells_it_once_more_under_the_same_ids(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(offline.store) as told:
        monkeypatch.setenv("SOJOURN_WEBHOOKS_OUT", f"crm={told.url}")
        monkeypatch.setenv("SOJOURN_WEBHOOKS_OUT_SECRET", f"crm={NEW}")
        await said(offline.store, "c1", times=3)
        await told.tell()
        first = list(told.taken)
        told.taken.clear()
        listed = await offline("webhooks", "list")
        assert "crm" in listed.out
        assert NEW not in listed.out
        answer = await offline("webhooks", "replay", "--since", first[0][1]["seq"])
        assert answer.code == 0, answer
        await told.tell()
        assert told.taken == first[1:]
        assert (await offline("webhooks", "replay", "--since", 10_000)).code == 2
        wrong = await offline("webhooks", "replay", "--since", 0, "--hook", "crn")
        assert 'did you mean "crm"' in wrong.err


@pytest.mark.parametrize(
    ("addresses", "secrets", "why"),
    [
        ("crm=http://shop.example/x", f"crm={NEW}", "the address of crm"),
        ("crm=https://a.example/x", "", "has no secret of crm"),
        ("crm=https://a.example/x", f"crm={NEW},b={NEW}", "has a secret of b"),
        ("crm=https://a.example/x,crm=https://b.example/x", f"crm={NEW}", "names crm twice"),
        ("https://a.example/x", f"crm={NEW}", "write it as crm=https"),
        ("crm=https://a.example/x", "crm=hushh", "is not a secret like whsec_"),
    ],
    ids=["http", "no secret", "no address", "twice", "no name", "no key"],
)
def test_settings_that_cannot_be_used_say_which(addresses: str, secrets: str, why: str) -> None:
    store: Any = None  # nothing is read
    settings = Settings(webhooks_out=addresses, webhooks_out_secret=SecretStr(secrets))
    with pytest.raises(BadSetting, match=why) as raised:
        Hooks.of(store, settings, {})
    assert "hush" not in str(raised.value)
