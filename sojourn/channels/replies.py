"""Convert customers' replies to reports, in the same way for every provider."""

from collections.abc import Iterator
from datetime import datetime

from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.domain.stopping import Meaning, Reply, read_reply

WORDS = ":words"
"""The end of the id of the report on a reply's text besides its command."""


def reply_reports(
    text: str,
    *,
    event_id: str,
    at: datetime,
    channel: Channel,
    address: str,
    provider_id: str = "",
    meant: Meaning | None = None,
    answered: bool = False,
) -> Iterator[Report]:
    """Yield the reports on a reply.

    A stop is an unsubscription; if the reply says more than that, it is also a reply, so that
    somebody reads it. Everything else is a reply.

    Args:
        text: the text as the customer wrote it.
        event_id: the provider's id of the reply.
        at: the moment of writing, by the provider's clock.
        channel: the channel of the reply.
        address: the customer's address.
        provider_id: the provider's id of the answered message, if the provider sends it.
        meant: the meaning according to the provider, which may know more words.
        answered: the provider itself answers the command.

    Yields:
        One or two reports.
    """
    said = read_reply(text)
    if meant is not None and said.meaning not in (meant, Meaning.STOP):
        said = Reply(meant, said.language)

    def report(kind: Kind, event_id: str, reply: Reply) -> Report:
        return Report(
            event_id=event_id,
            kind=kind,
            at=at,
            channel=channel,
            provider_id=provider_id,
            address=address,
            text=text,
            meaning=reply.meaning,
            language=reply.language,
            answered=answered,
        )

    if said.meaning is not Meaning.STOP:
        yield report(Kind.REPLIED, event_id, said)
        return
    yield report(Kind.UNSUBSCRIBED, event_id, said)
    if said.says_more:
        yield report(Kind.REPLIED, event_id + WORDS, Reply(Meaning.OTHER))
