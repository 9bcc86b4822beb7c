"""The languages that reports are written in, beside English."""

from sojourn.domain.errors import UnknownName
from sojourn.rendering.languages import fallbacks

ENGLISH = "en"
LANGUAGES = (ENGLISH, "it", "pl")


def language_of(asked: str, locale: str) -> str:
    """Return the language to write a report in.

    Args:
        asked: the language that somebody chose; may be empty.
        locale: the locale of the installation, which decides if nobody has chosen; a language
            without words of a report is written in English.

    Returns:
        One of `LANGUAGES`.

    Raises:
        UnknownName: there are no words in the chosen language.
    """
    if asked and asked not in LANGUAGES:
        raise UnknownName("language of reports", asked, LANGUAGES)
    return asked or next(one for one in fallbacks((locale, ENGLISH)) if one in LANGUAGES)
