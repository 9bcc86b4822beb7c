from datetime import timedelta

from sojourn import Published
from sojourn.events import LoginCodeRequested, LoginSucceeded
from sojourn.testkit import JourneyTest, scenario

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CODE = "qzx482913"


async def asks(
    journey: JourneyTest, request: str = "r1", *, code: str = CODE, lasts: timedelta = 5 * MINUTE
) -> Published:
    """Ask for a code that lasts five minutes, unless told otherwise."""
    return await journey.publish(
        LoginCodeRequested,
        request_id=request,
        code=code,
        expires_at=await journey.now() + lasts,
        ip="203.0.113.7",
    )


# ---- ways out ------------------------------------------------------------------------------


@scenario("login-code/not-used")
async def test_the_code_leaves_at_once_by_sms_and_expires_unused(journey: JourneyTest) -> None:
    await asks(journey)
    assert journey.sent == ["code"]
    (row,) = await journey.messages()
    assert (row.channel, row.message_class) == ("sms", "authentication")
    assert CODE in (await journey.content("code"))["text"]
    assert journey.outcome == "open"
    await journey.after(5 * MINUTE)
    assert journey.outcome == "exhausted"


@scenario("login-code/used")
async def test_signing_in_ends_the_run(journey: JourneyTest) -> None:
    await asks(journey)
    await journey.after(MINUTE)
    await journey.publish(LoginSucceeded, request_id="r1")
    assert journey.outcome == "converted"


@scenario("login-code/no-phone")
async def test_without_a_phone_the_code_goes_to_the_devices(journey: JourneyTest) -> None:
    await journey.identify(phone="")
    await asks(journey)
    (row,) = await journey.messages()
    assert (row.channel, row.state) == ("push", "sent")
    assert CODE in (await journey.content("code"))["title"]


@scenario("login-code/expired")
async def test_a_code_that_has_expired_is_not_sent(journey: JourneyTest) -> None:
    await asks(journey, lasts=-MINUTE)
    assert journey.sent == []
    assert journey.skipped == [("code", "too_late")]


@scenario("login-code/stopped")
async def test_an_operator_ends_the_run(journey: JourneyTest) -> None:
    await asks(journey)
    await journey.stop("stolen phone")
    assert journey.outcome == "stopped"


# ---- once a request ------------------------------------------------------------------------


async def test_a_request_that_comes_twice_is_answered_once(journey: JourneyTest) -> None:
    await asks(journey)
    await asks(journey)
    assert journey.sent == ["code"]
    await journey.after(6 * MINUTE)
    await asks(journey)
    assert journey.sent == ["code"]
    assert journey.outcomes == ["exhausted"]


async def test_each_request_has_its_own_code_and_a_login_without_an_id_ends_all(
    journey: JourneyTest,
) -> None:
    await asks(journey)
    await asks(journey, "r2", code="111222")
    assert journey.sent == ["code", "code"]
    await journey.publish(LoginSucceeded, request_id="r2")
    assert journey.outcomes == ["open", "converted"]
    await journey.publish(LoginSucceeded)
    assert journey.outcomes == ["converted", "converted"]


async def test_a_login_before_the_code_leaves_keeps_it_back(journey: JourneyTest) -> None:
    await journey.publish(LoginSucceeded, request_id="r1", occurred_at=await journey.now() + HOUR)
    await asks(journey)
    assert journey.sent == []


# ---- limits --------------------------------------------------------------------------------


async def test_a_sixth_request_within_an_hour_starts_nothing_and_says_so(
    journey: JourneyTest,
) -> None:
    for number in range(5):
        await asks(journey, f"r{number}")
    answered = await asks(journey, "r5")
    assert answered.runs == ()
    assert any("as many requests as" in note.reason for note in answered.notes)
    assert journey.sent == ["code"] * 5
    await journey.after(HOUR + MINUTE)
    await asks(journey, "r6")
    assert journey.sent == ["code"] * 6
