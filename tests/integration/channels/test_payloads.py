"""Webhooks in the very form of the providers' documentation, through every reader.

`tests/support/payloads` has a file a provider; each payload names the page whose form it has. The
people in them are invented.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sojourn.channels.mailgun import Mailgun
from sojourn.channels.meta import Meta
from sojourn.channels.postmark import Postmark
from sojourn.channels.resend import Resend
from sojourn.channels.sendgrid import SendGrid
from sojourn.channels.ses import Ses
from sojourn.channels.twilio import Twilio
from sojourn.channels.vonage import Vonage
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import (
    Fake,
    Order,
    SentHook,
    mailgun,
    meta,
    resend,
    sendgrid,
    ses,
    twilio,
    vonage,
)
from sojourn.testkit.fakes.postmark import FakePostmark
from sojourn.testkit.pairs import connected

FOLDER = Path(__file__).parents[2] / "support" / "payloads"
NOBODY = Order("pm", "0", "x@y.example", Channel.EMAIL, "")


def by_postmark(fake: FakePostmark, said: Any) -> SentHook:
    """Put a body under the password that is Postmark's signature."""
    headers = fake.hook(NOBODY, Kind.BOUNCED, "e").headers
    return SentHook(json.dumps(said).encode(), headers)


def by_ses(fake: ses.FakeSes, said: Any) -> SentHook:
    """Let SNS carry an event."""
    return fake.notification(json.dumps(said))


Signs = Callable[[Any, Any], SentHook]
READERS: Mapping[str, tuple[type[Any], type[Fake], Signs]] = {
    "postmark": (Postmark, FakePostmark, by_postmark),
    "sendgrid": (SendGrid, sendgrid.FakeSendGrid, lambda _, said: sendgrid.signed(said)),
    "mailgun": (Mailgun, mailgun.FakeMailgun, lambda _, said: mailgun.signed(said, "token-1")),
    "ses": (Ses, ses.FakeSes, by_ses),
    "resend": (Resend, resend.FakeResend, lambda _, said: resend.signed(said)),
    "twilio": (Twilio, twilio.FakeTwilio, lambda _, said: twilio.signed(said)),
    "vonage": (Vonage, vonage.FakeVonage, lambda _, said: vonage.signed(said, datetime.now(UTC))),
    "meta": (Meta, meta.FakeMeta, lambda _, said: meta.signed_bytes(json.dumps(said).encode())),
}


def payloads() -> list[Any]:
    """Return each payload, under the name of its provider and its number in the file."""
    return [
        pytest.param(path.stem, payload, id=f"{path.stem}-{number}-{payload['kind']}")
        for path in sorted(FOLDER.glob("*.json"))
        for number, payload in enumerate(json.loads(path.read_text()), 1)
    ]


@pytest.mark.parametrize(("name", "payload"), payloads())
async def test_a_documented_payload_has_its_meaning(name: str, payload: dict[str, Any]) -> None:
    provider, fake, signs = READERS[name]
    assert payload["source"].startswith("https://")
    async with connected(provider, fake()) as pair:
        hook = signs(pair.fake, payload["body"]).received(pair.hook_url)
        reports = (await pair.provider.read(hook)).reports
    if payload["kind"] is None:
        assert reports == ()
        return
    (report,) = reports
    assert report.kind == payload["kind"]
    assert report.hard is payload.get("hard", False)
    assert report.address == payload["address"]
    assert report.provider_id == payload.get("provider_id", report.provider_id)
    assert report.url == payload.get("url", "")
    assert report.event_id


def test_every_provider_with_webhooks_has_payloads() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(READERS)
