"""What ends, and what is over then."""

from __future__ import annotations

from tests.conformance.chalk.shapes import (
    API_KEY,
    BASE,
    KEY,
    OTHERS_KEY,
    THE_ROOM,
    UNKNOWN,
    asked,
    refused,
)
from tests.conformance.kit import Example
from tests.conformance.shapes import TIME

ENDINGS = (
    asked(
        "POST /rooms/:id/end",
        "End room",
        "/rooms/{room}/end",
        {**THE_ROOM, "status": "ended", "ended_at": TIME},
    ),
    refused("POST /rooms/:id/end", "409 ended already", "/rooms/{room}/end", 409, by=KEY),
    refused("POST /rooms/:id/end", "404", f"/rooms/{UNKNOWN}/end", 404, by=KEY),
    Example("DELETE /rooms/:id", "Delete room", BASE + "/rooms/{spare_room}", by=KEY, status=204),
    refused("DELETE /rooms/:id", "404", f"/rooms/{UNKNOWN}", 404, by=KEY),
    asked(
        "POST /tenants/:id/rotate-key",
        "Rotate API key",
        "/tenants/{other}/rotate-key",
        {"api_key": API_KEY},
        by=OTHERS_KEY,
        body={},
        keep={"other_key": "api_key"},
    ),
    refused(
        "POST /tenants/:id/rotate-key",
        "403 other tenant",
        "/tenants/{tenant}/rotate-key",
        403,
        "access denied: tenant mismatch",
        by=OTHERS_KEY,
        body={},
    ),
    Example(
        "DELETE /tenants/:id",
        "Delete tenant",
        BASE + "/tenants/{other}",
        by=OTHERS_KEY,
        status=204,
    ),
    refused("DELETE /tenants/:id", "401", "/tenants/{tenant}", 401),
)
