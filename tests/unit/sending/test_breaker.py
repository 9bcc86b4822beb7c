from datetime import UTC, datetime, timedelta

from sojourn.sending.breaker import FAILURES, OPEN_FOR, Breaker, breaker_of

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LASTS = 20 * SECOND


def broken() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.wait(NOON, LASTS) is None
        breaker.failed(NOON)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        breaker.failed(NOON)
        breaker.succeeded()
    assert breaker.wait(NOON, LASTS) is None
    assert broken().wait(NOON + SECOND, LASTS) == OPEN_FOR - SECOND


def test_after_a_while_one_call_tries_and_decides() -> None:
    breaker, later = broken(), NOON + OPEN_FOR
    assert breaker.wait(later, LASTS) is None
    assert breaker.wait(later + SECOND, LASTS) == LASTS - SECOND, "the others wait for it"
    breaker.failed(later + SECOND)
    assert breaker.wait(later + 2 * SECOND, LASTS) == OPEN_FOR - SECOND
    assert breaker.wait(later + SECOND + OPEN_FOR, LASTS) is None
    breaker.succeeded()
    assert breaker.wait(later + SECOND + OPEN_FOR, LASTS) is None


def test_a_call_that_tried_and_died_does_not_keep_it_open() -> None:
    breaker, later = broken(), NOON + OPEN_FOR
    assert breaker.wait(later, LASTS) is None
    assert breaker.wait(later + LASTS, LASTS) is None


def test_it_is_open_for_as_long_as_the_service_asks() -> None:
    breaker = Breaker()
    breaker.failed(NOON, asked=timedelta(hours=1))
    breaker.failed(NOON, asked=SECOND)
    assert breaker.wait(NOON + SECOND, LASTS) == timedelta(hours=1) - SECOND


def test_a_process_has_one_for_each_endpoint() -> None:
    assert breaker_of("https://a.example") is breaker_of("https://a.example")
    assert breaker_of("https://a.example") is not breaker_of("https://b.example")
