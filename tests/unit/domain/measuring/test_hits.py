"""Verdicts on hits: each reason, and that the order in which hits come does not matter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.measuring.hits import (
    BURST,
    TOO_SOON,
    Hit,
    Machine,
    block_of,
    link_of,
    verdict,
    verdicts,
)
from sojourn.domain.reports import Kind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
HOME = "8.8.8.0/24"


def click(seconds: float = 0, link: str = "cart", **changes: object) -> Hit:
    hit = Hit(Kind.CLICKED, NOON + seconds * SECOND, BROWSER, HOME, link)
    return replace(hit, **changes)  # type: ignore[arg-type]


def opened(agent: str | None = BROWSER, network: str = HOME) -> Hit:
    return Hit(Kind.OPENED, NOON, agent, network)


PEOPLE = [
    BROWSER,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/22B83",
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/126",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    None,
]


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_browser_or_a_proxy_of_people_or_nothing_known_is_a_person(agent: str | None) -> None:
    assert verdict(opened(agent), ()) is None
    assert verdict(click(agent=agent), ()) is None


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "curl/8.5.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))",
    ],
)
def test_an_agent_that_says_what_it_is_is_a_machine(agent: str) -> None:
    assert verdict(opened(agent), ()) is Machine.AGENT
    assert verdict(click(agent=agent), ()) is Machine.AGENT


def test_the_bare_name_is_apples_relay_for_a_picture_and_says_nothing_of_a_click() -> None:
    assert verdict(opened("Mozilla/5.0"), ()) is Machine.AGENT
    assert verdict(click(agent="Mozilla/5.0"), ()) is None


def test_networks_of_mail_gateways_are_machines_and_apples_for_pictures_alone() -> None:
    assert verdict(click(network="52.102.7.0/24"), ()) is Machine.NETWORK
    assert verdict(click(network="148.163.140.0/24"), ()) is Machine.NETWORK
    assert verdict(opened(network="17.58.6.0/24"), ()) is Machine.NETWORK
    assert verdict(click(network="17.58.6.0/24"), ()) is None
    assert verdict(click(network="2001:db8:1::/48"), ()) is None


def test_what_the_request_or_the_provider_says_counts_first() -> None:
    hit = click(agent="curl/8", said=Machine.PROVIDER_SAYS)
    assert verdict(hit, ()) is Machine.PROVIDER_SAYS


def test_three_links_within_seconds_are_a_burst_and_all_of_them_change() -> None:
    three = [click(0, "a"), click(2, "b"), click(BURST.total_seconds(), "c")]
    assert verdicts(three[:2]) == [None, None]
    assert verdicts(three) == [Machine.BURST] * 3


def test_slower_clicks_or_the_same_link_or_links_looked_at_ahead_are_no_burst() -> None:
    late = BURST.total_seconds() + 0.001
    assert verdicts([click(0, "a"), click(2, "b"), click(late, "c")]) == [None] * 3
    assert verdicts([click(n, "a") for n in range(4)]) == [None] * 4
    ahead = [click(0, one, said=Machine.PREFETCH) for one in "abc"]
    assert verdict(click(1, "a"), ahead) is None


def test_nobody_reads_a_message_that_leaves_at_this_moment() -> None:
    assert verdict(click(1), (), sent_at=NOON) is Machine.TOO_SOON
    assert verdict(click(TOO_SOON.total_seconds()), (), sent_at=NOON) is None
    # it was handed over once more since
    assert verdict(click(0), (), sent_at=NOON + SECOND) is None


HITS = st.builds(
    Hit,
    kind=st.sampled_from([Kind.OPENED, Kind.CLICKED]),
    at=st.integers(0, 90).map(lambda n: NOON + n * SECOND),
    agent=st.sampled_from([BROWSER, "Another/1.0", "Mozilla/5.0", "curl/8", "", None]),
    network=st.sampled_from(["", HOME, "9.9.9.0/24", "52.102.7.0/24", "17.1.1.0/24"]),
    link=st.sampled_from(["a", "b", "c", "d"]),
    said=st.sampled_from([None, None, Machine.PREFETCH, Machine.PROVIDER_SAYS]),
)


@given(hits=st.lists(HITS, max_size=8), data=st.data())
def test_the_order_in_which_hits_come_does_not_matter(hits: list[Hit], data: st.DataObject) -> None:
    places = data.draw(st.permutations(range(len(hits))))
    judged = verdicts(hits, sent_at=NOON)
    again = verdicts([hits[n] for n in places], sent_at=NOON)
    assert again == [judged[n] for n in places]


@given(hits=st.lists(HITS, max_size=6), more=HITS)
def test_another_hit_makes_no_machine_a_person(hits: list[Hit], more: Hit) -> None:
    before = verdicts(hits, sent_at=NOON)
    after = verdicts([*hits, more], sent_at=NOON)
    assert all(new for old, new in zip(before, after[:-1], strict=True) if old)


def test_an_address_is_kept_as_a_block() -> None:
    assert block_of("8.8.4.17") == "8.8.4.0/24"
    assert block_of("2606:4700:1:2::3") == "2606:4700:1::/48"
    assert block_of("::ffff:8.8.4.17") == "8.8.4.0/24"
    for inside in ("10.0.0.1", "127.0.0.1", "192.0.2.1", "fe80::1", "", "żółw", "unix:"):
        assert not block_of(inside)


def test_links_are_told_apart_by_a_digest() -> None:
    assert link_of("https://shop.example/a") != link_of("https://shop.example/b")
    assert not link_of("")
