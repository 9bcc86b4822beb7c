"""The addresses that an installation may write to, where it may not write to everybody.

A copy of production for tests has the addresses of real people. ``SOJOURN_ONLY_TO`` names those
that it may write to; the gate refuses every other one, on every channel.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sojourn.domain.addresses import normalised
from sojourn.domain.emails import is_email
from sojourn.domain.messages import Channel

NOBODY = "nobody"
_PUSH = "push:"
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*", re.ASCII)
_SPACES = re.compile(r"[\s().-]")


@dataclass(frozen=True)
class OnlyTo:
    """The addresses that may be written to; none of them: nobody.

    Args:
        emails: mailboxes, in the spelling by which they are compared.
        domains: every mailbox of them, but none of their subdomains.
        phones: numbers in E.164.
        prefixes: beginnings of numbers in E.164.
        tokens: push tokens.
        token_prefixes: beginnings of push tokens; an empty one is every token.
    """

    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    tokens: frozenset[str] = frozenset()
    token_prefixes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say in one line who may be written to; addresses of people are a number."""
        single = len(self.emails) + len(self.phones) + len(self.tokens)
        parts = [f"@{domain}" for domain in sorted(self.domains)]
        parts += [f"{prefix}*" for prefix in self.prefixes]
        parts += [f"{_PUSH}{prefix}*" for prefix in self.token_prefixes]
        parts += [f"{single} single addresses"] if single else []
        return ", ".join(parts) or NOBODY

    def allows(self, channel: Channel, address: str) -> bool:
        """Tell whether a message may go to an address, in any spelling."""
        same = normalised(channel, address)
        if not same:
            return False
        match channel:
            case Channel.EMAIL:
                # exactly one mailbox: no list and no display name in which another one stands
                return is_email(address.strip()) and (
                    same in self.emails or same.rpartition("@")[2] in self.domains
                )
            case Channel.SMS | Channel.WHATSAPP:
                return same in self.phones or same.startswith(self.prefixes)
            case Channel.PUSH:
                return same in self.tokens or same.startswith(self.token_prefixes)


def read_only_to(text: str) -> OnlyTo | None:
    """Read a list of addresses.

    Args:
        text: separated by commas: ``ada@shop.test``, ``@shop.test`` (its domain), ``+393201234567``
            (SMS and WhatsApp), ``+1555*`` (numbers that begin so), ``push:TOKEN``, ``push:*``; or
            ``nobody``. Empty: everybody.

    Returns:
        The addresses; None: everybody may be written to.

    Raises:
        ValueError: an entry is none of these.
    """
    if not text.strip():
        return None
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise ValueError("names nobody: write addresses, or nobody")
    if NOBODY in entries and len(entries) > 1:
        raise ValueError("says nobody and somebody: leave one of them out")
    return _of(() if entries == [NOBODY] else entries)


def _of(entries: Iterable[str]) -> OnlyTo:
    emails, domains, phones, prefixes, tokens, beginnings = (set[str]() for _ in range(6))
    for entry in entries:
        bare = _SPACES.sub("", entry)
        if entry.startswith(_PUSH) and len(entry) > len(_PUSH):
            token = entry.removeprefix(_PUSH).strip()
            if token.endswith("*"):
                beginnings.add(token.removesuffix("*"))
            else:
                tokens.add(token)
        elif entry.removeprefix("*").startswith("@"):
            anybody = f"anybody{entry.removeprefix('*')}"
            if not is_email(anybody):
                raise _bad(entry)
            domains.add(normalised(Channel.EMAIL, anybody).rpartition("@")[2])
        elif is_email(entry):
            emails.add(normalised(Channel.EMAIL, entry))
        elif _NUMBER.fullmatch(bare):
            phones.add(normalised(Channel.SMS, bare))
        elif _PREFIX.fullmatch(bare):
            prefixes.add(bare.removesuffix("*"))
        else:
            raise _bad(entry)
    return OnlyTo(
        frozenset(emails),
        frozenset(domains),
        frozenset(phones),
        tuple(sorted(prefixes)),
        frozenset(tokens),
        tuple(sorted(beginnings)),
    )


def _bad(entry: str) -> ValueError:
    return ValueError(
        f'"{entry[:60]}" is not an address: write ada@shop.test, @shop.test, +393201234567, '
        "+1555*, push:TOKEN, push:* or nobody"
    )
