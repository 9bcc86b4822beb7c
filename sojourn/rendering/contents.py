"""What each channel asks of the parts of a message, and makes of them."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateRuntimeError

from sojourn.domain import sms
from sojourn.domain.errors import UnknownName
from sojourn.domain.links import web_url
from sojourn.domain.messages import Channel
from sojourn.rendering.context import RenderContext
from sojourn.rendering.words import clean

PARTS: dict[Channel, tuple[str, ...]] = {
    Channel.EMAIL: ("subject", "body"),
    Channel.SMS: ("text",),
    Channel.WHATSAPP: (),
    Channel.PUSH: ("title", "body", "url"),
}
"""The blocks that the template of a channel must have."""

EXTRAS: dict[Channel, tuple[str, ...]] = {
    Channel.EMAIL: ("preheader", "attachments"),
    Channel.SMS: (),
    Channel.WHATSAPP: ("text", "approved", "variables"),
    Channel.PUSH: ("image", "collapse_key"),
}
"""The blocks that it may have. A silent one counts as absent."""

BLOCKS = {channel: (*PARTS[channel], *EXTRAS[channel]) for channel in Channel}

LARGEST_PUSH = 4096
"""Bytes of a notification. FCM: https://firebase.google.com/docs/cloud-messaging; APNs:
https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification; Web
Push: RFC 8030, 7.2."""

LONGEST_COLLAPSE_KEY = 64
"""Bytes of APNs' ``apns-collapse-id``:
https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns"""

LONGEST_WHATSAPP = 4096
"""Characters of a text message:
https://developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages"""

# Meta's names: https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
# Twilio's content ids: https://www.twilio.com/docs/content
_APPROVED = re.compile(r"[a-z0-9_]{1,512}|HX[0-9a-f]{32}")


def check_blocks(said: Mapping[str, str], channel: Channel) -> None:
    """Check that a template has the blocks of its channel.

    Args:
        said: what each of its blocks says.
        channel: of the message.

    Raises:
        jinja2.TemplateRuntimeError: names the block at fault.
    """
    # the layout of an e-mail may have blocks of its own
    for block in () if channel is Channel.EMAIL else said:
        if block not in BLOCKS[channel]:
            raise TemplateRuntimeError(str(UnknownName("block", block, BLOCKS[channel])))
    for part in PARTS[channel]:
        if part not in said:
            raise TemplateRuntimeError(f"it lacks {{% block {part} %}}")
        if not said[part].strip():
            raise TemplateRuntimeError(f'its block "{part}" says nothing')


def text_message(said: Mapping[str, str], most: int) -> dict[str, Any]:
    """An SMS, counted.

    Args:
        said: what its blocks say.
        most: segments that it may have.

    Raises:
        jinja2.TemplateRuntimeError: it has more.
    """
    text = clean(said["text"])
    found = sms.segments(text)
    if found.count > most:
        raise TemplateRuntimeError(f"{found}, and SOJOURN_SMS_MAX_SEGMENTS allows {most}")
    return {"text": text, "segments": found.count}


def push(said: Mapping[str, str], context: RenderContext, shop_url: str) -> dict[str, Any]:
    """A notification.

    Args:
        said: what its blocks say.
        context: what it is about; names the run, whose notifications replace one another.
        shop_url: what an image's path is taken to be on.

    Raises:
        jinja2.TemplateRuntimeError: it is too large, or a part is nothing that can be sent.
    """
    parts = {part: clean(said[part]) for part in PARTS[Channel.PUSH]}
    if image := clean(said.get("image", "")):
        parts["image"] = web_url(image, shop_url)
        if not parts["image"]:
            raise TemplateRuntimeError('its block "image" is no address on the web')
    key = clean(said.get("collapse_key", "")) or _of_run(context)
    if not key.isascii() or len(key) > LONGEST_COLLAPSE_KEY:
        raise TemplateRuntimeError(
            f'its block "collapse_key" has more than {LONGEST_COLLAPSE_KEY} characters of ASCII, '
            "or others"
        )
    parts["collapse_key"] = key
    size = len(json.dumps(parts, ensure_ascii=False).encode())
    if size > LARGEST_PUSH:
        raise TemplateRuntimeError(f"{size} bytes, and a notification has at most {LARGEST_PUSH}")
    return parts


def whatsapp(said: Mapping[str, str]) -> dict[str, Any]:
    """An approved template with its variables, our own words, or both.

    Raises:
        jinja2.TemplateRuntimeError: neither is there, or not in a form that WhatsApp takes.
    """
    text = prose(said.get("text", "")).strip()
    approved, variables = clean(said.get("approved", "")), said.get("variables", "").splitlines()
    if not (text or approved):
        raise TemplateRuntimeError("it lacks {% block approved %} or {% block text %}")
    if len(text) > LONGEST_WHATSAPP:
        raise TemplateRuntimeError(
            f"{len(text)} characters, and WhatsApp takes at most {LONGEST_WHATSAPP}"
        )
    if variables and not approved:
        raise TemplateRuntimeError("variables belong to a template: it lacks {% block approved %}")
    if approved and not _APPROVED.fullmatch(approved):
        raise TemplateRuntimeError(
            'its block "approved" is no name of a template: up to 512 of a-z, 0-9 and _'
        )
    return {"text": text, "approved": approved, "variables": _variables(variables)}


def prose(text: str) -> str:
    """Paragraphs, an empty line between them."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or lines[-1]:
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def _variables(lines: list[str]) -> tuple[str, ...]:
    # cleaned, none has the line breaks, tabs and runs of spaces that Meta refuses
    variables = tuple(clean(line) for line in lines)
    for number, variable in enumerate(variables, 1):
        if not variable:
            raise TemplateRuntimeError(f"variable {number} says nothing")
    return variables


def _of_run(context: RenderContext) -> str:
    """The same for every notification of a run."""
    run = f"{context.journey}\0{context.key}".encode()
    digest = hashlib.sha256(run).hexdigest()[:16]
    journey = context.journey[: LONGEST_COLLAPSE_KEY - len(digest) - 1]
    return f"{journey}-{digest}"
