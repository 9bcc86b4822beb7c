"""Suppositions as operators write them: ``consent.email=true``, ``"Order Completed" at 09:55``."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sojourn.domain.customer import Identity, read_identity
from sojourn.domain.errors import BadCustomer, BadEvent, BadInput, UnknownName
from sojourn.domain.events import EARLIEST, Events
from sojourn.domain.messages import Channel
from sojourn.domain.statements import TRAIT as CONSENTS
from sojourn.domain.strict_json import read_json
from sojourn.domain.topics import Topics

FORMS = (
    "consent.email=true, consent.TOPIC=false, TRAIT=VALUE, "
    '"Event Name" at 2026-11-03T09:55, or no "Event Name"'
)
_EVENT = re.compile(
    r'(?P<no>no\s+)?"(?P<name>[^"]+)"\s*(?:at\s+(?P<at>[^{]+?)\s*)?(?P<fields>\{.*)?'
)
_WORD = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)\s*=\s*(?P<value>.*)", re.DOTALL)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_BOOLEANS: Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class When:
    """A moment as it was written.

    Args:
        text: for messages.
        at: the moment, by the customer's clock if it names no offset; None: a clock time alone.
        clock: hour, minute and second; None for a whole moment.
    """

    text: str
    at: datetime | None = None
    clock: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Happens:
    """An event that happened beside the others."""

    name: str
    when: When
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Not:
    """Events that did not happen: all of a name, or those of a moment."""

    name: str
    when: When | None


@dataclass(frozen=True)
class Always:
    """Words on the customer that held from the first moment on, instead of all others on the same.

    Args:
        call: an identify call that says them.
    """

    call: Identity


Supposition = Happens | Not | Always


def read_supposition(written: str, known: Events, topics: Topics, customer_id: str) -> Supposition:
    """Read a supposition.

    Args:
        written: by the operator.
        known: the project's events, by wire name.
        topics: the project's.
        customer_id: whose history it is.

    Returns:
        The supposition.

    Raises:
        BadInput: it has none of the forms, or names something that does not exist; one line.
    """
    text = written.strip()
    if (event := _EVENT.fullmatch(text)) is not None:
        return _event(written, known, event)
    if (word := _WORD.fullmatch(text)) is not None:
        return Always(_words(word["name"], word["value"].strip(), topics, customer_id))
    raise BadInput(f"--if {text!r}: is none of: {FORMS}")


def _event(written: str, known: Events, found: re.Match[str]) -> Happens | Not:
    name = known.known_as(found["name"])
    try:
        known.named(name)
    except UnknownName as error:
        raise BadInput(f"--if: {error}") from None
    when = None if found["at"] is None else _when(found["at"])
    if found["no"]:
        if found["fields"]:
            raise BadInput(f'--if {written!r}: no "{name}" takes a moment, and no fields')
        return Not(name, when)
    if when is None:
        raise BadInput(f'--if {written!r}: says no moment: write "{name}" at 2026-11-03T09:55')
    return Happens(name, when, _fields(name, found["fields"] or "{}"))


def _when(written: str) -> When:
    if (clock := _CLOCK.fullmatch(written)) is not None:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return When(written, clock=(hour, minute, second))
    try:
        return When(written, at=datetime.fromisoformat(written))
    except ValueError:
        raise BadInput(
            f'--if: "{written[:40]}" is no moment: write it as 09:55 or 2026-11-03T09:55'
        ) from None


def _fields(name: str, written: str) -> Mapping[str, Any]:
    try:
        fields = read_json(written.encode(), path="fields")
    except BadEvent as error:
        raise BadInput(f'--if: the fields of "{name}": {error}') from None
    assert isinstance(fields, dict), "it begins with a brace"
    return fields


def _words(name: str, value: str, topics: Topics, customer_id: str) -> Identity:
    first, _, rest = name.partition(".")
    if first == "policy":
        raise BadInput(
            f"--if {name}: the policy is no fact of a customer: change policy.toml, and see "
            "`sojourn backtest --since`"
        )
    traits: dict[str, Any]
    if first == "consent":
        traits = {CONSENTS: [_statement(name, rest, value, topics)]}
    else:
        traits = {name: _value(value)}
    try:
        call = read_identity(traits, customer_id=customer_id, message_id=f"if/{name}", at=EARLIEST)
    except BadCustomer as error:
        raise BadInput(f"--if {name}: {error.reason}") from None
    if call.faults:
        raise BadInput(f"--if {name}: {call.faults[0].reason}")
    return call


def _statement(name: str, rest: str, value: str, topics: Topics) -> dict[str, Any]:
    granted = _BOOLEANS.get(value.lower())
    if granted is None:
        raise BadInput(f"--if {name}: {value!r} is neither true nor false")
    channel, _, topic = rest.partition(".")
    if channel not in list(Channel):
        channel, topic = "", rest
    if not channel and topic not in topics:
        every = ", ".join([*Channel, *topics])
        raise BadInput(f'--if {name}: "{rest}" is neither a channel nor a topic: {every}')
    if topic:
        topics.check(topic)
    said: dict[str, Any] = {"granted": granted}
    return said | ({"channel": channel} if channel else {}) | ({"topic": topic} if topic else {})


def _value(written: str) -> Any:
    """Return a value: as JSON, or else as the text that it is."""
    try:
        return json.loads(written)
    except ValueError:
        return written
