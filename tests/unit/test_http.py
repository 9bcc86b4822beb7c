"""The connections of every provider share certificates and trust."""

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.channels.http import Http, trusted
from sojourn.domain.errors import TransientError
from sojourn.testkit.fakes.ses import key, pem


async def test_nothing_is_sent_to_a_host_with_an_untrusted_certificate(tmp_path: Path) -> None:
    told = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append(await reader.read(1))
        writer.close()

    secret = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pem() + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        http = Http(f"https://127.0.0.1:{port}", 10)
        with pytest.raises(TransientError, match="certificate"):
            await http.send("POST", "/messages")
        await http.close()
    assert told == []


async def test_trusted_certificates_are_read_once_for_all_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    made = ssl.create_default_context

    def reading(*given: str | None, **named: str | None) -> ssl.SSLContext:
        read.append(named)
        return made(*given, **named)  # type: ignore[arg-type]

    trusted.cache_clear()
    monkeypatch.setattr(ssl, "create_default_context", reading)
    for name in ("one", "other"):
        await Http(f"https://{name}.example", 10).close()
    assert len(read) == 1
