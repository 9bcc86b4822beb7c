"""The folders of templates: a project's first, the engine's own last.

A file takes the place of one with the same name in a later folder: one layout, one page or one
language can be replaced without copying the others. It can still extend the engine's own, which is
there under ``engine/`` as well: ``engine/layout/email.html``.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import jinja2

from sojourn.domain.errors import TemplateError
from sojourn.domain.messages import Channel
from sojourn.project import Project

ENGINE = Path(__file__).resolve().parent / "templates"

NOBODYS: Mapping[str, str] = MappingProxyType({})
"""No journey is in another one's place."""

LAST_RESORT = "en"
"""The language that the engine has all its own words in."""

KINDS: dict[Channel, tuple[str, ...]] = {
    Channel.EMAIL: ("html", "mjml"),
    Channel.SMS: ("txt",),
    Channel.WHATSAPP: ("txt",),
    Channel.PUSH: ("txt",),
}
"""The endings that the file of a message may have, by channel."""

_SETTLED_NS = 2_000_000_000
"""Nanoseconds; file systems tell moments apart by two seconds at the coarsest."""

OWN_WORDS: dict[str, Set[Channel]] = {
    "layout": {Channel.EMAIL},
    "pages": {*Channel},
    "answers": {Channel.SMS, Channel.WHATSAPP},
}
"""The folders with the engine's own words, and the channels whose customers read them."""


class Folders:
    """A search path of templates.

    Args:
        folders: a project's own, in order of precedence.
        instead_of: the journeys in whose place others are, by the names of those.
    """

    def __init__(
        self, folders: Iterable[Path] = (), instead_of: Mapping[str, str] = NOBODYS
    ) -> None:
        self.roots = (*(folder.resolve() for folder in folders), ENGINE)
        self._instead_of = instead_of

    def home(self, journey: str, template: str, channel: Channel) -> str:
        """Return the folder of a message: its journey's, or that of the one it is instead of.

        Args:
            journey: ``renewal-2``.
            template: ``today``.
            channel: how the message travels.

        Returns:
            The first of them that has the message in some language; the journey's if none has.
        """
        folder = journey
        while folder:
            if self.files(folder, f"{template}.{channel}.*"):
                return folder
            folder = self._instead_of.get(folder, "")
        return journey

    def listings(self, journey: str) -> tuple[frozenset[str], ...]:
        """Return the names of all files on which the messages of a journey depend, by folder.

        While they are the same, so is the file of each message.
        """
        found: list[frozenset[str]] = []
        while journey:
            found += [_files_in(f"{root}/{journey}") for root in self.roots]
            journey = self._instead_of.get(journey, "")
        return tuple(found)

    def loader(self, under: str = "") -> jinja2.BaseLoader:
        """Return a loader for Jinja that reads from the folder ``under`` each of these."""
        own = jinja2.FileSystemLoader(ENGINE / under)
        found_first = jinja2.FileSystemLoader([root / under for root in self.roots])
        return jinja2.ChoiceLoader([found_first, jinja2.PrefixLoader({"engine": own})])

    def find(self, name: str) -> Path | None:
        """Return the file of a template; None if there is none."""
        folder, _, file = name.rpartition("/")
        for root in self.roots:
            if file in _files_in(f"{root}/{folder}"):
                return root / name
        return None

    def kind(self, stem: str, channel: Channel) -> str:
        """Return how the file of a message ends: ``mjml``.

        Raises:
            TemplateError: the message has two such files.
        """
        folder, _, file = stem.rpartition("/")
        for root in self.roots:
            there = _files_in(f"{root}/{folder}")
            found = [kind for kind in KINDS[channel] if f"{file}.{kind}" in there]
            if len(found) > 1:
                raise TemplateError(f"{stem}: there as .{' and as .'.join(found)}: delete one")
            if found:
                return found[0]
        return KINDS[channel][0]

    def files(self, journey: str, pattern: str) -> set[str]:
        """Return the names of a journey's files that match, without the folder."""
        found: set[str] = set()
        for root in self.roots:
            found |= _matching(_files_in(f"{root}/{journey}"), pattern)
        return found

    def contents(self, journey: str) -> list[tuple[str, bytes]]:
        """Return the files of a journey or campaign and of the layout around them.

        Args:
            journey: its name.

        Returns:
            Each file's name and content; of files of one name the first on the search path.
        """
        found: dict[str, bytes] = {}
        for folder in (journey, "layout"):
            for root in self.roots:
                for path in sorted((root / folder).rglob("*")):
                    if path.is_file():
                        name = f"{folder}/{path.relative_to(root / folder)}"
                        found.setdefault(name, path.read_bytes())
        return sorted(found.items())

    def channels(self, journey: str, template: str) -> set[Channel]:
        """Return the channels that have a message in some language."""
        return {channel for channel in Channel if self.by_language(journey, template, channel)}

    def languages(self, journey: str, template: str, channel: Channel) -> set[str]:
        """Return the languages that have all files of a message.

        Args:
            journey: ``renewal``.
            template: ``today``.
            channel: how the message travels.

        Returns:
            Tags as the files spell them. Where one language has a calendar file, the others count
            only with theirs.
        """
        found = self.by_language(journey, template, channel)
        calendars = {language for language, kinds in found.items() if "ics" in kinds}
        whole = {language for language, kinds in found.items() if kinds & {*KINDS[channel]}}
        return whole & calendars if calendars else whole

    def by_language(self, journey: str, template: str, channel: Channel) -> dict[str, set[str]]:
        """Return the kinds of files that each language of a message has.

        Args:
            journey: ``renewal``.
            template: ``today``.
            channel: how the message travels.

        Returns:
            ``{"it": {"html", "ics"}}``
        """
        found: dict[str, set[str]] = {}
        stem = f"{template}.{channel}."
        for name in self.files(self.home(journey, template, channel), f"{stem}*.*"):
            language, _, kind = name.removeprefix(stem).rpartition(".")
            found.setdefault(language, set()).add(kind)
        return found


