import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from sojourn import days
from sojourn.testkit import JourneyTest
from workflows.arrival import Arrival


class Carrier(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"delivered": self.path == "/parcels/arrived"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def carrier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Carrier)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CARRIER_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


async def test_a_customer_whose_parcel_arrived_is_asked(journey: JourneyTest) -> None:
    await journey.start(Arrival, order_id="arrived")
    await journey.after(days(3))
    assert journey.sent == ["arrived"]


async def test_a_customer_whose_parcel_is_on_its_way_is_left_alone(journey: JourneyTest) -> None:
    await journey.start(Arrival, order_id="under-way")
    await journey.after(days(3))
    assert journey.sent == []
    assert journey.outcome == "exhausted"
