"""A message hands out a code: the same in every attempt, and nobody else's."""

import asyncio
import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

import pytest

from sojourn.domain.coupons import Pool, Pools
from sojourn.domain.errors import AmbiguousSend, ContentRejected, TransientError
from sojourn.domain.events import SHIPPED
from sojourn.domain.messages import Channel, Reason, Status
from sojourn.domain.policy import Allow, Skip
from sojourn.domain.reports import Kind, Report
from sojourn.domain.verdict import Ruling
from sojourn.sending.couponing import look
from sojourn.sending.gate import Gate
from sojourn.serving.loop import watch_coupons
from sojourn.store import events, proofs
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.coupons import rows_of, states, stock
from tests.support.desk import DAY, HOUR, MINUTE, Desk, killing, note_stop

EMAIL = """{% extends "layout/email.html" %}
{% block subject %}{{ coupon.gives }}{% endblock %}
{% block body %}<p>Code {{ coupon.code }}, {{ coupon.off | percent }} off until
{{ coupon.until | date }}</p>{% endblock %}
"""


class Shop(Desk):
    """A customer whose message hands out a code."""

    pool: Pool

    @property
    def gate(self) -> Gate:
        return self.gate_on(coupons=Pools({self.pool.name: self.pool}))

    def delivery(self, **changes: Any) -> Any:
        return super().delivery(**{"coupon": self.pool.name, "template": "offer", **changes})

    @property
    def texts(self) -> list[str]:
        return [str(parcel.content.text) for parcel in self.carrier.carried]

    async def states(self) -> dict[str, str]:
        return await states(self.store, self.pool.name)


@pytest.fixture
def shop(desk: Desk, tmp_path: Path) -> Shop:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "offer.email.en.html").write_text(EMAIL)
    (folder / "offer.sms.en.txt").write_text(
        "{% block text %}{{ coupon.code }}. Reply STOP{% endblock %}"
    )
    desk.__class__ = Shop
    assert isinstance(desk, Shop)
    desk.templates = tmp_path
    desk.pool = Pool(
        f"pool-{uuid4().hex[:8]}",
        pattern="SPRING-????-????",
        valid_for=14,
        percent=15,  # type: ignore[arg-type]
        gives={"en": "15 % off"},
    )
    return desk


def code(shop: Shop, n: int = 1) -> str:
    return f"{shop.pool.name}-{n}".upper()


async def filled(shop: Shop, number: int = 3) -> None:
    await stock(shop.store, shop.pool.name, *(code(shop, n + 1) for n in range(number)))


async def test_the_message_has_the_first_free_code(shop: Shop) -> None:
    await filled(shop)
    receipt = await shop.send()
    assert receipt.status is Status.SENT
    (text,) = shop.texts
    assert f"Code {code(shop)}, 15% off until January 23, 2024" in " ".join(text.split())
    (row, *_) = await rows_of(shop.store, shop.pool.name)
    assert (row.state, row.customer_id) == ("reserved", shop.customer_id)
    assert row.message_id == shop.delivery().message_id
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2024-01-23T22:59:59+00:00"  # midnight in Rome
    (kept,) = await shop.rows()
    assert kept.coupon == shop.pool.name


@pytest.mark.parametrize("where", ["claimed", "handing over", "handed over"])
async def test_every_attempt_has_the_same_code(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await filled(shop)
    with monkeypatch.context() as patched:
        killing(shop, patched, where)
        await shop.die()
    shop.carrier.answers.append(TransientError("busy"))
    await shop.again(waited=20 * MINUTE)
    receipt = await shop.send(waited=40 * MINUTE)
    assert receipt.status is Status.SENT
    assert shop.texts
    assert all(code(shop) in text for text in shop.texts)
    assert list((await shop.states()).values()) == ["reserved", "free", "free"]


async def test_the_next_channel_hands_out_the_same_code(shop: Shop) -> None:
    await filled(shop)
    both = (Channel.EMAIL, Channel.SMS)
    shop.carrier.answers.append(ContentRejected("spam"))
    first = await shop.send(channels=both)
    assert first.reason is Reason.OTHER_CHANNEL
    assert list((await shop.states()).values()) == ["retired", "free", "free"]
    receipt = await shop.send(channels=both, channel=Channel.SMS)
    assert (receipt.status, receipt.channel) == (Status.SENT, Channel.SMS)
    assert code(shop) in shop.texts[-1]
    assert list((await shop.states()).values()) == ["reserved", "free", "free"]


async def test_nobody_gets_a_message_without_its_code(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "sojourn.coupons"):
        receipt = await shop.send()
        await shop.send(n=2, step="another")
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NO_COUPON)
    assert not shop.carrier.carried
    row = (await shop.rows())[0]
    assert row.detail == f"no code is left in the pool {shop.pool.name}"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, "once a day"
    assert shop.pool.name in told[0]


async def test_the_last_code_that_another_took_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.sending.couponing.why_none", _nothing)
    receipt = await shop.send()
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NO_COUPON)


async def _nothing(*_: object) -> str:
    return ""


async def test_a_pool_that_is_over_or_unknown_gives_nothing(shop: Shop) -> None:
    await filled(shop)
    shop.pool = Pool(shop.pool.name, last_day=date(2024, 1, 8))
    receipt = await shop.send()
    assert receipt.reason is Reason.NO_COUPON
    assert "was 2024-01-08" in str((await shop.rows())[0].detail)
    await shop.send(n=2, step="another", coupon="gone")
    assert (await shop.rows())[1].detail == "the project has no pool gone"
    assert set((await shop.states()).values()) == {"free"}


