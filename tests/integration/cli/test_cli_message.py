"""`sojourn message` finds every message as it was sent, and says when its text is gone."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete

from sojourn.store.tables import ContentRow
from tests.support.cli_stack import Cli

AT = datetime(2024, 1, 8, 12, tzinfo=UTC)
CONTENT = {"subject": "Your cart", "text": "It waits.", "html": "<p>It waits.</p>"}


async def test_a_message_is_found_by_each_of_its_names(offline: Cli, tmp_path: Path) -> None:
    ada = await offline.identify()
    number = await offline.decided(
        ada, CONTENT, at=AT, provider="postmark", provider_id="pm-1", submitted_at=AT
    )
    await offline.attempted(number, at=AT, provider_id="pm-1")
    (told,) = (await offline("message", "show", number, "--json")).json
    for name in (told["message_id"], told["reference"], "pm-1"):
        assert (await offline("message", "show", name, "--json")).json == [told]
    assert told["letter"]["content"] == CONTENT
    shown = (await offline("message", "show", number)).out
    assert "ada@example.com" in shown
    assert shown.endswith("It waits.\n")
    file = tmp_path / "m.html"
    assert (await offline("message", "show", number, "--html", file)).out == f"{file}\n"
    assert file.read_text() == "<p>It waits.</p>"
    assert file.stat().st_mode & 0o777 == 0o600
    answer = await offline("message", "show", "nothing")
    assert (answer.code, answer.fault.startswith('no message "nothing"')) == (2, True)


async def test_messages_are_listed_by_customer_run_and_providers_id(offline: Cli) -> None:
    ada, eva = [await offline.identify() for _ in range(2)]
    for who in (ada, eva):
        number = await offline.decided(
            who, CONTENT, at=AT, provider="postmark", provider_id=f"pm-{who}", submitted_at=AT
        )
        await offline.attempted(number, at=AT, provider_id=f"pm-{who}")
    for asked in (
        ("--customer", ada),
        ("--run", f"abandoned-cart:{ada}:k1"),
        ("--provider-id", f"pm-{ada}"),
    ):
        (row,) = (await offline("message", "list", *asked, "--json")).json
        assert row["customer_id"] == ada
        assert "letter" not in row
    assert "Your cart" in (await offline("message", "list")).out


async def test_a_text_that_is_gone_leaves_the_rest(offline: Cli) -> None:
    ada = await offline.identify()
    number = await offline.decided(ada, CONTENT, at=AT, provider="postmark", submitted_at=AT)
    async with offline.store.transaction() as session:
        await session.exec(delete(ContentRow))
    assert "(text gone)" in (await offline("message", "show", number)).out
    answer = await offline("message", "show", number, "--html", "x.html")
    assert (answer.code, "text gone" in answer.fault) == (2, True)
