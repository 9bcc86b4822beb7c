"""The pace of the work says how long a line may be."""

from sojourn.gateway.http.pace import Pace


def test_a_line_is_as_long_as_the_pace_allows() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    assert pace.within(4, least=10, most=1200) == 1200, "nothing is known yet"
    for _ in range(100):
        now += 0.01
        pace.count()
    now += 0.01
    pace.count()
    assert 380 <= pace.within(4, least=10, most=1200) <= 420
    assert pace.within(4, least=500, most=1200) == 500
    assert pace.within(40, least=10, most=1200) == 1200
