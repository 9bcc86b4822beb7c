"""People and machines that follow links: mail scanners and previews follow every one."""

import re
from collections.abc import Mapping

FETCHES_AHEAD = re.compile("prefetch|preview", re.IGNORECASE)
PURPOSES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers in which a browser tells the purpose of a request:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Purpose."""

# a Cubot is a telephone
_MACHINES = re.compile(
    r"(?<!cu)bot\b|crawl|spider|scan|preview|headless|phantomjs|monitor|validator"
    r"|barracuda|mimecast|proofpoint|urldefense|safelinks|forcepoint|fireeye|trendmicro|sophos"
    r"|google-safety|facebookexternalhit|whatsapp/"
    r"|curl/|wget/|python|go-http-client|java/|libwww|httpclient|node-fetch|axios/|guzzle|ruby",
    re.IGNORECASE,
)


def is_somebody(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request looks as if a person made it.

    A scanner that calls itself a browser counts as a person.

    Args:
        method: of HTTP.
        headers: their names in lower case, or a mapping that does not tell cases apart.
    """
    if method == "HEAD":
        return False
    if any(FETCHES_AHEAD.search(headers.get(name, "")) for name in PURPOSES):
        return False
    agent = headers.get("user-agent", "").strip()
    return bool(agent) and not _MACHINES.search(agent)
