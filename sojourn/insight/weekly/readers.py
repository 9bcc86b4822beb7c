"""The people who get the weekly report: addresses of the settings, no customers."""

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.emails import read_email
from sojourn.domain.errors import BadSetting
from sojourn.domain.messages import Channel
from sojourn.settings import Settings
from sojourn.store.digests import digest


def readers(settings: Settings) -> tuple[str, ...]:
    """Return the addresses of ``SOJOURN_WEEKLY_TO``, each once.

    Args:
        settings: of this installation.

    Returns:
        The addresses.

    Raises:
        BadSetting: there is none, or one is not an e-mail address; the text quotes no address.
    """
    written = [one.strip() for one in settings.weekly_to.get_secret_value().split(",")]
    found: dict[str, None] = {}
    for number, one in enumerate(filter(None, written), 1):
        try:
            found[read_email(one)] = None
        except ValueError:
            raise BadSetting(
                f"SOJOURN_WEEKLY_TO: number {number} is not an e-mail address: write "
                "anna@shop.example,marco@shop.example"
            ) from None
    if not found:
        raise BadSetting(
            "SOJOURN_WEEKLY_TO names nobody who would get the weekly report: write "
            "anna@shop.example,marco@shop.example, and start the workers again"
        )
    return tuple(found)


async def named(session: AsyncSession, settings: Settings) -> dict[str, str]:
    """Return the addresses by names that Temporal may know: their digests.

    Args:
        session: any session.
        settings: of this installation.

    Returns:
        By digest, the address; of two spellings of one mailbox, the first.

    Raises:
        BadSetting: as for `readers`.
    """
    found: dict[str, str] = {}
    for one in readers(settings):
        found.setdefault(await digest(session, Channel.EMAIL, one), one)
    return found
