"""A source that a TOML file describes, in JMESPath.

The folder ``SOJOURN_WEBHOOKS`` holds one file for each source; ``bookings.toml`` takes the webhooks
at ``/webhooks/in/bookings``. docs/webhooks.md explains how to write one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from sojourn.domain.errors import BadEvent, BadSetting
from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.events.shapes import shapes
from sojourn.domain.made_ids import made_id
from sojourn.gateway.webhooks.bodies import read_json
from sojourn.gateway.webhooks.calls import identify, track
from sojourn.gateway.webhooks.mapping.expressions import Expression
from sojourn.gateway.webhooks.mapping.files import (
    Entry,
    EventMapping,
    IdentifyMapping,
    SourceFile,
    read_file,
)
from sojourn.gateway.webhooks.mapping.functions import as_moment
from sojourn.gateway.webhooks.signatures import check_standard, secrets_in, standard_webhooks
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest, Unreadable

log = logging.getLogger("sojourn.gateway")


@dataclass(frozen=True)
class Inbound:
    """A source that a file describes."""

    name: str
    file: SourceFile
    verifiers: Sequence[Webhook]
    known: Events

    def calls(self, request: SignedRequest) -> list[Call | Unreadable] | Nothing:
        """Verify a request, and return the calls that the file makes of it.

        Raises:
            BadSignature, BadEvent: as `Source.calls`.
        """
        check_standard(self.verifiers, request.headers, request.body)
        sent_at = datetime.fromtimestamp(float(request.headers["webhook-timestamp"]), tz=UTC)
        return self.read(read_json(request.body), self.about(request), sent_at)

    def about(self, request: SignedRequest) -> str:
        """Return the id of a request."""
        return request.headers["webhook-id"]

    def read(
        self, body: Any, webhook_id: str, sent_at: datetime
    ) -> list[Call | Unreadable] | Nothing:
        """Read a body whose signature is verified.

        Args:
            body: its JSON.
            webhook_id: the id of the request, which a repeated request keeps.
            sent_at: the moment of an event for which the file names no ``timestamp``.

        Returns:
            The calls that the file makes of it. An entry that finds a wrong value yields a fault
            instead, whose path is the entry's in the file.
        """
        calls: list[Call | Unreadable] = []
        identity = self.file.identify
        if identity is not None:
            calls += _each(lambda: self._identify(identity, body, webhook_id, sent_at))
        for number, mapping in enumerate(self.file.events):
            calls += _each(partial(self._event, number, mapping, body, webhook_id, sent_at))
        return calls or Nothing("no entry of this source's file is about it")

    def _identify(
        self, entry: IdentifyMapping, body: Any, webhook_id: str, sent_at: datetime
    ) -> Call | None:
        if not _holds(entry, body, "identify"):
            return None
        call = identify(
            user=_user(entry, body, "identify"),
            message_id=made_id("in", self.name, webhook_id, "identify"),
            at=sent_at,
            traits=_found(entry.traits, body, "identify.traits"),
        )
        return _dated(call, entry, body, "identify")

    def _event(
        self, number: int, entry: EventMapping, body: Any, webhook_id: str, sent_at: datetime
    ) -> Call | None:
        path = f"events.{number}"
        if not _holds(entry, body, path):
            return None
        own = _id(entry.message_id, body, f"{path}.message_id")
        found = _found(entry.properties, body, f"{path}.properties")
        known = self.known.get(entry.event)
        if known is not None:
            moments = {name for name, shape in shapes(known).items() if shape.is_moment}
            found = {
                name: as_moment(value) if name in moments else value
                for name, value in found.items()
            }
        call = track(
            entry.event,
            user=_user(entry, body, path),
            message_id=made_id("in", self.name, entry.event, own)
            if own
            else made_id("in", self.name, webhook_id, number),
            at=sent_at,
            properties=found,
        )
        return _dated(call, entry, body, path)


def _each(made: Callable[[], Call | None]) -> Iterator[Call | Unreadable]:
    """Yield an entry's call, if there is one, or its fault, which leaves other entries alone."""
    try:
        call = made()
    except BadEvent as error:
        yield Unreadable(error.path, error.reason)
    else:
        if call is not None:
            yield call


def load_sources(
    folder: Path, environment: Mapping[str, str], known: Events = SHIPPED
) -> dict[str, Inbound]:
    """Load every source of a folder, by name, as the gateway does when it starts.

    Args:
        folder: holds one ``*.toml`` file for each source.
        environment: holds the secrets that the files name.
        known: the events of the project.

    Returns:
        The sources by the names of their files.

    Raises:
        BadSetting: the folder, a file or a secret is missing or wrong; one line names the file, the
            key and the fault.
    """
    if not folder.is_dir():
        raise BadSetting(f"SOJOURN_WEBHOOKS={folder}: there is no such folder")
    return {path.stem: _load(path, environment, known) for path in sorted(folder.glob("*.toml"))}


def _load(path: Path, environment: Mapping[str, str], known: Events) -> Inbound:
    file = read_file(path, known)
    # the unsplit list is no secret itself: base64 has no commas
    secrets = [one for one in secrets_in(environment.get(file.secret, "")) if "," not in one]
    if not secrets:
        raise BadSetting(f"{path}: secret: the environment has no {file.secret}")
    try:
        return Inbound(path.stem, file, standard_webhooks(secrets), known)
    except BadSetting as error:
        raise BadSetting(f"{path}: secret: {file.secret} {error}") from None


def _holds(entry: Entry, body: Any, path: str) -> bool:
    """Tell whether an entry is about this body, by JMESPath's rules of truthiness."""
    if entry.when is None:
        return True
    found = entry.when.of(body, f"{path}.when")
    return found is not None and found is not False and found not in ("", [], {})


def _user(entry: Entry, body: Any, path: str) -> str:
    where = f"{path}.user_id"
    found = _id(entry.user_id, body, where)
    if found is None:
        raise BadEvent(where, f"{entry.user_id.text} finds nothing")
    if "@" in found:
        raise BadEvent(where, "an e-mail address is not an id: it changes, and many see ids")
    return found


def _id(expression: Expression | None, body: Any, path: str) -> str | None:
    if expression is None:
        return None
    found = expression.of(body, path)
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise BadEvent(path, f"{expression.text} finds no id")
    return str(found)


def _dated(call: Call, entry: Entry, body: Any, path: str) -> Call:
    """Return a call with the moment that its entry finds, if any.

    A value that is no moment stays as it is: the reader of calls knows whether that matters.
    """
    if entry.timestamp is None:
        return call
    found = as_moment(entry.timestamp.of(body, f"{path}.timestamp"))
    return call if found in (None, "") else {**call, "timestamp": found}


def _found(expressions: Mapping[str, Expression], body: Any, path: str) -> dict[str, Any]:
    """Return the values that expressions find; None for one that does not fit the body."""
    found: dict[str, Any] = {}
    for name, expression in expressions.items():
        try:
            found[name] = expression.of(body, f"{path}.{name}")
        except BadEvent as error:
            log.warning("%s finds nothing: it does not fit the body", error.path)
            found[name] = None
    return found
