"""Renewing over HTTP: by a person's button, never by a look, and once a period."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from sojourn.domain.customer import Erasure
from sojourn.domain.links import Renew, renew_token
from sojourn.store import Store
from sojourn.store.tables import EventRow
from tests.support.gateway_links import BROWSER, SECRET, SHOP, alone
from tests.support.gateway_server import Served

YES = {"wish": "renew"}
DAY = timedelta(days=1)
ENDS = datetime.now(UTC).replace(microsecond=0) + 5 * DAY


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


async def tell(served: Served, customer_id: str, event: str, **properties: Any) -> None:
    call = {"event": event, "userId": customer_id}
    said = {"subscription_id": "s1", **properties}
    answer = await served.post("/v1/track", {**call, "properties": said})
    assert answer.status_code == 200, answer.text


async def subscribe(served: Served, customer_id: str, **properties: Any) -> str:
    """Have a customer subscribe; return the link of a reminder of this period."""
    said = {"expires_at": ENDS.isoformat(), "plan": "Plus", "price": 10, "currency": "EUR"}
    await tell(served, customer_id, "Subscription Started", **{**said, **properties})
    return link(customer_id)


def link(customer_id: str, until: datetime | None = ENDS, secret: str = SECRET) -> str:
    wish = Renew(customer_id, "s1", int(until.timestamp()) if until else 0)
    return f"/r/{renew_token(secret, wish)}"


async def requests(served: Served, customer_id: str) -> list[EventRow]:
    stored = await served.stored(customer_id)
    return [row for row in stored if row.name == "Renewal Requested"]


async def test_a_look_shows_price_and_period_and_changes_nothing(
    served: Served, customer_id: str
) -> None:
    path = await subscribe(served, customer_id, renews_until=(ENDS + 30 * DAY).isoformat())
    for _ in range(3):
        answer = await served.http.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert (await served.http.head(path)).status_code == 200
    for shown in ("Plus", "€10.00", f"{ENDS.day}, {ENDS.year}", f"{(ENDS + 30 * DAY).year}"):
        assert shown in answer.text
    assert not await requests(served, customer_id)


@pytest.mark.parametrize(
    ("lang", "title"),
    [("it", "Rinnova il tuo abbonamento"), ("pl", "Przedłuż subskrypcję")],
)
async def test_the_page_speaks_the_customers_language(
    served: Served, customer_id: str, lang: str, title: str
) -> None:
    path = await subscribe(served, customer_id)
    answer = await served.http.get(path, headers={**BROWSER, "Accept-Language": lang})
    assert title in answer.text


async def test_the_button_tells_one_request_however_often_it_is_pressed(
    served: Served, customer_id: str
) -> None:
    path = await subscribe(served, customer_id)
    for _ in range(3):
        answer = await served.http.post(path, data=YES, headers=BROWSER)
        assert answer.status_code == 200
        assert "your request has arrived" in answer.text
    (row,) = await requests(served, customer_id)
    assert row.properties == {
        "subscription_id": "s1",
        "expires_at": ENDS.isoformat().replace("+00:00", "Z"),
        "plan": "Plus",
        "price": "10",
        "currency": "EUR",
    }
    looked = await served.http.get(path, headers=BROWSER)
    assert "your request has arrived" in looked.text


async def test_a_new_price_stands_beside_the_former_one(served: Served, customer_id: str) -> None:
    path = await subscribe(served, customer_id)
    await tell(served, customer_id, "Subscription Changed", next_price=12, currency="EUR")
    answer = await served.http.get(path, headers=BROWSER)
    assert "€10.00" in answer.text
    assert "New price of the renewal" in answer.text
    assert "€12.00" in answer.text
    await served.http.post(path, data=YES)
    (row,) = await requests(served, customer_id)
    assert row.properties["price"] == "12"


async def test_a_link_of_a_period_that_was_renewed_renews_no_other(
    served: Served, customer_id: str
) -> None:
    path = await subscribe(served, customer_id)
    await tell(
        served, customer_id, "Subscription Renewed", expires_at=(ENDS + 30 * DAY).isoformat()
    )
    for answer in (
        await served.http.get(path, headers=BROWSER),
        await served.http.post(path, data=YES, headers=BROWSER),
    ):
        assert answer.status_code == 200
        assert "Your subscription is renewed" in answer.text
    assert not await requests(served, customer_id)
    await served.http.post(link(customer_id, ENDS + 30 * DAY), data=YES)
    assert len(await requests(served, customer_id)) == 1


@pytest.mark.parametrize("why", ["over", "cancelled", "shortened", "unknown", "former", "erased"])
async def test_a_link_that_renews_nothing_leads_to_a_way_out(
    served: Served, customer_id: str, why: str
) -> None:
    ends = ENDS - 6 * DAY if why == "over" else ENDS
    path = link(customer_id, ends)
    if why != "unknown":
        await subscribe(served, customer_id, expires_at=ends.isoformat())
    if why == "cancelled":
        await tell(served, customer_id, "Subscription Cancelled")
    if why == "shortened":
        earlier = (ENDS - DAY).isoformat()
        await tell(served, customer_id, "Subscription Changed", expires_at=earlier)
    if why == "former":
        path = link(customer_id, None)
    if why == "erased":
        erasure = Erasure(customer_id, "erasure", datetime.now(UTC), "asked")
        await served.gateway.sojourn.erase(erasure, by="test")
    for answer in (
        await served.http.get(path, headers=BROWSER),
        await served.http.post(path, data=YES, headers=BROWSER),
    ):
        assert answer.status_code == 410
        assert "no longer renews" in answer.text
        assert f'href="{SHOP}"' in answer.text
    assert not await requests(served, customer_id)


async def test_a_strange_token_or_form_renews_nothing(served: Served, customer_id: str) -> None:
    path = await subscribe(served, customer_id)
    assert (await served.http.post(path[:-2], data=YES)).status_code == 404
    other = link(customer_id, secret="another key")
    assert (await served.http.post(other, data=YES)).status_code == 404
    assert (await served.http.post(path, data={"wish": "all"})).status_code == 400
    assert (await served.http.post(link(f"{customer_id}-x"), data=YES)).status_code == 410
    assert not await requests(served, customer_id)
