"""Mailbox providers: who keeps the mailbox behind an address, as far as its domain tells.

Deliverability is judged by mailbox provider: an average hides one that filters messages out.
"""

from collections.abc import Mapping
from types import MappingProxyType

OTHER = "other"
"""Another domain: nobody knows who keeps its mailboxes."""

_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "gmail": ("gmail.com", "googlemail.com"),
    "microsoft": ("outlook.", "hotmail.", "live.", "msn.com", "passport.com"),
    "yahoo": ("yahoo.", "ymail.com", "rocketmail.com", "aol.com", "myyahoo.com"),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "gmx": ("gmx.", "web.de", "mail.com"),
    "proton": ("proton.me", "protonmail.com", "pm.me"),
    "libero": ("libero.it", "virgilio.it", "inwind.it", "iol.it", "giallo.it", "blu.it"),
    "tim": ("tim.it", "tin.it", "alice.it"),
    "onet": ("onet.pl", "onet.eu", "op.pl", "vp.pl", "poczta.onet.pl", "autograf.pl"),
    "wp": ("wp.pl", "o2.pl", "tlen.pl", "go2.pl", "1.pl"),
    "interia": ("interia.pl", "interia.eu", "poczta.fm", "interia.com"),
    "orange": ("orange.fr", "wanadoo.fr"),
}
"""A domain that ends in a dot stands for all its countries: ``yahoo.`` is yahoo.it, too."""

_WHOLE = MappingProxyType(
    {each: name for name, some in _DOMAINS.items() for each in some if not each.endswith(".")}
)
_BEGINNINGS = tuple(
    (each, name) for name, some in _DOMAINS.items() for each in some if each.endswith(".")
)
_LONGEST_COUNTRY = 6
"""The letters of ``com.au``; ``outlook.example.com`` is of no country."""


def mailbox_of(address: str) -> str:
    """Return who keeps the mailbox behind an e-mail address.

    Args:
        address: in any spelling; one without ``@`` is not a mailbox.

    Returns:
        ``gmail``, ``microsoft``, ...; `OTHER`; an empty text for what is not an e-mail address.
    """
    _, at, domain = address.rpartition("@")
    if not at:
        return ""
    domain = domain.strip(" <>.").lower()
    if known := _WHOLE.get(domain):
        return known
    for beginning, name in _BEGINNINGS:
        if domain.startswith(beginning) and len(domain) - len(beginning) <= _LONGEST_COUNTRY:
            return name
    return OTHER
