"""A web page with the messages that the fake providers have accepted, newest first."""

import operator
from collections.abc import Mapping
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sojourn.domain.messages import Channel
from sojourn.testkit.fakes import Fake, Order

SHORT = 100
"""The number of characters shown of a folded text."""

STYLE = """
:root { color-scheme: light dark; }
body { margin: 32px auto; max-width: 1100px; padding: 0 16px; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 22px; } h2 { font-size: 17px; margin-top: 32px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 8px 12px 8px 0; border-bottom: 1px solid #8884; text-align: left; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
td.word, time { white-space: nowrap; }
td.address { overflow-wrap: anywhere; max-width: 220px; }
td.text { overflow-wrap: anywhere; white-space: pre-line; width: 50%; min-width: 260px; }
summary { cursor: pointer; white-space: normal; }
[open] summary { margin-bottom: 8px; color: #888; }
"""  # noqa: E501 (a rule a line)


def page(carriers: Mapping[Channel, str], running: Mapping[str, Fake]) -> Starlette:
    """Return an application that serves the page at ``/``.

    Args:
        carriers: the name of the fake that carries each channel.
        running: the fakes by name.
    """

    async def show(request: Request) -> Response:
        parts = [_taken(running), _there_is(carriers, running)]
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f"<title>Fake providers</title><style>{STYLE}</style></head>"
            f"<body><h1>Fake providers</h1>{''.join(parts)}</body></html>"
        )
        return HTMLResponse(html)

    return Starlette(routes=[Route("/", show)])


def _taken(running: Mapping[str, Fake]) -> str:
    taken = [(order, fake) for fake in running.values() for order in fake.accepted]
    if not taken:
        return "<p>Nothing was accepted yet.</p>"
    taken.sort(key=lambda one: one[0].at, reverse=True)
    rows = "".join(_row(order, fake.name) for order, fake in taken)
    head = "".join(f"<th>{name}</th>" for name in ("when", "provider", "channel", "to", "text"))
    return f"<p>Accepted: {len(taken)}</p><table><tr>{head}</tr>{rows}</table>"


def _row(order: Order, provider: str) -> str:
    return (
        f'<tr><td><time datetime="{order.at.isoformat()}">{order.at:%Y-%m-%d %H:%M:%S} UTC</time>'
        f'</td><td class="word">{escape(provider)}</td><td class="word">{order.channel}</td>'
        f'<td class="address">{escape(order.address)}</td>'
        f'<td class="text">{_text(order.text.strip())}</td></tr>'
    )


def _text(said: str) -> str:
    line = " ".join(said.split())
    if len(line) <= SHORT:
        return escape(line)
    return f"<details><summary>{escape(line[:SHORT])}…</summary>{escape(said)}</details>"


def _there_is(carriers: Mapping[Channel, str], running: Mapping[str, Fake]) -> str:
    head = "".join(
        f"<th>{name}</th>"
        for name in ("channel", "provider", "address", "calls", "takes an address such as")
    )
    rows = "".join(
        f'<tr><td class="word">{channel}</td><td class="word">{escape(name)}</td>'
        f'<td class="word">{escape(running[name].url)}</td><td>{running[name].asked}</td>'
        f'<td class="address">{escape(running[name].parcel(channel, "").address)}</td></tr>'
        for channel, name in sorted(carriers.items(), key=operator.itemgetter(0))
    )
    return f"<h2>Who carries what</h2><table><tr>{head}</tr>{rows}</table>"
