"""Links by which the message of a campaign asks for a score, and the articles of a newsletter."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from lxml.html import document_fromstring

from sojourn.domain.errors import NothingToSay, TemplateError
from sojourn.domain.feed import Article, Articles
from sojourn.domain.links import read_score
from sojourn.domain.messages import Channel
from sojourn.domain.surveys import LASTS, SurveyNumbers
from sojourn.rendering.render import Renderer
from tests.unit.rendering.test_templates import (
    ADA,
    LANGUAGES,
    NOW,
    RENDERER,
    SECRET,
    SHOP,
    TEMPLATES,
    about,
)

WORDS = "{% extends 'layout/email.html' %}{% block subject %}s{% endblock %}"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_number_has_a_link_of_its_own_and_the_text_part_has_one_for_all(lang: str) -> None:
    context = about("seasons-greetings", "message", customer=replace(ADA, locale=lang))
    content = RENDERER.render(context, Channel.EMAIL)
    tokens = re.findall(r'https://mail.shop.example/s/([^"]+)"[^>]*>([^<]+)<', content.html)
    links = [read_score(SECRET, token) for token, _ in tokens]
    assert [one.score for one in links] == [*range(11), -1]
    assert [shown for _, shown in tokens[:11]] == [str(number) for number in range(11)]
    until = int((NOW + LASTS).timestamp())
    assert {(one.customer_id, one.survey, one.until) for one in links} == {
        ("c_1", "seasons-greetings", until)
    }
    (written,) = re.findall(r"https://mail.shop.example/s/([\w-]+\.[\w-]+)", content.text)
    assert read_score(SECRET, written).score == -1


@pytest.mark.parametrize(
    ("journey", "asked", "why"),
    [
        ("abandoned-cart", "7", "only the message of a campaign"),
        ("seasons-greetings", "11", "from 0 to 10"),
        ("seasons-greetings", "7.5", "from 0 to 10"),
        ("seasons-greetings", "true", "from 0 to 10"),
    ],
)
def test_what_is_no_score_is_no_link(tmp_path: Path, journey: str, asked: str, why: str) -> None:
    folder = tmp_path / journey
    folder.mkdir()
    words = WORDS + f"{{% block body %}}{{{{ links.score({asked}) }}}}{{% endblock %}}"
    (folder / "message.email.en.html").write_text(words)
    renderer = Renderer(SHOP, SECRET, [tmp_path, TEMPLATES], LANGUAGES)
    with pytest.raises(TemplateError, match=why):
        renderer.render(about(journey, "message"), Channel.EMAIL)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_newsletter_without_articles_is_not_written(lang: str) -> None:
    reader = replace(ADA, locale=lang)
    context = about("newsletter", "message", customer=reader, articles=Articles({"": ()}))
    with pytest.raises(NothingToSay, match="no article is new"):
        RENDERER.render(context, Channel.EMAIL)


def test_what_strangers_wrote_is_text_in_every_part() -> None:
    title = "<b>50 %</b> & {{ customer.email }}"
    told = Articles({"": (Article("1", title, 'https://blog.example/?a=1&b="<'),)})
    content = RENDERER.render(about("newsletter", "message", articles=told), Channel.EMAIL)
    assert content.subject == title
    assert title in content.text
    assert "&lt;b&gt;50 %&lt;/b&gt; &amp; {{ customer.email }}" in content.html
    leads = [href for _, _, href, _ in document_fromstring(content.html).iterlinks()]
    assert 'https://blog.example/?a=1&b="<' in leads


def test_the_net_score_is_the_share_of_promoters_less_that_of_detractors() -> None:
    assert SurveyNumbers().net is None
    assert SurveyNumbers(6, 3, 3).net == 25
    assert SurveyNumbers(0, 0, 1).net == -100
    assert str(SurveyNumbers(1, 0, 2, 1)) == (
        "3 answers: 1 of 9 or 10, 0 of 7 or 8, 2 of 0 to 6; net -33, 1 with a comment"
    )
