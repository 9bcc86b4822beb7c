"""Events of customers who sign in."""

from typing import Annotated

from pydantic import StringConstraints

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Counted, Identifier, Key, Moment, PersonalMark, SecretMark

LoginCode = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9 -]{1,30}[A-Za-z0-9])$")]
    | None,
    PersonalMark(),
    SecretMark(),
]
"""3 to 32 letters and digits, with spaces or hyphens between them."""


class LoginCodeRequested(Event, name="Login Code Requested"):
    """A customer waits for a code to sign in with. The shop makes the code, and checks it."""

    request_id: Identifier
    code: LoginCode = None
    """Kept until it expires, and needed: the event is refused without it."""
    expires_at: Moment
    phone: Counted = None
    """The number of the form, for the limits alone; the code goes to the number on the card."""
    ip: Counted = None
    """The address of the visitor, or its network, for the limits alone."""


class LoginSucceeded(Event, name="Login Succeeded"):
    """A customer has signed in."""

    request_id: Key = ""
    """The request of the code that was used; without it, no requested code is needed any more."""
