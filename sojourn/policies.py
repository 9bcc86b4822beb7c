"""`Policy`: the rules of a project's ``policy.toml``, read again when the file changes.

The rules that hold are always whole: a broken edit is reported once, and the last good rules stay.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

from sojourn.domain.caps import NO_CAPS
from sojourn.domain.errors import BadPolicy
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules

LOOK_EVERY = 2.0
"""Seconds between two looks for a change of the file."""

log = logging.getLogger("sojourn.policy")

Stamp = tuple[int, int, int]
"""Tells one state of a file from another without reading it."""


class Policy:
    """The rules of a project, as its file has them now. Calling it returns them.

    Attributes:
        fault: why the file cannot be read at the moment, in one line; empty if it can.
    """

    def __init__(
        self,
        file: Path | None,
        quiet_hours: QuietHours | None,
        *,
        caps: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Read the file.

        Args:
            file: None, or one that is not there: the setting alone holds.
            quiet_hours: the setting's, which hold where the file names none.
            caps: whether the file's caps hold.
            clock: seconds that only go forward.

        Raises:
            BadPolicy: the file cannot be read, or contradicts itself; the line names it.
        """
        self._file = file
        self._quiet_hours = quiet_hours
        self._caps = caps
        self._clock = clock
        self._looked = clock()
        self._stamp = self._now()
        self._text = self._read() if self._stamp else ""
        self._rules = self._understood(self._text)
        self.fault = ""

    def __call__(self) -> Rules:
        """Return the rules; look for a change of the file every few seconds."""
        if self._file is not None and self._clock() - self._looked >= LOOK_EVERY:
            self._looked = self._clock()
            self._look()
        return self._rules

    def _look(self) -> None:
        try:
            stamp = self._now()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            if stamp is None:
                raise BadPolicy(f"{self._file}: is gone")
            text = self._read()
            if text != self._text or self.fault:
                self._rules = self._understood(text)
                self._text = text
                log.info("the rules of %s have changed: they hold from now on", self._file)
            self.fault = ""
        except BadPolicy as error:
            if str(error) != self.fault:  # told once, not every few seconds
                log.error("%s; the rules that were read before still hold", error)
            self.fault = str(error)

    def _now(self) -> Stamp | None:
        try:
            seen = self._file.stat() if self._file else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadPolicy(f"{self._file}: cannot be read ({error.strerror})") from None
        return (seen.st_mtime_ns, seen.st_size, seen.st_ino) if seen else None

    def _read(self) -> str:
        assert self._file is not None
        try:
            return self._file.read_text(encoding="utf-8")
        except OSError as error:
            raise BadPolicy(f"{self._file}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise BadPolicy(f"{self._file}: is not written in UTF-8") from None

    def _understood(self, text: str) -> Rules:
        try:
            rules = read_rules(text, self._quiet_hours)
        except BadPolicy as error:
            raise BadPolicy(f"{self._file}: {error}") from None
        return rules if self._caps else replace(rules, caps=NO_CAPS)
