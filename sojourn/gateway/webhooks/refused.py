"""Refused webhooks: logged, counted, and kept until a person has dealt with them.

A shop sends a webhook a few times and then never again, so a request that cannot be read is kept as
it came. `gateway.redriving` reads it again: with a mended body, or by a newer Sojourn.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import structlog

from sojourn.dispatch import quarantine
from sojourn.domain.errors import BadEvent, BadInput, Unserved
from sojourn.domain.reading import read_moment
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.webhooks.bodies import read_json
from sojourn.gateway.webhooks.source import Nothing, SignedRequest, Source, Unreadable
from sojourn.store import Store
from sojourn.store.tables import QuarantineRow

WEBHOOK = "webhook"
"""The type of a request in quarantine."""
_IDS = ("x-shopify-webhook-id", "x-wc-webhook-delivery-id", "webhook-id")
"""Headers with the id of a request, which a repeated request keeps."""
_TOPICS = ("x-shopify-topic", "x-wc-webhook-topic")
log = structlog.stdlib.get_logger("sojourn.gateway")


@runtime_checkable
class Rereads(Source, Protocol):
    """A source that can read a request again without its signature, once that was verified."""

    def about(self, request: SignedRequest) -> str:
        """Return what the source needs beside the body: the request's topic or id."""

    def read(self, body: Any, about: str, at: datetime, /) -> Any:
        """Return the calls that a body amounts to, as `Source.calls` does.

        Args:
            body: parsed JSON.
            about: as `about` returned it.
            at: when it arrived.

        Returns:
            The calls, or `Nothing`.
        """


class Refused:
    """The handling of refused webhooks.

    Args:
        store: keeps the webhooks.
        metrics: count the webhooks.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    def note(self, source: str, status: int, path: str, reason: str) -> None:
        """Log and count a refused webhook.

        Args:
            source: the name of the source or provider.
            status: the HTTP status of the answer.
            path: the field, or the part of the request, at fault.
            reason: what is wrong with it.
        """
        self._metrics.count_refused_webhook(source, status, path)
        say = log.error if status == 501 else log.warning
        say("webhook refused", source=source, status=status, path=path, reason=reason)

    def count_notes(self, source: str, paths: Iterable[str]) -> None:
        """Count the parts of a webhook that were left out.

        Args:
            source: the name of the source.
            paths: the paths of the parts.
        """
        for path in paths:
            self._metrics.count_left_out(source, path)

    async def keep(self, source: Source, request: SignedRequest, fault: BadEvent) -> None:
        """Keep a request, once its signature was verified.

        Args:
            source: the source it came from.
            request: the request as it arrived.
            fault: why it is not taken.
        """
        if not isinstance(source, Rereads):
            return  # it could not be read again: the log has the reason
        try:
            body = read_json(request.body)
        except BadEvent:  # kept as text, for a person, or for a reader that can
            body = request.body.decode(errors="replace")
        about = source.about(request)
        call = {
            "type": WEBHOOK,
            "source": source.name,
            "about": about,
            "id": next((request.headers[name] for name in _IDS if name in request.headers), None),
            "receivedAt": request.received_at.isoformat(),
            "body": body,
        }
        name = f"{source.name} {topic_of(request)}".strip()
        await quarantine.keep_request(self._store, call, fault, source=source.name, name=name)


def topic_of(request: SignedRequest) -> str:
    """Return the topic of a shop's request; empty if its source has no topics."""
    return next((request.headers[name] for name in _TOPICS if name in request.headers), "")


def is_webhook(row: QuarantineRow) -> bool:
    """Tell whether a row of the quarantine is a request, not a call."""
    return row.call.get("type") == WEBHOOK


def reread(row: QuarantineRow, sources: Mapping[str, Source]) -> Any:
    """Read a request in quarantine again.

    Args:
        row: the request.
        sources: the sources that are set up, by name.

    Returns:
        The calls that it amounts to.

    Raises:
        BadInput: its source is not set up.
        BadEvent: it still cannot be read, or a person has to do what it asks for.
    """
    source = sources.get(row.call["source"])
    if not isinstance(source, Rereads):
        raise BadInput(f"call {row.id} came from {row.source}, which is not set up here")
    at = read_moment("receivedAt", row.call["receivedAt"])
    body = row.call["body"]
    try:
        calls = source.read(
            read_json(body.encode()) if isinstance(body, str) else body, row.call["about"], at
        )
    except Unserved as error:
        raise BadEvent(row.call["about"], f"{error}; then drop it") from None
    for one in () if isinstance(calls, Nothing) else calls:
        if isinstance(one, Unreadable):
            raise BadEvent(one.path, one.reason)
    return calls
