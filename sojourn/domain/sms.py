"""The length of an SMS, in the segments that it is billed as.

3GPP TS 23.038, 6.2.1 and 6.2.1.1 (once GSM 03.38), give the alphabet and its extension; 3GPP TS
23.040, 9.2.3.24.1, gives the characters that a segment holds. Where several segments make one
message, each gives up six octets to say which part it is.
"""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # each is an escape and a character
_LAST_OF_16_BITS = "\uffff"


class Encoding(StrEnum):
    """The alphabet of an SMS. One character beyond GSM-7 turns the whole text to UCS-2."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True)
class Segments:
    """A text's size as SMS.

    Args:
        encoding: of the whole text.
        units: septets of GSM-7, or pairs of octets of UCS-2.
        count: the number of messages it is billed as; at least one.
    """

    encoding: Encoding
    units: int
    count: int

    def __str__(self) -> str:
        segments = "segment" if self.count == 1 else "segments"
        return f"{self.count} {segments}, {self.encoding}"


def segments(text: str) -> Segments:
    """Count the segments of ``text``.

    A character never straddles two segments: neither an escape and its character in GSM-7's
    extension nor the two halves of an emoji. The place that this leaves is lost.

    Args:
        text: as it is handed to the provider.
    """
    encoding = Encoding.GSM_7 if set(text) <= _BASIC | _EXTENSION else Encoding.UCS_2
    wide = _is_extension if encoding is Encoding.GSM_7 else _is_pair
    sizes = [2 if wide(character) else 1 for character in text]
    alone, part = _ROOM[encoding]
    units = sum(sizes)
    return Segments(encoding, units, 1 if units <= alone else _packed(sizes, part))


def _packed(sizes: list[int], room: int) -> int:
    """Count the segments of ``room`` units that take all characters in order, each in one piece."""
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count


def _is_extension(character: str) -> bool:
    return character in _EXTENSION


def _is_pair(character: str) -> bool:
    return character > _LAST_OF_16_BITS
