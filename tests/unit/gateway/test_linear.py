"""Work on strangers' bytes is linear: twice the bytes are twice the work, never four times.

Each case is measured with some bytes and with sixteen times as many, in the same run. Linear work
takes 16 times as long, quadratic work 256 times; the limit lies between, so a busy machine does not
matter.
"""

import asyncio
import gzip
import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from starlette.requests import Request
from starlette.types import Message

from sojourn.domain import strict_json
from sojourn.domain.errors import BadEvent
from sojourn.domain.storable import check_storable
from sojourn.gateway.http.bodies import inflate
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.pages import forms
from sojourn.gateway.pages.pages import accepted_languages
from sojourn.gateway.tracking.keyring import _user_name

FEW, TIMES = 4_000, 16
LIMIT = 80


def _growth(work: Callable[[int], Callable[[], object]]) -> float:
    def least(size: int) -> float:
        do, took = work(size), []
        for _ in range(7):
            began = time.thread_time()  # that of others on the machine does not count
            with suppress(BadEvent, Refusal):
                do()
            took.append(time.thread_time() - began)
        return min(took)

    # less than this is noise
    return least(TIMES * FEW) / max(least(FEW), 20e-6)


HEADERS: dict[str, Callable[[int], str]] = {
    "spaces": lambda n: " " * n,
    "a tag of spaces": lambda n: "en" + " " * n + "x",
    "hyphens": lambda n: "a" + "-" * n + "!",
    "commas": lambda n: "," * n,
    "weights": lambda n: "en;q=0." + "1" * n,
    "spaces before a weight": lambda n: "en;" + " " * n + "q=",
    "tags": lambda n: "en-GB;q=0.5," * (n // 12),
}


@pytest.mark.parametrize("made", HEADERS.values(), ids=HEADERS.keys())
def test_languages_are_read_in_linear_time(made: Callable[[int], str]) -> None:
    def work(size: int) -> Callable[[], object]:
        header = made(size)
        return lambda: accepted_languages(header)

    assert _growth(work) < LIMIT


BODIES: dict[str, Callable[[int], bytes]] = {
    "names": lambda n: json.dumps({f"k{i}": 1 for i in range(n // 10)}).encode(),
    "doubled at the end": lambda n: (
        b"{" + b"".join(b'"k%d":1,' % i for i in range(n // 10)) + b'"k":1,"k":1}'
    ),
    "all doubled": lambda n: (
        b"{" + b"".join(b'"k%d":1,' % (i // 2) for i in range(n // 10)) + b'"k":1}'
    ),
    "many objects": lambda n: b"[" + b'{"a":1,"a":1},' * (n // 14) + b"1]",
    "a long number": lambda n: b"[1." + b"1" * n + b"]",
    "escapes": lambda n: b'["' + b"\\u00e9" * (n // 6) + b'"]',
    "brackets": lambda n: b"[" * n,
    "not UTF-8": lambda n: b"a" * n + b"\xff",
}


@pytest.mark.parametrize("made", BODIES.values(), ids=BODIES.keys())
def test_json_is_read_in_linear_time(made: Callable[[int], bytes]) -> None:
    def work(size: int) -> Callable[[], object]:
        body = made(size)

        def read() -> None:
            value = strict_json.read_json(body, unique=True)
            check_storable({"body": value})

        return read

    assert _growth(work) < LIMIT


FORMS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "fields": (forms.TYPES[0], lambda n: b"a&" * (n // 2)),
    "escapes": (forms.TYPES[0], lambda n: b"a=" + b"%41" * (n // 3)),
    "signs": (forms.TYPES[0], lambda n: b"=" * n),
    "semicolons": (forms.TYPES[0], lambda n: b";" * n),
    "line ends": (
        f"{forms.TYPES[1]}; boundary=x",
        lambda n: b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"\r\n--" * (n // 4),
    ),
    "headers": (f"{forms.TYPES[1]}; boundary=x", lambda n: b"--x\r\n" + b"A: b\r\n" * (n // 6)),
}


@pytest.mark.parametrize(("kind", "made"), FORMS.values(), ids=FORMS.keys())
def test_forms_are_read_in_linear_time(
    kind: str, made: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "FORM_LIMIT", 1 << 20)

    def work(size: int) -> Callable[[], object]:
        body = made(size)

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        def read() -> object:
            headers = [(b"content-type", kind.encode())]
            scope = {"type": "http", "method": "POST", "headers": headers}
            return loop.run_until_complete(forms.read_form(Request(scope, receive), seconds=60))

        return read

    loop = asyncio.new_event_loop()
    try:
        assert _growth(work) < LIMIT
    finally:
        loop.close()


def test_gzip_is_inflated_in_linear_time() -> None:
    def work(size: int) -> Callable[[], object]:
        body = gzip.compress(b"") * 15 + gzip.compress(b"x" * size, 0)
        return lambda: inflate(body, 1 << 20)

    assert _growth(work) < LIMIT


def test_an_authorization_is_read_in_linear_time() -> None:
    def work(size: int) -> Callable[[], object]:
        return lambda: _user_name("=" * size)

    assert _growth(work) < LIMIT
