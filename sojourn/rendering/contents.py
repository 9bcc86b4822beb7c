"""The parts of a message by channel: the blocks that make them, and the limits that they keep."""

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
"""The blocks that the template of a channel may have. An empty one counts as absent."""

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
    """Return the parts of an SMS.

    Args:
        said: what its blocks say.
        most: segments that it may have.

    Raises:
        jinja2.TemplateRuntimeError: it has more segments.
    """
    text = clean(said["text"])
    found = sms.segments(text)
    if found.count > most:
        raise TemplateRuntimeError(f"{found}, and SOJOURN_SMS_MAX_SEGMENTS allows {most}")
    return {"text": text, "segments": found.count}


def push(said: Mapping[str, str], context: RenderContext, shop_url: str) -> dict[str, Any]:
    """Return the parts of a notification.

    Args:
        said: what its blocks say.
        context: names the run: a run's notifications replace one another.
        shop_url: the base of an image's address that is only a path.

    Returns:
        The fields of the content.

    Raises:
        jinja2.TemplateRuntimeError: the notification is too large, or a part cannot be sent.
    """
    parts = {part: clean(said[part]) for part in PARTS[Channel.PUSH]}
    if image := clean(said.get("image", "")):
        parts["image"] = web_url(image, shop_url)
        if not parts["image"]:
            raise TemplateRuntimeError('its block "image" is not an address on the web')
    key = clean(said.get("collapse_key", "")) or _of_run(context)
    if not key.isascii() or len(key) > LONGEST_COLLAPSE_KEY:
        raise TemplateRuntimeError(
            f'its block "collapse_key" must be at most {LONGEST_COLLAPSE_KEY} characters of ASCII'
        )
    parts["collapse_key"] = key
    size = len(json.dumps(parts, ensure_ascii=False).encode())
    if size > LARGEST_PUSH:
        raise TemplateRuntimeError(f"{size} bytes, and a notification has at most {LARGEST_PUSH}")
    return parts


def whatsapp(said: Mapping[str, str]) -> dict[str, Any]:
    """Return the parts of a WhatsApp message: an approved template, free text, or both.

    Raises:
        jinja2.TemplateRuntimeError: both are missing, or WhatsApp would refuse them.
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
        raise TemplateRuntimeError(
            "variables fill an approved template: it lacks {% block approved %}"
        )
    if approved and not _APPROVED.fullmatch(approved):
        raise TemplateRuntimeError(
            'its block "approved" is not the name of a template: up to 512 of a-z, 0-9 and _'
        )
    return {"text": text, "approved": approved, "variables": _variables(variables)}


def prose(text: str) -> str:
    """Return text with single empty lines between its paragraphs."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or lines[-1]:
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def _variables(lines: list[str]) -> tuple[str, ...]:
    # Meta refuses line breaks, tabs and runs of spaces
    variables = tuple(clean(line) for line in lines)
    for number, variable in enumerate(variables, 1):
        if not variable:
            raise TemplateRuntimeError(f"variable {number} says nothing")
    return variables


def _of_run(context: RenderContext) -> str:
    """Return a key that all notifications of a run share."""
    parts = (context.journey, context.key, *filter(None, [context.part]))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    journey = context.journey[: LONGEST_COLLAPSE_KEY - len(digest) - 1]
    return f"{journey}-{digest}"
