"""A fake of Twilio: SMS and WhatsApp."""

import base64
import dataclasses
import email.utils
import json
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.channels.provider import Parcel
from sojourn.channels.twilio import sign
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    InvalidRecipient,
    RateLimited,
    RecipientUnsubscribed,
    TemplateRefused,
    TransientError,
    WindowClosed,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import RETRY_AFTER, Fake, Happening, Malformed, Order, Refused, SentHook

ACCOUNT = "AC" + "a1" * 16
TOKEN = "12345-the-auth-token"
SMS_FROM = "+15005550006"
WHATSAPP_FROM = "+14155238886"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
KNOWN = {
    "To", "StatusCallback", "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt",
    "ValidityPeriod", "ForceDelivery", "ContentRetention", "AddressRetention", "SmartEncoded",
    "PersistentAction", "TrafficType", "ShortenUrls", "ScheduleType", "SendAt", "SendAsMms",
    "ContentVariables", "RiskCheck", "From", "MessagingServiceSid", "Body", "MediaUrl",
    "ContentSid",
}  # fmt: skip
TOLD = {
    Kind.ACCEPTED: {"MessageStatus": "sent"},
    Kind.DELIVERED: {"MessageStatus": "delivered", "RawDlrDoneDate": "2611220404"},
    Kind.READ: {"MessageStatus": "read", "EventType": "READ"},
    Kind.BOUNCED: {"MessageStatus": "undelivered", "ErrorCode": "30005"},
    Kind.FAILED: {"MessageStatus": "failed", "ErrorCode": "30007"},
}
SAID = {Kind.REPLIED: "Is it still there? Żółty?", Kind.UNSUBSCRIBED: "Stop, please"}


