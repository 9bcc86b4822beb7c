"""Answering the question of a message over HTTP: by a button, once, and never by a look."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlmodel import select

from sojourn.domain.alias import Alias
from sojourn.domain.customer import Erasure, read_identity
from sojourn.domain.links import Score, score_token
from sojourn.domain.surveys import SurveyNumbers
from sojourn.insight import conversation
from sojourn.store import Store, cards, people, surveys
from sojourn.store.tables import EventRow, SurveyAnswerRow
from tests.support.gateway_links import BROWSER, SECRET, alone
from tests.support.gateway_server import Served

LATER = datetime.now(UTC) + timedelta(days=60)


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


def link(customer_id: str, score: int = 7, *, until: datetime = LATER, secret: str = SECRET) -> str:
    wish = Score(customer_id, f"greetings@{customer_id}", int(until.timestamp()), score)
    return f"/s/{score_token(secret, wish)}"


async def known(store: Store, customer_id: str, locale: str = "en") -> None:
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        identity = read_identity(
            {"locale": locale}, customer_id=customer_id, message_id=customer_id,
            at=datetime.now(UTC),
        )  # fmt: skip
        await cards.identify(session, identity)


async def answers(store: Store, customer_id: str) -> list[tuple[int, str]]:
    async with store.reading() as session:
        query = select(SurveyAnswerRow).where(SurveyAnswerRow.survey == f"greetings@{customer_id}")
        return [(row.score, row.comment) for row in await session.exec(query)]


async def told(served: Served, customer_id: str) -> list[EventRow]:
    stored = await served.stored(customer_id)
    return [row for row in stored if row.name == "Survey Answered"]


async def test_a_look_chooses_the_score_and_answers_nothing(
    served: Served, store: Store, customer_id: str
) -> None:
    await known(store, customer_id)
    for score in (3, 9):
        for _ in range(2):
            page = await served.http.get(link(customer_id, score), headers=BROWSER)
            assert page.status_code == 200
            assert page.text.count(" checked") == 1
            assert f'value="{score}" required aria-describedby="scale" checked' in page.text
            assert (await served.http.head(link(customer_id, score))).status_code == 200
    page = await served.http.get(link(customer_id, -1), headers=BROWSER)
    assert " checked" not in page.text
    assert await answers(store, customer_id) == []
    assert await told(served, customer_id) == []


async def test_the_first_answer_counts_and_is_told_once_without_the_comment(
    served: Served, store: Store, customer_id: str
) -> None:
    await known(store, customer_id)
    form = {"wish": "answer", "score": "6"}
    page = await served.http.post(link(customer_id, 7), data=form, headers=BROWSER)
    assert "Your answer: 6 of 10." in page.text
    assert "sorry" in page.text
    page = await served.http.post(link(customer_id, 9), data={"wish": "answer", "score": "9"})
    assert "Your answer: 6 of 10." in page.text
    said = {"wish": "comment", "comment": " Late,\r\nand <b>wet</b>. "}
    for comment in (said, {"wish": "comment", "comment": "Or not."}):
        page = await served.http.post(link(customer_id, 9), data=comment, headers=BROWSER)
        assert "We have your comment, too" in page.text
        assert "wet" not in page.text, "the link may be forwarded"
    assert await answers(store, customer_id) == [(6, "Late,\r\nand <b>wet</b>.")]
    (row,) = await told(served, customer_id)
    survey = f"greetings@{customer_id}"
    assert {"score": 6, "scale": 10, "survey_id": survey}.items() <= row.properties.items()
    assert row.properties["case_id"] == f"survey-{survey}"
    assert "wet" not in str(row.properties)
    async with store.reading() as session:
        assert await surveys.numbers(session, survey) == SurveyNumbers(0, 0, 1, 1)
        (line,) = await conversation.latest(session, customer_id)
    assert (line.by_customer, line.text) == (True, "6/10: Late,\r\nand <b>wet</b>.")


@pytest.mark.parametrize(
    ("score", "thanks"), [("9", "glad to hear"), ("8", "better still"), ("0", "frank answer")]
)
async def test_the_thanks_fit_the_answer(
    served: Served, store: Store, customer_id: str, score: str, thanks: str
) -> None:
    await known(store, customer_id)
    form = {"wish": "answer", "score": score}
    page = await served.http.post(link(customer_id, -1), data=form, headers=BROWSER)
    assert thanks in page.text
    (row,) = await told(served, customer_id)
    assert bool(row.properties.get("case_id")) is (score == "0")


async def test_a_page_that_was_away_answers_by_the_link_and_else_by_nothing(
    served: Served, store: Store, customer_id: str
) -> None:
    await known(store, customer_id)
    page = await served.http.post(link(customer_id, -1), data={"wish": "answer"}, headers=BROWSER)
    assert "How likely" in page.text
    await served.http.post(link(customer_id, -1), data={"wish": "comment", "comment": "so"})
    assert await answers(store, customer_id) == []
    page = await served.http.post(link(customer_id, 10), data={"wish": "answer"}, headers=BROWSER)
    assert "Your answer: 10 of 10." in page.text
    await served.http.post(link(customer_id), data={"wish": "comment", "comment": "  "})
    assert await answers(store, customer_id) == [(10, "")]


@pytest.mark.parametrize("score", ["11", "-1", "7.5", "\N{SUPERSCRIPT TWO}", "", "9" * 5000])
async def test_what_is_no_score_is_refused(
    served: Served, store: Store, customer_id: str, score: str
) -> None:
    await known(store, customer_id)
    form = {"wish": "answer", "score": score}
    assert (await served.http.post(link(customer_id), data=form)).status_code == 400
    assert (await served.http.post(link(customer_id), data={"wish": "no"})).status_code == 400
    assert await answers(store, customer_id) == []


@pytest.mark.parametrize(
    ("locale", "question", "over"),
    [
        ("en", "How likely are you", "This question is closed"),
        ("it", "Quanto è probabile", "Questa domanda è chiusa"),
        ("pl", "Na ile prawdopodobne", "To pytanie jest już zamknięte"),
    ],
)
async def test_pages_speak_the_customers_language_also_when_it_is_too_late(  # noqa: PLR0917
    served: Served, store: Store, customer_id: str, locale: str, question: str, over: str
) -> None:
    await known(store, customer_id, locale)
    page = await served.http.get(link(customer_id), headers=BROWSER)
    assert question in page.text
    past = link(customer_id, until=datetime.now(UTC) - timedelta(seconds=1))
    for page in (
        await served.http.get(past, headers=BROWSER),
        await served.http.post(past, data={"wish": "answer", "score": "5"}, headers=BROWSER),
    ):
        assert page.status_code == 410
        assert over in page.text
    assert await answers(store, customer_id) == []


async def test_a_forged_link_leads_to_the_page_for_damaged_ones(
    served: Served, customer_id: str
) -> None:
    for path in (link(customer_id, secret="another"), link(customer_id)[:-3], "/s/x"):
        page = await served.http.get(path, headers={**BROWSER, "Accept-Language": "it"})
        assert page.status_code == 404
        assert 'lang="it"' in page.text


async def test_two_ids_of_one_person_have_one_answer_and_an_erasure_leaves_the_number(
    served: Served, store: Store, customer_id: str
) -> None:
    other = f"{customer_id}-2"
    for one, score in ((customer_id, "2"), (other, "9")):
        await known(store, one)
        wish = Score(one, f"greetings@{customer_id}", int(LATER.timestamp()))
        path = f"/s/{score_token(SECRET, wish)}"
        await served.http.post(path, data={"wish": "answer", "score": score})
        await served.http.post(path, data={"wish": "comment", "comment": f"by {one}"})
    alias = Alias(other, customer_id, f"a-{customer_id}", datetime.now(UTC))
    await served.gateway.sojourn.alias(alias)
    assert await answers(store, customer_id) == [(2, f"by {customer_id}")]
    erasure = Erasure(customer_id, "erasure", datetime.now(UTC), "asked")
    await served.gateway.sojourn.erase(erasure, by="test")
    assert await answers(store, customer_id) == [(2, "")]
    page = await served.http.get(link(customer_id), headers=BROWSER)
    assert page.status_code == 410
