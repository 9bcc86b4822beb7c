"""Hooks: the addresses that are told what happens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sojourn.domain.endpoints import fault_of
from sojourn.domain.errors import BadSetting

ADDRESSES, SECRETS = "SOJOURN_WEBHOOKS_OUT", "SOJOURN_WEBHOOKS_OUT_SECRET"
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
MOST_TRIES = 84
"""About three days; then a call is given up, and the customer's later ones go on."""
BREAKS = 10
"""Customers whose calls fail, while nobody's is taken: then the address is given time."""
NAMED = {"deferred": "held", "claimed": "", "submitting": ""}
"""States of a message that have another name there, or none: it is being handed over."""
TYPES = {
    ("run", "open"): "run.started",
    ("run", "closed"): "run.ended",
    ("conversion", ""): "message.converted",
    ("exposure", ""): "experiment.assigned",
    ("consent", ""): "consent.changed",
}
"""By kind and state. An event has none: it came from those who would be told."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}", re.ASCII)


@dataclass(frozen=True)
class Hook:
    """An address that is told what happens.

    Args:
        name: of the project's choice.
        url: the address.
        secrets: each signs.
    """

    name: str
    url: str
    secrets: tuple[str, ...]


def read_hooks(addresses: str, secrets: str) -> tuple[Hook, ...]:
    """Read the settings of webhooks out.

    Args:
        addresses: ``crm=https://crm.example/hook, stats=https://...``.
        secrets: ``crm=whsec_..., stats=whsec_...``; of one name several, while one is exchanged.

    Returns:
        The hooks, in the order in which they are written.

    Raises:
        BadSetting: a part cannot be read or used; the text quotes no address and no secret.
    """
    keys: dict[str, list[str]] = {}
    for name, secret in _parts(secrets, SECRETS, "crm=whsec_..."):
        keys.setdefault(name, []).append(secret)
    found: dict[str, Hook] = {}
    for name, url in _parts(addresses, ADDRESSES, "crm=https://crm.example/hook"):
        if name in found:
            raise BadSetting(f"{ADDRESSES} names {name} twice")
        if fault := fault_of(url):
            raise BadSetting(f"{ADDRESSES}: the address of {name} {fault}")
        if name not in keys:
            raise BadSetting(
                f"{SECRETS} has no secret of {name}, and nothing can be signed: make one by "
                "`echo whsec_$(openssl rand -base64 32)`"
            )
        found[name] = Hook(name, url, tuple(keys.pop(name)))
    if keys:
        raise BadSetting(f"{SECRETS} has a secret of {min(keys)}, which {ADDRESSES} does not name")
    return tuple(found.values())


def wait_after(tries: int, asked: timedelta | None = None) -> timedelta:
    """Return how long to wait after so many failures, at least as long as somebody asked."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(tries - 1, 12)
    return max(min(doubled, LONGEST_WAIT), asked or timedelta())


def type_of(kind: str, state: str, told: Mapping[str, object]) -> str | None:
    """Return the type of a piece of news; None: it is told to nobody.

    Args:
        kind: of the change.
        state: at the change.
        told: the row behind it.

    Returns:
        ``message.sent``.
    """
    if kind == "message":
        named = NAMED.get(state, state)
        return f"message.{named}" if named else None
    if kind == "report":
        return f"message.{told['kind']}"
    return TYPES.get((kind, state))


def _parts(text: str, setting: str, example: str) -> list[tuple[str, str]]:
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()) or not value.strip():
            raise BadSetting(f"{setting}: write it as {example}, with a comma before the next")
        found.append((name.strip(), value.strip()))
    return found
