"""Campaigns that follow others: again to who did not react, a correction to who had it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from sojourn import TRANSACTIONAL, Audience, Campaign, at, did_not_react, received, trait
from sojourn.campaigns import launching
from sojourn.campaigns.freezing import freeze
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.domain.alias import Alias
from sojourn.domain.campaign_run import CampaignAct, CampaignDeed, CampaignState
from sojourn.domain.customer import Erasure
from sojourn.domain.errors import (
    AmbiguousSend,
    BadInput,
    InvalidRecipient,
    TemporalUnavailable,
)
from sojourn.domain.events import OrderCompleted
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reports import Kind, Report
from sojourn.domain.states import MessageState
from sojourn.insight import story
from sojourn.insight.campaign_check import Check, check
from sojourn.insight.in_campaigns import InAudience
from sojourn.store import (
    Store,
    campaigns,
    ledger,
    people,
    proofs,
    recipients,
    reports,
    settling,
)
from sojourn.store.tables import CampaignWordRow, LedgerRow
from tests.support.campaigning import Counting, Shop, settings_of

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


def address(customer_id: str) -> str:
    return f"{customer_id}@shop.example"


def had(campaign: Campaign) -> Audience:
    return Audience(f"had-{campaign.name}", received(campaign.name))


async def reported(shop: Shop, customer_id: str, campaign: Campaign, kind: Kind) -> None:
    """Have the provider report on a customer's message of a campaign."""
    (row,) = [one for one in await shop.rows([customer_id]) if one.journey == campaign.name]
    at_ = datetime.now(UTC)
    report = Report(f"{row.reference}-{kind}", kind, at_, Channel.EMAIL, reference=row.reference)
    async with shop.store.transaction() as session:
        held = await session.get(LedgerRow, row.id)
        assert held is not None
        held.submitted_at = at_ - timedelta(minutes=1)  # a click at once would be a machine's
        await session.flush()
        await reports.take(session, "counting", report, at_)


async def sent(shop: Shop, campaign: Campaign) -> None:
    async with shop.worker():
        await shop.launch(campaign)
        await shop.ended(campaign.name)


def goes_to(shop: Shop) -> list[str]:
    return sorted(one.removesuffix("@shop.example") for one in shop.carrier.took.elements())


async def again_launched(shop: Shop, again: Campaign) -> None:
    """Launch a campaign that follows, several times at once."""
    await asyncio.gather(*(shop.launch(again) for _ in range(3)))


async def test_again_to_who_neither_clicked_nor_reached_the_goal_since(shop: Shop) -> None:
    silent, opened, clicked, bought, before, nowhere = ids = await shop.people(6)
    async with shop.store.transaction() as session:
        (await people.lock(session, nowhere)).email = ""
    spring = shop.campaign(goal=OrderCompleted)
    early = OrderCompleted(
        customer_id=before, order_id="o0", occurred_at=datetime.now(UTC) - timedelta(hours=1)
    )
    await shop.sojourn.publish(early, wait=False)
    await sent(shop, spring)
    await reported(shop, opened, spring, Kind.OPENED)
    await reported(shop, clicked, spring, Kind.CLICKED)
    await shop.sojourn.publish(OrderCompleted(customer_id=bought, order_id="o1"), wait=False)
    shop.carrier = Counting()
    (stranger,) = await shop.people(1)
    question = did_not_react(spring.name) & (trait("shop") == shop.own)
    again = shop.campaign("again", to=Audience("silent", question))
    await shop.frozen(again)
    assert await shop.size(again.name) == 3
    await reported(shop, before, spring, Kind.CLICKED)  # after the freeze, before their turn
    async with shop.worker():
        await again_launched(shop, again)
        counts = await shop.ended(again.name)
    assert goes_to(shop) == sorted([silent, opened])
    assert (counts.size, counts.sent, counts.skipped) == (3, 2, 1)
    (row,) = [one for one in await shop.rows([before]) if one.journey == again.name]
    assert (row.reason, row.detail) == ("no_longer", f"not wanted: {spring.name}: clicked")
    assert await shop.rows([stranger]) == []
    assert len(ids) == 6