async def test_a_message_that_is_skipped_before_a_provider_saw_it_frees_its_code(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(shop, 1)
    with monkeypatch.context() as patched:
        killing(shop, patched, "claimed")
        await shop.die()
    assert await shop.states() == {code(shop): "reserved"}
    await shop.buy()
    receipt = await shop.send(waited=MINUTE)
    assert receipt.reason is Reason.GOAL_REACHED
    (row,) = await rows_of(shop.store, shop.pool.name)
    assert (row.state, row.message_id, row.customer_id, row.expires_at) == ("free", *[None] * 3)


async def test_a_template_that_declines_frees_the_code(shop: Shop) -> None:
    await filled(shop, 1)
    assert shop.templates is not None
    offer = shop.templates / "abandoned-cart" / "offer.email.en.html"
    offer.write_text(EMAIL.replace("<p>", "{{ nothing_to_say() }}<p>"))
    assert (await shop.send()).reason is Reason.NOTHING_TO_SAY
    assert await shop.states() == {code(shop): "free"}


async def test_a_stop_frees_the_code_of_a_claim(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(shop, 1)
    killing(shop, monkeypatch, "claimed")
    await shop.die()
    async with shop.store.transaction() as session:
        await note_stop(session, shop)
    assert await shop.states() == {code(shop): "free"}


async def test_the_code_of_a_message_that_was_seen_is_retired_and_never_given_again(
    shop: Shop,
) -> None:
    await filled(shop, 1)
    shop.carrier.answers.append(ContentRejected("spam"))
    assert (await shop.send()).status is Status.REJECTED
    assert await shop.states() == {code(shop): "retired"}
    receipt = await shop.send(n=2, step="another")
    assert receipt.reason is Reason.NO_COUPON


async def test_a_late_proof_brings_the_retired_code_back(shop: Shop) -> None:
    await filled(shop, 1)
    shop.carrier.answers.append(ContentRejected("spam"))
    await shop.send()
    row = await shop.row()
    report = Report("e", Kind.DELIVERED, NOON + DAY, Channel.EMAIL, row.reference, "p")
    async with shop.store.transaction() as session:
        assert row.id is not None
        held = await proofs.held(session, row.id)
        await proofs.reported(session, held, "carrier", report, NOON + DAY)
    assert await shop.states() == {code(shop): "reserved"}


async def test_what_may_be_out_keeps_its_code(shop: Shop) -> None:
    await filled(shop, 1)
    shop.carrier.idempotent = False
    shop.carrier.answers.append(AmbiguousSend("no answer"))
    receipt = await shop.send()
    while receipt.status is Status.DEFERRED:
        receipt = await shop.send(waited=HOUR)
    assert receipt.status is Status.UNKNOWN
    assert await shop.states() == {code(shop): "reserved"}


async def test_a_message_that_is_held_keeps_its_code_and_its_days_count_again(shop: Shop) -> None:
    await filled(shop)
    shop.carrier.answers.append(TransientError("busy"))
    await shop.again()
    (row, *_) = await rows_of(shop.store, shop.pool.name)
    before = row.expires_at
    await shop.send(now=NOON + 2 * DAY - HOUR)
    (row, *_) = await rows_of(shop.store, shop.pool.name)
    assert before is not None
    assert row.expires_at == before + timedelta(days=1)
    assert code(shop) in shop.texts[0]


async def test_a_preview_shows_a_specimen_and_reserves_nothing(shop: Shop) -> None:
    await filled(shop, 1)
    gathered, verdict = await shop.gate.look(shop.delivery(), NOON + DAY)
    assert isinstance(verdict, Ruling)
    assert verdict.decision == Allow(Channel.EMAIL)
    async with shop.store.reading() as session:
        start = await events.find(session, shop.delivery().enrolment)
    assert start is not None
    claim = await shop.gate.draft(gathered, Channel.EMAIL, events.typed(start, SHIPPED))
    assert claim.coupon is not None
    assert claim.coupon.code == "SPRING-SPEC-IMEN"
    assert await shop.states() == {code(shop): "free"}


async def test_a_preview_says_that_no_code_is_left(shop: Shop) -> None:
    _, verdict = await shop.gate.look(shop.delivery(), NOON + DAY)
    assert isinstance(verdict, Ruling)
    assert verdict.decision == Skip(Reason.NO_COUPON)


async def test_few_codes_that_are_left_are_told_once_a_day(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(shop, 3)
    few, enough = Pool(shop.pool.name, low_water=4), Pool(shop.pool.name, low_water=3)
    with caplog.at_level(logging.WARNING, "sojourn.coupons"):
        for pool in (enough, few, few):
            found = await look(shop.store, Pools({pool.name: pool}), NOON)
            assert found == {pool.name: 3}
    (told,) = [record.getMessage() for record in caplog.records]
    assert told == f"3 codes are left in the pool {shop.pool.name}, fewer than its low water of 4"


async def test_the_gauge_shows_what_is_left(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(shop, 2)
    shown: list[tuple[int, dict[str, str]]] = []
    client = MagicMock()
    meter = client.service_client.config.runtime.metric_meter
    meter.create_gauge.return_value.set = lambda value, labels: shown.append((value, labels))

    async def end(_: float) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("sojourn.serving.loop.asyncio.sleep", end)
    with pytest.raises(asyncio.CancelledError):
        await watch_coupons(client, shop.store, Pools({shop.pool.name: shop.pool}))
    assert shown == [(2, {"pool": shop.pool.name})]
    assert meter.create_gauge.call_args.args[0] == "sojourn_coupons_free"
