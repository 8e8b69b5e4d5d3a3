"""The made parts of both packages as this checkout's handlers describe themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.app import DIALECTS
from handlers.dialects.openapi import document
from infra.clients.build import build_python, build_typescript
from tests.support.lobby import Lobby
from workers.app import import_owners

import_owners()

# As they are read by whoever is sent them.
DOCUMENTS = {str(dialect.name): json.loads(json.dumps(document(dialect))) for dialect in DIALECTS}
# Before the tests import it.
build_python(DOCUMENTS)


@pytest.fixture(scope="session")
def documents() -> dict[str, Any]:
    return DOCUMENTS


@pytest.fixture(scope="session")
def typescript() -> None:
    """The TypeScript package is built."""
    build_typescript(DOCUMENTS)


@pytest.fixture
def lobby(tmp_path: Path, sqlite_url: str) -> Lobby:
    return Lobby(tmp_path / "home", sqlite_url)
