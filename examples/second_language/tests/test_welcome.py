import pytest

from sojourn.testkit import JourneyTest
from workflows.welcome import Welcome


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("en-GB", "Welcome to Sojourn Shop"),
        ("it-CH", "Ti diamo il benvenuto su Sojourn Shop"),
        ("fr-FR", "Welcome to Sojourn Shop"),  # no French: the project's first language
    ],
)
async def test_a_customer_reads_a_language_that_there_is(
    journey: JourneyTest, locale: str, subject: str
) -> None:
    await journey.identify(locale=locale)
    await journey.start(Welcome)
    assert (await journey.content("hello"))["subject"] == subject
