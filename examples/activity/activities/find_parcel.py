"""Ask the carrier about parcels."""

import os

import httpx

from sojourn import Context, NonPersonal, activity, days


class Parcel(NonPersonal):
    """A parcel on its way, or at its end."""

    delivered: bool


@activity(deadline=days(1), effects=False)
async def find_parcel(context: Context, order_id: str) -> Parcel:
    """Ask the carrier whether the parcel of an order was delivered."""
    async with httpx.AsyncClient(base_url=os.environ["CARRIER_URL"]) as http:
        answer = await http.get(f"/parcels/{order_id}")
        answer.raise_for_status()
        return Parcel.model_validate(answer.json())
