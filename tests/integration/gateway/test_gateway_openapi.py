"""The OpenAPI document, and schemathesis over it: no 5xx, no answer that it does not describe.

The suite tries a few cases at random. ``GATEWAY_CASES=20000 pytest`` with this file tries that
many, over all phases of schemathesis.
"""

import asyncio
import json
import math
import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.cli.local.processes import binary
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn, telling
from sojourn.gateway.app import make_api
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.tracking.description import EXAMPLES
from sojourn.store import Store
from tests.support.gateway_server import Served, serving, settings

CASES = int(os.environ.get("GATEWAY_CASES", "0"))
FIXED, TRACKING = 250, 8
"""Cases that schemathesis always makes, and the operations that it varies beyond them."""
FEW = ("--phases", "examples,fuzzing", "--max-examples", "6", "--seed", "1")


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(
    tmp_path_factory: pytest.TempPathFactory, temporal: Server
) -> AsyncIterator[Served]:
    async with await Store.open(f"sqlite:///{tmp_path_factory.mktemp('openapi')}/test.db") as store:
        sojourn = Sojourn(temporal.client, store, settings(), task_queue=f"gateway-{uuid4()}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(telling, "ANSWER_TIME", timedelta(0))  # no worker runs here
            async with serving(sojourn) as served:
                await served.ready()
                yield served


@pytest.mark.long
async def test_schemathesis_finds_no_fault_in_the_document(served: Served, tmp_path: Path) -> None:
    document = str(served.operations.base_url.join("/openapi.json"))
    process = await asyncio.create_subprocess_exec(
        binary("schemathesis"), "run", document, "--url", served.url,
        "--auth", f"{served.key}:", "--no-color", "--generation-database", "none",
        *(("--max-examples", str(math.ceil((CASES - FIXED) / TRACKING * 1.5))) if CASES else FEW),
        cwd=tmp_path,  # it leaves reports
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said[-6000:]
    tried = re.search(r"(\d+) generated, (\d+) passed", said)
    assert tried, said[-2000:]
    assert int(tried[1]) >= CASES


def document() -> dict[str, Any]:
    nothing: Any = None  # no route is called
    sojourn = Sojourn(nothing, nothing, settings())
    return make_api(Gateway(sojourn)).openapi()


def test_every_route_of_the_tracking_api_describes_its_answers() -> None:
    paths = document()["paths"]
    assert {path for path in paths if path.startswith("/v1/")} == {
        *(f"/v1/{kind}" for kind in EXAMPLES), "/v1/batch", "/v1/import",
    }  # fmt: skip
    refused = {"400", "401", "403", "408", "413", "415", "429", "503"}
    for path, item in paths.items():
        if path.startswith("/v1/"):
            batch = {"403"} if path in {"/v1/batch", "/v1/import"} else set()
            assert set(item["post"]["responses"]) == {"200", *refused - batch}
            assert item["post"]["security"]
            for status in ("429", "503"):
                assert "Retry-After" in item["post"]["responses"][status]["headers"]


@pytest.mark.parametrize("path", ["/v1/batch", *(f"/v1/{kind}" for kind in EXAMPLES)])
async def test_the_gateway_takes_the_examples_of_the_document(
    served: Served, path: str, customer_id: str
) -> None:
    content = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    text = json.dumps(content["examples"]["plain"]["value"])
    call = json.loads(text.replace('"c42"', f'"{customer_id}"').replace('"m-', f'"{uuid4()}'))
    answer = await served.post(path, call)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
