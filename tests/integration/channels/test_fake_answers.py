"""The answers of fakes have the fields that their vendors document."""

from typing import Any

import httpx
import pytest

from sojourn.testkit.fakes import (
    Behaviour,
    Fake,
    Order,
    mailgun,
    meta,
    postmark,
    resend,
    sendgrid,
    serving,
    twilio,
    vonage,
)
from sojourn.testkit.fakes.mailgun import FakeMailgun
from sojourn.testkit.fakes.meta import FakeMeta
from sojourn.testkit.fakes.postmark import FakePostmark
from sojourn.testkit.fakes.resend import FakeResend
from sojourn.testkit.fakes.sendgrid import FakeSendGrid
from sojourn.testkit.fakes.twilio import FakeTwilio
from sojourn.testkit.fakes.vonage import FakeVonage
from sojourn.testkit.pairs import connected
from tests.support.project import PROJECT

ASKED: dict[type[Fake], tuple[str, dict[str, Any]]] = {
    FakeSendGrid: (
        "/v3/logs/{0.id}.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
        {"headers": {"Authorization": f"Bearer {sendgrid.API_KEY}"}},
    ),
    FakeMailgun: (
        f"/v3/{mailgun.DOMAIN}/events?message-id={{0.id}}&begin=0&ascending=yes&limit=1",
        {"auth": ("api", mailgun.API_KEY)},
    ),
    FakePostmark: (
        "/messages/outbound?count=1&recipient={0.address}&metadata_reference={0.reference}",
        {"headers": {"X-Postmark-Server-Token": postmark.TOKEN, "Accept": "application/json"}},
    ),
    FakeTwilio: (f"{twilio.PATH}?PageSize=1", {"auth": (twilio.ACCOUNT, twilio.TOKEN)}),
    FakeVonage: ("/v2/applications?page_size=1", {"auth": (vonage.KEY, vonage.SECRET)}),
}
REQUIRED: dict[type[Fake], dict[str, set[str]]] = {
    # https://github.com/twilio/sendgrid-oai/blob/main/spec/json/tsg_logs_v3.json
    FakeSendGrid: {
        "": {
            "api_key_id", "client_ip", "events", "from_email", "sg_message_id", "status",
            "subject", "to_email",
        },
    },
    # https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
    FakeMailgun: {
        "items": {"event", "id", "timestamp"},
        "paging": {"first", "last", "next", "previous"},
    },
    # https://postmarkapp.com/developer/api/messages-api
    FakePostmark: {
        "": {"Messages", "TotalCount"},
        "Messages": {
            "Attachments", "Bcc", "Cc", "From", "MessageID", "MessageStream", "Metadata",
            "ReceivedAt", "Recipients", "Status", "Subject", "Tag", "To", "TrackLinks",
            "TrackOpens",
        },
    },
    # https://github.com/twilio/twilio-oai/blob/main/spec/json/twilio_api_v2010.json
    FakeTwilio: {
        "": {
            "end", "first_page_uri", "messages", "next_page_uri", "page", "page_size",
            "previous_page_uri", "start", "uri",
        },
        "messages": {
            "account_sid", "api_version", "body", "date_created", "date_sent", "date_updated",
            "direction", "error_code", "error_message", "from", "messaging_service_sid",
            "num_media", "num_segments", "price", "price_unit", "sid", "status",
            "subresource_uris", "to", "uri",
        },
    },
    # https://developer.vonage.com/en/api/application.v2
    FakeVonage: {"_embedded": {"applications"}},
}  # fmt: skip


@pytest.mark.parametrize("make", ASKED, ids=lambda make: make.name)
async def test_an_answer_has_every_field_that_its_vendor_documents(
    make: type[Fake],
) -> None:
    async with connected(PROJECT.carriers.shipped[make.name], make()) as pair:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        said = await _answer(pair.fake, order)
    for place, fields in REQUIRED[make].items():
        part = said[place] if place else said
        assert fields <= (part[0] if isinstance(part, list) else part).keys()


async def _answer(fake: Fake, order: Order) -> dict[str, Any]:
    path, options = ASKED[type(fake)]
    async with httpx.AsyncClient(base_url=fake.url, **options) as http:
        answer = await http.get(path.format(order))
    said: dict[str, Any] = answer.raise_for_status().json()
    return said


# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
@pytest.mark.parametrize(
    ("place", "address", "named"),
    [("to", "393331234567", "wa_id"), ("recipient", "US.13491208655302741918", "user_id")],
)
async def test_meta_names_the_customer_as_the_request_does(
    place: str, address: str, named: str
) -> None:
    said = {
        "messaging_product": "whatsapp",
        place: address,
        "type": "text",
        "text": {"body": "Hi"},
        "biz_opaque_callback_data": "r",
    }
    async with serving(FakeMeta()) as fake, httpx.AsyncClient(base_url=fake.url) as http:
        path, headers = (
            f"/v25.0/{meta.NUMBER_ID}/messages",
            {"Authorization": f"Bearer {meta.TOKEN}"},
        )
        answer = await http.post(path, json=said, headers=headers)
    assert answer.json()["contacts"] == [{"input": address, named: address}]
    assert answer.json()["messages"][0].keys() == {"id"}, (
        "an answer to a template alone has a message_status"
    )


async def test_resend_answers_too_many_requests_with_its_own_error() -> None:
    async with serving(FakeResend()) as fake, httpx.AsyncClient(base_url=fake.url) as http:
        fake.script.append(Behaviour.RATE_LIMIT)
        headers = {"Authorization": f"Bearer {resend.KEY}"}
        answer = await http.post("/emails", json={}, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"]
