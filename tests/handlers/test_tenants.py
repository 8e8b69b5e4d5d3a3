from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from handlers.dialects.chalk.wire.tenants import TenantConfigChange
from infra.contract.ids import new_id
from infra.contract.views import TenantConfig
from tests.support.api import Api


async def test_the_operator_makes_a_tenant_whose_key_opens_it(api: Api) -> None:
    made = await api.made("/tenants", {"name": "Acme"}, key=api.operator)

    seen = await api.got(f"/tenants/{made['id']}", key=made["api_key"])

    assert made["api_key"].startswith("chalk_live_")
    assert seen == {name: value for name, value in made.items() if name != "api_key"}
    assert (seen["max_concurrent_rooms"], seen["max_participants_per_room"]) == (100, None)
    assert datetime.fromisoformat(seen["created_at"]).tzinfo == UTC


async def test_a_key_is_stored_only_as_its_digest(api: Api) -> None:
    with api.lobby.engine.connect() as connection:
        stored = [
            connection.execute(text(f"SELECT * FROM {table}")).all()
            for table in ("tenants", "api_keys", "command_outcomes")
        ]

    assert api.key not in repr(stored)
    assert api.key not in repr(api.bus.asked)


@pytest.mark.parametrize(
    ("credential", "status"), [("", 401), ("nonsense", 401), ("chalk_live_wrong", 401)]
)
async def test_nobody_else_makes_tenants(api: Api, credential: str, status: int) -> None:
    answer = await api.call("POST", "/tenants", {"name": "Acme"}, key=credential)

    assert answer.status_code == status


async def test_a_tenant_makes_no_tenants(api: Api) -> None:
    answer = await api.call("POST", "/tenants", {"name": "Acme"})

    assert answer.status_code == 403


async def test_a_retried_creation_shows_the_same_key_again(api: Api) -> None:
    first = await api.made("/tenants", {"name": "Acme"}, key=api.operator, Idempotency_Key="k1")
    again = await api.made("/tenants", {"name": "Acme"}, key=api.operator, Idempotency_Key="k1")
    other = await api.made("/tenants", {"name": "Acme"}, key=api.operator, Idempotency_Key="k2")

    assert again == first
    assert other["id"] != first["id"]
    assert other["api_key"] != first["api_key"]


async def test_a_rotated_key_stops_at_once(api: Api) -> None:
    old = api.key

    new = (await api.made(f"/tenants/{api.tenant_id}/rotate-key"))["api_key"]

    assert (await api.call("GET", "/rooms", key=old)).status_code == 401
    assert (await api.call("GET", "/rooms", key=new)).status_code == 200


async def test_a_key_rotated_with_overlap_goes_on_for_a_while(api: Api) -> None:
    new = await api.made(f"/tenants/{api.tenant_id}/rotate-key", {"overlap_seconds": 60})

    assert (await api.call("GET", "/rooms")).status_code == 200
    assert (await api.call("GET", "/rooms", key=new["api_key"])).status_code == 200


async def test_only_what_is_sent_of_a_tenant_changes(api: Api) -> None:
    changed = await api.call("PATCH", f"/tenants/{api.tenant_id}", {"max_concurrent_rooms": 3})

    assert changed.status_code == 200
    assert changed.json()["max_concurrent_rooms"] == 3
    assert changed.json()["name"] == "School"


async def test_config_is_merged(api: Api) -> None:
    path = f"/tenants/{api.tenant_id}/config"
    await api.call("PATCH", path, {"allow_early_join": False})

    config = (await api.call("PATCH", path, {"allowed_origins": ["https://A.example:8443"]})).json()

    assert config["config"]["allow_early_join"] is False
    assert config["config"]["allowed_origins"] == ["https://a.example:8443"]


@pytest.mark.parametrize(
    "origins",
    [
        ["*"],
        ["https://*.example.org"],
        ["https://example.org/path"],
        ["https://example.org/"],
        ["ftp://example.org"],
        ["example.org"],
        ["https://user@example.org"],
        ["https://example.org\n"],
        ["https://"],
        [""],
        [7],
        "https://example.org",
        [f"https://{n}.example.org" for n in range(21)],
    ],
)
async def test_an_origin_is_scheme_host_and_port(api: Api, origins: object) -> None:
    answer = await api.call(
        "PATCH", f"/tenants/{api.tenant_id}/config", {"allowed_origins": origins}
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "MALFORMED"


@pytest.mark.parametrize(
    "origin", ["http://localhost:*", "http://localhost:5173", "https://[::1]:1"]
)
async def test_localhost_may_have_any_port(api: Api, origin: str) -> None:
    answer = await api.call(
        "PATCH", f"/tenants/{api.tenant_id}/config", {"allowed_origins": [origin]}
    )

    assert answer.status_code == 200


def test_every_rule_of_a_tenant_can_be_changed() -> None:
    # A tier is no rule: the operator gives it.
    theirs = TenantConfig.model_fields.keys() - {"rate_tier"}
    assert TenantConfigChange.model_fields.keys() == theirs


async def test_another_tenant_is_refused_as_one_that_is_not_there(api: Api) -> None:
    other, _ = await api.tenant()

    theirs = (await api.call("GET", f"/tenants/{other}", X_Request_Id="r")).text
    nobodys = await api.call("GET", f"/tenants/{new_id()}", X_Request_Id="r")

    assert nobodys.status_code == 403
    assert nobodys.text == theirs
    assert nobodys.json()["error"] == "access denied: tenant mismatch"


async def test_a_deleted_tenant_is_locked_out(api: Api) -> None:
    other, key = await api.tenant()
    tokens = await api.made("/auth/token", {"api_key": key}, key="")

    gone = await api.call("DELETE", f"/tenants/{other}", key=key)

    assert (gone.status_code, gone.content) == (204, b"")
    assert (await api.call("GET", "/rooms", key=key)).status_code == 401
    assert (await api.call("GET", "/rooms", token=tokens["access_token"])).status_code == 401
    refreshed = await api.call("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 401
