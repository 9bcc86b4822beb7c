"""``[caps]`` and ``[precedence]`` of a policy: what they may say, and one line for each fault."""

from datetime import timedelta

import pytest

from sojourn.domain.caps import NO_CAPS, WEEK, Caps, Distance, Limit
from sojourn.domain.errors import BadPolicy
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel
from sojourn.domain.precedence import Precedence
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules


def read(text: str) -> Rules:
    return read_rules(text, None)


def test_a_policy_without_caps_has_none() -> None:
    assert read("").caps == NO_CAPS
    assert read("").precedence == Precedence()


def test_caps_hold_for_all_channels_and_for_one() -> None:
    caps = read(
        '[caps]\nper_day = 2\nper_week = 4\ndistance = "4h"\nat_cap = "give_way"\n'
        '[caps.sms]\nper_week = 1\ndistance = "2d"\n'
    ).caps
    assert caps == Caps(
        limits=(Limit(2, 1), Limit(4, WEEK), Limit(1, WEEK, Channel.SMS)),
        distances=(
            Distance(timedelta(hours=4), "4h"),
            Distance(timedelta(days=2), "2d", Channel.SMS),
        ),
        at_cap=AtCap.GIVE_WAY,
    )


def test_precedence_is_the_order_of_a_list() -> None:
    first = read('[precedence]\norder = ["renewal/in-two-days", "cart", "renewal"]').precedence
    assert first.rank("renewal", "in-two-days") < first.rank("cart", "reminder")
    assert first.rank("cart", "reminder") == first.rank("cart", "offer")
    assert first.rank("cart", "offer") < first.rank("renewal", "last-call")
    assert first.rank("renewal", "last-call") < first.rank("onboarding", "tip")


def test_a_step_goes_by_its_own_place_though_its_journey_has_an_earlier_one() -> None:
    order = Precedence(("renewal", "cart", "renewal/thanks"))
    assert order.rank("renewal", "thanks") > order.rank("cart", "reminder")


def test_names_that_the_project_does_not_have_are_found() -> None:
    order = Precedence(("renewal", "cart/reminder", "cart/offer", "newsletter"))
    messages = [("renewal", "in-two-days"), ("cart", "reminder")]
    assert order.unknown(messages) == ["cart/offer", "newsletter"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("caps = 3", "caps: write it as a table, [caps]"),
        ("[caps]\nsms = 1", "caps.sms: write it as a table, [caps.sms]"),
        ("[caps]\nper_weak = 1", 'caps: no such name "per_weak": did you mean "per_week"?'),
        ("[caps]\nfax = 1", 'caps: no such name "fax": choose one of: per_day, per_week, distance'),
        ("[caps.sms]\nat_cap = 'wait'", 'caps.sms: no such name "at_cap": choose one of: per_day'),
        ("[caps]\nper_week = 0", "caps: per_week = 0: no promotional message could ever leave"),
        ("[caps]\nper_week = -1", "caps: per_week = -1: write a number of messages, such as 2"),
        ("[caps]\nper_week = '2'", "caps: per_week = 2: write a number of messages"),
        ("[caps]\nper_week = true", "caps: per_week = True: write a number of messages"),
        ("[caps]\nper_week = 1.5", "caps: per_week = 1.5: write a number of messages"),
        (
            "[caps]\nper_day = 3\nper_week = 2",
            "caps: per_day = 3 is more than per_week = 2, and would never count",
        ),
        (
            "[caps]\nper_week = 2\n[caps.sms]\nper_week = 3",
            "caps.sms: per_week = 3 is more than per_week = 2 of [caps], and would never count",
        ),
        ('[caps]\ndistance = "soon"', 'caps: distance: write it as "30m", "4h" or "2d"'),
        ('[caps]\ndistance = "0h"', 'caps: distance: write it as "30m", "4h" or "2d"'),
        ("[caps]\ndistance = 4", 'caps: distance: write it as "30m", "4h" or "2d"'),
        ('[caps]\ndistance = "8d"', "caps: distance: is more than 7 days"),
        ('[caps]\nat_cap = "skip"', 'caps: at_cap: write "wait" or "give_way", not \'skip\''),
        ("precedence = 1", "precedence: write it as a table, [precedence]"),
        ("[precedence]\ncart = 1", 'precedence: no such name "cart": choose one of: order'),
        ('[precedence]\norder = "cart"', "precedence: order: write a list"),
        ("[precedence]\norder = [1]", 'precedence: order: "1" is neither a journey nor a message'),
        ('[precedence]\norder = ["a/b/c"]', '"a/b/c" is neither a journey nor a message'),
        ('[precedence]\norder = ["a", "a"]', 'precedence: order: names "a" twice'),
    ],
)
def test_a_fault_is_one_line_that_names_the_place(text: str, said: str) -> None:
    with pytest.raises(BadPolicy) as raised:
        read(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
