"""Unsubscribing over HTTP and in a browser: by a mailbox or a person, and never by a look."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine

from sojourn.domain.customer import read_identity
from sojourn.domain.links import Click, Unsubscribe, click_token, unsubscribe_token
from sojourn.domain.messages import Channel
from sojourn.gateway.pages.forms import FORM_LIMIT
from sojourn.gateway.pages.pages import Pages
from sojourn.journeys.registry import Journeys
from sojourn.rendering.folders import ENGINE
from sojourn.store import Store, cards, consents, people
from sojourn.store.tables import ConsentRow, ContentRow, RunRow
from tests.support.browser import CHROMIUM, telephone
from tests.support.effort import fewer
from tests.support.gateway_links import (
    BROWSER,
    SECRET,
    SHOP,
    again,
    alone,
    sent,
    shop,
    unsubscribe_path,
)
from tests.support.gateway_server import Served
from tests.support.project import PROJECT

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LEAVE, STAY = {"wish": "unsubscribe"}, {"wish": "stay"}
SHOTS = os.environ.get("SCREENSHOTS")


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


async def statements(store: Store, customer_id: str) -> list[ConsentRow]:
    async with store.reading() as session:
        return list(await consents.statements(session, customer_id))


async def refused(store: Store, customer_id: str) -> set[tuple[str, str]]:
    async with store.reading() as session:
        found = (await consents.current(session, customer_id)).refused
    return {(channel.value if channel else "", topic) for channel, topic in found}


def multipart(fields: dict[str, str]) -> httpx.Request:
    return httpx.Request("POST", "http://x", files={k: (None, v) for k, v in fields.items()})


async def speaks(store: Store, customer_id: str, locale: str) -> None:
    async with store.transaction() as session:
        identity = read_identity(
            {"locale": locale}, customer_id=customer_id, message_id="m", at=datetime.now(UTC)
        )
        await cards.identify(session, identity)


# ---- one click -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
async def test_a_mailbox_unsubscribes_with_one_click(
    served: Served, customer_id: str, form: str
) -> None:
    path = unsubscribe_path(customer_id)
    if form == "urlencoded":
        answer = await served.http.post(path, data=ONE_CLICK)
    else:
        body = multipart(ONE_CLICK)
        assert body.headers["content-type"].startswith("multipart/form-data")
        answer = await served.http.post(path, content=body.read(), headers=body.headers)
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert await refused(served.store, customer_id) == {("email", "cart")}
    (event,) = await served.stored(customer_id)
    assert event.name == "Message Unsubscribed"
    assert event.properties["topic"] == "cart"
    assert event.properties["channel"] == "email"


async def test_a_refusal_names_its_source_and_advances_the_message(
    served: Served, customer_id: str
) -> None:
    message = await sent(served.store, customer_id)
    path = unsubscribe_path(customer_id, "onboarding", message.reference)
    assert (await served.http.post(path, data=ONE_CLICK)).status_code == 200
    (said,) = await statements(served.store, customer_id)
    assert said.source == f"unsubscribe link of {message.reference}: one-click"
    (event,) = await served.stored(customer_id)
    assert event.properties["run"] == message.workflow_id
    assert event.properties["step"] == "welcome"
    row = await again(served.store, message)
    assert (row.progress, row.progress_at) == ("unsubscribed", said.at)


async def test_unsubscribing_again_records_no_second_refusal(
    served: Served, customer_id: str
) -> None:
    path = unsubscribe_path(customer_id)
    for form in (ONE_CLICK, LEAVE, ONE_CLICK):
        assert (await served.http.post(path, data=form)).status_code == 200
    assert len(await statements(served.store, customer_id)) == 1
    assert len(await served.stored(customer_id)) == 1


async def test_leaving_staying_and_leaving_again_records_three_words(
    served: Served, customer_id: str
) -> None:
    path = unsubscribe_path(customer_id)
    for form, left in ((LEAVE, True), (STAY, False), (STAY, False), (LEAVE, True)):
        assert (await served.http.post(path, data=form)).status_code == 200
        assert bool(await refused(served.store, customer_id)) is left
    said = await statements(served.store, customer_id)
    assert [row.granted for row in said] == [False, True, False]
    assert len(await served.stored(customer_id)) == 2


async def test_staying_without_a_refusal_records_no_consent(
    served: Served, customer_id: str
) -> None:
    assert (await served.http.post(unsubscribe_path(customer_id), data=STAY)).status_code == 200
    assert await statements(served.store, customer_id) == []


async def test_a_refusal_counts_although_another_machines_clock_was_ahead(
    served: Served, customer_id: str
) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    async with served.store.transaction() as session:
        await consents.record(
            session, await people.lock(session, customer_id), Channel.EMAIL,
            granted=True, at=ahead, source="a machine", topic="cart",
        )  # fmt: skip
    await served.http.post(unsubscribe_path(customer_id), data=ONE_CLICK)
    assert await refused(served.store, customer_id) == {("email", "cart")}


async def test_unsubscribing_from_a_topic_leaves_other_topics_on(
    served: Served, customer_id: str
) -> None:
    await served.http.post(unsubscribe_path(customer_id, "newsletter"), data=ONE_CLICK)
    assert await refused(served.store, customer_id) == {("email", "newsletter")}


# ---- a look is no wish -----------------------------------------------------------------------


async def has_mailbox(store: Store, customer_id: str, address: str) -> None:
    async with store.transaction() as session:
        identity = read_identity(
            {"email": address, "marketingConsent": {"email": True}},
            customer_id=customer_id,
            message_id=customer_id,
            at=datetime.now(UTC),
        )
        await cards.identify(session, identity)


async def test_a_link_speaks_for_every_id_with_the_mailbox(
    served: Served, customer_id: str
) -> None:
    guest, account = f"guest-{customer_id}", f"account-{customer_id}"
    address = f"rosa-{customer_id}@shop.example"
    await has_mailbox(served.store, guest, address)
    await has_mailbox(served.store, account, address.upper())
    path = unsubscribe_path(guest)
    await served.http.post(path, data=ONE_CLICK)
    assert await refused(served.store, guest) == {("email", "cart")}
    assert await refused(served.store, account) == {("email", "cart")}
    await served.http.post(path, data=STAY)
    assert await refused(served.store, guest) == await refused(served.store, account) == set()


async def test_a_link_speaks_for_the_mailbox_that_it_was_sent_to(
    served: Served, customer_id: str
) -> None:
    """The customer has moved to another mailbox since; somebody else has the old one."""
    heir, address = f"heir-{customer_id}", f"old-{customer_id}@shop.example"
    await has_mailbox(served.store, customer_id, f"new-{customer_id}@shop.example")
    await has_mailbox(served.store, heir, address)
    message = await sent(served.store, customer_id)
    assert message.id is not None
    async with served.store.transaction() as session:
        session.add(ContentRow(ledger_id=message.id, address=address, content={}))
    path = unsubscribe_path(customer_id, "onboarding", message.reference)
    await served.http.post(path, data=ONE_CLICK)
    assert await refused(served.store, customer_id) == {("email", "onboarding")}
    assert await refused(served.store, heir) == {("email", "onboarding")}


async def test_whoever_shares_the_mailbox_may_stay_by_a_link_of_their_own(
    served: Served, customer_id: str
) -> None:
    guest, account = f"guest-{customer_id}", f"account-{customer_id}"
    for one in (guest, account):
        await has_mailbox(served.store, one, f"rosa-{customer_id}@shop.example")
    await served.http.post(unsubscribe_path(guest), data=ONE_CLICK)
    await served.http.post(unsubscribe_path(account), data=STAY)
    assert await refused(served.store, account) == set()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_the_page_does_not_unsubscribe(
    served: Served, customer_id: str, method: str
) -> None:
    path = unsubscribe_path(customer_id)
    for query in ("", "?List-Unsubscribe=One-Click", "?wish=unsubscribe"):
        answer = await served.http.request(method, path + query, headers=BROWSER)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert await statements(served.store, customer_id) == []
    assert await served.stored(customer_id) == []


async def test_the_page_names_shop_topic_and_channel(served: Served, customer_id: str) -> None:
    answer = await served.http.get(unsubscribe_path(customer_id), headers=BROWSER)
    for words in ("Tern &amp; Oak", "Your shopping cart", "E-mail"):
        assert words in answer.text
    assert answer.text.count("<form") == answer.text.count("<button") == 1
    assert "<script" not in answer.text
    assert re.findall(r"(?:src|href)=\"([^\"/]*/[^\"/]*)", answer.text) == ["../preferences"]
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_topic_of_any_name_is_shown_as_text(served: Served, customer_id: str) -> None:
    answer = await served.http.get(unsubscribe_path(customer_id, "<b>vip</b>"), headers=BROWSER)
    assert "&lt;b&gt;vip&lt;/b&gt;" in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("List-Unsubscribe=Two-Click", "application/x-www-form-urlencoded", 400),
        ("", "application/x-www-form-urlencoded", 400),
        ("wish=one-click", "application/x-www-form-urlencoded", 400),
        ("wish=everything", "application/x-www-form-urlencoded", 400),
        ('{"List-Unsubscribe": "One-Click"}', "application/json", 415),
        ("List-Unsubscribe=One-Click", "text/plain", 415),
        ("List-Unsubscribe=One-Click", "", 415),
        ("--x\r\n", "multipart/form-data", 400),
        ("no part", "multipart/form-data; boundary=x", 400),
        ("wish=" + "x" * FORM_LIMIT, "application/x-www-form-urlencoded", 413),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_malformed_form_changes_nothing(
    served: Served, customer_id: str, body: str, kind: str, status: int
) -> None:
    answer = await served.http.post(
        unsubscribe_path(customer_id), content=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == status
    assert await statements(served.store, customer_id) == []


@fewer(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), boundary=st.text("ab-=;", max_size=9))
async def test_a_body_of_any_bytes_is_answered_without_an_error(
    served: Served, body: bytes, boundary: str
) -> None:
    path = unsubscribe_path("c-nobody")
    for kind in (
        "application/x-www-form-urlencoded",
        f"multipart/form-data; boundary={boundary}".strip(),
    ):
        answer = await served.http.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400


FORGED = [
    "nothing",
    unsubscribe_token("another key", Unsubscribe("c_1", Channel.EMAIL, "cart")),
    unsubscribe_token(SECRET, Unsubscribe("c_1", Channel.EMAIL, "cart"))[:-1],
    click_token(SECRET, Click("c_1", SHOP)),
]


@pytest.mark.parametrize("token", FORGED, ids=lambda token: token[:12])
async def test_a_damaged_token_unsubscribes_nobody(served: Served, token: str) -> None:
    for answer in (
        await served.http.get(f"/u/{quote(token)}", headers=BROWSER),
        await served.http.post(f"/u/{quote(token)}", data=ONE_CLICK),
    ):
        assert answer.status_code == 404
        assert f'href="{SHOP}"' in answer.text
    assert await statements(served.store, "c_1") == []


# ---- when something is away ------------------------------------------------------------------


async def test_unsubscribing_works_while_temporal_is_away(
    served: Served, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await sent(served.store, customer_id)
    async with served.store.transaction() as session:
        session.add(
            RunRow(
                workflow_id=message.workflow_id,
                run_id="r1",
                journey="onboarding",
                customer_id=customer_id,
                enrolment=message.enrolment,
                started_at=message.due_at,
            )
        )
    # no shipped journey hears the event; a project's own may
    hearing = {"onboarding": PROJECT.journeys["onboarding"]}
    monkeypatch.setattr(Journeys, "heard_by", lambda self, event: hearing)
    answer = await served.http.post(unsubscribe_path(customer_id), data=ONE_CLICK)
    assert answer.status_code == 200
    assert await refused(served.store, customer_id) == {("email", "cart")}
    (event,) = await served.stored(customer_id)
    assert event.routed_at is None, "the sweep tells the run"


async def test_a_mailbox_and_a_person_are_asked_to_try_again_while_the_store_is_away(
    tmp_path: Path, customer_id: str
) -> None:
    async with (
        await Store.open(f"sqlite:///{tmp_path}/test.db", migrate=True) as store,
        alone(store) as served,
    ):
        path, whole = unsubscribe_path(customer_id), store.engine
        store.engine = create_async_engine("sqlite+aiosqlite:////nowhere/a.db")
        mailbox = await served.http.post(path, data=ONE_CLICK)
        assert (mailbox.status_code, mailbox.headers["retry-after"]) == (503, "2")
        assert mailbox.headers["content-type"] == "text/plain; charset=utf-8"
        italian = {**BROWSER, "Accept-Language": "it"}
        for form in (LEAVE, STAY):
            person = await served.http.post(path, data=form, headers=italian)
            assert (person.status_code, person.headers["retry-after"]) == (503, "2")
            assert "Riprova tra un momento" in person.text
            assert f'name="wish" value="{form["wish"]}"' in person.text
        page = await served.http.get(path, headers=italian)
        assert page.status_code == 200
        assert "Annulla l&#39;iscrizione" in page.text
        store.engine = whole
        assert (await served.http.post(path, data=ONE_CLICK)).status_code == 200
        assert await refused(store, customer_id) == {("email", "cart")}


async def test_a_mailbox_is_asked_to_try_again_while_the_store_hangs(
    store: Store, customer_id: str
) -> None:
    async with alone(store, gateway_answer_seconds=0.01) as served:
        async with store.transaction() as session:
            await people.lock(session, customer_id)
            answer = await served.http.post(unsubscribe_path(customer_id), data=ONE_CLICK)
            assert answer.status_code == 503
        await served.gateway.work.drained()
        assert await refused(store, customer_id) == {("email", "cart")}


# ---- languages -------------------------------------------------------------------------------


async def test_the_page_is_shown_in_the_customers_language_if_that_is_known(
    served: Served, customer_id: str
) -> None:
    path, polish = unsubscribe_path(customer_id), {**BROWSER, "Accept-Language": "pl"}
    assert (await served.http.get(path, headers=polish)).headers["content-language"] == "pl"
    await speaks(served.store, customer_id, "it-IT")
    answer = await served.http.get(path, headers=polish)
    assert answer.headers["content-language"] == "it"
    assert "Il tuo carrello" in answer.text
    await speaks(served.store, customer_id, "ja")
    assert (await served.http.get(path, headers=polish)).headers["content-language"] == "pl"


def test_every_page_exists_in_every_language_and_names_every_shipped_topic() -> None:
    pages = {path.name.split(".")[0] for path in (ENGINE / "pages").glob("*.*.html")}
    pages -= {"names", "preferences"}  # the preference page needs a form
    pages -= {
        "appointment",
        "appointment-over",
        "task",
        "task-gone",
    }  # they need what they are about
    pages -= {"renew", "renewed", "renewing", "renewal-over"}
    pages -= {"survey", "survey-answered", "survey-over"}
    choices = {"busy", "nobody"}
    opt_in = {"confirm", "confirmed", "declined", "lapsed"}
    assert (
        pages
        == {"unsubscribe", "unsubscribed", "stayed", "away", "damaged", "gone"} | opt_in | choices
    )
    topics = shipped_topics()
    assert topics
    answering = Pages(shop())
    for lang in PROJECT.languages:
        for page in pages:
            for topic in topics:
                answer = answering.answer(
                    page,
                    locale=lang,
                    topic=topic,
                    channel="email",
                    says="stay",
                    wording="",
                    wording_lang="",
                )
                html = bytes(answer.body).decode()
                assert f'<html lang="{lang}">' in html
                assert f"<dd>{topic}</dd>" not in html, f"{topic} has no name in {lang}"
            for channel in Channel:
                answering.answer(
                    page,
                    locale=lang,
                    topic=min(topics),
                    channel=channel.value,
                    says="stay",
                    wording="",
                    wording_lang="",
                )


def shipped_topics() -> set[str]:
    return {
        message.of(journey.topic).topic
        for journey in PROJECT.journeys.values()
        for message in journey.messages
    }


# ---- in a browser ----------------------------------------------------------------------------

WORDS = {
    "it": ("Annulla l'iscrizione", "Iscrizione annullata", "L'iscrizione resta attiva"),
    "pl": (
        "Rezygnacja z\N{NO-BREAK SPACE}wiadomości",
        "Rezygnacja przyjęta",
        "Nic się nie zmienia",
    ),
}


def keep(name: str, picture: bytes) -> None:
    """Keep a picture for a person to look at: ``SCREENSHOTS=folder pytest``."""
    if SHOTS:
        (Path(SHOTS) / name).write_bytes(picture)


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("store", "lang"), [("sqlite", "it"), ("postgresql", "pl")], indirect=["store"]
)
async def test_a_customer_clicks_the_button_and_changes_their_mind_twice(
    served: Served, customer_id: str, tmp_path: Path, lang: str
) -> None:
    url = served.url + unsubscribe_path(customer_id)
    async with telephone(tmp_path / "profile", language=lang, dark=lang == "pl") as tab:
        await tab.open(url)
        for number, title in enumerate((*WORDS[lang], WORDS[lang][1])):
            assert await tab.ask("document.querySelector('h1').textContent") == title
            assert await tab.ask("document.title") == f"{title} - Tern & Oak"
            assert await tab.ask("document.documentElement.lang") == lang
            assert await tab.ask("location.href") == url
            style = "getComputedStyle(document.querySelector('main')).borderRadius"
            assert await tab.ask(style) == "14px", "the policy lets the style in"
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await tab.ask(wide), "nothing sticks out"
            keep(f"unsubscribe-{lang}-{number}.png", await tab.picture())
            assert bool(await refused(served.store, customer_id)) is (number in (1, 3))
            if number < 3:
                await tab.click("button")
        assert await tab.ask("document.cookie") == ""
        await tab.open(f"{served.url}/c/nothing")
        keep(f"damaged-{lang}.png", await tab.picture())
        assert await tab.ask("document.querySelector('a').href") == f"{SHOP}/"
