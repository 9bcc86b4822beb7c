"""Draw a journey: explore its steps, join what was found."""

from sojourn.insight.drawing.exploring import explore
from sojourn.insight.drawing.joining import join
from sojourn.insight.drawing.picture import Picture
from sojourn.journeys.journey import Journey


def draw(journey: type[Journey]) -> Picture:
    """Draw a journey.

    Args:
        journey: the journey.

    Returns:
        The picture: the same one each time.

    Raises:
        BadInput: an event or a result that the journey needs cannot be made up; the message names
            it.
        BadProject: its steps fail whichever way they go.
    """
    return join(journey, explore(journey))