async def test_a_correction_goes_once_to_who_had_it_and_to_who_is_proved_to_have_had_it(
    shop: Shop,
) -> None:
    fine, lost, never, dead, gone, old, new, nowhere = await shop.people(8)
    async with shop.store.transaction() as session:
        (await people.lock(session, nowhere)).email = ""

    def fails(parcel: Parcel, _: int) -> None:
        if parcel.address in (address(lost), address(never)):
            raise AmbiguousSend("the answer was lost")
        if parcel.address == address(dead):
            raise InvalidRecipient("no such mailbox")

    shop.carrier = Counting(fails)
    spring = shop.campaign()
    await sent(shop, spring)
    await shop.sojourn.alias(Alias(old, new, message_id="a1", at=datetime.now(UTC)), wait=False)
    await shop.sojourn.erase(Erasure(gone, message_id="e1", at=datetime.now(UTC)))
    shop.carrier = Counting()
    sorry = shop.campaign(
        "sorry", to=had(spring), message=shop.message(message_class=TRANSACTIONAL)
    )
    async with shop.worker():
        await again_launched(shop, sorry)
        first = await shop.until(sorry.name, lambda one: one.sent == 2)
        assert (first.size, first.doubtful) == (2, 2)
        await launching.act(shop.sojourn, sorry.name, CampaignAct.RESUME, by="anna", because="?")
        assert goes_to(shop) == sorted([fine, new]), "who is in doubt waits"
        await reported(shop, lost, spring, Kind.DELIVERED)
        await again_launched(shop, sorry)
        await launching.act(shop.sojourn, sorry.name, CampaignAct.RESUME, by="anna", because="?")
        later = await shop.until(sorry.name, lambda one: one.sent == 3)
        assert (later.size, later.doubtful) == (3, 1)
        await launching.act(shop.sojourn, sorry.name, CampaignAct.STOP, by="anna", because="ok")
        await shop.ended(sorry.name)
    assert goes_to(shop) == sorted([fine, new, lost])
    async with shop.store.reading() as session:
        words = await campaigns.words(session, sorry.name)
    assert [(one.what, one.because) for one in words if one.by == "campaign"] == [
        ("freeze", f"{spring.name}: 4 had it, 2 in doubt"),
        ("take in", f"1 more; {spring.name}: 5 had it, 1 in doubt"),
    ]


async def test_it_is_not_launched_while_the_first_one_is_under_way(shop: Shop) -> None:
    await shop.people(3)
    spring = shop.campaign()
    again = shop.campaign("again", to=had(spring))
    with pytest.raises(BadInput, match=rf"nobody had {spring.name}, which was never launched"):
        await shop.launch(again)
    await shop.launch(spring, "w1")
    with pytest.raises(BadInput, match=rf"say which launch of it, {spring.name}@w1"):
        await shop.launch(again)
    await shop.frozen(spring)
    with pytest.raises(BadInput, match=rf"{again.name} follows {spring.name}, and it is running"):
        await shop.launch(again)
    async with shop.store.transaction() as session:
        deed = CampaignDeed(campaign=spring.name, act=CampaignAct.PAUSE, by="anna")
        await campaigns.act(session, deed)
    ahead = shop.campaign("ahead", to=had(spring), when=at(datetime.now(UTC) + SECOND))
    await shop.launch(ahead)  # asked again when it is frozen
    with pytest.raises(BadInput, match=rf"{ahead.name} follows {spring.name}, and it is paused"):
        await freeze(shop.store, ahead.name, datetime.now(UTC), own=frozenset(), default_zone="UTC")
    async with shop.worker():
        said: list[CampaignWordRow] = []
        while len(said) < 2:
            async with shop.store.reading() as session:
                said = list(await campaigns.words(session, ahead.name))
            await asyncio.sleep(0.1)
        await launching.act(shop.sojourn, spring.name, CampaignAct.RESUME, by="anna", because="ok")
        end = await shop.ended(ahead.name)
    assert end.sent == 3
    assert [one.what for one in said] == ["launch", "wait"]


async def test_a_stopped_one_is_followed_once_what_was_handed_over_is_settled(shop: Shop) -> None:
    (one,) = await shop.people(1)
    spring = shop.campaign()
    await sent(shop, spring)
    (row,) = await shop.rows([one])
    again = shop.campaign("again", to=had(spring))
    async with shop.store.transaction() as session:
        held = await proofs.held(session, row.id or 0)
        held.state = MessageState.SUBMITTING
        (await campaigns.get(session, spring.name)).state = CampaignState.STOPPED
    with pytest.raises(BadInput, match="1 of its messages are being handed over"):
        await shop.launch(again)


