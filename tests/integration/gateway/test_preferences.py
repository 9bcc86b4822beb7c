"""The preference page over HTTP: it shows what holds, and stores what its form says."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from sojourn.domain.customer import read_identity
from sojourn.domain.links import (
    Preferences,
    Unsubscribe,
    form_token,
    preferences_token,
    unsubscribe_token,
)
from sojourn.domain.messages import Channel
from sojourn.store import (
    Store,
    cards,
    choices,
    consents,
    people,
    refusals,
    restrictions,
    suppressions,
)
from sojourn.store.tables import ChoiceRow, ConsentRow, CustomerRow
from tests.support.gateway_links import BROWSER, SECRET, SHOP, alone, sent, unsubscribe_path
from tests.support.gateway_server import Served

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


def path_of(customer_id: str, reference: str = "") -> str:
    return f"/preferences/{preferences_token(SECRET, Preferences(customer_id, reference))}"


@dataclass
class Page:
    """A page as a browser without scripts sees it."""

    answer: httpx.Response
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return html.unescape(self.answer.text)

    @property
    def undo(self) -> str:
        found = re.search(r'name="form" value="([^"]+)">\s*<button[^>]* value="undo"', self.text)
        return found[1] if found else ""

    def has(self, name: str) -> bool:
        """Tell whether the page has a field."""
        return f'name="{name}"' in self.text


def read(answer: httpx.Response) -> Page:
    """Read the fields that a browser would post by the button that saves."""
    page = Page(answer)
    form = answer.text.partition('<form method="post" class="choices">')[2].partition("</form>")[0]
    for tag in re.findall(r"<input [^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and ("checked" in tag or "hidden" in tag):
            page.fields[html.unescape(name[1])] = html.unescape(value[1]) if value else "on"
    for name, options in re.findall(
        r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', options)
        first = re.search(r'value="([^"]*)"', options)
        assert first is not None
        page.fields[html.unescape(name)] = html.unescape((chosen or first)[1])
    return page


async def looks(served: Served, customer_id: str, **headers: str) -> Page:
    answer = await served.http.get(path_of(customer_id), headers={**BROWSER, **headers})
    assert answer.status_code == 200, answer.text
    return read(answer)


async def saves(
    served: Served,
    customer_id: str,
    page: Page | None = None,
    *,
    off: tuple[str, ...] = (),
    **changes: str,
) -> Page:
    """Change fields of the page and save; `__` stands for a full stop, `break_` for ``break``."""
    page = page or await looks(served, customer_id)
    fields = {name: value for name, value in page.fields.items() if name not in off}
    fields |= {name.rstrip("_").replace("__", "."): value for name, value in changes.items()}
    answer = await served.http.post(path_of(customer_id), data=fields, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return read(answer)


async def undoes(served: Served, customer_id: str, page: Page) -> Page:
    assert page.undo
    answer = await served.http.post(
        path_of(customer_id), data={"form": page.undo, "do": "undo"}, headers=BROWSER
    )
    assert answer.status_code == 200, answer.text
    return read(answer)


async def introduce(store: Store, customer_id: str, **traits: Any) -> None:
    """Identify a customer who has a mailbox and agreed to e-mails."""
    given = {
        "email": f"rosa-{customer_id}@shop.example",
        "firstName": "Rosalinda",
        "marketingConsent": {"email": True},
        **traits,
    }
    async with store.transaction() as session:
        identity = read_identity(
            given, customer_id=customer_id, message_id=f"m-{customer_id}", at=datetime.now(UTC)
        )
        await cards.identify(session, identity)


@pytest_asyncio.fixture(loop_scope="session")
async def customer(store: Store, customer_id: str) -> str:
    await introduce(store, customer_id)
    return customer_id


async def said(store: Store, customer_id: str) -> list[ConsentRow]:
    async with store.reading() as session:
        return list(await consents.statements(session, customer_id))


async def changes(store: Store, customer_id: str) -> list[ChoiceRow]:
    async with store.reading() as session:
        return list(await choices.of_customer(session, customer_id))


async def may(store: Store, customer_id: str, channel: Channel, topic: str) -> bool:
    async with store.reading() as session:
        stands = await consents.current(session, customer_id)
    return stands.refusal(channel, topic, needs_own_yes=topic == "newsletter") is None


async def card(store: Store, customer_id: str) -> CustomerRow:
    async with store.transaction() as session:
        return await people.lock(session, customer_id)


# ---- it shows what holds ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_look_changes_nothing(served: Served, customer: str, method: str) -> None:
    before = await said(served.store, customer)
    for query in ("", "?do=stop", "?topic.cart=off&do=save"):
        answer = await served.http.request(method, path_of(customer) + query, headers=BROWSER)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in answer.text
    assert await said(served.store, customer) == before
    assert await changes(served.store, customer) == []


async def test_the_page_shows_topics_by_class_and_what_is_on(served: Served, customer: str) -> None:
    page = await looks(served, customer)
    assert page.fields["topic.cart"] == page.fields["channel.email"] == "on"
    assert "topic.newsletter" not in page.fields, "it needs a yes of its own"
    assert page.has("topic.newsletter")
    assert not page.has("topic.account")
    assert "Your account" in page.text.partition("What always comes")[2]
    assert "Reminders of what you left in your cart." in page.text
    assert not page.has("channel.sms"), "there is no number"


async def test_nothing_on_it_tells_who_the_customer_is(served: Served, customer_id: str) -> None:
    await introduce(served.store, customer_id, phone="+393201234567", lastName="Verdi")
    page = await looks(served, customer_id)
    for secret in ("Rosalinda", "Verdi", "rosa-", "shop.example<", "3201234567"):
        assert secret not in page.text


async def test_a_suppressed_address_is_told_without_the_address(
    served: Served, customer: str
) -> None:
    address = f"rosa-{customer}@shop.example"
    async with served.store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, address, because="bounced", source="r", at=datetime.now(UTC)
        )
    page = await looks(served, customer)
    assert "Nothing is sent this way, not even about your orders" in page.text
    assert address not in page.text


async def test_a_channel_with_a_yes_and_no_address_is_shown_as_such(
    served: Served, customer_id: str
) -> None:
    await introduce(served.store, customer_id, marketingConsent={"sms": True})
    page = await looks(served, customer_id)
    assert page.fields["channel.sms"] == "on"
    assert "We have no address of yours for this." in page.text


async def test_a_restriction_is_told(served: Served, customer: str) -> None:
    async with served.store.transaction() as session:
        await restrictions.begin(session, customer, why="disputes what she owes", by="anna")
    page = await looks(served, customer)
    assert "kept but not used" in page.text
    assert "owes" not in page.text
    await saves(served, customer, off=("topic.cart",))
    assert not await may(served.store, customer, Channel.EMAIL, "cart")


async def test_it_speaks_the_customers_language_else_the_browsers(
    served: Served, customer: str
) -> None:
    page = await looks(served, customer, **{"Accept-Language": "pl"})
    assert page.answer.headers["content-language"] == "pl"
    await introduce(served.store, customer, locale="it-CH")
    page = await looks(served, customer, **{"Accept-Language": "pl"})
    assert page.answer.headers["content-language"] == "it"
    for words in ("Che cosa ricevi da noi", "Il tuo carrello", "Italia: Roma", "italiano"):
        assert words in page.text


# ---- topics and channels ---------------------------------------------------------------------


async def test_a_topic_that_is_switched_off_is_refused_at_once(
    served: Served, customer: str
) -> None:
    page = await saves(served, customer, off=("topic.cart",))
    assert "Saved." in page.text
    assert "topic.cart" not in page.fields
    word = (await said(served.store, customer))[-1]
    assert (word.channel, word.topic, word.granted) == ("", "cart", False)
    assert word.source == "preferences link: save"
    assert word.wording == "Your shopping cart\nReminders of what you left in your cart."
    assert str(word.wording_version).startswith("preferences.en ")
    assert (word.locale, word.proof) == ("en", "preferences link")
    assert not await may(served.store, customer, Channel.EMAIL, "cart")
    assert await may(served.store, customer, Channel.EMAIL, "onboarding")
    (event,) = await served.stored(customer)
    assert (event.name, event.properties["topic"]) == ("Message Unsubscribed", "cart")


async def test_saving_without_a_change_says_nothing(served: Served, customer: str) -> None:
    before = await said(served.store, customer)
    page = await saves(served, customer)
    assert page.undo == ""
    assert await said(served.store, customer) == before
    assert await changes(served.store, customer) == []
    assert await served.stored(customer) == []


async def test_undo_brings_back_what_was(served: Served, customer: str) -> None:
    before = await looks(served, customer)
    page = await saves(
        served, customer, off=("topic.cart", "channel.email"), topic__newsletter="on",
        often__cart="7", zone="Asia/Kolkata", language="pl", break_="14",
    )  # fmt: skip
    assert page.answer.headers["content-language"] == "pl"
    page = await undoes(served, customer, page)
    after = {name: value for name, value in page.fields.items() if name != "form"}
    assert after == {name: value for name, value in before.fields.items() if name != "form"}
    assert "Undone." in page.text
    assert await may(served.store, customer, Channel.EMAIL, "cart")
    assert not await may(served.store, customer, Channel.EMAIL, "newsletter")
    row = await card(served.store, customer)
    assert (row.snoozed_until, row.least_days, row.locale, row.timezone) == (None, None, "", "")


async def test_a_link_and_its_message_are_the_source(served: Served, customer: str) -> None:
    message = await sent(served.store, customer)
    page = await looks(served, customer)
    fields = {name: value for name, value in page.fields.items() if name != "topic.onboarding"}
    path = path_of(customer, message.reference)
    assert (await served.http.post(path, data=fields, headers=BROWSER)).status_code == 200
    word = (await said(served.store, customer))[-1]
    assert word.source == f"preferences link of {message.reference}: save"
    (event,) = await served.stored(customer)
    assert event.properties["run"] == message.workflow_id


async def test_a_refusal_binds_everybody_with_the_mailbox_and_a_yes_takes_it_back(
    served: Served, customer: str
) -> None:
    guest = f"guest-{customer}"
    await introduce(served.store, guest, email=f"ROSA-{customer}@shop.example")
    page = await saves(served, customer, off=("topic.cart",))
    assert not await may(served.store, guest, Channel.EMAIL, "cart")
    await undoes(served, customer, page)
    assert await may(served.store, guest, Channel.EMAIL, "cart")


async def refuses_by_sms(served: Served, customer_id: str, phone: str) -> Page:
    """Have a customer of e-mail and SMS refuse cart messages by SMS; return the page after it."""
    both = {"email": True, "sms": True}
    await introduce(served.store, customer_id, phone=phone, marketingConsent=both)
    assert not (await looks(served, customer_id)).has("by.cart.sms")
    token = unsubscribe_token(SECRET, Unsubscribe(customer_id, Channel.SMS, "cart"))
    await served.http.post(f"/u/{token}", data=ONE_CLICK)
    return await looks(served, customer_id)


async def test_a_no_by_one_channel_is_shown_by_channel_and_can_be_taken_back(
    served: Served, customer_id: str
) -> None:
    page = await refuses_by_sms(served, customer_id, "+393201234567")
    assert page.fields["topic.cart"] == page.fields["by.cart.email"] == "on"
    assert page.has("by.cart.sms")
    assert "by.cart.sms" not in page.fields
    page = await saves(
        served, customer_id, page, off=("by.cart.email",), by__cart__sms="on"
    )  # fmt: skip
    assert not await may(served.store, customer_id, Channel.EMAIL, "cart")
    assert await may(served.store, customer_id, Channel.SMS, "cart")


async def test_a_topic_switched_on_opens_no_channel_that_is_off(
    served: Served, customer: str
) -> None:
    await served.http.post(unsubscribe_path(customer), data=ONE_CLICK)
    await saves(served, customer, off=("channel.email",))
    page = await saves(served, customer, topic__cart="on")
    assert "topic.cart" in page.fields
    assert not await may(served.store, customer, Channel.EMAIL, "cart")
    await saves(served, customer, page, channel__email="on")
    assert await may(served.store, customer, Channel.EMAIL, "cart")


async def test_a_channel_switched_off_takes_its_boxes_with_it(
    served: Served, customer_id: str
) -> None:
    """A box for a topic by this channel is still ticked: the no to the channel is the wider one."""
    page = await refuses_by_sms(served, customer_id, "+393201234568")
    assert page.fields["by.cart.email"] == "on"
    page = await saves(served, customer_id, page, off=("channel.email",))
    assert not await may(served.store, customer_id, Channel.EMAIL, "cart")
    await undoes(served, customer_id, page)
    assert await may(served.store, customer_id, Channel.EMAIL, "cart")
    assert not await may(served.store, customer_id, Channel.SMS, "cart")


@pytest.mark.parametrize(
    ("off", "on"), [(("by.cart.email",), {}), ((), {"channel__email": "on"}), (("topic.cart",), {})]
)
async def test_undo_brings_back_a_topic_by_a_channel_that_is_off(
    served: Served, customer_id: str, off: tuple[str, ...], on: dict[str, str]
) -> None:
    await introduce(served.store, customer_id, marketingConsent={"email": False})
    async with served.store.transaction() as session:
        person = await people.lock(session, customer_id)
        await consents.record(
            session, person, Channel.EMAIL, granted=True, at=datetime.now(UTC), source="-",
            topic="cart",
        )  # fmt: skip
    before = await looks(served, customer_id)
    assert before.fields["by.cart.email"] == "on"
    assert "channel.email" not in before.fields
    page = await saves(served, customer_id, before, off=off, **on)
    assert page.fields.keys() != before.fields.keys()
    after = await undoes(served, customer_id, page)
    assert after.fields.keys() == before.fields.keys()


async def test_one_button_stops_all_and_undo_takes_that_back(served: Served, customer: str) -> None:
    page = await saves(served, customer, do="stop")
    assert not [name for name in page.fields if name.startswith("channel.")]
    for topic in ("cart", "onboarding", "newsletter"):
        assert not await may(served.store, customer, Channel.EMAIL, topic)
    page = await undoes(served, customer, page)
    assert "channel.email" in page.fields
    assert await may(served.store, customer, Channel.EMAIL, "cart")


# ---- forms that are old ----------------------------------------------------------------------


async def test_an_old_form_takes_back_no_refusal_that_it_did_not_show(
    served: Served, customer: str
) -> None:
    old = await looks(served, customer)
    await served.http.post(unsubscribe_path(customer), data=ONE_CLICK)
    page = await saves(served, customer, old, language="it")
    assert not await may(served.store, customer, Channel.EMAIL, "cart")
    assert "topic.cart" not in page.fields
    assert (await card(served.store, customer)).locale == "it"


async def test_a_yes_of_an_old_form_does_not_outweigh_a_later_no(
    served: Served, customer: str
) -> None:
    old = await saves(served, customer, off=("topic.cart",))
    page = await saves(served, customer, old, topic__cart="on")
    assert "topic.cart" in page.fields
    await served.http.post(unsubscribe_path(customer), data=ONE_CLICK)
    await saves(served, customer, off=("channel.email",))
    page = await saves(served, customer, old, topic__cart="on", channel__email="on")
    assert "you said no to it elsewhere" in page.text
    assert not await may(served.store, customer, Channel.EMAIL, "cart")


# ---- beside consent --------------------------------------------------------------------------


async def test_a_break_is_stored_with_its_history_and_can_be_ended(
    served: Served, customer: str
) -> None:
    await introduce(served.store, customer, timezone="Europe/Rome")
    page = await saves(served, customer, break_="14")
    row = await card(served.store, customer)
    assert row.snoozed_until is not None
    left = row.snoozed_until - datetime.now(UTC)
    assert timedelta(days=13) <= left <= timedelta(days=14)
    assert row.snoozed_until.astimezone().second == 0
    assert "You are taking a break until" in page.text
    assert page.fields["break"] == "keep"
    again = await saves(served, customer, page)
    assert (await card(served.store, customer)).snoozed_until == row.snoozed_until
    await saves(served, customer, again, break_="end")
    assert (await card(served.store, customer)).snoozed_until is None
    began, ended = await changes(served.store, customer)
    assert (began.what, began.was, began.became) == ("break", "", row.snoozed_until.isoformat())
    assert (ended.was, ended.became) == (began.became, "")
    assert began.source == "preferences link: save"
    assert (began.locale, began.version) == ("en", ended.version)
    assert {row.source for row in await said(served.store, customer)} == {f"m-{customer}"}


async def test_less_often_is_offered_as_the_topic_says(served: Served, customer: str) -> None:
    page = await looks(served, customer)
    assert page.fields["often.cart"] == "0"
    assert not page.has("often.renewal")
    page = await saves(served, customer, page, often__cart="7")
    assert page.fields["often.cart"] == "7"
    assert (await card(served.store, customer)).least_days == {"cart": 7}
    (row,) = await changes(served.store, customer)
    assert (row.what, row.topic, row.was, row.became) == ("often", "cart", "0", "7")
    await saves(served, customer, page, often__cart="0")
    assert (await card(served.store, customer)).least_days is None


async def test_language_and_zone_are_words_on_the_card(served: Served, customer: str) -> None:
    await introduce(served.store, customer, locale="en-US")
    page = await saves(served, customer, language="pl", zone="Europe/Warsaw")
    row = await card(served.store, customer)
    assert (row.locale, row.timezone) == ("pl-US", "Europe/Warsaw"), "the country stays"
    assert page.answer.headers["content-language"] == "pl"
    assert [each.what for each in await changes(served.store, customer)] == ["locale", "timezone"]


# ---- bad input -------------------------------------------------------------------------------

FORGED = [
    "nothing",
    preferences_token("another key", Preferences("c_1")),
    preferences_token(SECRET, Preferences("c_1"))[:-1],
    unsubscribe_token(SECRET, Unsubscribe("c_1", Channel.EMAIL, "cart")),
]


@pytest.mark.parametrize("token", FORGED, ids=lambda token: token[:12])
async def test_a_forged_link_gets_one_clear_page(served: Served, token: str) -> None:
    for answer in (
        await served.http.get(f"/preferences/{quote(token)}", headers=BROWSER),
        await served.http.post(f"/preferences/{quote(token)}", data={"do": "stop"}),
    ):
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
        assert f'href="{SHOP}"' in answer.text


async def test_a_form_of_nobody_or_of_another_customer_changes_nothing(
    served: Served, customer: str
) -> None:
    other = f"other-{customer}"
    await introduce(served.store, other)
    theirs = (await looks(served, other)).fields
    own = (await looks(served, customer)).fields
    forged = form_token("another key", customer, "[]")
    for form in (theirs, {"do": "stop"}, {**own, "form": forged}, {**own, "form": own["form"][1:]}):
        posted = {**form, "do": "stop"}
        answer = await served.http.post(path_of(customer), data=posted, headers=BROWSER)
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
    assert await may(served.store, customer, Channel.EMAIL, "cart")
    assert await may(served.store, other, Channel.EMAIL, "cart")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("often.cart", "2"), ("break", "9999"), ("zone", "Mars/Olympus"), ("language", "tlh"),
        ("do", "erase"), ("do", "undo"),
    ],
)  # fmt: skip
async def test_a_value_that_the_page_does_not_offer_stores_nothing(
    served: Served, customer: str, name: str, value: str
) -> None:
    page = await looks(served, customer)
    fields = {key: one for key, one in page.fields.items() if key != "topic.cart"} | {name: value}
    answer = await served.http.post(path_of(customer), data=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["path"] in (name, "form")
    assert await may(served.store, customer, Channel.EMAIL, "cart")
    assert await changes(served.store, customer) == []


async def test_a_topic_that_needs_no_yes_cannot_be_refused(served: Served, customer: str) -> None:
    await saves(served, customer, topic__account="off", topic__nonsense="on")
    assert {row.topic for row in await said(served.store, customer)} == {""}


async def test_who_is_erased_or_unknown_has_nothing_to_choose(
    served: Served, customer: str
) -> None:
    form = (await looks(served, customer)).fields
    async with served.store.transaction() as session:
        await cards.erase(session, customer, datetime.now(UTC))
    answers = [
        await served.http.get(path_of(customer), headers=BROWSER),
        await served.http.post(path_of(customer), data=form, headers=BROWSER),
        await served.http.get(path_of(f"nobody-{customer}"), headers=BROWSER),
    ]
    for answer in answers:
        assert answer.status_code == 410
        assert "There is nothing to choose here" in answer.text
    async with served.store.reading() as session:
        assert await session.get(CustomerRow, f"nobody-{customer}") is None


async def test_a_page_that_cannot_be_had_asks_to_try_again(
    served: Served, customer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        await Store.open(f"sqlite:///{tmp_path}/test.db", migrate=True) as store,
        alone(store) as gateway,
    ):
        await introduce(store, customer)
        form = (await looks(gateway, customer)).fields

        def away(*_: object) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(store, "reading", away)
        for answer in (
            await gateway.http.get(path_of(customer), headers=BROWSER),
            await gateway.http.post(path_of(customer), data=form, headers=BROWSER),
        ):
            assert (answer.status_code, answer.headers["retry-after"] >= "2") == (503, True)
            assert "Please try again in a moment" in answer.text


async def test_no_address_is_refused_where_the_lock_is_held_in_order(
    served: Served, customer_id: str
) -> None:
    """Refusals of both addresses are on record, each under its own channel."""
    await introduce(
        served.store, customer_id, phone="+393209999999",
        marketingConsent={"email": True, "sms": True},
    )  # fmt: skip
    await saves(served, customer_id, off=("topic.cart",))
    reach = [(Channel.EMAIL, f"rosa-{customer_id}@shop.example"), (Channel.SMS, "+393209999999")]
    async with served.store.reading() as session:
        found = await refusals.against(session, reach)
    assert {(row.channel, row.topic) for row in found} == {("email", "cart"), ("sms", "cart")}
