"""Confirming over HTTP and in a browser: by a person's button, and never by a look."""

import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col

from sojourn.domain.consent import Purpose
from sojourn.domain.customer import Erasure, read_identity
from sojourn.domain.links import (
    Confirm,
    Unsubscribe,
    confirm_token,
    mailbox_mark,
    unsubscribe_token,
)
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.opt_ins import LASTS, requests
from sojourn.journeys.registry import Journeys
from sojourn.store import Store, cards, consents
from sojourn.store.tables import ConsentRow
from tests.support.axe import SIZES, faults, sized
from tests.support.browser import CHROMIUM, telephone
from tests.support.gateway_links import BROWSER, SECRET, SHOP, alone
from tests.support.gateway_server import Served
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)

SHOTS = os.environ.get("SCREENSHOTS")
YES, NO = {"wish": "confirm"}, {"wish": "decline"}
WORDING = "Yes, send me the newsletter."
ASKED = {
    "channel": "email",
    "topic": "newsletter",
    "wording": WORDING,
    "wording_version": "2026-11",
    "locale": "en",
    "proof": "sign-up form",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


def address_of(customer_id: str) -> str:
    return f"{customer_id}@shop.example"


async def identify(store: Store, customer_id: str, **traits: Any) -> None:
    now = datetime.now(UTC)
    async with store.transaction() as session:
        identity = read_identity(
            traits, customer_id=customer_id, message_id=f"identify {now}", at=now
        )
        await cards.identify(session, identity, now=now)


async def statements(store: Store, customer_id: str) -> list[ConsentRow]:
    async with store.reading() as session:
        return list(await consents.statements(session, customer_id))


async def asks(served: Served, customer_id: str, **changes: Any) -> ConsentRow:
    """Have a customer ask as a service tells it; return the request."""
    if not await statements(served.store, customer_id):
        await identify(
            served.store, customer_id, email=address_of(customer_id), phone="+393201234567"
        )
    call = {"event": "Opt-In Requested", "userId": customer_id, "properties": {**ASKED, **changes}}
    answer = await served.post("/v1/track", call)
    assert answer.status_code == 200, answer.text
    return requests(await statements(served.store, customer_id))[-1]


def path_of(row: ConsentRow, customer_id: str, address: str = "", secret: str = SECRET) -> str:
    mark = mailbox_mark(secret, address or address_of(customer_id))
    assert row.id is not None
    return f"/confirm/{confirm_token(secret, Confirm(customer_id, row.id, mark))}"


async def permits(store: Store, customer_id: str, topic: str = "newsletter") -> Reason | None:
    async with store.reading() as session:
        stands = await consents.current(session, customer_id)
    return stands.refusal(Channel.EMAIL, topic, needs_own_yes=True)


async def told(served: Served, customer_id: str) -> list[str]:
    return [event.name for event in await served.stored(customer_id)]


async def test_a_request_is_no_consent_and_keeps_its_words(
    served: Served, customer_id: str
) -> None:
    row = await asks(served, customer_id)
    assert (row.purpose, row.granted, row.channel, row.topic) == (
        Purpose.PENDING, False, "email", "newsletter",
    )  # fmt: skip
    assert (row.wording, row.wording_version, row.locale, row.proof) == (
        WORDING, "2026-11", "en", "sign-up form",
    )  # fmt: skip
    assert row.address == address_of(customer_id)
    assert await permits(served.store, customer_id) is Reason.NO_CONSENT


async def test_a_request_takes_no_yes_back(served: Served, customer_id: str) -> None:
    word = {"channel": "email", "topic": "cart", "granted": True}
    await identify(served.store, customer_id, email="a@b.example", consents=[word])
    await asks(served, customer_id, topic="cart")
    assert await permits(served.store, customer_id, "cart") is None
    names = await told(served, customer_id)
    assert names == ["Opt-In Requested", "Opt-In Confirmed"], "it was answered already"


async def test_a_look_changes_nothing(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    path = path_of(row, customer_id)
    for _ in range(3):
        answer = await served.http.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert (await served.http.head(path)).status_code == 200
    assert "Yes, I want these messages" in answer.text
    assert "Newsletter" in answer.text
    assert f'<dd lang="en">{WORDING}</dd>' in answer.text
    assert address_of(customer_id) not in answer.text
    assert len(await statements(served.store, customer_id)) == 1
    assert await told(served, customer_id) == ["Opt-In Requested"]


async def test_the_button_records_the_consent_with_its_proof(
    served: Served, customer_id: str
) -> None:
    row = await asks(served, customer_id, expires_at="2031-01-01T00:00:00Z")
    answer = await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER)
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    request, word = await statements(served.store, customer_id)
    assert (word.granted, word.purpose, word.answers) == (True, None, request.id)
    assert (word.wording, word.wording_version, word.locale) == (WORDING, "2026-11", "en")
    assert word.source == "confirmation page: yes"
    assert word.proof is not None
    assert f"request {request.id} of " in word.proof
    assert "sign-up form" in word.proof
    assert word.address == address_of(customer_id)
    assert word.expires_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert await permits(served.store, customer_id) is None
    assert await told(served, customer_id) == ["Opt-In Requested", "Opt-In Confirmed"]


async def test_confirming_twice_is_confirming_once(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    for _ in range(2):
        answer = await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER)
        assert "Thank you" in answer.text
    assert "Thank you" in (await served.http.get(path_of(row, customer_id), headers=BROWSER)).text
    assert len(await statements(served.store, customer_id)) == 2
    assert await told(served, customer_id) == ["Opt-In Requested", "Opt-In Confirmed"]


async def test_a_no_holds_for_the_person_and_the_address(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    answer = await served.http.post(path_of(row, customer_id), data=NO, headers=BROWSER)
    assert answer.status_code == 200
    assert "You will not get these messages" in answer.text
    assert await told(served, customer_id) == ["Opt-In Requested", "Opt-In Withdrawn"]
    other = f"{customer_id}-other"
    await identify(served.store, other, email=address_of(customer_id))
    async with served.store.reading() as session:
        assert (Channel.EMAIL, "newsletter") in (await consents.current(session, other)).refused


async def test_a_confirmation_is_taken_back_on_its_page(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    path = path_of(row, customer_id)
    await served.http.post(path, data=YES)
    answer = await served.http.post(path, data=NO, headers=BROWSER)
    assert "You will not get these messages" in answer.text
    assert await permits(served.store, customer_id) is not None


@pytest.mark.parametrize("said", ["channel", "topic", "link", "page"])
async def test_a_withdrawal_wins_over_an_older_request(
    served: Served, customer_id: str, said: str
) -> None:
    row = await asks(served, customer_id)
    if said == "link":
        wish = Unsubscribe(customer_id, Channel.EMAIL, "newsletter")
        data = {"List-Unsubscribe": "One-Click"}
        await served.http.post(f"/u/{unsubscribe_token(SECRET, wish)}", data=data)
    elif said == "page":
        await served.http.post(path_of(row, customer_id), data=NO)
    else:
        topic = {"topic": "newsletter"} if said == "topic" else {}
        word = {"channel": "email", "granted": False, **topic}
        await identify(served.store, customer_id, consents=[word])
    before = await statements(served.store, customer_id)
    answer = await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER)
    assert "You will not get these messages" in answer.text
    assert SHOP in answer.text, "there is a way out"
    assert await statements(served.store, customer_id) == before
    assert await permits(served.store, customer_id) is not None
    assert "Opt-In Withdrawn" in await told(served, customer_id)


async def test_a_request_after_a_withdrawal_can_be_confirmed(
    served: Served, customer_id: str
) -> None:
    first = await asks(served, customer_id)
    await served.http.post(path_of(first, customer_id), data=NO)
    second = await asks(served, customer_id)
    await served.http.post(path_of(first, customer_id), data=YES)
    assert await permits(served.store, customer_id) is not None, "the former link stays void"
    await served.http.post(path_of(second, customer_id), data=YES)
    assert await permits(served.store, customer_id) is None


async def test_an_old_link_leads_to_a_way_out(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    async with served.store.transaction() as session:
        asked = datetime.now(UTC) - LASTS
        await session.exec(update(ConsentRow).where(col(ConsentRow.id) == row.id).values(at=asked))
    for answer in (
        await served.http.get(path_of(row, customer_id), headers=BROWSER),
        await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER),
    ):
        assert answer.status_code == 410
        assert "can no longer be confirmed" in answer.text
        assert f'href="{SHOP}"' in answer.text
    assert len(await statements(served.store, customer_id)) == 1


async def test_a_link_is_of_the_mailbox_that_it_was_sent_to(
    served: Served, customer_id: str
) -> None:
    row = await asks(served, customer_id)
    await identify(served.store, customer_id, email=f"another-{address_of(customer_id)}")
    answer = await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER)
    assert answer.status_code == 410
    assert await permits(served.store, customer_id) is Reason.NO_CONSENT


async def test_a_request_without_an_address_is_of_the_mailbox_of_its_link(
    served: Served, customer_id: str
) -> None:
    call = {"event": "Opt-In Requested", "userId": customer_id, "properties": ASKED}
    assert (await served.post("/v1/track", call)).status_code == 200
    (row,) = await statements(served.store, customer_id)
    assert row.address is None
    await identify(served.store, customer_id, email=address_of(customer_id))
    path = path_of(row, customer_id)
    await identify(served.store, customer_id, email=f"another-{address_of(customer_id)}")
    assert (await served.http.post(path, data=YES)).status_code == 410
    assert await permits(served.store, customer_id) is Reason.NO_CONSENT
    await identify(served.store, customer_id, email=address_of(customer_id))
    assert (await served.http.post(path, data=YES)).status_code == 200
    assert await permits(served.store, customer_id) is None


async def test_a_link_of_another_customer_or_key_confirms_nothing(
    served: Served, customer_id: str
) -> None:
    row = await asks(served, customer_id)
    stranger = f"{customer_id}-stranger"
    await identify(served.store, stranger, email=address_of(customer_id))
    token = path_of(row, customer_id).removeprefix("/confirm/")
    unsubscribe = unsubscribe_token(SECRET, Unsubscribe(customer_id, Channel.EMAIL, "newsletter"))
    for path, status in (
        (path_of(row, stranger, address_of(customer_id)), 410),
        (path_of(row, f"{customer_id}-nobody", address_of(customer_id)), 410),
        (path_of(row, customer_id, secret="another key"), 404),
        (f"/confirm/{token[:-2]}", 404),
        (f"/confirm/{unsubscribe}", 404),
        (f"/confirm/{quote('ü' * 30)}", 404),
    ):
        for answer in (
            await served.http.get(path, headers=BROWSER),
            await served.http.post(path, data=YES, headers=BROWSER),
        ):
            assert answer.status_code == status, path
            assert f'href="{SHOP}"' in answer.text
            assert "set-cookie" not in answer.headers
    assert await permits(served.store, customer_id) is Reason.NO_CONSENT
    async with served.store.reading() as session:
        assert await cards.find(session, f"{customer_id}-nobody") is None, "nobody was made"


async def test_another_form_is_refused(served: Served, customer_id: str) -> None:
    path = path_of(await asks(served, customer_id), customer_id)
    assert (await served.http.post(path, data={"wish": "stay"})).status_code == 400
    assert (await served.http.post(path, json=YES)).status_code == 415
    assert (await served.http.post(path)).status_code == 415
    assert await permits(served.store, customer_id) is Reason.NO_CONSENT


async def test_an_erased_customer_confirms_nothing(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id)
    erasure = Erasure(customer_id, "erasure", datetime.now(UTC), "asked")
    await served.gateway.sojourn.erase(erasure, by="test")
    answer = await served.http.post(path_of(row, customer_id), data=YES, headers=BROWSER)
    assert answer.status_code == 410
    assert await statements(served.store, customer_id) == []


async def test_a_strangers_advertisement_is_not_shown(served: Served, customer_id: str) -> None:
    row = await asks(served, customer_id, wording="Win a car at evil.example today")
    answer = await served.http.get(path_of(row, customer_id), headers=BROWSER)
    assert answer.status_code == 200
    assert "evil" not in answer.text
    row = await asks(served, customer_id, wording="<b>Yes</b>")
    answer = await served.http.get(path_of(row, customer_id), headers=BROWSER)
    assert "&lt;b&gt;Yes" in answer.text


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"channel": "push"}, "properties.channel"),
        ({"channel": None}, "properties.channel"),
        ({"topic": "weather"}, "properties.topic"),
        ({"topic": "account"}, "properties.topic"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    served: Served, customer_id: str, changes: dict[str, Any], path: str
) -> None:
    call = {"event": "Opt-In Requested", "userId": customer_id, "properties": {**ASKED, **changes}}
    answer = await served.post("/v1/track", call)
    assert answer.status_code == 400
    assert path in answer.text
    assert await statements(served.store, customer_id) == []
    assert await served.stored(customer_id) == []


