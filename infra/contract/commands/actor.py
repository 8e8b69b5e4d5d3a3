"""Who is behind a command."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra.contract.messages import Message

NAME = Field(min_length=1, max_length=200)


class Actor(Message):
    """For the audit row, and for who is told what they did themselves."""

    kind: Literal["operator", "tenant", "participant", "system"]
    id: str
    address: str | None = None
