"""`Interval`: a figure with the range in which the truth is likely to lie."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A figure and its bounds: of a rate, a difference, a lift or a mean.

    Args:
        low: the lower bound.
        point: the figure itself, as it was counted.
        high: the upper bound; infinite where the data set none.
    """

    low: float
    point: float
    high: float

    def excludes(self, value: float = 0.0) -> bool:
        """Tell whether a value lies outside: for a difference, 0 means "no effect"."""
        return not self.low <= value <= self.high

    def within(self, least: float, most: float) -> "Interval":
        """Return the part that is possible, such as 0 to 1 for a rate.

        Args:
            least: the lowest value there can be.
            most: the highest one.

        Returns:
            The interval with bounds that do not leave these two.
        """
        return Interval(max(self.low, least), self.point, min(self.high, most))
