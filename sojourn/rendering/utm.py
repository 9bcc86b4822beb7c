"""`Utm`: adds to the shop's links where their visitors come from, as web analytics read it."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_plus

from sojourn.domain.links import LONGEST_LINK
from sojourn.domain.messages import Channel
from sojourn.rendering.context import RenderContext

SOURCE = "sojourn"
_SIGNED = re.compile(r"(x-amz-)?(signature|sig|sign|hmac|token|jwt)", re.IGNORECASE)
"""Parameters of addresses that are signed, or open something: another one could break those."""


class Utm:
    """The parameters of one message's links.

    Args:
        context: the message: journey or campaign, step and variant.
        channel: how it travels.
    """

    def __init__(self, context: RenderContext, channel: Channel) -> None:
        content = [part for part in (context.step or context.template, context.variant) if part]
        self._parameters: Mapping[str, str] = {
            "utm_source": SOURCE,
            "utm_medium": channel.value,
            "utm_campaign": context.journey,
            "utm_content": ".".join(content),
        }

    def of(self, url: str) -> str:
        """Return an address with the parameters; nothing else in it changes.

        One that has a parameter of the kind already stays as it is, and so does one that seems to
        be signed, or would become too long.

        Args:
            url: absolute.
        """
        page, hash_sign, place = url.partition("#")
        path, mark, query = page.partition("?")
        names = [unquote_plus(one.partition("=")[0]) for one in query.split("&")]
        if any(one.lower().startswith("utm_") or _SIGNED.fullmatch(one) for one in names):
            return url
        more = "&".join(
            f"{name}={quote(value, safe='')}" for name, value in self._parameters.items()
        )
        joint = "&" if query and not query.endswith("&") else ""
        led = f"{path}{mark or '?'}{query}{joint}{more}{hash_sign}{place}"
        return led if len(led) <= LONGEST_LINK else url
