"""Statements of consent in identify calls: ``traits.consents``, with their circumstances."""

from collections.abc import Mapping
from typing import Any

from sojourn.domain.consent import Evidence, Purpose, Statement
from sojourn.domain.errors import BadCustomer, BadEvent
from sojourn.domain.messages import Channel
from sojourn.domain.reading import read_moment
from sojourn.domain.storable import storable_text

TRAIT = "consents"
_ENTRIES = {
    "channel": "channel",
    "topic": "topic",
    "purpose": "purpose",
    "granted": "granted",
    "address": "address",
    "wording": "wording",
    "wordingVersion": "wording_version",
    "wording_version": "wording_version",
    "locale": "locale",
    "proof": "proof",
    "expiresAt": "expires_at",
    "expires_at": "expires_at",
}
_LONGEST = {"wording": 5000}
_TEXT_LIMIT = 500
_PURPOSES = (Purpose.MESSAGES, Purpose.OPENS)
_CHANNELS = {**{channel.value: channel for channel in Channel}, "e-mail": Channel.EMAIL}
_NO = frozenset(
    {"false", "no", "n", "off", "0", "denied", "refused", "revoked", "withdrawn", "unsubscribed"}
    | {f"{opt}{between}out" for opt in ("opt", "opted") for between in (" ", "_", "-", "")}
)
"""A refusal is understood in any plain spelling; a consent has to be said as ``true``."""


def read_statement(path: str, item: Any) -> list[Statement]:
    """Read one statement of a call.

    Every entry of a yes must be understood: an entry that is passed over might have limited it.
    Entries of a no that cannot be read are left out: the no itself counts.

    Args:
        path: of the statement: ``traits.consents.0``.
        item: as it was sent.

    Returns:
        The statement; a no that names neither channel nor topic is one for each channel.

    Raises:
        BadCustomer: it says nothing that can be kept; the path names the entry.
    """
    if not isinstance(item, Mapping):
        raise BadCustomer(path, 'must be like {"channel": "email", "granted": true}')
    said = {_ENTRIES.get(str(name), str(name)): value for name, value in item.items()}
    said = {name: value for name, value in said.items() if value is not None}
    granted = _granted(path, said)
    if granted and (strange := sorted(said.keys() - set(_ENTRIES.values()))):
        ours = ", ".join(KNOWN)
        raise BadCustomer(f"{path}.{strange[0]}", f"no such entry; choose one of: {ours}")
    purpose = _purpose(path, said)
    channel, topic = _channel(path, said), _text(f"{path}.topic", said.get("topic"), _TEXT_LIMIT)
    evidence = _evidence(path, said, granted=granted)
    if purpose is not Purpose.MESSAGES:
        if granted and (channel or topic):
            raise BadCustomer(f"{path}.purpose", f"{purpose} takes neither channel nor topic")
        return [Statement(None, granted, purpose=purpose, evidence=evidence)]
    if channel is None and not topic:
        if granted:
            raise BadCustomer(f"{path}.channel", f"is missing: {', '.join(Channel)}")
        return [Statement(each, granted, evidence=evidence) for each in Channel]
    return [Statement(channel, granted, topic, evidence=evidence)]


KNOWN = ("channel", "topic", "purpose", "granted", "wording", "wordingVersion", "locale", "proof",
         "address", "expiresAt")  # fmt: skip


def channel_of(name: object) -> Channel | None:
    """Return the channel that a sender names; None if there is none of that name."""
    return _CHANNELS.get(str(name).strip().lower()) if isinstance(name, str) else None


def is_no(said: Any) -> bool:
    """Tell whether a sender says no, in any plain spelling."""
    return said is False or (
        isinstance(said, str | int) and not isinstance(said, bool) and _small(said) in _NO
    )


def _small(said: str | int) -> str:
    try:
        return str(said).strip().lower()
    except ValueError:  # Python writes no more than 4300 digits
        return ""


def _granted(path: str, said: Mapping[str, Any]) -> bool:
    if is_no(said.get("granted")):
        return False
    if said.get("granted") is True:
        return True
    if said.get("granted") == Purpose.PENDING.value:
        raise BadCustomer(
            f"{path}.granted",
            'must be true or false; what is to be confirmed is the event "Opt-In Requested"',
        )
    raise BadCustomer(f"{path}.granted", "must be true or false")


def _purpose(path: str, said: Mapping[str, Any]) -> Purpose:
    given = said.get("purpose", Purpose.MESSAGES.value)
    if given not in _PURPOSES:
        raise BadCustomer(f"{path}.purpose", f"must be {' or '.join(_PURPOSES)}")
    return Purpose(given)


def _channel(path: str, said: Mapping[str, Any]) -> Channel | None:
    if "channel" not in said:
        return None
    channel = channel_of(said["channel"])
    if channel is None:
        ours = ", ".join(Channel)
        raise BadCustomer(f"{path}.channel", f"no such channel; choose one of: {ours}")
    return channel


def _evidence(path: str, said: Mapping[str, Any], *, granted: bool) -> Evidence:
    read: dict[str, Any] = {}
    for name in ("address", "wording", "wording_version", "locale", "proof", "expires_at"):
        if name not in said or (name == "expires_at" and not granted):
            continue
        try:
            if name == "expires_at":
                read[name] = read_moment(f"{path}.expiresAt", said[name])
            else:
                limit = _LONGEST.get(name, _TEXT_LIMIT)
                read[name] = _text(f"{path}.{name}", said[name], limit)
        except BadEvent as error:
            if granted:
                raise BadCustomer(error.path, error.reason) from None
    return Evidence(**read)


def _text(path: str, value: Any, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadCustomer(path, "must be text")
    if isinstance(value, int) and abs(value) >= 10 ** longest.bit_length():
        raise BadCustomer(path, "must be text")
    text = str(value).strip()
    if len(text) > longest:
        raise BadCustomer(path, f"is longer than {longest} characters")
    if storable_text(text) != text:
        raise BadCustomer(path, "has a character that cannot be stored")
    return text


def as_sent(statement: Statement) -> dict[str, Any]:
    """Return a statement as a call has it."""
    evidence = statement.evidence
    said = {
        "channel": statement.channel,
        "topic": statement.topic,
        "granted": statement.granted,
        "address": evidence.address,
        "wording": evidence.wording,
        "wordingVersion": evidence.wording_version,
        "locale": evidence.locale,
        "proof": evidence.proof,
        "expiresAt": evidence.expires_at.isoformat() if evidence.expires_at else "",
    }
    return {name: value for name, value in said.items() if value not in ("", None)}
