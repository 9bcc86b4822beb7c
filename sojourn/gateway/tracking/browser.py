"""The rules for browser keys: everybody can read such a key in the page, and send anything with it.

A server's key is trusted with its customers; a browser's key is trusted with a visitor. Only a call
with a signed user id (`tracking.proof`) speaks for a known customer. A refusal counts from anybody:
the worst that a stranger can do with it is silence.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sojourn.dispatch.calls import Ignored, Read, Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events, RunEvent
from sojourn.domain.links import link_hosts
from sojourn.domain.reading import read_moment
from sojourn.domain.traits import NUMBERS, PHONES, card_field
from sojourn.gateway.http.faults import Forbidden
from sojourn.gateway.tracking.decoration import Leave, decorations
from sojourn.gateway.tracking.proof import HASH, TOKEN, Proofs
from sojourn.settings import Settings
from sojourn.store import Store, cards, people

RATE = 50
"""The most calls a second of a browser key that was created without a rate."""
ADDRESSES = ("email", "phone", "phone2", "push_token")
_NEEDS_PROOF = (PHONES, "marketingConsent", "consents")
_Told = TypeVar("_Told", Track, Identity)
_MOMENTS = ("timestamp", "originalTimestamp")
_SIGN = f"sign the user id (context.{HASH} or context.{TOKEN}), or send it from a server"


class BrowserDoor:
    """The checks on calls of browsers.

    Args:
        settings: the shop's hosts, and the secrets that sign user ids.
        store: knows which customers are known.
        known: the events of the project.
    """

    def __init__(self, settings: Settings, store: Store, known: Events) -> None:
        self._shop_url = settings.shop_url
        self._hosts = link_hosts(settings.shop_url, settings.link_hosts)
        self._proofs = Proofs(settings.identity_secrets)
        self._store = store
        self._known = known

    def fit(self, call: Any, received_at: datetime, leave: Leave) -> Any:
        """Remove from a call what no browser may send, before it is read.

        Args:
            call: the call as it was sent.
            received_at: when it arrived.
            leave: is called with each part that is left out, and why.

        Returns:
            The rest of the call.

        Raises:
            Forbidden: a browser may not send it at all.
        """
        if not isinstance(call, dict):
            return call
        self._check_ours(call.get("event"))
        fit = {
            name: value
            for name, value in call.items()
            if name not in _MOMENTS or not _is_ahead(value, received_at)
        }
        if len(fit) < len(call):  # then its arrival is its moment
            fit["timestamp"] = received_at.isoformat()
        if isinstance(properties := fit.get("properties"), dict):
            fit["properties"] = decorations(properties, self._shop_url, self._hosts, leave)
        return fit

    async def pass_(self, call: Mapping[str, Any], read: Read, leave: Leave) -> Read:
        """Remove from a call that was read what a browser may not say about this customer.

        Args:
            call: the call as it was sent.
            read: the same call, read.
            leave: is called with each part that is left out, and why.

        Returns:
            The rest of it.

        Raises:
            Forbidden: a browser may not say it at all.
        """
        match read:
            case Track():
                self._check_event(read)
                read = self._without_device(call, read, leave)
            case Identity():
                read = self._without_device(call, read, leave)
                if not self._proofs.holds(call) and await self._is_known(read.customer_id):
                    return _unproved(read, leave)
            case Alias():
                await self._check_alias(call, read)
            case Ignored():
                pass
        return read

    def _without_device(self, call: Mapping[str, Any], read: _Told, leave: Leave) -> _Told:
        """Leave out an unproved device, to which the customer's messages would go."""
        if read.device is None or self._proofs.holds(call):
            return read
        leave("context.device.token", _SIGN)
        return replace(read, device=None)

    def _check_event(self, read: Track) -> None:
        if read.name not in self._known:
            raise Forbidden("event", "a browser key may send known events alone")
        self._check_ours(read.name)

    def _check_ours(self, name: object) -> None:
        """Check that an event is not one of those that only Sojourn and providers send to runs."""
        if (
            isinstance(name, str)
            and name in self._known
            and issubclass(self._known[name], RunEvent)
        ):
            raise Forbidden("event", "a browser key may not report on messages and runs")

    async def _check_alias(self, call: Mapping[str, Any], read: Alias) -> None:
        if await self._is_known(read.previous_id):
            raise Forbidden("previousId", "is a known customer: only a server may give it up")
        if not self._proofs.holds(call) and await self._is_known(read.customer_id):
            raise Forbidden("userId", f"is a known customer: {_SIGN}")

    async def _is_known(self, customer_id: str) -> bool:
        """Tell whether the id, or the one that it was joined to, was identified."""
        async with self._store.reading() as session:
            whole = await people.resolve(session, customer_id)
            card = await cards.find(session, whole)
        return card is not None and card.known


def _unproved(read: Identity, leave: Leave) -> Identity:
    """Return what anybody may say about a known customer: no address, and only refusals."""
    for name in ADDRESSES:
        if name in read.card or (name in NUMBERS and getattr(read, name)):
            leave(f"traits.{name}", f"is of a known customer: {_SIGN}")
    granted = [channel for channel, given in read.consents.items() if given]
    for channel in granted:
        leave(f"traits.marketingConsent.{channel.value}", f"is of a known customer: {_SIGN}")
    if any(word.granted for word in read.statements):
        leave("traits.consents", f"is of a known customer: {_SIGN}")
    return replace(
        read,
        statements=tuple(word for word in read.statements if not word.granted),
        card={name: value for name, value in read.card.items() if name not in ADDRESSES},
        consents={channel: False for channel, given in read.consents.items() if not given},
        phone="",
        phone2="",
        # traits that cannot be read are kept for mending, and these must not come in that way
        left={name: value for name, value in read.left.items() if not _needs_proof(name)},
        faults=tuple(fault for fault in read.faults if not _needs_proof(fault.path.split(".")[1])),
    )


def _needs_proof(trait: str) -> bool:
    return trait in _NEEDS_PROOF or card_field(trait) in ADDRESSES


def _is_ahead(value: Any, received_at: datetime) -> bool:
    try:
        return read_moment("timestamp", value) > received_at
    except BadEvent:
        return False  # the reader reports what is wrong with it
