"""Other people's words, made safe to print: one line, a name to greet by, the name of a file."""

import re
import unicodedata

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# mail programs make a link of whatever looks like one: the full stops of other scripts count, too
_ADVERTISING = re.compile(r"://|@|\w[.\u3002\uff61]\w{2,}")
_LONGEST_NAME = 60
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]+')
_LONGEST_FILE_NAME = 100


def clean(text: str) -> str:
    """Return a text as one line of printable characters, without bidirectional overrides."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def spoken_name(name: str) -> str:
    """Return a first name to greet somebody by; empty if it looks like an advertisement.

    Sign-up forms are abused to make a shop mail "Visit evil.example" to strangers.
    """
    name = clean(name)
    return "" if len(name) > _LONGEST_NAME or is_advertisement(name) else name


def is_advertisement(text: str) -> bool:
    """Tell whether a text holds something that a mail program may make a link or an address of."""
    plain = unicodedata.normalize("NFKC", text)
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return bool(_ADVERTISING.search(seen))


def file_word(text: str) -> str:
    """Return a name as a word of a file's name: ``home-lighting`` of "Home & Lighting"."""
    return re.sub(r"[\W_]+", "-", clean(text).lower())[:_LONGEST_FILE_NAME].strip("-")


def file_name(path: str) -> str:
    """Return the last part of a path, as any system can name a file; ``file`` if nothing is left.

    Args:
        path: of an address, or a mere name.
    """
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = clean(_NOT_IN_FILE_NAMES.sub(" ", last)).strip(". ")
    stem, dot, kind = name.rpartition(".")
    return (stem[: _LONGEST_FILE_NAME - len(dot + kind)] + dot + kind)[
        -_LONGEST_FILE_NAME:
    ] or "file"