async def test_who_was_in_doubt_and_is_proved_not_to_have_had_it_is_left_out(shop: Shop) -> None:
    lost, never = await shop.people(2)

    def fails(parcel: Parcel, _: int) -> None:
        raise AmbiguousSend("the answer was lost")

    shop.carrier = Counting(fails)
    spring = shop.campaign()
    await sent(shop, spring)
    sorry = shop.campaign("sorry", to=had(spring))
    await shop.frozen(sorry)
    assert (await shop.counts(sorry.name)).doubtful == 2
    (row,) = await shop.rows([never])
    async with shop.store.transaction() as session:
        found = await ledger.found(session, str(row.id), hold=True)
        assert found is not None
        await settling.settle_by_hand(
            session, found, sent=False, because="log", by="eva", now=datetime.now(UTC)
        )
    now = datetime.now(UTC)
    for moment, left in ((now, 1), (now + timedelta(hours=25), 0)):  # useful for a day
        for _ in range(2):
            await freeze(shop.store, sorry.name, moment, own=frozenset(), default_zone="UTC")
            counts = await shop.counts(sorry.name)
            assert (counts.size, counts.doubtful) == (0, left)
    assert lost != never


async def test_killed_and_begun_again_each_gets_the_correction_once(shop: Shop) -> None:
    ids = await shop.people(40)
    spring = shop.campaign()
    await sent(shop, spring)
    shop.carrier = Counting()
    sorry = shop.campaign("sorry", to=had(spring), rate=20)
    async with shop.worker():
        await shop.launch(sorry)
        await shop.until(sorry.name, lambda one: one.sent > 0)
    async with shop.store.reading() as session:
        assert await recipients.size(session, sorry.name) == 40
    async with shop.worker():
        await again_launched(shop, sorry)
        await shop.ended(sorry.name)
    assert shop.carrier.took == Counter(map(address, ids))


async def told(shop: Shop, customer_id: str) -> list[str]:
    away = TemporalUnavailable("not asked")
    found = await story.tell(
        shop.store, shop.sojourn.settings, shop.sojourn.project, away, customer_id
    )
    return [one.text for one in found.timeline if isinstance(one, InAudience)]


async def test_check_and_explain_say_who_had_the_first_one(shop: Shop) -> None:
    fine, lost = await shop.people(2)

    def fails(parcel: Parcel, _: int) -> None:
        if parcel.address == address(lost):
            raise AmbiguousSend("the answer was lost")

    shop.carrier = Counting(fails)
    spring = shop.campaign()
    sorry = shop.campaign("sorry", to=Audience("silent", did_not_react(spring.name)))
    settings = shop.sojourn.settings.model_copy(update={"track_clicks": False})

    async def looked() -> Check:
        now = datetime.now(UTC)
        return await check(shop.store, settings, shop.sojourn.project, sorry, now)

    assert f"nobody had {spring.name}, which was never launched" in (await looked()).warnings
    await shop.frozen(spring)
    assert any("and it is running" in one for one in (await looked()).warnings)
    async with shop.worker():
        await shop.ended(spring.name)
    found = await looked()
    ((first,), (warning,)) = found.follows, found.warnings
    assert (found.size, first.sent, first.unknown) == (1, 1, 1)
    assert (
        warning == f"clicks are not measured here: nobody is known to have clicked in {spring.name}"
    )
    await shop.frozen(sorry)
    why = (
        f"who received {spring.name} and not (clicked in {spring.name}) "
        f"and not (reached the goal of {spring.name})"
    )
    (said,) = await told(shop, fine)
    assert said.startswith(f"in the audience of {sorry.name}, {why}, due")
    (said,) = await told(shop, lost)
    assert said == (
        f"perhaps in the audience of {sorry.name}, {why}; that is not certain: it is in doubt what "
        "they had"
    )
    async with shop.worker():
        await launching.act(shop.sojourn, sorry.name, CampaignAct.STOP, by="anna", because="ok")
        await shop.ended(sorry.name)


async def test_a_transactional_correction_passes_the_cap_that_the_wrong_message_filled(
    shop: Shop,
) -> None:
    (one,) = await shop.people(1)
    policy = shop.templates.parent / "policy.toml"
    policy.write_text("[caps]\nper_day = 1\n")
    spring = shop.campaign()
    await sent(shop, spring)
    settings = shop.sojourn.settings.model_copy(update={"caps": "policy"})
    fates = []
    for words in ({}, {"message_class": TRANSACTIONAL}):
        sorry = shop.campaign("sorry", to=had(spring), message=shop.message(**words))
        project = replace(shop.sojourn.project, policy=policy)
        found = await check(shop.store, settings, project, sorry, datetime.now(UTC))
        fates.append((found.sent, [held.reason for held in found.held], list(found.skipped)))
    promotional, transactional = fates
    assert transactional == ({Channel.EMAIL: 1}, [], [])
    assert promotional != transactional
    assert Reason.CAP in (*promotional[1], *promotional[2])
    assert one