class FakeTwilio(Fake):
    """Twilio, with one account and one sender for each channel."""

    name = "twilio"
    channels = (Channel.SMS, Channel.WHATSAPP)
    kinds = {
        Channel.SMS: (
            Kind.ACCEPTED,
            Kind.DELIVERED,
            Kind.BOUNCED,
            Kind.FAILED,
            Kind.REPLIED,
            Kind.UNSUBSCRIBED,
        ),
        Channel.WHATSAPP: (
            Kind.ACCEPTED,
            Kind.DELIVERED,
            Kind.READ,
            Kind.BOUNCED,
            Kind.FAILED,
            Kind.REPLIED,
            Kind.UNSUBSCRIBED,
        ),
    }
    once = True
    longest_page = 2
    """The number of messages on a page."""

    def environment(self) -> dict[str, str]:
        """Return the account's credentials and the two senders."""
        return {
            "SOJOURN_TWILIO_ACCOUNT_SID": ACCOUNT,
            "SOJOURN_TWILIO_AUTH_TOKEN": TOKEN,
            "SOJOURN_TWILIO_SMS_FROM": SMS_FROM,
            "SOJOURN_TWILIO_WHATSAPP_FROM": WHATSAPP_FROM,
            "SOJOURN_TWILIO_BASE_URL": self.url,
        }

    def parcel(self, channel: Channel, ledger_key: str) -> Parcel:
        """Return a message with a unique text, since Twilio's messages are found by their text."""
        parcel = super().parcel(channel, ledger_key)
        text = f"{parcel.content.text}?m={parcel.reference[:8]}"
        return dataclasses.replace(parcel, content=dataclasses.replace(parcel.content, text=text))

    def routes(self) -> list[Route]:
        """Return the routes to send and to list messages."""
        return [
            Route(PATH, self.take, methods=["POST"]),
            Route(PATH, self._list, methods=["GET"]),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the Basic credentials."""
        basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {basic}"

    async def order(self, request: Request) -> Order:
        """Check the form's parameters."""
        if request.headers["content-type"] != "application/x-www-form-urlencoded":
            raise Malformed(_error(21602, "Message body is required."))
        given = parse_qs((await request.body()).decode(), strict_parsing=True)
        said = {name: values[0] for name, values in given.items()}
        if unknown := said.keys() - KNOWN:
            raise Malformed(_error(20001, f"Unknown parameters {unknown}"))
        _, _, number = said.get("To", "").rpartition("whatsapp:")
        if not number.startswith("+"):
            raise Malformed(_error(21211, f"The 'To' number {number} is not a valid phone number."))
        if ("From" in said) == ("MessagingServiceSid" in said):
            raise Malformed(_error(21603, "A 'From' phone number is required."))
        if ("Body" in said) == ("ContentSid" in said):
            raise Malformed(_error(21619, "A text message body or ContentSid must be specified."))
        if said.get("SmartEncoded", "false") not in ("true", "false"):
            raise Malformed(_error(20001, "SmartEncoded is not a boolean"))
        callback = urlsplit(said["StatusCallback"])
        return Order(
            id=f"SM{next(self.numbers):032x}",
            reference=dict(parse_qsl(callback.query))["lid"],
            address=number,
            channel=Channel.WHATSAPP if said["To"].startswith("whatsapp:") else Channel.SMS,
            text=said.get("Body") or rendered(json.loads(said.get("ContentVariables", "{}"))),
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the message's resource."""
        return JSONResponse(resource(order), 201)

    def refusals(self) -> dict[str, Refused]:
        """Return Twilio's error codes by name."""
        told: dict[str, tuple[int, str, Any]] = {
            "invalid": (21211, "The 'To' number is not a valid phone number.", InvalidRecipient),
            "not-mobile": (21614, "'To' number is not a valid mobile number", InvalidRecipient),
            "unroutable": (21612, "The 'To' number is not reachable via SMS", ContentRejected),
            "geography": (21408, "Permission to send an SMS has not been given", ContentRejected),
            "stopped": (21610, "Attempt to send to unsubscribed recipient", RecipientUnsubscribed),
            "too-long": (21617, "The concatenated message body exceeds 1600", ContentRejected),
            "sender": (21606, "The 'From' number is not a valid sender", AccountError),
            "trial": (21608, "The number is unverified", AccountError),
            "callback": (21609, "The 'StatusCallback' URL is not a valid URL.", AccountError),
            "window": (63016, "Outside the allowed window", WindowClosed),
            "not-on-whatsapp": (63024, "Invalid message recipient", InvalidRecipient),
            "too-fast": (63018, "Rate limit exceeded for Channel", RateLimited),
            "template": (21655, "The ContentSid is invalid", TemplateRefused),
            "variables": (21656, "The ContentVariables parameter is invalid", TemplateRefused),
            "queue": (30001, "Queue overflow", TransientError),
            "inside": (20500, "Internal server error", AmbiguousSend),
        }
        return {
            name: Refused(partial(_error, code, text), error)
            for name, (code, text, error) in told.items()
        }

    def rate_limited(self) -> Response:
        """Answer with code 20429."""
        seconds = str(int(RETRY_AFTER.total_seconds()))
        return _error(20429, "Too Many Requests", 429, {"Retry-After": seconds})

    def unauthorized(self) -> Response:
        """Answer with code 20003."""
        return _error(20003, "Authenticate", 401)

    def webhook(self, happening: Happening) -> SentHook:
        """Write a status callback, or a customer's message."""
        order, kind = happening.order, happening.kind
        prefix = "whatsapp:" if order.channel is Channel.WHATSAPP else ""
        them, us = prefix + order.address, order.request["From"]
        if kind in SAID:
            sid = f"SM-{order.id}-{happening.id}"
            said = {"From": them, "To": us, "Body": SAID[kind], "SmsStatus": "received"}
            return signed({"MessageSid": sid, "AccountSid": ACCOUNT, "NumMedia": "0", **said})
        said = {"MessageSid": order.id, "AccountSid": ACCOUNT, "From": us, "To": them, **TOLD[kind]}
        return signed(said, query=f"lid={order.reference}")

    async def _list(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        asked = request.query_params
        number = int(asked.get("Page", "0"))
        size = min(int(asked["PageSize"]), self.longest_page)
        begin = number * size
        found = [
            resource(order)
            for order in reversed(self.accepted)
            if asked.get("To", order.request["To"]) == order.request["To"]
        ]
        rest = {**asked, "Page": str(number + 1), "PageToken": "PASM"}
        more = f"{PATH}?{urlencode(rest)}" if found[begin + size :] else None
        page = found[begin : begin + size]
        said = {
            "messages": page,
            "page": number,
            "page_size": size,
            "start": begin,
            "end": begin + len(page) - 1,
            "uri": f"{PATH}?{urlencode(asked)}",
            "first_page_uri": f"{PATH}?{urlencode({**asked, 'Page': '0'})}",
            "next_page_uri": more,
            "previous_page_uri": None,
        }
        return JSONResponse(said)


def rendered(variables: dict[str, str]) -> str:
    """Render the only approved template."""
    return f"Hello {variables.get('1', '')}, your cart {variables.get('2', '')} is waiting."


def resource(order: Order) -> dict[str, Any]:
    """Describe a message as Twilio does."""
    said = order.request
    when = email.utils.format_datetime(order.at)
    return {
        "sid": order.id,
        "account_sid": ACCOUNT,
        "to": said["To"],
        "from": said.get("From"),
        "messaging_service_sid": said.get("MessagingServiceSid"),
        "body": order.text,
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "date_created": when,
        "date_updated": when,
        "date_sent": None,
        "api_version": "2010-04-01",
        "uri": f"{PATH.removesuffix('.json')}/{order.id}.json",
        "subresource_uris": {"media": f"{PATH.removesuffix('.json')}/{order.id}/Media.json"},
    }


def signed(said: dict[str, str], query: str = "", token: str = TOKEN) -> SentHook:
    """Sign a webhook for our gateway's public URL.

    Args:
        said: the parameters of the body.
        query: the query of the URL.
        token: the auth token that signs.

    Returns:
        The webhook.
    """
    url = f"{FakeTwilio.hook_url}/webhooks/twilio" + (f"?{query}" if query else "")
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": sign(url, list(said.items()), token),
    }
    return SentHook(urlencode(said).encode(), headers, query)


def _error(
    code: int, message: str, status: int = 400, headers: dict[str, str] | None = None
) -> Response:
    info = f"https://www.twilio.com/docs/errors/{code}"
    said = {"code": code, "message": message, "more_info": info, "status": status}
    return JSONResponse(said, status, headers)
