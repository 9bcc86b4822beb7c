"""From a template and a customer to what the customer reads.

A message is one file a channel and language, ``{journey}/{template}.{channel}.{lang}.txt``, with a
block for each part, and for e-mail an ``.html`` beside it and perhaps an ``.ics``. Templates are
Jinja in its sandbox; a customer's own words are values in them, never part of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, assert_never

import css_inline
import jinja2
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sojourn.domain.content import Content
from sojourn.domain.errors import BadSetting, NothingToSay, SojournError, TemplateError, UnknownName
from sojourn.domain.locales import fallbacks
from sojourn.domain.messages import Channel, MessageClass
from sojourn.rendering import contents
from sojourn.rendering.contents import EXTRAS, PARTS
from sojourn.rendering.formatting import Formats
from sojourn.rendering.links import Tracking
from sojourn.rendering.vocabulary import RenderContext, Sender, Vocabulary, clean
from sojourn.settings import Settings

__all__ = ["EXTRAS", "PARTS", "TEMPLATES", "RenderContext", "Renderer"]

ENGINE = Path(__file__).resolve().parent / "templates"
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

_FILTERS = ("money", "percent", "date", "time", "ics")

# errors whose text is about the template, not about somebody's data
_TELLING = (SojournError, jinja2.TemplateError, TypeError)


class Renderer:
    """Renders messages. One for a process; it can be shared between threads.

    Args:
        settings: the shop's name, addresses and default language.
        secret_key: signs links and offer codes.
        templates: the folder; by default the one that ships with the code.

    Raises:
        BadSetting: the secret key is empty.
    """

    def __init__(self, settings: Settings, secret_key: str, templates: Path | None = None) -> None:
        if not secret_key:
            raise BadSetting("SOJOURN_SECRET_KEY is empty: links and codes need a key to be signed")
        self._sender = Sender.of(settings, secret_key)
        self._tracking = Tracking(settings, secret_key)
        self._locale = settings.locale
        self._most_segments = settings.sms_max_segments
        self._root = (templates or TEMPLATES).resolve()
        self._environment = _environment(self._root)
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def render(self, context: RenderContext, channel: Channel) -> Content:
        """What the customer reads, in one language throughout.

        Raises:
            TemplateError: the template is missing or fails; one line names it, the place and why.
                An error about a value is named, never quoted: the value may be somebody's own.
            NothingToSay: the template declined.
        """
        locales = fallbacks(context.customer.locale, self._locale)
        lang = self._language(context, channel, locales)
        name = f"{context.journey}/{context.template}.{channel}.{lang}"
        with self._faults_of(name):
            words = Vocabulary(self._sender, context, channel, lang, locales)
            said = self._blocks(f"{name}.txt", words.names)
            contents.check_blocks(said, channel)
            parts = self._parts(name, words.names, said, context, channel)
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

    def channels_of(self, journey: str, template: str) -> set[Channel]:
        """The channels that have this message in some language."""
        folder = self._root / journey
        return {c for c in Channel if any(folder.glob(f"{template}.{c}.*.txt"))}

    def _language(self, context: RenderContext, channel: Channel, tried: tuple[str, ...]) -> str:
        """The first language that has all of the message's files."""
        folder = self._root / context.journey
        stem = f"{context.template}.{channel}"
        kinds = [".txt"]
        if channel is Channel.EMAIL:
            kinds.append(".html")
            if any(folder.glob(f"{stem}.*.ics")):
                kinds.append(".ics")
        for lang in tried:
            if all((folder / f"{stem}.{lang}{kind}").is_file() for kind in kinds):
                return lang
        if any(folder.glob(f"{stem}.*")):
            languages = " or ".join(tried)
            raise TemplateError(
                f"{context.journey}/{stem}: not there as {' and '.join(kinds)} in {languages}"
            )
        known = {".".join(path.name.split(".")[:2]) for path in folder.glob(f"*.{channel}.*")}
        raise TemplateError(f"{context.journey}: {UnknownName('template', stem, known)}")

    def _blocks(self, name: str, names: dict[str, Any]) -> dict[str, str]:
        """Run a template once and keep what each of its blocks says."""
        context = self._environment.get_template(name).new_context(names)
        said: dict[str, str] = {}
        for block, (render, *_) in context.blocks.items():
            context.blocks[block] = [_keep(said, block, render)]
        self._run(name, context)
        return said

    def _run(self, name: str, context: Context) -> None:
        try:
            for _ in self._environment.get_template(name).root_render_func(context):
                pass
        except Exception:
            self._environment.handle_exception()  # raises anew, with the lines of the template

    def _parts(
        self,
        name: str,
        names: dict[str, Any],
        said: dict[str, str],
        context: RenderContext,
        channel: Channel,
    ) -> dict[str, Any]:
        """The fields of the content that the channel is about."""
        match channel:
            case Channel.EMAIL:
                parts = contents.email(said)
                return parts | self._email(name, names | parts)
            case Channel.SMS:
                return contents.text_message(said, self._most_segments)
            case Channel.PUSH:
                return contents.push(said, context, self._sender.url)
            case Channel.WHATSAPP:
                return contents.whatsapp(said)
        assert_never(channel)

    def _email(self, name: str, names: dict[str, Any]) -> dict[str, Any]:
        """The frame around the words, and the calendar file if there is one."""
        html = self._environment.get_template(f"{name}.html").render(names)
        text = self._environment.get_template("layout/email.txt").render(names)
        parts = {"html": self._inliner.inline(html), "text": contents.prose(text)}
        if not (self._root / f"{name}.ics").is_file():
            return parts
        event = self._environment.get_template(f"{name}.ics").render(names)
        return parts | {"attachments": contents.calendar(event)}

    @contextmanager
    def _faults_of(self, name: str) -> Iterator[None]:
        """Turn whatever goes wrong into one line that says where and why."""
        try:
            yield
        except NothingToSay:
            raise NothingToSay(f"{name}: nothing to say") from None
        except Exception as error:
            fault = f"{self._place(error) or name}: {_reason(error)}"
            # without its cause, which may quote the customer
            raise TemplateError(fault) from None

    def _place(self, error: Exception) -> str:
        """``renewal/today.sms.it.txt, line 3``: the innermost line of a template."""
        if isinstance(error, jinja2.TemplateSyntaxError) and error.name:
            return f"{error.name}, line {error.lineno}"
        place, step = "", error.__traceback__
        while step is not None:
            path = Path(step.tb_frame.f_code.co_filename)
            for root in (self._root, ENGINE):
                if path.is_relative_to(root):
                    place = f"{path.relative_to(root).as_posix()}, line {step.tb_lineno}"
            step = step.tb_next
        return place


