"""`Place`: an address that somebody wrote by hand, and the channel by which it is reached."""

from dataclasses import dataclass

from sojourn.domain.emails import is_email
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.phones import NotAPhone, read_phone

_PUSH = "push:"


@dataclass(frozen=True)
class Place:
    """The place that a copy goes to.

    Args:
        channel: by which it goes.
        address: as the provider takes it.
    """

    channel: Channel
    address: str


def place_of(written: str, channels: tuple[Channel, ...]) -> Place:
    """Read the place that a copy goes to.

    Args:
        written: an e-mail address, a phone number, or ``push:TOKEN``.
        channels: of the message, in its order: a number gets it by the first that takes numbers.

    Returns:
        The place.

    Raises:
        BadInput: it is none of these, or the message has no such channel.
    """
    wanted: tuple[Channel, ...]
    if written.startswith(_PUSH):
        wanted, address = (Channel.PUSH,), written.removeprefix(_PUSH)
    elif is_email(written):
        wanted, address = (Channel.EMAIL,), written
    else:
        try:
            wanted, address = (Channel.SMS, Channel.WHATSAPP), read_phone(written)
        except NotAPhone:
            raise BadInput(
                f'"{written[:60]}" is not an address: write me@shop.example, +393201234567 or '
                "push:TOKEN"
            ) from None
    found = next((one for one in channels if one in wanted), None)
    if found is None:
        raise BadInput(
            f"the message goes by {' or '.join(channels)}: {wanted[0]} is none of its channels"
        )
    return Place(found, address)