@pytest.mark.parametrize("name", ["Opt-In Confirmed", "Opt-In Withdrawn", "opt_in_confirmed"])
async def test_no_sender_says_that_a_request_was_answered(
    served: Served, customer_id: str, name: str
) -> None:
    call = {"event": name, "userId": customer_id, "properties": {"channel": "email"}}
    answer = await served.post("/v1/track", call)
    assert answer.status_code == 400
    assert "written by Sojourn alone" in answer.text


async def test_the_senders_own_key_of_a_request_means_nothing(
    served: Served, customer_id: str
) -> None:
    await asks(served, customer_id, opt_in="sms/cart", channel="E-Mail")
    (event,) = await served.stored(customer_id)
    assert event.properties["opt_in"] == "email/newsletter"


async def test_who_could_not_see_the_page_is_asked_to_look_not_to_confirm(
    tmp_path: Path, customer_id: str
) -> None:
    async with (
        await Store.open(f"sqlite:///{tmp_path}/test.db", migrate=True) as store,
        alone(store) as served,
    ):
        path = path_of(await asks(served, customer_id), customer_id)
        whole, store.engine = (
            store.engine,
            create_async_engine("sqlite+aiosqlite:////nowhere/a.db"),
        )
        look = await served.http.get(path, headers=BROWSER)
        yes = await served.http.post(path, data=YES, headers=BROWSER)
        for answer, wish in ((look, "look"), (yes, "confirm")):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert f'name="wish" value="{wish}"' in answer.text
        store.engine = whole
        again = await served.http.post(path, data={"wish": "look"}, headers=BROWSER)
        assert "Yes, I want these messages" in again.text
        assert await permits(store, customer_id) is Reason.NO_CONSENT


