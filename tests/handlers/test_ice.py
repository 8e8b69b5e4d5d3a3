from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from handlers.operations.ice import CREDENTIAL_S, ice_servers
from infra.contract.ids import ParticipantId, TenantId, new_id
from infra.settings import Settings

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
TENANT, SEAT = TenantId(new_id()), ParticipantId(new_id())


def test_without_a_turn_server_there_are_no_ice_servers(tmp_path: Path) -> None:
    halves: list[dict[str, Any]] = [{}, {"turn_url": "turn:a:3478"}, {"turn_secret": "s"}]
    for half in halves:
        settings = Settings(home=tmp_path, **half)

        assert ice_servers(settings, tenant=TENANT, participant=SEAT, now=NOON) == []


def test_a_credential_is_what_the_turn_server_computes_and_expires_in_an_hour(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path, turn_url="turn:a:3478", turn_secret=SecretStr("north"))

    [server] = ice_servers(settings, tenant=TENANT, participant=SEAT, now=NOON)

    expected = hmac.digest(b"north", server["username"].encode(), "sha1")
    assert server["urls"] == ["turn:a:3478"]
    assert server["username"] == f"{int(NOON.timestamp()) + CREDENTIAL_S}:{TENANT}:{SEAT}"
    assert base64.b64decode(server["credential"]) == expected
