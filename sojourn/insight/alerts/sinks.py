"""Sinks: those who are told of alerts: the log, a webhook, and what Apprise reaches."""

import asyncio
import hashlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import charset
from typing import Any, Protocol

import httpx
import structlog
from standardwebhooks import Webhook

from sojourn.domain.alerts.alert import Word
from sojourn.domain.errors import BadSetting, CallFailed
from sojourn.sending.signed import headers_of, post, signers_of
from sojourn.settings import Settings

TIMEOUT = timedelta(seconds=10)
PATIENCE = timedelta(seconds=30)
"""An e-mail server takes its time."""
LOG, WEBHOOK, APPRISE = "log", "webhook", "apprise"
EXTRA = 'pip install "sojourn[alerts]"'

log = structlog.stdlib.get_logger("sojourn.alerts")


@dataclass(frozen=True)
class Said:
    """A word of an alert.

    Args:
        id: the same in every attempt.
        word: the news; None: it is a test.
        name: of the alert.
        line: all of it in one line.
        at: when it began, or was over.
        seen: the number that was counted.
        expected: the number that it is compared with.
        window: the time that was looked at.
        look: commands that show more.
    """

    id: str
    word: Word | None
    name: str
    line: str
    at: datetime
    seen: float = 0.0
    expected: float = 0.0
    window: str = ""
    look: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name and its news: the subject of an e-mail."""
        match self.word:
            case Word.BEGAN:
                return f"Sojourn: {self.name}"
            case Word.OVER:
                return f"Sojourn: {self.name} is over"
        return "Sojourn: a test of alerts"

    @property
    def text(self) -> str:
        """All of it, for people."""
        if self.word is Word.OVER:
            return f"This is over since {self.at:%Y-%m-%d %H:%M} UTC: {self.line}"
        if not self.look:
            return self.line
        commands = "\n".join(f"    {one}" for one in self.look)
        return (
            f"{self.line}\n\nLook with:\n{commands}\n\nKeep it quiet with:\n"
            f'    sojourn alerts quiet "{self.name}" --days 1 --why "..."'
        )


class Sink(Protocol):
    """Somebody who is told."""

    @property
    def name(self) -> str:
        """The name of its rows; no secret is in it."""

    async def tell(self, said: Said) -> str:
        """Tell once.

        Returns:
            A code, why that failed; empty: it was told.
        """


@dataclass(frozen=True)
class Log:
    """The log: one line."""

    name: str = LOG

    async def tell(self, said: Said) -> str:
        """Write the line."""
        if said.word is Word.BEGAN:
            log.warning("alert", alert=said.name, says=said.line, look=list(said.look))
        else:
            log.info("alert is over", alert=said.name)
        return ""


@dataclass(frozen=True)
class Hook:
    """The other end of ``SOJOURN_ALERTS_WEBHOOK``: a signed post (Standard Webhooks).

    Args:
        url: where.
        signers: one for each secret.
    """

    url: str
    signers: Sequence[Webhook]
    name: str = WEBHOOK

    async def tell(self, said: Said) -> str:
        """Post once."""
        body = json.dumps(body_of(said), ensure_ascii=False)
        headers = headers_of(self.signers, said.id, body)
        try:
            status, _, _ = await post(self.url, body, headers, TIMEOUT)
        except (httpx.HTTPError, TimeoutError) as error:
            return f"no answer: {type(error).__name__}"
        except CallFailed:  # it has taken it, and talks a lot
            return ""
        return "" if 200 <= status < 300 else f"HTTP {status}"


@dataclass(frozen=True)
class ByApprise:
    """One address of ``SOJOURN_ALERTS_TO``.

    Args:
        name: ``apprise-``, the service, and a digest of the address.
        target: of the library.
    """

    name: str
    target: Any

    async def tell(self, said: Said) -> str:
        """Notify once; the library's own log may quote the address, and is silent."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                taken = await self.target.async_notify(body=said.text, title=said.title)
        except TimeoutError:
            return "no answer in time"
        return "" if taken else "not taken"


def body_of(said: Said) -> dict[str, object]:
    """Return what a webhook is told, for JSON."""
    kind, _, about = said.name.partition(":")
    return {
        "type": f"alert.{said.word or 'test'}",
        "timestamp": said.at.isoformat(),
        "data": {
            "name": said.name,
            "kind": kind,
            "about": about,
            "line": said.line,
            "seen": said.seen,
            "expected": said.expected,
            "window": said.window,
            "look": list(said.look),
        },
    }


def sinks_of(settings: Settings) -> tuple[Sink, ...]:
    """Return all who are told of alerts here.

    Args:
        settings: of this installation.

    Returns:
        The log, and what the settings name.

    Raises:
        BadSetting: an address or a secret cannot be used, or Apprise is not installed; the text
            quotes no address.
    """
    found: list[Sink] = [Log()]
    if url := settings.alerts_webhook:
        secret = settings.alerts_webhook_secret
        found.append(Hook(url, signers_of("SOJOURN_ALERTS_WEBHOOK", url, secret)))
    found += [_by_apprise(url) for url in settings.alerts_to.get_secret_value().split()]
    return tuple(found)


@contextmanager
def _charsets_kept() -> Iterator[None]:
    """Undo what a module changes for the whole process: how e-mails in UTF-8 are encoded."""
    kept = dict(charset.CHARSETS)
    try:
        yield
    finally:
        charset.CHARSETS.clear()
        charset.CHARSETS.update(kept)


def _by_apprise(url: str) -> ByApprise:
    try:
        # it knows a hundred services, and takes a while to load
        from apprise import Apprise  # noqa: PLC0415
    except ModuleNotFoundError:
        raise BadSetting(f"SOJOURN_ALERTS_TO needs the package apprise: {EXTRA}") from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    target = Apprise()
    with _charsets_kept(), warnings.catch_warnings():  # it loads all that it knows, some of it old
        warnings.simplefilter("ignore", DeprecationWarning)
        taken = target.add(url)
    if not taken:
        scheme = url.partition("://")[0] if "://" in url else ""
        raise BadSetting(
            f"SOJOURN_ALERTS_TO: Apprise cannot read the address that begins with "
            f'"{scheme[:20]}://": see https://appriseit.com/services/'
            if scheme
            else "SOJOURN_ALERTS_TO has a word that is not an address, such as mailtos://...: "
            "separate addresses by spaces"
        )
    service = url.partition("://")[0].lower()
    return ByApprise(f"{APPRISE}-{service}-{hashlib.sha256(url.encode()).hexdigest()[:8]}", target)
