"""From a template and a customer to what the customer reads.

A message is one file a channel and language, ``{journey}/{template}.{channel}.{lang}``: ``.html``
or ``.mjml`` for an e-mail, ``.txt`` for other channels, with a block for each part. Templates are
Jinja in its sandbox; a customer's own words are values in them, never part of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, assert_never

from sojourn.domain.content import Content
from sojourn.domain.errors import BadSetting, NothingToSay, TemplateError, UnknownName
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.topics import Topics
from sojourn.project import Project
from sojourn.rendering import contents
from sojourn.rendering.blocks import rendered
from sojourn.rendering.context import RenderContext, Sender
from sojourn.rendering.declining import Declining
from sojourn.rendering.emails import Emails
from sojourn.rendering.environment import environment
from sojourn.rendering.faults import faults_of
from sojourn.rendering.folders import KINDS, NOBODYS, Folders
from sojourn.rendering.languages import fallbacks
from sojourn.rendering.tracking import Tracking
from sojourn.rendering.vocabulary import Vocabulary
from sojourn.settings import Settings

__all__ = ["RenderContext", "Renderer"]

_FOUND = 4096
"""Files of messages that are remembered: customers have few locales, and many write odd ones."""
Found = tuple[str, str, Sequence[str]]
"""The file of a message, its language, and the locales by which it was found."""
_Asked = tuple[str, str, Channel, str]
_Listings = tuple[frozenset[str], ...]


class Renderer:
    """Renders messages. One serves a whole process; threads can share it.

    Args:
        settings: the shop's name, addresses and default language.
        secret_key: signs links and offer codes.
        templates: a project's folders, in order of precedence; the engine's own comes last.
        languages: that the project declares: a customer who speaks none of a message's languages
            reads it in the first of these that it has.
        topics: what the project calls its topics.
        instead_of: the journeys whose messages others have, where they have none of their own, by
            the names of those.

    Raises:
        BadSetting: the secret key is empty.
    """

    def __init__(
        self,
        settings: Settings,
        secret_key: str,
        templates: Sequence[Path] = (),
        languages: Sequence[str] = ("en",),
        topics: Topics | None = None,
        *,
        instead_of: Mapping[str, str] = NOBODYS,
    ) -> None:
        if not secret_key:
            raise BadSetting("SOJOURN_SECRET_KEY is empty: links and codes need a key to be signed")
        self._sender = Sender.of(settings, secret_key)
        self._tracking = Tracking(settings, secret_key)
        self._stand_ins = (settings.locale, *languages)
        self._topics = topics or Topics()
        self._most_segments = settings.sms_max_segments
        self._folders = Folders(templates, instead_of)
        self._environment = environment(self._folders.roots)
        self._emails = Emails(self._environment, self._folders)
        self._declining = Declining(self._environment, self._folders)
        self._found: dict[_Asked, tuple[_Listings, Found]] = {}
        self._run_whole: set[str] = set()  # files that have said something, from end to end

    @classmethod
    def of(cls, settings: Settings, secret_key: str, project: Project) -> Self:
        """Return the renderer of an installation.

        Args:
            settings: of the installation.
            secret_key: as for the class.
            project: its templates, languages, topics and journeys.

        Returns:
            The renderer.

        Raises:
            BadSetting: the secret key is empty.
        """
        return cls(
            settings,
            secret_key,
            project.templates,
            project.languages,
            project.topics,
            instead_of=project.journeys.templates_of,
        )

    def render(self, context: RenderContext, channel: Channel) -> Content:
        """Return what the customer reads, in one language throughout.

        Raises:
            TemplateError: the template is missing or fails; one line names it, the place and why.
                An error about a value is named, never quoted: the value may be somebody's own.
            NothingToSay: the template declined.
        """
        locales = fallbacks((context.customer.locale, *self._stand_ins))
        lang = self._language(context.journey, context.template, channel, locales)
        name = f"{self._home(context, channel)}/{context.template}.{channel}.{lang}"
        with faults_of(name, self._folders.roots):
            words = self._vocabulary(context, channel, lang, locales)
            parts = self._parts(name, words.names, context, channel)
            headers: dict[str, str] = {}
            if channel is Channel.EMAIL:
                parts = self._tracking.of_email(parts, context)
                if context.message_class is MessageClass.PROMOTIONAL:
                    headers = _way_out(words)
            return Content(
                channel=channel,
                template=name,
                locale=lang,
                headers=headers,
                files=words.files,
                codes=words.codes,
                **parts,
            )

    def may_refuse(self, found: Found) -> bool:
        """Tell whether `refusal` has anything to look at, before anybody reads up on a message.

        Args:
            found: the message's file.

        Returns:
            False: the message says something, whatever it is about.
        """
        file, _, _ = found
        if not self._declining.may(file):
            return False
        head = self._declining.head(file) if file in self._run_whole else None
        return head is None or head.template is not None

    def refusal(
        self, context: RenderContext, channel: Channel, found: Found | None = None
    ) -> NothingToSay | None:
        """Return why a message has nothing to say; None: it says something.

        Only a template that can decline is run, and only as far as it takes to know. The first
        message of a file is run whole, so that what fails for everybody is found.

        Args:
            context: as for `render`.
            channel: likewise.
            found: the file, for who has found it and knows that it has not changed since.

        Returns:
            The template's words.

        Raises:
            TemplateError: as for `render`, if the template can decline.
        """
        asked = (context.journey, context.template, channel, context.customer.locale)
        file, lang, locales = found or self.found(*asked)
        if not self._declining.may(file):
            return None
        try:
            with faults_of(file, self._folders.roots):
                words = self._vocabulary(context, channel, lang, locales)
                head = self._declining.head(file) if file in self._run_whole else None
                if head is not None:
                    head.run(words)
                    return None
                blocks = contents.BLOCKS[channel] if channel is Channel.EMAIL else ()
                rendered(self._environment, file, words.names, blocks)
                self._run_whole.add(file)
        except NothingToSay as declined:
            return declined
        return None

    def found(self, journey: str, template: str, channel: Channel, locale: str) -> Found:
        """Return the file of a message, its language, and the locales by which it was found.

        Args:
            journey: of the message.
            template: likewise.
            channel: how it travels.
            locale: the customer's.

        Returns:
            All three.

        Raises:
            TemplateError: the template is missing.
        """
        asked, listings = (journey, template, channel, locale), self._folders.listings(journey)
        known = self._found.get(asked)
        if known is None or known[0] != listings:
            if len(self._found) >= _FOUND:
                self._found.clear()
            known = self._found[asked] = (listings, self._find(*asked))
        return known[1]

    def _find(self, journey: str, template: str, channel: Channel, locale: str) -> Found:
        locales = fallbacks((locale, *self._stand_ins))
        lang = self._language(journey, template, channel, locales)
        name = f"{self._folders.home(journey, template, channel)}/{template}.{channel}.{lang}"
        return f"{name}.{self._folders.kind(name, channel)}", lang, locales

    def _vocabulary(
        self, context: RenderContext, channel: Channel, lang: str, locales: Sequence[str]
    ) -> Vocabulary:
        return Vocabulary(
            self._sender,
            context,
            channel,
            lang,
            locales,
            topics=self._topics,
            exists=lambda file: self._folders.find(file) is not None,
        )

    def _home(self, context: RenderContext, channel: Channel) -> str:
        return self._folders.home(context.journey, context.template, channel)

    def channels_of(self, journey: str, template: str) -> set[Channel]:
        """Return the channels that have this message in some language."""
        return self._folders.channels(journey, template)

    def _language(self, journey: str, template: str, channel: Channel, tried: Sequence[str]) -> str:
        """Return the first language that has all of the message's files."""
        written = self._folders.languages(journey, template, channel)
        for lang in tried:
            if lang in written:
                return lang
        stem = f"{template}.{channel}"
        if self._folders.files(journey, f"{stem}.*"):
            kinds = " or ".join(f".{kind}" for kind in KINDS[channel])
            languages = " or ".join(tried)
            raise TemplateError(f"{journey}/{stem}: not there as {kinds} in {languages}")
        others = self._folders.files(journey, f"*.{channel}.*")
        known = {".".join(name.split(".")[:2]) for name in others}
        raise TemplateError(f"{journey}: {UnknownName('template', stem, known)}")

    def _parts(
        self, name: str, names: Mapping[str, Any], context: RenderContext, channel: Channel
    ) -> dict[str, Any]:
        """Return the fields of the content that the channel is about."""
        if channel is Channel.EMAIL:
            return self._emails.parts(name, names)
        said = rendered(self._environment, f"{name}.txt", names, ()).said
        contents.check_blocks(said, channel)
        match channel:
            case Channel.SMS:
                return contents.text_message(said, self._most_segments)
            case Channel.PUSH:
                return contents.push(said, context, self._sender.url)
            case Channel.WHATSAPP:
                return contents.whatsapp(said)
        assert_never(channel)


def _way_out(words: Vocabulary) -> dict[str, str]:
    """Return the headers by which mailboxes show an unsubscribe button: RFC 2369, RFC 8058."""
    links = words.links
    return {
        "List-Unsubscribe": f"<{links.unsubscribe}>, <{links.unsubscribe_mailto}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
