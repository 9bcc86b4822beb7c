"""Write to customers less often, and as before once they are back."""

from sojourn import Context, activity, days


@activity(deadline=days(1), in_shadow=1)
async def write_less(context: Context, days: int) -> int:
    """Keep promotional messages on a topic so many days apart.

    Args:
        context: of the call.
        days: a distance that customers could choose themselves: 1, 7 or 30.

    Returns:
        The number of topics that keep the distance from now on.
    """
    return await context.write_less(days)


@activity(deadline=days(1), in_shadow=1)
async def write_as_before(context: Context) -> int:
    """Take back what `write_less` did; what the customer has chosen since stays.

    Args:
        context: of the call.

    Returns:
        The number of topics that are as they were.
    """
    return await context.write_as_before()
