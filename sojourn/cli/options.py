"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.domain.errors import UnknownName
from sojourn.domain.messages import Channel

MOST = 1_000_000

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST, help="How many to list.")]
Why = Annotated[str, typer.Option("--why", help="Kept, and shown to the next reader.")]
By = Annotated[str, typer.Option("--by", help="Who does it: a name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Store nothing.")]
RefusedRows = Annotated[
    Path | None,
    typer.Option("--refused", help="Where refused rows go. Default: FILE.refused.csv beside it."),
]
ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="email, sms, push, whatsapp.")]


def channel_named(name: str) -> Channel:
    """Return the channel of this name.

    Raises:
        UnknownName: there is no such channel.
    """
    if name not in list(Channel):
        raise UnknownName("channel", name, [channel.value for channel in Channel])
    return Channel(name)
