"""Keys: what tells one customer's runs of a journey apart, however a sender writes it.

One cart has many names. A shop's page knows it by its token with a secret behind it, the shop's
server by the token alone, its API by a global id; a database turns 12 into 12.0. `plain` makes them
one. Temporal must hold no address, so a key that is one becomes a digest. Beyond that, an event
that ends runs and names a key that this customer never had is about something that we know by
another name: it ends the customer's runs of every key.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_SECRET = re.compile(r"(\?|%3f)key(=|%3d).*", re.IGNORECASE | re.DOTALL)
_GLOBAL = re.compile(r"gid://[^/]+/[^/]+/(?P<id>[^/?#]+)([?#].*)?", re.IGNORECASE | re.DOTALL)
_ENCODED = "Z2lkOi8v"  # gid:// in Base64, as Shopify's APIs once wrote it
_WHOLE = re.compile(r"(?P<number>-?\d+)\.0+", re.ASCII)
_UUID = re.compile(r"\{?(?P<id>[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12})\}?", re.IGNORECASE)
_NUMBER = re.compile(r"\+\d[\d\s().-]{5,20}\d", re.ASCII)
_OF_PART = "//"
"""Stands between a thing and its part. One slash does not: order ids have it, as in 2026/0042."""
_MARKS = re.compile(r"[%/@]|^Z(?=2lkOi8v)")
"""Written otherwise in the key of a part: what divides it, and what `plain` would change."""
_WRITTEN = re.compile(r"%(25|2F|40|5A)")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


def plain(value: object) -> str:
    """Return a key in the one form in which keys are compared; empty if there is none.

    Args:
        value: as it was sent: a text, a number, or nothing.

    Returns:
        ``tok`` for ``tok?key=secret`` and for ``gid://shopify/Cart/tok?key=secret``, ``12`` for
        12.0 and ``12.0``, a UUID in small letters, a digest for an address; any other text without
        the space around it.
    """
    if value is None:
        return ""
    if type(value) is str:
        return _plain(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _plain(str(value))


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Return a text in that form. One key is compared many times while it matters."""
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    text = _decoded(" ".join(text.split()))
    text = _SECRET.sub("", text)
    if found := _GLOBAL.fullmatch(text):
        text = found["id"]
    if found := _WHOLE.fullmatch(text):
        return found["number"]
    if found := _UUID.fullmatch(text):
        return found["id"].lower()
    return veiled(text)


_EVERYWHERE = re.compile(r"(?!address-|Z2lkOi8v)[!-$&-.0-?A-~]+")
"""Plain keys that every spelling of them has in it, unless it is of `UNUSUAL` signs."""
UNUSUAL = (_ENCODED, "%")
"""Signs of a spelling that need not have the plain key in it; one beyond ASCII is another."""


def core(key: str) -> str:
    """Return what every spelling of a key has in it, in small letters, whatever else it has.

    A database can so leave out nearly all of a customer's other keys, which it cannot read.

    Args:
        key: the thing that a run's key names, in its plain form.

    Returns:
        The key, if a spelling without it has a sign of `UNUSUAL` or beyond ASCII; else the empty
        text, which all spellings have.
    """
    return key.lower() if _EVERYWHERE.fullmatch(key) else ""


def is_address(text: str) -> bool:
    """Tell whether an id has an e-mail address in it, or is a phone number: ``+39 320 1234567``."""
    return any(map(_is_mailbox, text.split())) or bool(_NUMBER.fullmatch(text.strip()))


def _is_mailbox(word: str) -> bool:
    name, _, host = word.partition("@")
    return bool(name) and "." in host.strip(".")


@lru_cache(maxsize=1024)
def veiled(text: str) -> str:
    """Return an id as Temporal may hold it: an address becomes a digest, which is no address."""
    if not is_address(text):
        return text
    digest = hashlib.sha256(text.strip().lower().encode()).hexdigest()
    return f"address-{digest[:32]}"


def _decoded(text: str) -> str:
    if not text.startswith(_ENCODED):
        return text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text


def joined(thing: object, part: object) -> object:
    """Return the key of a part of a thing, or of the thing where no part is named.

    Args:
        thing: the key of the whole, as it was sent.
        part: the name of the part, as it was sent; empty or None: there is none.

    Returns:
        ``o9//T1``, a key that `plain` leaves as it is. A thing as a whole keeps its key as it was
        sent, unless that could be taken for the key of a part.
    """
    whole, named = _settled(thing), _settled(part)
    if not whole:
        return None
    if named:
        return f"{_written(whole)}{_OF_PART}{_written(named)}"
    return _written(whole) if _OF_PART in whole or _WRITTEN.search(whole) else thing


