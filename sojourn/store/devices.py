"""Devices: the push tokens of customers, each with its platform and the moment of its last use.

A token is one installation of an app. It belongs to one customer, the one that the newest call
names with it, so that nobody reads the messages of somebody who used the device before. A token
that the provider calls dead stays as a row with the moment, and gets nothing more.

The trait ``pushToken`` names one more device, on the card: a later trait takes its place, or takes
it away. An app that names the same token in the context of its calls makes it a device like others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, case, delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.devices import LONGEST_TOKEN, MOST_DEVICES, Device
from sojourn.store import people
from sojourn.store.dialects import insert
from sojourn.store.tables import CustomerRow, DeviceRow

FRESH = timedelta(hours=1)
"""A use this soon after the one on record is not written: apps name their device in each call."""


async def hear(
    session: AsyncSession,
    person: CustomerRow,
    device: Device,
    *,
    at: datetime,
    source: str,
) -> bool:
    """Take in that a customer uses a device.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        device: the device.
        at: when it was used. A use older than the newest one changes nothing.
        source: the message id of the call.

    Returns:
        True if the customer did not have the device before.
    """
    if person.erased_at is not None or len(device.token) > LONGEST_TOKEN:
        return False
    if device.gone:
        await session.exec(
            update(DeviceRow)
            .where(col(DeviceRow.token) == device.token, col(DeviceRow.used_at) <= at)
            .values(gone_at=at)
        )
        return False
    had = select(DeviceRow.customer_id).where(DeviceRow.token == device.token)
    new = (await session.exec(had)).first() != person.customer_id
    row = DeviceRow(
        customer_id=person.customer_id,
        token=device.token,
        platform=device.platform,
        since=at,
        used_at=at,
        source=source,
    )
    addition = insert(session, DeviceRow).values(row.model_dump(exclude={"id"}))
    said = addition.excluded
    held = DeviceRow
    another = col(held.customer_id) != said.customer_id
    await session.exec(
        addition.on_conflict_do_update(
            index_elements=["token"],
            set_={
                "customer_id": said.customer_id,
                "platform": case((said.platform != "", said.platform), else_=col(held.platform)),
                "since": case((another, said.since), else_=col(held.since)),
                "used_at": said.used_at,
                "source": said.source,
                # an app that is installed again gets another token; a device that only its own
                # word called gone may come back
                "gone_at": None,
            },
            where=and_(
                col(held.used_at) <= said.used_at,
                or_(col(held.gone_at).is_(None), col(held.gone_at) < said.used_at),
            ),
        )
    )
    if new:
        await _trim(session, person.customer_id)
    return new


async def is_noted(session: AsyncSession, customer_id: str, device: Device, at: datetime) -> bool:
    """Tell whether `hear` would change nothing that matters.

    Args:
        session: any session.
        customer_id: any id of the customer.
        device: the device.
        at: when it was used.

    Returns:
        True if it was used by the same customer not long before.
    """
    row = (await session.exec(select(DeviceRow).where(DeviceRow.token == device.token))).first()
    if row is None:
        return device.gone
    if device.gone or row.gone_at is not None:
        return False
    fresh = at < row.used_at + FRESH and device.platform in ("", row.platform)
    return fresh and row.customer_id == await people.resolve(session, customer_id)


async def of(session: AsyncSession, customer_id: str, on_card: str = "") -> list[Device]:
    """Return the devices of a customer that are not gone, the one that was used last first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        on_card: the token on the customer's card. It is theirs unless an app has named it with
            somebody else since.

    Returns:
        The devices.
    """
    rows = await _rows(session, customer_id, on_card)
    found = [
        Device(row.token, row.platform, row.used_at)
        for row in rows
        if row.customer_id == customer_id and row.gone_at is None
    ]
    if on_card and on_card not in {row.token for row in rows}:
        found.append(Device(on_card))
    return found


async def listed(session: AsyncSession, customer_id: str) -> Sequence[DeviceRow]:
    """Return every device of a customer, the gone ones too, the one that was used last first."""
    return await _rows(session, customer_id, "")


async def gone(session: AsyncSession, token: str, at: datetime) -> None:
    """Note that a provider calls a token dead.

    Args:
        session: a writing transaction.
        token: the device's token.
        at: when it said so.
    """
    await session.exec(
        update(DeviceRow)
        .where(col(DeviceRow.token) == token, col(DeviceRow.gone_at).is_(None))
        .values(gone_at=at)
    )


async def forget(session: AsyncSession, customer_id: str) -> None:
    """Delete the devices of a customer."""
    await session.exec(delete(DeviceRow).where(col(DeviceRow.customer_id) == customer_id))


async def _rows(session: AsyncSession, customer_id: str, on_card: str) -> Sequence[DeviceRow]:
    mine = col(DeviceRow.customer_id) == customer_id
    query = select(DeviceRow).where(or_(mine, col(DeviceRow.token) == on_card) if on_card else mine)
    newest = col(DeviceRow.used_at).desc(), col(DeviceRow.id).desc()
    query = query.order_by(*newest).execution_options(populate_existing=True)
    return (await session.exec(query)).all()


async def _trim(session: AsyncSession, customer_id: str) -> None:
    """Delete the devices beyond `MOST_DEVICES`, those used longest ago first."""
    rows = await _rows(session, customer_id, "")
    for row in rows[MOST_DEVICES:]:
        await session.delete(row)