async def test_a_request_that_no_journey_hears_is_kept_and_said(
    served: Served, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journeys, "heard_by", lambda self, event: {})
    await identify(served.store, customer_id, email=address_of(customer_id))
    call = {"event": "Opt-In Requested", "userId": customer_id, "properties": ASKED}
    answer = await served.post("/v1/track", call)
    assert answer.status_code == 200
    assert "sojourn add double-opt-in" in answer.text
    (row,) = await statements(served.store, customer_id)
    assert row.purpose == Purpose.PENDING


WORDS = {
    "it": ("Serve la tua conferma", "Grazie, è confermato", "Non riceverai questi messaggi"),
    "pl": (
        "Prosimy o\N{NO-BREAK SPACE}potwierdzenie",
        "Dziękujemy, potwierdzone",
        "Nie będziemy wysyłać tych wiadomości",
    ),
}


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("store", "lang"), [("sqlite", "it"), ("postgresql", "pl")], indirect=["store"]
)
async def test_a_customer_confirms_in_a_browser_and_takes_it_back(
    served: Served, customer_id: str, tmp_path: Path, lang: str
) -> None:
    url = served.url + path_of(await asks(served, customer_id), customer_id)
    async with telephone(tmp_path / "profile", language=lang, dark=lang == "pl") as tab:
        await tab.open(url)
        for number, title in enumerate(WORDS[lang]):
            assert await tab.ask("document.querySelector('h1').textContent") == title
            assert await tab.ask("document.documentElement.lang") == lang
            assert await tab.ask("location.href") == url
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await tab.ask(wide), "nothing sticks out"
            if SHOTS:
                (Path(SHOTS) / f"confirm-{lang}-{number}.png").write_bytes(await tab.picture())
            assert (await permits(served.store, customer_id) is None) is (number == 1)
            if number < 2:
                await tab.click("button")


@pytest.mark.long
@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_axe_and_the_keyboard_alone_find_no_fault(
    served: Served,
    customer_id: str,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    size: str,
) -> None:
    url = served.url + path_of(await asks(served, customer_id), customer_id)
    async with telephone(tmp_path / "profile", language="en") as tab:
        await sized(tab, size)
        for wish in ("confirm", "decline"):
            await tab.call("Emulation.setScriptExecutionDisabled", value=False)
            await tab.open(url)
            assert await faults(tab, node_packages) == []
            await tab.call("Emulation.setScriptExecutionDisabled", value=True)
            await tab.open(url)
            await tab.reach(f"[value='{wish}'] + button")
            await tab.press("Enter")
            await tab.loaded()
            assert (await permits(served.store, customer_id) is None) is (wish == "confirm")
