"""Attachments: files of the shop, fetched when the message is sent."""

import asyncio
import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import httpx

from sojourn.channels.http import retry_after, trusted
from sojourn.domain.content import Attachment, Content
from sojourn.domain.errors import TemplateError, TransientError

LARGEST = 7_000_000
"""Bytes of all attachments of a message. Base64 makes them a third larger, and the strictest
provider takes 10 MB: https://postmarkapp.com/developer/api/email-api."""

ANY_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
_CHARSET = re.compile(r";\s*charset=\"?([\w.:+-]+)\"?", re.ASCII | re.IGNORECASE)
_COME_BACK = (408, 425, 429)


async def fetched(
    content: Content,
    shop_url: str,
    hosts: Iterable[str] = (),
    *,
    timeout_seconds: float = 20,
) -> Content:
    """Fetch the files that a template asked for.

    Files come from the shop's hosts alone, by https unless the shop itself is at http, on the usual
    port or the shop's. Redirects are not followed: they could lead anywhere.

    Args:
        content: a rendered message.
        shop_url: the shop's address; its host is allowed.
        hosts: names of further hosts that are allowed.
        timeout_seconds: for all files together.

    Returns:
        The content with its files as attachments.

    Raises:
        TransientError: a host does not answer, or asks to be asked later.
        TemplateError: a file is absent, too large, or on a host that is not allowed. The error
            names the template and the file's number: a file's name and address may be personal.
    """
    if not content.files:
        return content
    taken = sum(len(base64.b64decode(one.data)) for one in content.attachments)
    found: list[Attachment] = []
    fetching = _Fetching(httpx.URL(shop_url), frozenset(map(_host_named, hosts)))
    try:
        async with asyncio.timeout(timeout_seconds), _client(timeout_seconds) as client:
            for number, file in enumerate(content.files, 1):
                try:
                    media_type, data = await fetching.get(client, file.url, LARGEST - taken)
                except TemplateError as fault:
                    raise TemplateError(f"{content.template}: file {number}: {fault}") from None
                taken += len(data)
                encoded = base64.b64encode(data).decode()
                found.append(Attachment(file.name, media_type, encoded))
    except TimeoutError:
        raise TransientError(f"files took longer than {timeout_seconds:g} seconds") from None
    except httpx.HTTPError as error:
        # without its text, which may hold an address
        raise TransientError(f"a file cannot be fetched: {type(error).__name__}") from None
    return replace(content, attachments=(*content.attachments, *found), files=())


@dataclass(frozen=True)
class _Fetching:
    """The hosts that files may come from.

    Args:
        shop: the shop's address.
        further: hosts beside the shop's.
    """

    shop: httpx.URL
    further: frozenset[bytes]

    async def get(self, client: httpx.AsyncClient, address: str, room: int) -> tuple[str, bytes]:
        """Fetch one file.

        Args:
            client: makes the request.
            address: of the file.
            room: the most bytes that the file may have.

        Returns:
            Its media type and its bytes.

        Raises:
            TemplateError: the address is not allowed, or the file is absent, empty or too large.
            TransientError: the host is busy or failing.
        """
        url = self._allowed(address)
        async with client.stream("GET", url) as answer:
            _check(answer)
            data = bytearray()
            async for chunk in answer.aiter_raw():
                data += chunk
                if len(data) > room:
                    raise TemplateError(f"larger than the {LARGEST:,} bytes of all files together")
        if not data:
            raise TemplateError("it is empty")
        return _media_type(answer), bytes(data)

    def _allowed(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise TemplateError("its address cannot be read") from None
        if url.raw_host != self.shop.raw_host and url.raw_host not in self.further:
            raise TemplateError(f"{url.host} is not a host of the shop (see SOJOURN_LINK_HOSTS)")
        if url.scheme not in ("https", self.shop.scheme):
            raise TemplateError("it is not at https")
        if url.port not in (None, self.shop.port):
            raise TemplateError(f"nothing is fetched from port {url.port}")
        return url


def _client(timeout_seconds: float) -> httpx.AsyncClient:
    # unpacked, a small answer could become a large one
    headers = {"User-Agent": "Sojourn", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(
        headers=headers, timeout=timeout_seconds, follow_redirects=False, verify=trusted()
    )


def _host_named(name: str) -> bytes:
    return httpx.URL(scheme="https", host=name).raw_host


def _check(answer: httpx.Response) -> None:
    """Raise unless the answer is the file itself."""
    status = answer.status_code
    if answer.is_server_error or status in _COME_BACK:
        raise TransientError(
            f"the host of a file answers HTTP {status}", retry_after=retry_after(answer)
        )
    if status != httpx.codes.OK:
        raise TemplateError(f"its host answers HTTP {status}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise TemplateError("its host compresses it although we asked for it as it is")


def _media_type(answer: httpx.Response) -> str:
    given = answer.headers.get("content-type", "")
    found = _TYPE.match(given.strip())
    if found is None:
        return ANY_TYPE
    media_type, charset = found[0].lower(), _CHARSET.search(given)
    if media_type.startswith("text/") and charset:
        return f"{media_type}; charset={charset[1].lower()}"
    return media_type