@lru_cache(maxsize=1024)
def _matching(names: frozenset[str], pattern: str) -> frozenset[str]:
    """Return the names that match. Messages ask for the same ones of the same few folders."""
    return frozenset(name for name in names if fnmatchcase(name, pattern))


_listed: dict[str, tuple[int, frozenset[str]]] = {}


def _files_in(folder: str) -> frozenset[str]:
    """Return the names of the files in a folder; empty if there is no such folder.

    Every message asks. The names are kept for as long as nothing has come into the folder or left
    it. A folder that has just changed is read again: it may change once more within one tick of the
    file system's clock.
    """
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - a path object costs more than this
    except OSError:  # no folder
        return frozenset()
    kept = _listed.get(folder)
    if kept is not None and kept[0] == changed:
        return kept[1]
    with os.scandir(folder) as entries:
        names = frozenset(entry.name for entry in entries if entry.is_file())
    if time.time_ns() - changed > _SETTLED_NS:
        _listed[folder] = changed, names
    return names


def missing(
    messages: Iterable[tuple[str, str, Channel]],
    languages: Sequence[str],
    templates: Iterable[Path] = (),
    instead_of: Mapping[str, str] = NOBODYS,
) -> list[str]:
    """List the files that a project's messages lack in the languages that it declares.

    Args:
        messages: journey, template and channel of each.
        languages: that the project declares: ``("en", "pl")``.
        templates: the project's folders, in order of precedence.
        instead_of: as for `Folders`.

    Returns:
        Names to write: ``renewal/today.sms.pl.txt``. An e-mail that lacks both ``.html`` and
        ``.mjml`` lacks an ``.html``; its ``.ics`` is missing where another language has one.
    """
    folders = Folders(templates, instead_of)
    lacking: list[str] = []
    for journey, template, channel in messages:
        found = folders.by_language(journey, template, channel)
        wants_calendar = any("ics" in kinds for kinds in found.values())
        for language in languages:
            home = folders.home(journey, template, channel)
            stem = f"{home}/{template}.{channel}.{language}"
            kinds = found.get(language, set())
            if not kinds & {*KINDS[channel]}:
                lacking.append(f"{stem}.{KINDS[channel][0]}")
            if wants_calendar and "ics" not in kinds:
                lacking.append(f"{stem}.ics")
    return lacking


def missing_templates(project: Project) -> list[str]:
    """List the files that a project lacks in the languages that it declares.

    They are those of its journeys, and the engine's own words that its customers read.
    """
    messages = [
        (name, message.words, channel)
        for name, journey in project.journeys.items()
        for message in journey.messages
        for channel in message.channels
    ]
    channels = {channel for _, _, channel in messages}
    places, instead_of = project.templates, project.journeys.templates_of
    folders = Folders(places)
    unwritten = [
        file
        for language in project.languages
        for stem, kind in _own_words(channels)
        if folders.find(file := f"{stem}.{language}.{kind}") is None
    ]
    return [*missing(messages, project.languages, places, instead_of), *unwritten]


def _own_words(channels: Set[Channel]) -> Iterator[tuple[str, str]]:
    """Yield the engine's own texts that customers of these channels read: stem and ending."""
    for folder, read_by in OWN_WORDS.items():
        if read_by & channels:
            for path in sorted((ENGINE / folder).glob(f"*.{LAST_RESORT}.*")):
                stem, _, kind = path.name.rpartition(f".{LAST_RESORT}.")
                yield f"{folder}/{stem}", kind
