"""A source that a TOML file describes, in JMESPath.

The folder ``SOJOURN_WEBHOOKS`` holds one file a source; ``bookings.toml`` takes the webhooks of
``/webhooks/in/bookings``. docs/webhooks.md tells how to write one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from sojourn.domain.errors import BadEvent, BadSetting
from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.made_ids import made_id
from sojourn.domain.reading import read_moment
from sojourn.gateway.webhooks.bodies import read_json
from sojourn.gateway.webhooks.calls import identify, track
from sojourn.gateway.webhooks.mapping.expressions import Expression
from sojourn.gateway.webhooks.mapping.files import Entry, SourceFile, read_file
from sojourn.gateway.webhooks.signatures import check_standard, secrets_in, standard_webhooks
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest


@dataclass(frozen=True)
class Inbound:
    """A source that a file describes."""

    name: str
    file: SourceFile
    verifiers: Sequence[Webhook]

    def calls(self, request: SignedRequest) -> list[Call] | Nothing:
        """Verify a request, and give back the calls that the file makes of it.

        Raises:
            BadSignature, BadEvent: as `Source.calls`.
        """
        check_standard(self.verifiers, request.headers, request.body)
        sent_at = datetime.fromtimestamp(float(request.headers["webhook-timestamp"]), tz=UTC)
        return self.read(read_json(request.body), self.about(request), sent_at)

    def about(self, request: SignedRequest) -> str:
        """Return the id of a request."""
        return request.headers["webhook-id"]

    def read(self, body: Any, webhook_id: str, sent_at: datetime) -> list[Call] | Nothing:
        """Read a body whose signature is verified.

        Args:
            body: its JSON.
            webhook_id: of the request; it is the same when the request is sent again.
            sent_at: the moment of an event for which the file names no ``timestamp``.

        Returns:
            The calls that the file makes of it.

        Raises:
            BadEvent: an expression finds a wrong value; the path is that of the file.
        """
        calls: list[Call] = []
        identity = self.file.identify
        if identity is not None and _holds(identity, body, "identify"):
            calls.append(
                identify(
                    user=_user(identity, body, "identify"),
                    message_id=made_id("in", self.name, webhook_id, "identify"),
                    at=_moment(identity, body, "identify") or sent_at,
                    traits=_found(identity.traits, body, "identify.traits"),
                )
            )
        for number, mapping in enumerate(self.file.events):
            path = f"events.{number}"
            if _holds(mapping, body, path):
                own = _id(mapping.message_id, body, f"{path}.message_id")
                calls.append(
                    track(
                        mapping.event,
                        user=_user(mapping, body, path),
                        message_id=made_id("in", self.name, mapping.event, own)
                        if own
                        else made_id("in", self.name, webhook_id, number),
                        at=_moment(mapping, body, path) or sent_at,
                        properties=_found(mapping.properties, body, f"{path}.properties"),
                    )
                )
        return calls or Nothing("no entry of this source's file is about it")


def load_sources(
    folder: Path, environment: Mapping[str, str], known: Events = SHIPPED
) -> dict[str, Inbound]:
    """Load every source of a folder, by name. The gateway does so when it starts.

    Args:
        folder: holds one ``*.toml`` a source.
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
    # a list as a whole is no secret: base64 has no commas
    secrets = [one for one in secrets_in(environment.get(file.secret, "")) if "," not in one]
    if not secrets:
        raise BadSetting(f"{path}: secret: the environment has no {file.secret}")
    try:
        return Inbound(path.stem, file, standard_webhooks(secrets))
    except BadSetting as error:
        raise BadSetting(f"{path}: secret: {file.secret} {error}") from None


def _holds(entry: Entry, body: Any, path: str) -> bool:
    """Tell whether an entry is about this body, by JMESPath's rules of truth."""
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
        raise BadEvent(where, "an e-mail address is no id: it changes, and ids are seen by many")
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


def _moment(entry: Entry, body: Any, path: str) -> datetime | None:
    if entry.timestamp is None:
        return None
    where = f"{path}.timestamp"
    found = entry.timestamp.of(body, where)
    return None if found is None else read_moment(where, found)


def _found(expressions: Mapping[str, Expression], body: Any, path: str) -> dict[str, Any]:
    return {name: expression.of(body, f"{path}.{name}") for name, expression in expressions.items()}
