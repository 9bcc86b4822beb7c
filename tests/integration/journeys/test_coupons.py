"""A journey whose message hands out a code, on Temporal: held, tried again, used by an order."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sojourn import days, hours
from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.domain.coupons import Pool, Pools
from sojourn.domain.errors import BadInput, TransientError, UnknownName
from sojourn.events import OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import coupon_stock
from sojourn.testkit import JourneyTest
from tests.support.greeting import Greeting
from tests.support.project import PROJECT

MAIL = """{% extends "layout/email.html" %}
{% block subject %}{{ coupon.gives }}{% endblock %}
{% block body %}<p>{{ coupon.code }}, {{ coupon.off | percent }},
{{ coupon.until | date }}</p>{% endblock %}
"""


@pytest.fixture
def journey_project(tmp_path: Path) -> Project:
    folder = tmp_path / "templates" / "greeting"
    folder.mkdir(parents=True)
    for language in ("en", "it"):
        (folder / f"hello.email.{language}.html").write_text(MAIL)
    pool = Pool(
        "spring", valid_for=14, percent=Decimal(15), gives={"en": "15 % off", "it": "Sconto"}
    )
    return replace(
        PROJECT,
        journeys=Journeys([Greeting]),
        coupons=Pools({"spring": pool}),
        templates=(tmp_path / "templates",),
        policy=None,
    )


async def code(journey: JourneyTest, step: str) -> str:
    return str((await journey.content(step))["text"]).split(",")[0]


async def test_each_message_has_a_code_of_its_own_in_the_customers_words(
    journey: JourneyTest,
) -> None:
    await journey.stock("spring", "AB-1", "AB-2")
    await journey.identify(locale="it-IT")
    await journey.start(Greeting)
    content = await journey.content("hello")
    assert content["subject"] == "Sconto"
    assert content["codes"] == ["AB-1"]
    assert "AB-1, 15%, 22 gennaio 2024" in " ".join(str(content["text"]).split())
    await journey.after(days(2))
    assert (await code(journey, "again"), journey.outcome) == ("AB-2", "exhausted")


async def test_the_order_that_names_the_code_uses_it_and_ends_the_run(journey: JourneyTest) -> None:
    await journey.stock("spring", "AB-1", "AB-2")
    await journey.start(Greeting)
    await journey.publish(OrderCompleted, coupon="ab 1")
    assert journey.outcome == "converted"
    async with journey.store.reading() as session:
        stock = (await coupon_stock.stocks(session, await journey.now()))["spring"]
    assert (stock.free, stock.used) == (1, 1)


async def test_a_provider_that_is_away_for_hours_costs_no_second_code(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journey.stock("spring", "AB-1", "AB-2")
    send, tried = Outbox.send, []

    async def away(self: Outbox, parcel: Parcel) -> str | None:
        tried.append(parcel.content.text)
        if len(tried) < 4:
            raise TransientError("busy")
        return await send(self, parcel)

    monkeypatch.setattr(Outbox, "send", away)
    await journey.start(Greeting)
    await journey.after(hours(6))
    assert journey.sent == ["hello"]
    assert len(tried) == 4
    assert all("AB-1" in str(text) for text in tried)


async def test_without_a_code_the_message_is_skipped_and_the_run_goes_on(
    journey: JourneyTest,
) -> None:
    await journey.start(Greeting)
    assert journey.skipped == [("hello", "no_coupon")]
    await journey.stock("spring", "AB-1")
    await journey.after(days(2))
    assert journey.sent == ["again"]


async def test_the_kit_knows_the_pools_of_the_project(journey: JourneyTest) -> None:
    with pytest.raises(UnknownName, match='did you mean "spring"'):
        await journey.stock("sprin", "AB-1")
    await journey.stock("spring", "AB-1")
    with pytest.raises(BadInput, match="ab1 is in a pool already"):
        await journey.stock("spring", "AB-2", "ab1")
