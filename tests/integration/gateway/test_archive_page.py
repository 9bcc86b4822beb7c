"""A message in the browser: what was sent, counted by nobody, until it is gone."""

from urllib.parse import quote

import pytest

from sojourn.domain.links import view_token
from sojourn.store import Store
from sojourn.store.rights import erasing
from sojourn.store.tables import ContentRow
from tests.support.gateway_links import BROWSER, SECRET, SHOP, alone, click_path, sent

PUBLIC = "https://hello.shop.example"


@pytest.mark.parametrize(
    ("accepted", "gone"),
    [
        ("en", "This message is no longer kept"),
        ("it", "Questo messaggio non è più conservato"),
        ("pl", "Tej wiadomości już nie przechowujemy"),
    ],
)
async def test_a_message_is_shown_as_it_was_sent_until_it_is_gone(
    store: Store, customer_id: str, accepted: str, gone: str
) -> None:
    row = await sent(store, customer_id)
    cart = f"{SHOP}/cart?cart_id=7&from=mail"
    html = (
        f'<p>Hello</p><a href="{PUBLIC}{click_path(row.reference, cart)}">cart</a>'
        f'<a href="{PUBLIC}/u/token">no more</a>'
        f'<img src="{PUBLIC}/o/token" width="1" height="1" alt=""></body>'
    )
    async with store.transaction() as session:
        content = {"channel": "email", "html": html}
        session.add(ContentRow(ledger_id=row.id or 0, address="a@b.example", content=content))
    path = f"/m/{view_token(SECRET, row.reference)}"
    headers = {**BROWSER, "Accept-Language": accepted}
    async with alone(store, public_url=PUBLIC, track_opens=True) as served:
        answer = await served.http.get(path, headers=headers)
        assert answer.status_code == 200
        assert answer.text == (
            f'<p>Hello</p><a href="{SHOP}/cart?cart_id=7&amp;from=mail">cart</a>'
            f'<a href="{PUBLIC}/u/token">no more</a></body>'
        )
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script" not in answer.headers["content-security-policy"]
        assert (await served.http.post(path)).status_code == 405
        async with store.transaction() as session:
            await erasing.begin(session, customer_id, why="asked", by="anna")
        answer = await served.http.get(path, headers=headers)
        assert answer.status_code == 410
        assert gone in answer.text
        answer = await served.http.get(f"/m/{quote('cut' + path[-9:])}", headers=headers)
        assert answer.status_code == 404
