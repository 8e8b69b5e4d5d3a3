"""Changing some fields of a configuration and leaving the rest."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from infra.contract.messages import Message
from infra.contract.refusals import Reason, refuse

M = TypeVar("M", bound=Message)


def merged(stored: M, changes: dict[str, Any]) -> M:
    """`stored` with `changes` over it. Refuses MALFORMED what the model does not allow."""
    try:
        return type(stored).model_validate({**stored.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise refuse(Reason.MALFORMED, f"config.{where}: {first['msg']}") from error
