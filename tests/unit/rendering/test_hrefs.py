"""The addresses of links, as browsers read them."""

import pytest

from sojourn.rendering.hrefs import hrefs


@pytest.mark.parametrize(
    ("html", "urls"),
    [
        ('<p><a href="/a">A</a> <A HREF=\'/b\'>B</A> <a\nhref = /c/ >C</a>', ["/a", "/b", "/c/"]),
        ('<a class="x"href="/a"/>', ["/a"]),
        ('<a href="/a" href="/b">', ["/a"]),
        ("<a>, <a href>, <a href=''>, <abbr href='/a'>, <area href='/a'>", []),
        ('<p title="<a href=\'/a\'>"><a title="<a href=\'/b\'>" href="/c">', ["/c"]),
        ("<!-- <a href='/a'> --><!--><a href='/b'><!--[if mso]><a href='/c'><![endif]-->", ["/b"]),
        ("<!-- <a href='/a'> --!><a href='/b'><!-- <a href='/c'>", ["/b"]),
        ("<!doctype html><?xml <a href='/a'><![x <a href='/b'></ <a href='/c'><a href='d'>", ["d"]),
        ("<title><a href='/a'></title><STYLE><a href='/b'></style ><a href='/c'>", ["/c"]),
        ("<script><a href='/a'></scripts></script><a href='/b'><textarea><a href='/c'>", ["/b"]),
        ('<a href="/a""=><a =href="/b"><a href="/c" \'><a href="/d">', ["/d"]),
    ],
)  # fmt: skip
def test_a_link_is_one_that_a_browser_would_follow(html: str, urls: list[str]) -> None:
    found = list(hrefs(html))
    assert [one.url for one in found] == urls
    assert [html[one.start : one.end] for one in found] == urls


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/?a=1&amp;b=2", "/?a=1&b=2"),
        ("/?a=1&b=2", "/?a=1&b=2"),
        ("/?a=1&param=2&copy=3&times=4", "/?a=1&param=2&copy=3&times=4"),
        ("/?a=&copy&b=&copy;&c=&#38;&d=&#x26;", "/?a=©&b=©&c=&&d=&"),
        ("/?a=&copyx;", "/?a=&copyx;"),
        ("/?a=&notin;&b=&notit;", "/?a=∉&b=&notit;"),
    ],
)
def test_an_address_is_read_as_an_attribute(written: str, read: str) -> None:
    assert [one.url for one in hrefs(f'<a href="{written}">')] == [read]
