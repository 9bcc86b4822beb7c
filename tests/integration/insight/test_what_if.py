"""Suppositions: the stored history of a customer, played as it was and with facts changed."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.insight.what_if.answer import WhatIf, what_if
from sojourn.insight.what_if.telling import Happening
from sojourn.store import Store, cards, restrictions
from sojourn.store.tables import LedgerRow
from tests.support.baskets import BEGIN, HOUR, Shop, a_past, buys, open_shop, refuses
from tests.support.own_project import OwnProject


async def asks(store: Store, shop: OwnProject, who: str, *supposed: str) -> WhatIf:
    living = Shop(store, shop.folder, "")
    return await what_if(store, living.settings, living.project, who, supposed)


def words(of: list[Happening]) -> list[tuple[str, float, str]]:
    """Return a story: what, after how many hours, and what became of it."""
    begin = of[0].at
    return [
        (one.name.rpartition(" ")[2], round((one.at - begin) / HOUR, 1), one.text) for one in of
    ]


async def test_the_stories_differ_by_what_is_supposed(
    own_project: OwnProject, migrated_url: str
) -> None:
    open_shop(own_project)
    async with await Store.open(migrated_url) as store:
        await a_past(store, own_project.folder, migrated_url)

        cleo = await asks(store, own_project, "cleo", "consent.email=true")
        assert (cleo.unlike, cleo.gaps) == ([], {}), "memory comes to what really happened"
        then, now = words(cleo.as_it_was), words(cleo.if_so)
        assert [one for one in now if one not in then] == [("hello", 5.0, "sent by email")]
        assert [what for what, _, _ in then] == ["k-cleo", "hello", "again", "k-cleo"]
        assert len(cleo.different) == 1

        bought = await asks(store, own_project, "ada", '"Order Completed" at 19:30')
        assert words(bought.if_so)[-1] == ("k-ada", 6.5, "converted")
        assert [(one is None, other is None) for one, other in bought.pairs()][-1] == (False, True)

        both = await asks(store, own_project, "bea", 'no "Order Completed"', "email=")
        assert [(what, text.partition(" ")[0]) for what, _, text in words(both.if_so)] == [
            ("k-bea", "began"), ("hello", "skipped"), ("again", "sent"), ("k-bea", "exhausted"),
        ]  # fmt: skip
        again = await asks(
            store, own_project, "bea", 'no "Order Completed" at 20:00', '"Product Added" at '
            '2026-03-27T09:00 {"cart_id": "k9", "product_id": "p1"}',
        )  # fmt: skip
        assert [what for what, _, text in words(again.if_so) if text == "exhausted"] == [
            "k-bea", "k9",
        ]  # fmt: skip

        async with store.transaction() as session:
            found = await session.exec(select(LedgerRow).where(LedgerRow.customer_id == "ada"))
            row = found.all()[0]
            row.state, row.reason = MessageState.REJECTED, Reason.NO_ADDRESS
            session.add(row)
        real = await asks(store, own_project, "ada", "consent.email=false")
        (unlike,) = real.unlike
        assert (unlike.step, unlike.ledger and unlike.ledger.state) == ("hello", "rejected")
        assert unlike.played is not None
        assert unlike.played.state == "sent"
        assert "skipped" in {text.partition(" ")[0] for _, _, text in words(real.if_so)}


CASES = [
    ("nonsense", "is none of: consent.email=true"),
    ("consent.fax=true", '"fax" is neither a channel nor a topic: email, sms'),
    ("consent.email=maybe", "'maybe' is neither true nor false"),
    ("timezone=Mars", 'no time zone "Mars"'),
    ("email=nothing", "email"),
    ("policy.quiet=off", "the policy is no fact of a customer"),
    ('"Order Complete" at 19:30', 'did you mean "Order Completed"?'),
    ('"Order Completed"', "says no moment"),
    ('"Order Completed" at noon', '"noon" is no moment: write it as 09:55'),
    ('"Order Completed" at 2999-01-01', "lies ahead"),
    ('"Order Completed" at 19:30 {"totl": 5}', 'no field "totl": did you mean "total"?'),
    ('"Order Completed" at 19:30 {"total": }', 'the fields of "Order Completed"'),
    ('"Product Added" at 19:30 {"price": "x"}', "price input should be a valid decimal: give it"),
    ('no "Order Completed"', 'the customer has no "Order Completed"'),
    ('no "Product Added" at 09:00', "at 09:00: it has 2026-03-26T13:00"),
    ('no "Product Added" {"cart_id": "k"}', "takes a moment, and no fields"),
]


async def test_what_makes_no_sense_is_refused_in_one_line(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    open_shop(own_project)
    shutil.copy(migrated_database, tmp_path / "test.db")
    async with await Store.open(f"sqlite:///{tmp_path}/test.db") as store:
        await Shop(store, own_project.folder, "").lives("ada", BEGIN)
        for supposed, said in CASES:
            with pytest.raises(BadInput) as refused:
                await asks(store, own_project, "ada", supposed)
            assert said in str(refused.value), supposed
            assert "\n" not in str(refused.value)
        await Shop(store, own_project.folder, "").lives("bea", BEGIN + timedelta(days=1), buys)
        await Shop(store, own_project.folder, "").lives("bea", BEGIN + timedelta(days=40), refuses)
        with pytest.raises(BadInput, match=r"say the date too, for the history has events on 2 d"):
            await asks(store, own_project, "bea", '"Order Completed" at 09:55')
        with pytest.raises(BadInput, match='no customer "nobody"'):
            await asks(store, own_project, "nobody", "plan=pro")
        async with store.transaction() as session:
            await restrictions.begin(session, "bea", why="asked", by="anna")
            await cards.erase(session, "ada", BEGIN)
        for who, why in (("ada", "was erased"), ("bea", "the data are restricted")):
            with pytest.raises(BadInput, match=why):
                await asks(store, own_project, who, "plan=pro")