@lru_cache(maxsize=8)  # compiled templates are worth sharing: one renderer a worker, many in tests
def _environment(root: Path) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([root, ENGINE]),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html"], default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=-1,
    )
    environment.filters.update({name: _filter(name) for name in _FILTERS})
    return environment


def _filter(name: str) -> Callable[..., str]:
    """A filter in the manner of the customer at hand."""

    @jinja2.pass_context
    def apply(context: Context, value: object, *args: object) -> str:
        formats = context.get("formats")
        if not isinstance(formats, Formats):
            raise jinja2.TemplateRuntimeError(f'{name} in a macro: import it "with context"')
        if isinstance(value, jinja2.Undefined):
            str(value)  # says which name is undefined
        text: str = getattr(formats, name)(value, *args)
        return text

    return apply


def _keep(
    said: dict[str, str], block: str, render: Callable[[Context], Iterator[str]]
) -> Callable[[Context], Iterator[str]]:
    """Have a block note what it says instead of saying it."""

    def note(context: Context) -> Iterator[str]:
        said[block] = "".join(render(context))
        return iter(())

    return note


def _way_out(words: Vocabulary) -> dict[str, str]:
    """RFC 2369 and RFC 8058: mailboxes show an unsubscribe button of their own."""
    links = words.links
    return {
        "List-Unsubscribe": f"<{links.unsubscribe}>, <{links.unsubscribe_mailto}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _reason(error: Exception) -> str:
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name}"
    if not isinstance(error, _TELLING):
        return type(error).__name__
    return clean(str(error)) or type(error).__name__
