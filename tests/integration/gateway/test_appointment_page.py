"""Confirming and cancelling an appointment over HTTP: by a person's button, never by a look."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sojourn.domain.links import Attend, attend_token
from sojourn.store import Store
from tests.support.axe import SIZES, faults, sized
from tests.support.browser import CHROMIUM, telephone
from tests.support.gateway_links import BROWSER, SECRET, alone
from tests.support.gateway_server import Served
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)

CONFIRM, CANCEL = {"wish": "confirm"}, {"wish": "cancel"}
SOON = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


async def tell(served: Served, customer_id: str, what: str, **fields: Any) -> None:
    call = {
        "event": f"Appointment {what}",
        "userId": customer_id,
        "properties": {"appointment_id": "a1", **fields},
    }
    answer = await served.post("/v1/track", call)
    assert answer.status_code == 200, answer.text


async def book(served: Served, customer_id: str, at: datetime = SOON, **fields: Any) -> str:
    """Book an appointment; return the path of the link about it."""
    traits = {"email": f"{customer_id}@shop.example"}
    await served.post("/v1/identify", {"userId": customer_id, "traits": traits})
    await tell(served, customer_id, "Booked", starts_at=at.isoformat(), **fields)
    return path_of(customer_id, at)


def path_of(customer_id: str, at: datetime = SOON, secret: str = SECRET) -> str:
    link = Attend(customer_id, "a1", int(at.timestamp()))
    return f"/appointment/{attend_token(secret, link)}"


async def answers(served: Served, customer_id: str) -> list[tuple[str, Any]]:
    found = await served.stored(customer_id)
    names = ("Appointment Confirmed", "Appointment Cancelled")
    return [(row.name, row.properties.get("by")) for row in found if row.name in names]


async def test_a_look_changes_nothing_and_names_no_place(served: Served, customer_id: str) -> None:
    path = await book(served, customer_id, timezone="Europe/Rome", place="Via Roma 1", name="Tooth")
    for _ in range(2):
        page = await served.http.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert (await served.http.head(path)).status_code == 200
    assert "Will you come?" in page.text
    assert "(Rome)" in page.text
    assert "Via Roma" not in page.text
    assert "Tooth" not in page.text
    assert await answers(served, customer_id) == []


async def test_yes_is_told_once_however_often_it_is_pressed(
    served: Served, customer_id: str
) -> None:
    path = await book(served, customer_id)
    for _ in range(3):
        page = await served.http.post(path, data=CONFIRM, headers=BROWSER)
        assert page.status_code == 200
        assert "You are coming" in page.text
    assert await answers(served, customer_id) == [("Appointment Confirmed", None)]


async def test_no_is_the_customers_and_told_once(served: Served, customer_id: str) -> None:
    path = await book(served, customer_id)
    for _ in range(3):
        page = await served.http.post(path, data=CANCEL, headers=BROWSER)
        assert "Your appointment is cancelled" in page.text
    assert await answers(served, customer_id) == [("Appointment Cancelled", "customer")]


async def test_a_yes_can_become_a_no_and_a_no_stays(served: Served, customer_id: str) -> None:
    path = await book(served, customer_id)
    for wish in (CONFIRM, CANCEL, CONFIRM):
        page = await served.http.post(path, data=wish, headers=BROWSER)
    assert "Your appointment is cancelled" in page.text
    assert "<button" not in page.text, "there is nothing to press"
    assert [name for name, _ in await answers(served, customer_id)] == [
        "Appointment Confirmed",
        "Appointment Cancelled",
    ]


async def test_a_link_is_about_its_hour_alone(served: Served, customer_id: str) -> None:
    former = await book(served, customer_id)
    later = SOON + timedelta(days=1)
    await tell(served, customer_id, "Rescheduled", starts_at=later.isoformat())
    for wish in (CONFIRM, CANCEL):
        page = await served.http.post(former, data=wish, headers=BROWSER)
        assert page.status_code == 410
        assert "no longer holds" in page.text
    assert await answers(served, customer_id) == []
    page = await served.http.post(path_of(customer_id, later), data=CONFIRM, headers=BROWSER)
    assert "You are coming" in page.text


async def test_another_hour_is_to_be_confirmed_again(served: Served, customer_id: str) -> None:
    path, later = await book(served, customer_id), SOON + timedelta(days=1)
    await served.http.post(path, data=CONFIRM, headers=BROWSER)
    await tell(served, customer_id, "Rescheduled", starts_at=later.isoformat())
    await tell(served, customer_id, "Rescheduled", starts_at=SOON.isoformat())
    page = await served.http.get(path, headers=BROWSER)
    assert "Will you come?" in page.text
    await served.http.post(path, data=CONFIRM, headers=BROWSER)
    assert len(await answers(served, customer_id)) == 2


async def test_what_has_begun_or_is_unknown_asks_nothing(served: Served, customer_id: str) -> None:
    begun = await book(served, customer_id, datetime.now(UTC) - timedelta(minutes=1))
    for path in (begun, path_of("nobody-at-all"), path_of(customer_id)):
        assert (await served.http.get(path, headers=BROWSER)).status_code == 410
        assert (await served.http.post(path, data=CANCEL, headers=BROWSER)).status_code == 410
    assert await answers(served, customer_id) == []


async def test_a_link_of_another_key_or_an_unknown_wish_does_nothing(
    served: Served, customer_id: str
) -> None:
    path = await book(served, customer_id)
    forged = path_of(customer_id, secret="another-key-of-somebody-else-entirely")
    assert (await served.http.post(forged, data=CANCEL, headers=BROWSER)).status_code == 404
    assert (await served.http.post(path, data={"wish": "x"}, headers=BROWSER)).status_code == 400
    assert await answers(served, customer_id) == []


async def test_a_shop_that_cancelled_is_shown_in_each_language(
    served: Served, customer_id: str
) -> None:
    path = await book(served, customer_id)
    await tell(served, customer_id, "Cancelled", by="shop")
    for lang, words in (("it", "annullato"), ("pl", "odwołana"), ("en", "cancelled")):
        page = await served.http.get(path, headers={**BROWSER, "Accept-Language": lang})
        assert words in page.text


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
    url = served.url + await book(served, customer_id, timezone="Europe/Rome")
    async with telephone(tmp_path / "profile", language="en") as tab:
        await sized(tab, size)
        for wish in ("confirm", "cancel"):
            await tab.call("Emulation.setScriptExecutionDisabled", value=False)
            await tab.open(url)
            assert await faults(tab, node_packages) == []
            await tab.call("Emulation.setScriptExecutionDisabled", value=True)
            await tab.open(url)
            await tab.reach(f"[value='{wish}'] + button")
            await tab.press("Enter")
            await tab.loaded()
    assert [by for _, by in await answers(served, customer_id)] == [None, "customer"]
