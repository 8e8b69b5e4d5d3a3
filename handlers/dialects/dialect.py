"""What one API says and how: its operations, its refusals, who is counted how, and its document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers.auth import Principal
from handlers.context import Context
from handlers.dialects.operation import Operation, Shown, Table
from handlers.dialects.refusing import Refuser
from handlers.limits import Rate
from handlers.tokens import Audience
from infra.contract.refusals import Reason

Document = dict[str, Any]
Rates = Callable[[Context, Principal, Operation], Awaitable[Rate]]
"How many of such requests somebody may make a minute, and with whom they are counted."


@dataclass(frozen=True)
class Dialect:
    name: Audience
    "Tokens must be meant for it."
    title: str
    version: str
    description: str
    prefixes: tuple[str, ...]
    "The first is the one that is written of; the others are the same API."
    operations: Table
    says: Refuser
    error: type[Shown]
    rates: Rates
    security: Mapping[str, Document]
    "OpenAPI's security schemes; each alone is enough."
    ids: Mapping[str, str] = field(default_factory=dict)
    """By name in the path, the word ids are shown with (`meeting_…`); without one they are shown as
    UUIDs. An id in another form is then unknown rather than malformed."""
    also: Mapping[str, Document] = field(default_factory=dict)
    "Paths that are no operations of the table, such as the socket's."
    always: Sequence[Reason] = (Reason.RATE_LIMITED, Reason.UNAVAILABLE)

    @property
    def prefix(self) -> str:
        return self.prefixes[0]


async def by_tenant(here: Context, who: Principal, operation: Operation) -> Rate:
    """All of a tenant's requests together, as many as the deployment's settings say."""
    whom = f"tenant:{who.tenant_id}" if who.tenant_id else "operator"
    return Rate(whom, here.limit.per_minute)
