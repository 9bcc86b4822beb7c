"""Postmark: its bounce types and suppressions, and whose fault a refusal is."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.channels.fence import Fence
from sojourn.channels.postmark import BATCH_BYTES, Postmark
from sojourn.channels.provider import Hook
from sojourn.domain.errors import (
    AccountError,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
)
from sojourn.domain.reports import Kind, Report
from sojourn.sending.handing_many import hand_over_many
from sojourn.testkit.fakes.postmark import MOST_BYTES, PASSWORD, FakePostmark, _error
from sojourn.testkit.fakes.records import Refused
from sojourn.testkit.pairs import configured, connected

NOW = datetime(2026, 11, 28, 11, tzinfo=UTC)


async def read(**said: Any) -> Report | None:
    """Let the provider read one record."""
    basic = base64.b64encode(f"any:{PASSWORD}".encode()).decode()
    hook = Hook(
        method="POST",
        url="https://sojourn.example/webhooks/postmark",
        headers={"authorization": f"Basic {basic}"},
        body=json.dumps(said).encode(),
        received_at=NOW,
    )
    postmark = configured(
        Postmark, FakePostmark().environment() | {"SOJOURN_POSTMARK_BASE_URL": ""}
    )
    try:
        reports = (await postmark.read(hook)).reports
    finally:
        await postmark.close()
    return reports[0] if reports else None


# https://postmarkapp.com/developer/api/bounce-api#bounce-types
@pytest.mark.parametrize(
    ("bounce", "kind", "hard"),
    [
        ("HardBounce", Kind.BOUNCED, True),
        ("Transient", Kind.DEFERRED, False),
        ("Unsubscribe", Kind.UNSUBSCRIBED, False),
        ("Subscribe", Kind.ACCEPTED, False),
        ("AutoResponder", Kind.ACCEPTED, False),
        ("AddressChange", Kind.ACCEPTED, False),
        ("DnsError", Kind.DEFERRED, False),
        ("SpamNotification", Kind.BOUNCED, True),
        ("OpenRelayTest", Kind.ACCEPTED, False),
        ("Unknown", Kind.BOUNCED, False),
        ("SoftBounce", Kind.BOUNCED, False),
        ("VirusNotification", Kind.BOUNCED, False),
        ("ChallengeVerification", Kind.ACCEPTED, False),
        ("BadEmailAddress", Kind.BOUNCED, True),
        ("SpamComplaint", Kind.COMPLAINED, False),
        ("ManuallyDeactivated", Kind.BOUNCED, True),
        ("Unconfirmed", Kind.FAILED, False),
        ("Blocked", Kind.BOUNCED, False),
        ("SMTPApiError", Kind.FAILED, False),
        ("InboundError", None, False),
        ("DMARCPolicy", Kind.FAILED, False),
        ("TemplateRenderingFailed", Kind.FAILED, False),
        ("OfTomorrow", Kind.BOUNCED, False),
    ],
)
async def test_each_bounce_type_has_its_meaning(
    bounce: str, kind: Kind | None, *, hard: bool
) -> None:
    report = await read(
        RecordType="Bounce", ID=5, Type=bounce, MessageID="m-1", Email="ada@shop.example"
    )
    if kind is None:
        assert report is None
    else:
        assert report is not None
        assert (report.kind, report.hard) == (kind, hard)


async def test_a_bounce_by_which_postmark_gives_an_address_up_is_hard() -> None:
    bounced: dict[str, Any] = {"RecordType": "Bounce", "ID": 5, "MessageID": "m-1"}
    dead = await read(**bounced, Type="Blocked", Inactive=True)
    assert dead is not None
    assert dead.hard
    # a machine's answer and a refusal say nothing of the address
    for bounce in ("AutoResponder", "Unsubscribe"):
        report = await read(**bounced, Type=bounce, Inactive=True)
        assert report is not None
        assert not report.hard


# https://postmarkapp.com/developer/webhooks/subscription-change-webhook
@pytest.mark.parametrize(
    ("reason", "kind", "hard"),
    [
        ("HardBounce", Kind.BOUNCED, True),
        ("SpamComplaint", Kind.COMPLAINED, False),
        ("ManualSuppression", Kind.UNSUBSCRIBED, False),
        ("OfTomorrow", Kind.UNSUBSCRIBED, False),
        (None, Kind.UNSUBSCRIBED, False),
    ],
)
async def test_each_reason_of_a_suppression_has_its_meaning(
    reason: str | None, kind: Kind, *, hard: bool
) -> None:
    report = await read(
        RecordType="SubscriptionChange",
        MessageID="883953f4-6105-42a2-a16a-77a8eac79483",
        ChangedAt="2026-11-28T10:53:34.416071Z",
        Recipient="ada@shop.example",
        Origin="Recipient",
        SuppressSending=True,
        SuppressionReason=reason,
        Metadata={"reference": "0" * 32},
    )
    assert report is not None
    assert (report.kind, report.hard) == (kind, hard)


async def test_a_suppression_of_no_message_names_the_address_alone() -> None:
    """A suppression by hand has no message: its id is null, and its metadata are empty."""
    changed: dict[str, Any] = {
        "RecordType": "SubscriptionChange",
        "MessageID": None,
        "ChangedAt": "2026-11-28T10:53:34Z",
        "Origin": "Customer",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Tag": None,
    }
    one = await read(**changed, Recipient="ada@shop.example", Metadata={})
    other = await read(**changed, Recipient="bob@shop.example", Metadata=None)
    assert one is not None
    assert other is not None
    assert (one.provider_id, one.reference, one.address) == ("", "", "ada@shop.example")
    assert one.event_id != other.event_id  # both were suppressed at one moment
    assert "ada" not in one.event_id


async def test_a_reactivated_address_is_no_report() -> None:
    report = await read(
        RecordType="SubscriptionChange",
        MessageID=None,
        Recipient="ada@shop.example",
        SuppressSending=False,
        SuppressionReason=None,
        Metadata={},
    )
    assert report is None


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (300, "Invalid 'From' address: 'shop.example'.", AccountError),
        (300, "Error parsing 'From': Illegal email address 'x'.", AccountError),
        (300, "Invalid 'MessageStream' value.", AccountError),
        (300, "Invalid 'To' address: 'from@'.", InvalidRecipient),
        (300, "Zero recipients specified", InvalidRecipient),
        (300, "Invalid 'ReplyTo' address: 'x'.", ContentRejected),
        (300, "Header 'X' is not allowed", ContentRejected),
        (1226, "The message stream was not found.", AccountError),
        (1235, "The stream provided does not exist on this server.", AccountError),
        (400, "Sender signature not found", AccountError),
        (401, "Sender signature not confirmed", AccountError),
        (412, "Your account is pending approval", AccountError),
        (413, "Account may not send", AccountError),
    ],
)
async def test_the_field_at_fault_tells_whose_fault_it_is(
    monkeypatch: pytest.MonkeyPatch, code: int, message: str, error: type[ProviderError]
) -> None:
    refused = {"refused": Refused(lambda: _error(code, message), error)}
    monkeypatch.setattr(FakePostmark, "refusals", lambda _: refused)
    async with connected(Postmark, FakePostmark()) as pair:
        pair.fake.script.append("refused")
        with pytest.raises(ProviderError) as raised:
            await pair.provider.send(pair.parcel())
    assert type(raised.value) is error


async def test_a_batch_that_is_too_large_is_handed_over_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert BATCH_BYTES == MOST_BYTES
    monkeypatch.setattr("sojourn.channels.postmark.BATCH_BYTES", 5_000)
    async with connected(Postmark, FakePostmark()) as pair:
        parcels = [pair.parcel() for _ in range(12)]
        large = replace(parcels[5].content, html="<p>" + "x" * 6_000)
        parcels[5] = replace(parcels[5], content=large)
        outcomes = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
        assert [outcome.error for outcome in outcomes] == [None] * 12
        assert len(pair.fake.accepted) == 12
        assert 2 < pair.fake.asked < 12


async def test_an_open_tells_by_which_program_and_from_which_network() -> None:
    # https://postmarkapp.com/developer/webhooks/open-tracking-webhook
    report = await read(
        RecordType="Open",
        FirstOpen=True,
        UserAgent="Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
        "(via ggpht.com GoogleImageProxy)",
        Geo={"CountryISOCode": "US", "Coords": "37.751,-97.822", "IP": "66.102.8.14"},
        MessageID="00000000-0000-0000-0000-000000000000",
        ReceivedAt="2026-11-20T12:00:00Z",
    )
    assert report is not None
    assert (report.kind, report.network, report.said) == (Kind.OPENED, "66.102.8.0/24", "")
    assert (report.agent or "").endswith("GoogleImageProxy)")
