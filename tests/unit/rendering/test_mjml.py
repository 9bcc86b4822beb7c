"""E-mails in MJML: blocks, styles, links, the text part, and what goes wrong."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.content import Content
from sojourn.domain.errors import NothingLeft, TemplateError
from sojourn.domain.events import OrderCompleted
from sojourn.domain.links import Click, read_click
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import reference
from tests.unit.rendering.test_templates import ADA, RICH, SECRET, about, shelf

REFERENCE = reference("run/e_1/1-step/email")
REMINDER = """\
{% if not cart.items %}{{ nothing_left() }}{% endif %}
{% extends "layout/email.mjml" %}
{% block subject %}
  Your cart at {{ shop.name }}
{% endblock %}
{% block preheader %}{{ plural(cart.count, one="1 item", other="{n} items") }} & more{% endblock %}
{% block body %}
<mj-section mj-class="card">
<mj-column>
<mj-text><h1>Still thinking it over?</h1></mj-text>
<mj-text><p>Hi {{ customer.first_name }},<br />this is in your cart:</p></mj-text>
<mj-table>
<tr><th>Product</th><th>Pieces</th><th>Price</th></tr>
{% for item in cart.items %}
<tr>
<td>{% if item.url %}<a href="{{ item.url }}">{{ item.name }}</a>{% else %}Mug{% endif %}</td>
<td>{{ item.quantity }}</td>
<td>{{ item.amount | money(item.currency) }}</td>
</tr>
{% endfor %}
</mj-table>
<mj-button href="{{ links.cart }}">Return to my cart</mj-button>
</mj-column>
</mj-section>
{% endblock %}
{% block attachments %}{{ attach("/terms.pdf") }}{% endblock %}
"""
WHOLE = """\
<mjml>
<mj-head>
<mj-title>{% block subject %}Hello{% endblock %}</mj-title>
<mj-style>.seen { color: red }</mj-style>
<mj-style inline="inline">.near { color: blue }</mj-style>
</mj-head>
<mj-body>
<mj-section><mj-column>
<!-- <mj-nothing /> -->
{% block body %}BODY{% endblock %}
</mj-column></mj-section>
</mj-body>
</mjml>
"""

Render = Callable[..., Content]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Render MJML as the reminder."""

    def rendered(source: str, **changes: Any) -> Content:
        renderer = shelf(tmp_path, {"abandoned-cart/x.email.en.mjml": source})
        context = replace(about("abandoned-cart", "x"), reference=REFERENCE, **changes)
        return renderer.render(context, Channel.EMAIL)

    return rendered


def test_a_table_of_products_in_mjml_reads_well_as_text(render: Render) -> None:
    text = re.sub(r"/(c|u|preferences)/\S+", r"/\1/TOKEN", render(REMINDER).text)
    assert text == (
        "Still thinking it over?\n"
        "=======================\n"
        "\n"
        "Hi Ada,\n"
        "this is in your cart:\n"
        "\n"
        "Product · Pieces · Price\n"
        "\n"
        "Oak lamp · 1 · €89.50\n"
        "https://mail.shop.example/c/TOKEN\n"
        "\n"
        "Mug · 2 · €179.00\n"
        "\n"
        "Return to my cart:\n"
        "https://mail.shop.example/c/TOKEN\n"
        "\n"
        "--\n"
        "You get this e-mail because you agreed to hear from Tern & Oak.\n"
        "Unsubscribe from e-mails like this one: https://mail.shop.example/u/TOKEN\n"
        "Choose what you get: https://mail.shop.example/preferences/TOKEN\n"
        "\n"
        "Tern & Oak, 12 Harbour Lane, Bristol\n"
    )


def test_subject_preheader_and_files_come_from_the_same_file(render: Render) -> None:
    content = render(REMINDER)
    assert content.subject == "Your cart at Tern & Oak"
    assert content.preheader == "3 items & more"
    assert "<title>Your cart at Tern &amp; Oak</title>" in content.html
    assert "3 items &amp; more</div>" in content.html
    assert [file.name for file in content.files] == ["terms.pdf"]
    assert content.headers["List-Unsubscribe-Post"]


def test_mjml_is_compiled_and_its_links_are_tracked(render: Render) -> None:
    html = render(REMINDER).html
    assert "<mj" not in html
    assert "data-text" not in html
    assert '<html lang="en" dir="ltr"' in html
    assert not re.search(r"fonts\.googleapis|@import", html)
    led = [read_click(SECRET, token) for token in re.findall(r'href="[^"]*/c/([\w.-]+)"', html)]
    assert Click(REFERENCE, "https://shop.example/cart?cart_id=cart%207") in led
    assert not re.search(r'<a [^>]*href="https://shop\.example', html)


def test_a_message_that_is_not_promotional_has_no_unsubscribe_link_in_mjml(render: Render) -> None:
    content = render(REMINDER, message_class=MessageClass.TRANSACTIONAL)
    assert "/u/" not in content.html + content.text
    assert "it concerns your account" in content.text


def test_mjml_that_declines_is_no_fault(render: Render) -> None:
    ordered = OrderCompleted(customer_id="c_1", order_id="o_1", cart_id="cart 7")
    history = type(about("abandoned-cart", "x").history)([*RICH, ordered])
    with pytest.raises(
        NothingLeft, match=r"^abandoned-cart/x\.email\.en: nothing is left of what it is about$"
    ):
        render(REMINDER, history=history)


@pytest.mark.parametrize(
    "name", ["</mj-text>", '"', "<mj-text>", "&lt;", "{{ 7 * 7 }}", "a--><!--b"]
)
def test_a_customers_words_change_nothing_in_mjml(render: Render, name: str) -> None:
    content = render(REMINDER, customer=replace(ADA, first_name=name))
    tags = re.compile(r"<[^>]+>")
    assert len(tags.findall(content.html)) == len(tags.findall(render(REMINDER).html))
    assert f"Hi {name},\n" in content.text


def test_a_whole_document_keeps_its_own_styles(render: Render) -> None:
    body = '<mj-text><p class="seen">One</p><p class="near">Two</p></mj-text>'
    content = render(WHOLE.replace("BODY", body))
    assert (content.subject, content.preheader, content.text) == ("Hello", "", "One\n\nTwo\n")
    assert ".seen { color: red }" in content.html, "MJML leaves this for mailboxes that read it"
    assert '<p class="seen">One</p>' in content.html
    assert re.search(r'<p class="near" style="color: blue;?">Two</p>', content.html)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<mj-text>One</mj-text", r"MJML: [\w ]+"),
        ("<mj-text><p>One</mj-text>", r"MJML: unexpected end of stream in root template"),
        ("<mj-tetx>One</mj-tetx>", r"MJML: there is no <mj-tetx>"),
        ('<mj-include path="/etc/passwd" />', r"MJML: unable to load included template .*"),
        ("{{ custmer }}", r"'custmer' is undefined"),
        ('<mj-image src="https://shop.example/a.png" />', r"nothing is left of it as text: .*"),
    ],
)
def test_a_fault_in_mjml_is_one_line_with_the_files_name(
    render: Render, body: str, fault: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        render(WHOLE.replace("BODY", body))
    assert re.fullmatch(
        rf"abandoned-cart/x\.email\.en\.mjml(, line 10)?: {fault}", str(caught.value)
    )


def test_a_document_without_mjml_is_a_fault(render: Render) -> None:
    blocks = "{% block subject %}s{% endblock %}{% block body %}b{% endblock %}"
    with pytest.raises(TemplateError, match=r"^abandoned-cart/x\.email\.en\.mjml: MJML: "):
        render(blocks)
