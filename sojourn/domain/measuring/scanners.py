"""Agents and networks of machines that open e-mails and follow their links.

These are the lists that verdicts on hits are made by (`domain.measuring.hits`). A new line here
judges new hits at once, and old ones by ``sojourn hits judge``.

Google fetches a picture when a person opens an e-mail in Gmail, and calls itself GoogleImageProxy:
that is a person behind a proxy. So is Yahoo's. They must match nothing here.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

AGENTS = re.compile(
    # a Cubot is a telephone
    r"(?<!cu)bot\b|crawl|spider|scan|preview|headless|phantomjs|monitor|validator"
    # scanners of mail gateways, which say who they are: the names of the products
    r"|barracuda|mimecast|proofpoint|urldefense|safelinks|forcepoint|fireeye|trendmicro|sophos"
    r"|ciscosecureemail|ironport"
    # fetch a page to show it beside the link
    r"|google-safety|facebookexternalhit|whatsapp/"
    # programs
    r"|curl/|wget/|python|go-http-client|java/|libwww|httpclient|node-fetch|axios/|guzzle|ruby",
    re.IGNORECASE,
)
"""Agents of opens and clicks alike."""

AGENTS_OF_OPENS = re.compile(r"Mozilla/5\.0", re.IGNORECASE)
"""The whole agent of a picture that is fetched ahead.

Apple's Mail fetches all pictures by a relay that says nothing but this, whether anybody reads the
e-mail or not: https://wordtothewise.com/2021/09/apple-mpp/.
"""


class Block(NamedTuple):
    """A network of machines.

    Args:
        network: whose addresses all belong to them.
        opens_alone: people's clicks come from it, too.
    """

    network: IPv4Network | IPv6Network
    opens_alone: bool = False


def _blocks(text: str, *, opens_alone: bool = False) -> tuple[Block, ...]:
    return tuple(Block(ip_network(one), opens_alone) for one in text.split())


BLOCKS: tuple[Block, ...] = (
    # Apple's own network, from which Mail's relay fetches. People's clicks leave its private relay
    # by networks of others: https://developer.apple.com/support/prepare-your-network-for-icloud-private-relay/
    *_blocks("17.0.0.0/8", opens_alone=True),
    # Exchange Online Protection, ids 9 and 10 of
    # https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges.
    # Safe Links follows links from all of Azure, where people have servers, too: those are told
    # apart by bursts.
    *_blocks("40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17"),
    # Barracuda Email Gateway Defense:
    # https://campus.barracuda.com/product/emailgatewaydefense/
    *_blocks("64.235.144.0/20 209.222.80.0/21"),
    # Proofpoint, as registered at ARIN and RIPE under its name
    *_blocks(
        "67.231.144.0/20 148.163.128.0/19 205.220.160.0/19 66.159.224.0/19"
        " 185.132.180.0/22 185.183.28.0/22 91.207.212.0/23 62.209.50.0/23"
    ),
    # Mimecast, from its data centres: https://mimecastsupport.zendesk.com
    *_blocks(
        "205.139.110.0/23 207.211.30.0/23 216.205.24.0/24 63.128.21.0/24"
        " 170.10.128.0/22 170.10.132.0/23 91.220.42.0/24 185.58.85.0/24 185.58.86.0/24"
    ),
)
"""Networks by which a mail gateway follows links, or Apple's Mail fetches pictures.

A person whose employer routes browsers through the same gateway counts as a machine, too.
"""