def divided(key: object) -> tuple[str, str]:
    """Return the thing and the part that a key of `joined` names, both in their plain form.

    Args:
        key: the key.

    Returns:
        Both; the part is empty in the key of a thing as a whole.
    """
    return _divided(plain(key))


@lru_cache(maxsize=1024)
def _divided(key: str) -> tuple[str, str]:
    thing, _, part = _settled(key).partition(_OF_PART)
    return _read(thing), _read(part)


def _settled(value: object) -> str:
    """Return the plain form that stays as it is; a text within another may have one of its own."""
    text = plain(value)
    while (again := plain(text)) != text:
        text = again
    return text


def _written(text: str) -> str:
    return _MARKS.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _read(text: str) -> str:
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), text)


@dataclass(frozen=True)
class Reach:
    """The rule by which events find the runs of a journey.

    Args:
        field: the property that holds the key; empty if the journey has no key.
        starts: the wire names of the events that start runs: they say which keys a customer has.
        ends: of the events that end runs and start none.
        any_key: of those that end the runs of every key, whichever they name.
        whole: of those that end nothing if they are about a part of their thing.
        known_by: further events that say which keys a customer has.
        part: the property that tells parts of one thing apart; empty if runs are of whole things.
        in_parts: of the events that runs are told of, those whose class has that property.
    """

    field: str = ""
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    any_key: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    known_by: tuple[str, ...] = ()
    part: str = ""
    in_parts: tuple[str, ...] = ()

    @property
    def tells_keys(self) -> tuple[str, ...]:
        """The wire names of the events that say which keys a customer has."""
        return (*self.starts, *self.known_by)

    def said(self, name: str, value_of: Callable[[str], object]) -> object:
        """Return the key that an event names.

        Args:
            name: the event's.
            value_of: the value of a field of it, as it was sent; None: it has none.

        Returns:
            The key, as it was sent; of an event that names a part, `joined` with that.
        """
        if not self.field:
            return None
        thing = value_of(self.field)
        if not self.part:
            return thing
        return joined(thing, value_of(self.part) if name in self.in_parts else None)

    def divided(self, key: object) -> tuple[str, str]:
        """Return the thing that a key names, and its part, in their plain forms.

        Args:
            key: as it was sent, or a run's.

        Returns:
            Both; the part is empty where none is named, or the journey knows none.
        """
        return divided(key) if self.part else (plain(key), "")

    def thing(self, key: object) -> str:
        """Return the thing that a key names, in its plain form, whichever part of it."""
        return self.divided(key)[0]

    def is_of(self, key: str, said: object) -> bool:
        """Tell whether an event is about what a run is about, by its key.

        Args:
            key: the run's.
            said: the key that the event names.

        Returns:
            True if the event names no key, or the run's: the same part, or the thing as a whole. An
            event about a part is not about the thing as a whole.
        """
        if not self.field:
            return True
        if not self.part:
            named = plain(said)
            return not named or named == plain(key)
        thing, part = self.divided(said)
        own, own_part = self.divided(key)
        return not thing or (thing == own and part in ("", own_part))

    def concerns(
        self,
        key: str,
        *,
        name: str,
        said: object,
        seq: int,
        had: Mapping[str, int] | None,
        begun: int = 0,
        partly: bool = False,
    ) -> bool:
        """Tell whether an event concerns the run of a key.

        Args:
            key: the run's.
            name: the event's.
            said: the key that the event names (`said`).
            seq: the event's order of arrival.
            had: the first arrival of each thing that this customer has had; None if nobody has
                looked: then every one counts as had.
            begun: the order of arrival of the event that began the run, where it is known. An
                unknown key in an earlier arrival may be one that we were yet to hear of, so the
                event ends nothing, unless the customer already had the run's own key by then.
            partly: whether the event is about some products of its thing: it names them.

        Returns:
            True if the event has this key or none, or ends runs and names no key of this customer.
        """
        if partly and name in self.whole:
            return False
        if self.is_of(key, said):
            return True
        if name not in self.ends:
            return False
        if name in self.any_key:
            return True
        thing, own = self.thing(said), self.thing(key)
        if had is None or thing == own:
            return False
        known_from = min(begun, had.get(own, begun))
        return had.get(thing, seq) >= seq > known_from

    def depends(self, key: str, *, name: str, said: object) -> bool:
        """Tell whether the answer of `concerns` depends on the keys that the customer has had.

        Args:
            key: the run's.
            name: the event's.
            said: the key that the event names (`said`).

        Returns:
            True if `concerns` needs ``had``.
        """
        if not self.field or name not in self.ends or name in self.any_key:
            return False
        return self.thing(said) not in ("", self.thing(key))
