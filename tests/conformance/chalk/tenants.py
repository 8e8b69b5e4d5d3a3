"""Tenants and tokens."""

from __future__ import annotations

from tests.conformance.chalk.shapes import (
    API_KEY,
    CONFIG,
    KEY,
    OPERATOR,
    TENANT,
    TOKENS,
    asked,
    refused,
)
from tests.conformance.kit import NOBODY
from tests.conformance.shapes import NOT_THERE, UUID_TEXT

TENANTS = (
    asked(
        "POST /tenants",
        "Create tenant",
        "/tenants",
        {**TENANT, "api_key": API_KEY},
        by=OPERATOR,
        body={"name": "Acme School"},
        status=201,
        keep={"tenant": "id", "key": "api_key"},
    ),
    asked(
        "POST /tenants",
        "Create tenant with limits",
        "/tenants",
        {
            "id": UUID_TEXT,
            "api_key": API_KEY,
            "max_concurrent_rooms": 5,
            "max_participants_per_room": 8,
            "max_recording_duration_minutes": 60,
        },
        by=OPERATOR,
        body={
            "name": "Other School",
            "max_concurrent_rooms": 5,
            "max_participants_per_room": 8,
            "max_recording_duration_minutes": 60,
        },
        status=201,
        keep={"other": "id", "other_key": "api_key"},
    ),
    refused("POST /tenants", "400", "/tenants", 400, by=OPERATOR, body={}),
    refused("POST /tenants", "401", "/tenants", 401, "missing API key", body={"name": "X"}),
    asked("GET /tenants/:id", "Get tenant", "/tenants/{tenant}", {**TENANT, "api_key": NOT_THERE}),
    refused("GET /tenants/:id", "400", "/tenants/not-an-id", 400, by=KEY),
    refused("GET /tenants/:id", "401", "/tenants/{tenant}", 401, "missing API key"),
    refused(
        "GET /tenants/:id",
        "403 other tenant",
        "/tenants/{other}",
        403,
        "access denied: tenant mismatch",
        by=KEY,
    ),
    asked(
        "PATCH /tenants/:id",
        "Update tenant",
        "/tenants/{tenant}",
        {**TENANT, "max_concurrent_rooms": 50},
        body={"max_concurrent_rooms": 50},
    ),
    refused(
        "PATCH /tenants/:id", "400", "/tenants/{tenant}", 400, by=KEY, body={"name": ["no text"]}
    ),
    asked(
        "PATCH /tenants/:id/config",
        "Update config, merged",
        "/tenants/{tenant}/config",
        {
            **TENANT,
            "max_concurrent_rooms": 50,
            "config": {**CONFIG, "allowed_origins": ["https://app.example.org"]},
            "tenant_config": {**CONFIG, "transcription_keywords": ["polynomial"]},
        },
        body={
            "allowed_origins": ["https://app.example.org"],
            "transcription_keywords": ["polynomial"],
            "empty_room_timeout_minutes": 30,
        },
    ),
    refused(
        "PATCH /tenants/:id/config",
        "400 wildcard origin",
        "/tenants/{tenant}/config",
        400,
        by=KEY,
        body={"allowed_origins": ["https://*.example.org"]},
    ),
    refused(
        "PATCH /tenants/:id/config",
        "400 more than 20 origins",
        "/tenants/{tenant}/config",
        400,
        by=KEY,
        body={"allowed_origins": [f"https://app{n}.example.org" for n in range(21)]},
    ),
)

AUTH = (
    asked(
        "POST /auth/token",
        "Exchange API key for JWT",
        "/auth/token",
        TOKENS,
        by=NOBODY,
        body={"api_key": "{key}"},
        keep={"token": "access_token", "refresh": "refresh_token"},
    ),
    refused("POST /auth/token", "400", "/auth/token", 400, body={}),
    refused("POST /auth/token", "401", "/auth/token", 401, body={"api_key": "chalk_abc123..."}),
    asked(
        "POST /auth/refresh",
        "Refresh JWT tokens",
        "/auth/refresh",
        TOKENS,
        by=NOBODY,
        body={"refresh_token": "{refresh}"},
    ),
    refused("POST /auth/refresh", "400", "/auth/refresh", 400, body={}),
    refused(
        "POST /auth/refresh",
        "401 an access token does not refresh",
        "/auth/refresh",
        401,
        body={"refresh_token": "{token}"},
    ),
)
