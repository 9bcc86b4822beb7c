"""Our answers to STOP, START and HELP in words: ``answers/stop.it.txt``, a project's file first."""

from collections.abc import Iterable
from pathlib import Path

from sojourn.domain.content import Content
from sojourn.domain.errors import TemplateError
from sojourn.domain.messages import Channel
from sojourn.domain.stopping import Meaning
from sojourn.rendering.environment import environment
from sojourn.rendering.folders import LAST_RESORT, Folders
from sojourn.rendering.languages import fallbacks

FOLDER = "answers"


class Shop:
    """The sender, as the words of an answer name it.

    Args:
        name: the company's.
        url: the shop's address.
        email: at which a person answers.
    """

    def __init__(self, name: str, url: str, email: str) -> None:
        self.name = name
        self.url = url
        self.email = email


class Answers:
    """The words of answers.

    Args:
        folders: the templates of a project, in order of precedence.
        shop: the sender.
        locale: of customers whose language is unknown.
    """

    def __init__(self, folders: Iterable[Path], shop: Shop, locale: str) -> None:
        self._folders = Folders(folders)
        self._words = environment(self._folders.roots)
        self._shop = shop
        self._locale = locale

    def content(self, meaning: Meaning, channel: Channel, language: str) -> Content:
        """Render an answer.

        Args:
            meaning: the wish that is answered.
            channel: by which the answer leaves.
            language: the customer's locale; empty if it is not known.

        Returns:
            The content, in the nearest language that has a file.

        Raises:
            TemplateError: a file of the project cannot be rendered.
        """
        for tag in fallbacks([language, self._locale, LAST_RESORT]):
            name = f"{FOLDER}/{meaning}.{tag}.txt"
            if self._folders.find(name) is None:
                continue
            try:
                text = self._words.get_template(name).render(shop=self._shop).strip()
            except Exception as error:
                raise TemplateError(f"{name}: {error}") from None
            return Content(channel=channel, template=name, locale=tag, text=text)
        raise TemplateError(f"{FOLDER}/{meaning}: there is no file in any language")
