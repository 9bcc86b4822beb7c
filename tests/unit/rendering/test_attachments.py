"""Files that an e-mail takes along, fetched from a real server."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sojourn.cli.local.processes import HOST, free_port
from sojourn.domain.content import Attachment, Content, Wanted
from sojourn.domain.errors import TemplateError, TransientError
from sojourn.domain.messages import Channel
from sojourn.rendering.attachments import LARGEST, fetched

PDF = b"%PDF-1.7 an invoice"
Answer = tuple[int, dict[str, str], bytes]


class Shop(ThreadingHTTPServer):
    """Answers each path with what it was given for it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Desk)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str]] = []
        self.released = threading.Event()
        self.url = f"http://{HOST}:{self.server_address[1]}"


class Desk(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Accept-Encoding"]))
        if self.path == "/hang":
            self.server.released.wait()
            return
        status, headers, body = self.server.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            assert len(body) > LARGEST, "only what is too large may be broken off"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def mail(*urls: str, attachments: tuple[Attachment, ...] = ()) -> Content:
    files = tuple(Wanted(f"ada-{n}.pdf", url) for n, url in enumerate(urls, 1))
    return Content(
        Channel.EMAIL, "billing/invoice.email.en", "en", files=files, attachments=attachments
    )


async def test_a_file_comes_along_with_the_type_that_its_host_gives(shop: Shop) -> None:
    shop.answers["/1.pdf?token=t"] = (200, {"Content-Type": "application/pdf"}, PDF)
    content = await fetched(mail(f"{shop.url}/1.pdf?token=t"), shop.url)
    expected = Attachment("ada-1.pdf", "application/pdf", base64.b64encode(PDF).decode())
    assert content.attachments == (expected,)
    assert content.files == (), "what is there is wanted no more"
    assert shop.asked == [("/1.pdf?token=t", "identity")]


async def test_files_come_after_what_is_there_in_their_order(shop: Shop) -> None:
    shop.answers["/a"] = (200, {}, b"a")
    shop.answers["/b"] = (200, {}, b"b")
    event = Attachment("event.ics", "text/calendar", base64.b64encode(b"x").decode())
    content = await fetched(mail(f"{shop.url}/a", f"{shop.url}/b", attachments=(event,)), shop.url)
    assert [base64.b64decode(one.data) for one in content.attachments] == [b"x", b"a", b"b"]


async def test_a_message_without_files_asks_nobody() -> None:
    content = mail()
    assert await fetched(content, "no address at all") is content


@pytest.mark.parametrize(
    ("told", "media_type"),
    [
        ("Application/PDF; name=x", "application/pdf"),
        ('text/csv; header=present; charset="UTF-8"', "text/csv; charset=utf-8"),
        ("text/plain", "text/plain"),
        ("image/svg+xml", "image/svg+xml"),
        ("pdf", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
async def test_the_host_gives_a_files_media_type(shop: Shop, told: str, media_type: str) -> None:
    shop.answers["/f"] = (200, {"Content-Type": told}, PDF)
    content = await fetched(mail(f"{shop.url}/f"), shop.url)
    assert content.attachments[0].media_type == media_type


# ---- from where ----------------------------------------------------------------------------


async def test_a_further_host_may_be_named(shop: Shop) -> None:
    shop.answers["/f"] = (200, {}, PDF)
    url = shop.url.replace(HOST, "localhost")
    with pytest.raises(TemplateError, match="localhost is not a host of the shop"):
        await fetched(mail(url + "/f"), shop.url)
    assert shop.asked == []
    content = await fetched(mail(url + "/f"), shop.url, frozenset({"LOCALHOST"}))
    assert len(content.attachments) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://evil.example/x", "evil.example is not a host of the shop"),
        ("https://shop.example.evil.example/x", "is not a host of the shop"),
        ("https://shop.example@evil.example/x", "^[^@]*: evil.example is not a host of the shop"),
        ("https://169.254.169.254/latest/meta-data", "is not a host of the shop"),
        ("http://shop.example/x", "it is not at https"),
        ("ftp://shop.example/x", "it is not at https"),
        ("https://shop.example:9200/x", "nothing is fetched from port 9200"),
        ("https://shop.example:nine/x", "its address cannot be read"),
    ],
)
async def test_a_file_on_another_host_is_not_fetched(url: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason) as caught:
        await fetched(mail(url), "https://shop.example")
    assert str(caught.value).startswith("billing/invoice.email.en: file 1: ")


async def test_a_shop_at_http_may_be_asked_at_http_and_nothing_else(shop: Shop) -> None:
    with pytest.raises(TemplateError, match="it is not at https"):
        await fetched(mail("ftp://127.0.0.1/x"), shop.url)


async def test_a_redirect_is_not_followed(shop: Shop) -> None:
    shop.answers["/away"] = (302, {"Location": "/f"}, b"")
    shop.answers["/f"] = (200, {}, PDF)
    with pytest.raises(TemplateError, match=r": file 1: its host answers HTTP 302$"):
        await fetched(mail(f"{shop.url}/away"), shop.url)
    assert [path for path, _ in shop.asked] == ["/away"]


# ---- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204])
async def test_a_file_that_is_not_there_is_the_templates_fault(shop: Shop, status: int) -> None:
    shop.answers["/ok"] = (200, {}, PDF)
    shop.answers["/ada"] = (status, {}, b"")
    with pytest.raises(TemplateError) as caught:
        await fetched(mail(f"{shop.url}/ok", f"{shop.url}/ada"), shop.url)
    assert str(caught.value) == f"billing/invoice.email.en: file 2: its host answers HTTP {status}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_host_in_trouble_is_asked_again_later(shop: Shop, status: int) -> None:
    shop.answers["/ada"] = (status, {"Retry-After": "7"}, b"")
    with pytest.raises(TransientError) as caught:
        await fetched(mail(f"{shop.url}/ada"), shop.url)
    assert str(caught.value) == f"the host of a file answers HTTP {status}"
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 7


async def test_a_host_that_is_not_there_is_asked_again_later() -> None:
    url = f"http://{HOST}:{free_port()}"
    with pytest.raises(TransientError, match=r"^a file cannot be fetched: ConnectError$"):
        await fetched(mail(f"{url}/ada.pdf"), url)


async def test_a_host_that_breaks_off_is_asked_again_later(shop: Shop) -> None:
    shop.answers["/f"] = (200, {"Content-Length": "100"}, PDF)
    with pytest.raises(TransientError, match=r"^a file cannot be fetched: RemoteProtocolError$"):
        await fetched(mail(f"{shop.url}/f"), shop.url)


async def test_a_host_that_never_answers_is_asked_again_later(shop: Shop) -> None:
    with pytest.raises(TransientError, match=r"took longer than 0\.2 seconds|ReadTimeout"):
        await fetched(mail(f"{shop.url}/hang"), shop.url, timeout_seconds=0.2)


async def test_files_that_trickle_in_have_one_limit_together() -> None:
    dripping = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            dripping.set()
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(drip, HOST, 0)
    async with server:
        url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(TransientError, match=r"^files took longer than 0\.3 seconds$"):
            await fetched(mail(f"{url}/f"), url, timeout_seconds=0.3)
    assert dripping.is_set()


async def test_all_files_together_have_a_largest_size(shop: Shop) -> None:
    shop.answers["/most"] = (200, {}, b"x" * (LARGEST - 1))
    shop.answers["/one"] = (200, {}, b"x")
    shop.answers["/two"] = (200, {}, b"xx")
    content = await fetched(mail(f"{shop.url}/most", f"{shop.url}/one"), shop.url)
    assert sum(len(base64.b64decode(one.data)) for one in content.attachments) == LARGEST
    with pytest.raises(TemplateError, match=r": file 2: larger than the 7,000,000 bytes"):
        await fetched(mail(f"{shop.url}/most", f"{shop.url}/two"), shop.url)
    event = Attachment("event.ics", "text/calendar", base64.b64encode(b"xx").decode())
    with pytest.raises(TemplateError, match=r": file 1: larger than"):
        await fetched(mail(f"{shop.url}/most", attachments=(event,)), shop.url)


async def test_a_file_that_never_ends_is_broken_off(shop: Shop) -> None:
    shop.answers["/f"] = (200, {}, b"x" * (LARGEST * 5))
    with pytest.raises(TemplateError, match=r": file 1: larger than"):
        await fetched(mail(f"{shop.url}/f"), shop.url)


async def test_an_empty_or_compressed_file_is_a_fault(shop: Shop) -> None:
    shop.answers["/empty"] = (200, {}, b"")
    shop.answers["/packed"] = (200, {"Content-Encoding": "gzip"}, PDF)
    with pytest.raises(TemplateError, match=r": file 1: it is empty$"):
        await fetched(mail(f"{shop.url}/empty"), shop.url)
    with pytest.raises(TemplateError, match=r": file 1: its host compresses it"):
        await fetched(mail(f"{shop.url}/packed"), shop.url)
