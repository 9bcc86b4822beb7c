"""The address at which the gateway answers operators, as it is written."""

import pytest

from sojourn.domain.errors import BadSetting
from sojourn.settings import Settings, load_settings

NAME = "SOJOURN_GATEWAY_OPERATIONS_ADDRESS"


def test_it_is_this_machines_own_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME)
    assert Settings().gateway_operations_address == "127.0.0.1:8081"


@pytest.mark.parametrize(
    "written", ["", "127.0.0.1:8081", "0.0.0.0:0", "localhost:9090", "[::1]:8081", "[::]:65535"]
)
def test_it_is_a_host_and_a_port(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, f" {written} ")
    assert load_settings().gateway_operations_address == written


@pytest.mark.parametrize(
    "written", ["8081", ":8081", "localhost", "localhost:", "host:port", "h:65536", "http://h:8081"]
)
def test_anything_else_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, written)
    with pytest.raises(BadSetting, match=rf"^{NAME}=.*: write it as 127\.0\.0\.1:8081"):
        load_settings()
