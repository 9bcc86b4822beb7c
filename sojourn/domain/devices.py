"""Devices: where a customer's push messages go. An app names its token in the context of calls."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sojourn.domain.storable import storable_text

MOST_DEVICES = 20
"""Devices of one customer, at most; beyond that, the one that has been unused for longest goes."""
LONGEST_TOKEN = 2000
"""An index of the database takes no longer key. Tokens have some 200 characters, subscriptions of
browsers some 500."""
_PLATFORM = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,29}", re.ASCII)
_UNINSTALLED = "Application Uninstalled"


@dataclass(frozen=True)
class Device:
    """A device that takes push messages.

    Args:
        token: the device token, or the subscription of a browser as JSON.
        platform: "ios", "android", "web", ... in small letters; empty: nobody said.
        used_at: the moment of the newest call that named it; None: of the call that names it now.
        gone: the app is not on the device any more.
    """

    token: str
    platform: str = ""
    used_at: datetime | None = None
    gone: bool = False


def read_device(context: object, event: str = "") -> Device | None:
    """Return the device that the context of a call names, as Segment's SDKs write it.

    Nobody wrote it on purpose, so a token that cannot be read is not a fault.

    Args:
        context: the call's: ``{"device": {"token": "...", "type": "ios"}}``.
        event: the name of the event, if it is one.

    Returns:
        The device; None if the context names none.
    """
    device = _part(context, "device")
    token = device.get("token")
    if not isinstance(token, str) or not (token := token.strip()):
        return None
    if len(token) > LONGEST_TOKEN or not token.isprintable() or storable_text(token) != token:
        return None
    said = device.get("type") or _part(context, "os").get("name")
    return Device(token, _platform(said), gone=event == _UNINSTALLED)


def _part(whole: object, name: str) -> Mapping[str, Any]:
    part = whole.get(name) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _platform(said: Any) -> str:
    name = said.strip().lower() if isinstance(said, str) else ""
    return name if _PLATFORM.fullmatch(name) else ""
