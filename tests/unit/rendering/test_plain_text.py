"""The text part of an e-mail: what a person reads where HTML is not shown."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.rendering.plain_text import text_of, without_marks

HELP = "https://shop.example/help"


def text(body: str) -> str:
    return text_of(f"<html><body>{body}</body></html>").removesuffix("\n")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One<p>Two", "One\n\nTwo"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("<div>One</div>\n <div>Two</div>", "One\nTwo"),
        ("<p>  One\n two </p>", "One two"),
        ("<p>One <b>two</b>, <i>three</i></p>", "One two, three"),
        ("<p>12&nbsp;€</p>", "12\N{NO-BREAK SPACE}€"),
        ("<h1>Title</h1><p>One</p>", "Title\n=====\n\nOne"),
        ("<p>One</p><h2>Head</h2>Two", "One\n\nHead\nTwo"),
        ("One<hr>Two", "One\n\n----------------------------------------\n\nTwo"),
        ("&lt;b&gt; &amp;lt; {{ x }}", "<b> &lt; {{ x }}"),
    ],
)
def test_paragraphs_lines_and_headings_are_set_apart(body: str, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<ul><li>One<li>Two</ul>", "- One\n- Two"),
        ("<p>So:</p><ol><li>One</li><li>Two</li></ol><p>Done</p>", "So:\n\n1. One\n2. Two\n\nDone"),
        ("<ul><li><p>One</p><p>More</p></li><li>Two</li></ul>", "- One\n  More\n- Two"),
        ("<ul><li>One<ul><li>Inner</li></ul></li></ul>", "- One\n  - Inner"),
        ('<ul><li style="display:none">One</li><li>Two</li></ul>', "- Two"),
    ],
)
def test_lists_have_dashes_or_numbers(body: str, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<p><a href="{HELP}">Help</a></p>', f"Help:\n{HELP}"),
        (f'<p>Lost? <a href="{HELP}">Ask us!</a></p>', f"Lost? Ask us!\n{HELP}"),
        (f'<p>One<br><a href="{HELP}">Help</a></p>', f"One\nHelp: {HELP}"),
        (f'<p>See <a href="{HELP}">the help </a>or write.</p>', f"See the help ({HELP}) or write."),
        (f'<p>See <a href="{HELP}">the help</a>.</p>', f"See the help ({HELP})."),
        (f'<p><a href="{HELP}">{HELP}</a></p>', HELP),
        (f'<p>At <a href="{HELP}/">shop.example/help</a></p>', f"At {HELP}/"),
        ('<p><a href="mailto:a@b.example">a@b.example</a></p>', "a@b.example"),
        ('<p><a href="mailto:a@b.example">Write</a></p>', "Write:\nmailto:a@b.example"),
        ('<p><a href="tel:+44117">Call</a></p>', "Call:\ntel:+44117"),
        ('<p><a href="#top">Top</a> <a>Nowhere</a></p>', "Top Nowhere"),
        ('<p><a href="javascript:x()">Run</a></p>', "Run"),
        (f'<p><a href="{HELP}"></a>Words</p>', "Words"),
        (f'<p><a href="{HELP}"><img src="x" alt="Our help"></a></p>', f"Our help:\n{HELP}"),
        (f'<p><a href="{HELP}?a=1&amp;b= 2">x</a></p>', f"x:\n{HELP}?a=1&b=%202"),
    ],
)
def test_a_links_address_follows_its_label_once(body: str, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "<tr><th>Product<th>Pieces<th>Price<tr><td>Mug<td>2<td>€9",
            "Product · Pieces · Price\nMug · 2 · €9",
        ),
        (
            "<tr><td>Plan</td><td>Tea</td></tr><tr><td>Price:</td><td>€9</td></tr>",
            "Plan: Tea\nPrice: €9",
        ),
        ("<tr><td>Mug<br>blue</td><td>€9</td></tr>", "Mug · blue · €9"),
        (
            f'<tr><td><a href="{HELP}">Mug</a></td><td>2</td><td>€9</td></tr>',
            f"Mug · 2 · €9\n{HELP}",
        ),
        ("<tr><td> </td><td>Mug</td><td>&nbsp;</td><td>€9</td></tr>", "Mug: €9"),
        ("<tr><td>1</td><td><h2>First</h2>Words</td></tr>", "1. First\n   Words"),
        ("<tr><td>Left<p>a</p></td><td>Right</td></tr>", "Left\n\na\n\nRight"),
        ("<tr><td>One</td></tr><tr><td>Two</td></tr>", "One\n\nTwo"),
        ('<tr><td width="20"></td><td>One<br>Two</td><td></td></tr>', "One\nTwo"),
    ],
)
def test_rows_of_data_are_lines_and_other_rows_are_layout(rows: str, expected: str) -> None:
    assert text(f"<table>{rows}</table>") == expected


def test_a_table_of_layout_around_a_table_of_data_leaves_no_trace() -> None:
    inner = "<table><tr><td>Mug</td><td>2</td><td>€9</td></tr></table>"
    outer = f"<table><tr><td></td><td><table><tr><td>{inner}</td></tr></table></td></tr></table>"
    assert text(f"<p>Hi</p>{outer}<p>Bye</p>") == "Hi\n\nMug · 2 · €9\n\nBye"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="font-size:1px; Display : None">x</div>',
        "<div hidden>x</div>",
        '<td aria-hidden="true">x</td>',
        "<style>x</style>",
        "<script>x</script>",
        "<title>x</title>",
        "<!-- x -->",
        "<!--[if mso]><p>x</p><![endif]-->",
        '<p data-text="none">x</p>',
        '<img src="x">',
        '<img src="x" alt="">',
        '<img src="x" alt="words">',
    ],
)
def test_hidden_elements_are_left_out(hidden: str) -> None:
    assert text(f"<p>Some</p>{hidden}<p>words</p>") == "Some\n\nwords"


def test_a_picture_says_its_alternative_text_unless_the_words_do() -> None:
    assert text('<img src="x" alt="A red\n mug"><p>Only today</p>') == "A red mug\n\nOnly today"


@pytest.mark.parametrize("html", ["", " \n", "<!-- x -->", "<?x?>", "\0"])
def test_a_document_with_nothing_in_it_has_no_text(html: str) -> None:
    assert text_of(html) == ""


def test_a_footer_is_set_off_as_a_signature() -> None:
    marked = '<p>Hi</p><div data-text="footer"><p>Shop</p><p>Street</p></div>'
    assert text(marked) == "Hi\n\n--\nShop\n\nStreet"
    assert without_marks(marked) == "<p>Hi</p><div><p>Shop</p><p>Street</p></div>"


@given(st.text("<>/abtdrpliu hf=\"'&;#1\n\v\f\x0e\x0f\x10", max_size=80))
@example("<td><tr><li></p></table>")
@example("\x0ea\x0f")
@example("<a href='https://x\x0fy'>z")
@example("<p hidden>x</p>&#14;<p>a")
@example("<a href='https://x&#15;&#11;y'>z&#14;&#16;</a>&#11;&#12;<img alt='&#16;a'>")
def test_every_soup_of_tags_becomes_clean_lines(soup: str) -> None:
    made = text(soup)
    assert not set(made) & set("\v\f\x0e\x0f\x10")
    assert "\n\n\n" not in made
    assert made == made.strip()
    assert all(line == line.rstrip(" ") for line in made.split("\n"))
