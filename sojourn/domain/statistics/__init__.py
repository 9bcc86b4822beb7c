"""Statistics of experiments: plain values in, plain values out; `docs/statistics.md` explains them.

`tally` and `takings` are what was counted, `interval` is what comes out. `rates`, `differences`,
`lift`, `means` and `lifetime` are for one look, at the `horizon`; `always_valid` and
`always_valid_means` for a look every day. `sample_ratio` says whether any of them can be trusted,
`power` how large a group must be.
"""

from sojourn.domain.statistics.always_valid import always_valid_difference, always_valid_rate
from sojourn.domain.statistics.always_valid_means import always_valid_difference_of_means
from sojourn.domain.statistics.differences import difference
from sojourn.domain.statistics.horizon import Horizon, TooEarly, at_horizon
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.lifetime import AtAge, Life, lifetime_value
from sojourn.domain.statistics.lift import lift, lift_of_means
from sojourn.domain.statistics.means import TooFewPaid, difference_of_means, mean
from sojourn.domain.statistics.power import (
    Detectable,
    Sizes,
    detectable_mean,
    detectable_rate,
    power_of_means,
    power_of_rates,
    sizes_for_mean,
    sizes_for_rate,
)
from sojourn.domain.statistics.rates import rate
from sojourn.domain.statistics.sample_ratio import SampleRatio, sample_ratio
from sojourn.domain.statistics.takings import Takings, takings
from sojourn.domain.statistics.tally import Tally

__all__ = [
    "AtAge",
    "Detectable",
    "Horizon",
    "Interval",
    "Life",
    "SampleRatio",
    "Sizes",
    "Takings",
    "Tally",
    "TooEarly",
    "TooFewPaid",
    "always_valid_difference",
    "always_valid_difference_of_means",
    "always_valid_rate",
    "at_horizon",
    "detectable_mean",
    "detectable_rate",
    "difference",
    "difference_of_means",
    "lifetime_value",
    "lift",
    "lift_of_means",
    "mean",
    "power_of_means",
    "power_of_rates",
    "rate",
    "sample_ratio",
    "sizes_for_mean",
    "sizes_for_rate",
    "takings",
]
