"""Every error Sojourn raises on purpose.

::

    SojournError              one line that names the thing and the way out
    ├── BadInput              the caller can mend it (the command exits 2)
    │   ├── BadSetting        an environment variable
    │   ├── BadProject        a project that cannot be composed; names the file
    │   │   ├── SameName      two of one name; says both places
    │   │   └── BadPolicy     a policy.toml that cannot be read, or contradicts itself
    │   ├── BadEvent          an event that does not validate; `path` names the field
    │   ├── BadCustomer       an identify call that does not validate
    │   ├── BadToken          a link's token that was not signed here
    │   ├── BadSignature      a webhook that was not signed with our secret
    │   ├── Unserved          a webhook that asks for what a person has to do
    │   ├── BadFigures        counts, amounts or shares that cannot be
    │   ├── UnknownZone       a time zone that is not in the IANA database
    │   └── UnknownName       a journey, event, customer, run or template nobody knows
    ├── Unavailable           something that must be there is not (the command exits 1)
    │   ├── StoreUnavailable  the database cannot be opened, or is of another version
    │   └── TemporalUnavailable
    ├── FeedFault             a feed that cannot be read
    └── TemplateError         a message that cannot be rendered
        └── NothingToSay      a template that declined, on purpose
            └── NothingLeft   because what it is about is gone
    ProviderError             an answer of a channel that is not "accepted"
    ├── TransientError        not sent; try again (after `retry_after`)
    │   ├── RateLimited       too many at once
    │   ├── FenceClosed       our own attempt took too long: we let nothing leave
    │   └── Unforeseen        a bug, mostly, before the first byte left
    ├── AmbiguousSend         perhaps sent; settle before trying again
    ├── PermanentError        not sent, and never will be; `reason` says why
    │   ├── InvalidRecipient  no such address: it is suppressed
    │   │   └── EndpointGone  a device that is no longer there
    │   ├── WrongSender       an address that takes messages of another sender alone: it is kept
    │   ├── UnsupportedAddress    an address that this provider cannot write to: it is kept
    │   ├── RecipientUnsubscribed  the provider has an opt-out on record: so have we, from now on
    │   ├── TemplateRefused   an approved template that is missing or does not fit
    │   ├── WindowClosed      free text outside WhatsApp's 24 hours
    │   └── ContentRejected   the message itself: too large, filtered, malformed
    └── AccountError          our credentials or account; no journey's fault
    CallFailed                an answer that ends the call of an activity; the journey gets a value
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from typing import ClassVar, Self

_CODE = re.compile(r"(?!.*\d{7})[A-Za-z0-9_.# -]{1,40}", re.ASCII)
"""The form of a code: no @, and no run of digits as long as a phone number's."""


class SojournError(Exception):
    """The root: its text is one clear line."""


class BadInput(SojournError):
    """The caller can mend it."""


class BadSetting(BadInput):
    """An environment variable that makes no sense."""


class BadProject(BadInput):
    """A project that cannot be composed; the message names the file and the way out."""


class BadPolicy(BadProject):
    """A ``policy.toml`` that cannot be read, or that contradicts itself."""


class SameName(BadProject):
    """Two journeys, events, activities or providers of one name.

    Args:
        kind: what they are: ``journey``.
        name: theirs.
        first: the class or function that has the name.
        second: the one that wants it, too.
    """

    def __init__(self, kind: str, name: str, first: object, second: object) -> None:
        super().__init__(
            f'two of the {kind}s are called "{name}": {place_of(first)} and {place_of(second)}; '
            "rename one"
        )


def place_of(item: object) -> str:
    """Return where a class or function is defined: ``workflows.cart.Cart``."""
    return f"{getattr(item, '__module__', '?')}.{getattr(item, '__qualname__', item)}"


class BadEvent(BadInput):
    """An event that does not validate.

    Args:
        path: the field at fault, as in ``properties.price``.
        reason: what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class BadCustomer(BadEvent):
    """An identify call that does not validate."""


class BadToken(BadInput):
    """A link's token that was not signed here, or was damaged on its way."""


class BadSignature(BadInput):
    """A webhook that was not signed with our secret, or was changed on its way."""


class Unserved(BadInput):
    """A webhook that asks for something that a person has to do: nothing here does it by itself."""


class BadFigures(BadInput, ValueError):
    """Counts, amounts or shares that cannot be, such as more buyers than customers."""


class UnknownZone(BadInput, ValueError):
    """A time zone that is not in the IANA database."""


