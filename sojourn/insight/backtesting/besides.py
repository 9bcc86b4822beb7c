"""Changes of customers that no call tells: breaks, distances, devices and dead addresses."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from sojourn.domain.devices import Device
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.preferences import Kind
from sojourn.insight.backtesting.playing import Change
from sojourn.store.past import Past
from sojourn.store.tables import AddressRow, ChoiceRow, DeviceRow, SuppressionRow

Pair = tuple[Channel, str]
"""A channel and an address."""


def changes_of(past: Past) -> Iterator[Change]:
    """Yield the changes of the customers of a page, as the store has them.

    Args:
        past: the page.

    Yields:
        The changes, those of one kind and customer in their order.
    """
    chosen: dict[str, list[ChoiceRow]] = {}
    for choice in past.choices:
        chosen.setdefault(choice.customer_id, []).append(choice)
    has: dict[str, list[DeviceRow]] = {}
    for device in past.devices:
        has.setdefault(device.customer_id, []).append(device)
    tokens: dict[str, list[AddressRow]] = {}
    for address in past.addresses:
        if address.kind == "push_token":
            tokens.setdefault(address.customer_id, []).append(address)
    dead: dict[str, list[tuple[Pair, SuppressionRow]]] = {}
    for who, channel, spelt, row in past.suppressed:
        dead.setdefault(who, []).append(((channel, spelt), row))
    for customer in past.customers:
        who = customer.customer_id
        yield from _choices(who, chosen.get(who, ()))
        yield from _devices(who, has.get(who, ()), tokens.get(who, ()))
        yield from _dead(who, dead.get(who, ()))


def _choices(who: str, rows: Iterable[ChoiceRow]) -> Iterator[Change]:
    least_days: dict[str, int] = {}
    for row in rows:
        because = f"choice {row.id}"
        if row.what == Kind.BREAK:
            until = datetime.fromisoformat(row.became) if row.became else None
            yield Change(row.at, who, because, {"snoozed_until": until}, cured=(Reason.SNOOZED,))
        elif row.what == Kind.OFTEN:
            least_days |= {row.topic: int(row.became or 0)}
            apart = {topic: days for topic, days in least_days.items() if days}
            cured = (Reason.CAP, Reason.GAVE_WAY)
            yield Change(row.at, who, because, {"least_days": apart}, cured=cured)


def _devices(who: str, rows: Iterable[DeviceRow], tokens: Iterable[AddressRow]) -> Iterator[Change]:
    """Yield the devices of a customer whose apps have named any, the last used one first."""
    devices = sorted(rows, key=lambda row: row.used_at, reverse=True)
    if not devices:
        return  # the token of the card is the only one
    on_card = sorted(tokens, key=lambda row: row.at)
    moments = {row.since for row in devices} | {row.at for row in on_card}
    moments |= {row.gone_at for row in devices if row.gone_at is not None}
    named = {row.token for row in devices}
    for at in sorted(moments):
        alive = [
            Device(row.token, row.platform, row.used_at)
            for row in devices
            if row.since <= at and (row.gone_at is None or row.gone_at > at)
        ]
        held = [row.value for row in on_card if row.at <= at][-1:]
        alive += [Device(token) for token in held if token and token not in named]
        because = f"devices {at.isoformat()}"
        yield Change(at, who, because, {"devices": tuple(alive)}, cured=(Reason.NO_ADDRESS,))


def _dead(who: str, found: Collection[tuple[Pair, SuppressionRow]]) -> Iterator[Change]:
    moments = {row.at for _, row in found}
    moments |= {row.lifted_at for _, row in found if row.lifted_at is not None}
    for at in sorted(moments):
        dead = frozenset(
            pair
            for pair, row in found
            if row.at <= at and (row.lifted_at is None or row.lifted_at > at)
        )
        yield Change(at, who, f"suppressions {at.isoformat()}", dead=dead)