class UnknownName(BadInput):
    """A name nobody knows; the message offers the nearest one that exists.

    Args:
        kind: ``journey``, ``event``, ``customer``, ...
        name: the unknown name.
        known: the names that exist.
        hint: a way out, where no known name is near.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.6)
        if near:
            hint = f'did you mean "{near[0]}"?'
        elif names:
            hint = f"choose one of: {', '.join(names)}"
        super().__init__(f'no {kind} "{name}"' + (f": {hint}" if hint else ""))


class Unavailable(SojournError):
    """Something that must be there is not."""


class StoreUnavailable(Unavailable):
    """The database cannot be opened, or is of another version."""


class TemporalUnavailable(Unavailable):
    """No Temporal server answers."""


class FeedFault(SojournError):
    """A feed that cannot be read, and why. The text does not quote its address.

    Args:
        why: what is wrong with it.
        retry_after: the time that its host asks us to wait; None: it asks for none.
    """

    def __init__(self, why: str, retry_after: timedelta | None = None) -> None:
        super().__init__(f"the feed {why}")
        self.why = why
        self.retry_after = retry_after


class TemplateError(SojournError):
    """A message that cannot be rendered: the template, the line, the reason."""


class NothingToSay(TemplateError):
    """The template declined: there is nothing to tell this customer.

    Args:
        why: as the template says it, for the ledger; empty: it does not say.
        name: of the template.
    """

    words: ClassVar[str] = "nothing to say"

    def __init__(self, why: str = "", name: str = "") -> None:
        super().__init__(f"{name}: {why or self.words}".removeprefix(": "))
        self.why = why


class NothingLeft(NothingToSay):
    """The template declined: what it is about was bought, taken out, or is out of stock."""

    words: ClassVar[str] = "nothing is left of what it is about"


class ProviderError(Exception):
    """An answer of a channel that is not "accepted".

    Its text is what the provider said, which may quote an address: the ledger keeps it, and nothing
    else sees it. Logs, pauses and Temporal get the error's kind and code.

    Attributes:
        code: the provider's code: ``HTTP 422 405``, ``550``. Empty if there is none, or if it looks
            like more than a code.
    """

    code: str = ""

    def coded(self, *codes: object) -> Self:
        """Return the error with a code of these parts; those that are no codes are left out.

        Args:
            codes: such as ``"HTTP 422"`` and a number or a word of the provider's list.
        """
        parts = (str(code) for code in codes if code is not None)
        self.code = " ".join(part for part in parts if _CODE.fullmatch(part))
        return self

    @property
    def told(self) -> str:
        """The kind and the code, which hold nothing personal: ``AccountError, HTTP 401``."""
        return ", ".join(filter(None, (type(self).__name__, self.code)))


class TransientError(ProviderError):
    """Not sent; worth another try.

    Args:
        message: what the provider said.
        retry_after: how long it asked us to wait, if it did.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class RateLimited(TransientError):
    """Not sent: we are too fast for the provider, or have used up what it grants us for now."""


class FenceClosed(TransientError):
    """Not sent: the attempt took longer than `domain.fence.FENCE`, so that we let nothing leave."""


class Unforeseen(TransientError):
    """Not sent: a fault that no other error stands for came before the first byte left.

    It is a bug, mostly. Another attempt may succeed, if only after the code has been mended.
    """


class CallFailed(Exception):
    """A service's answer ends a call: the journey gets it as a value, `domain.calls.Failed`.

    Args:
        kind: ``HTTP 404``, ``BadAnswer``; nothing personal, a history keeps it.
        reason: more of it; nothing personal either.
    """

    def __init__(self, kind: str, reason: str = "") -> None:
        self.kind, self.reason = kind, reason
        super().__init__(f"{kind}: {reason}" if reason else kind)


class AmbiguousSend(ProviderError):
    """Perhaps sent: the connection broke after the message went out, before an answer came."""


class PermanentError(ProviderError):
    """Not sent, and never will be by this channel. Raise one of the kinds below.

    Attributes:
        reason: a `domain.messages.Reason` value.
    """

    reason: ClassVar[str] = "refused"


class InvalidRecipient(PermanentError):
    """There is no such address; nothing more is sent to it."""

    reason = "invalid_address"


class EndpointGone(InvalidRecipient):
    """The app is not on this device any more, or the browser has withdrawn its subscription."""


class WrongSender(PermanentError):
    """An address that takes messages of another sender alone: another project's, another key's.

    It is good, and ours might be what is wrong: nothing is suppressed.
    """


class RecipientUnsubscribed(PermanentError):
    """The recipient has told the provider to stop; that is a refusal to us, too."""

    reason = "opted_out"


class UnsupportedAddress(PermanentError):
    """An address that this provider cannot write to, such as one with letters outside ASCII.

    It may be good, and another provider or channel may reach it: nothing is suppressed.
    """


class TemplateRefused(PermanentError):
    """A template that the provider must approve is missing, paused, or has other variables."""

    reason = "template"


class WindowClosed(PermanentError):
    """Free text on WhatsApp, more than 24 hours after the customer's last message."""

    reason = "window_closed"


class ContentRejected(PermanentError):
    """The provider does not take this message for any recipient."""


class AccountError(ProviderError):
    """Our credentials or our account: nothing the message or the customer did."""
