"""People seen in tokens become known to their tenant's directory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from infra.bus.port import CommandBus
from infra.contract.commands import NotePerson, Person
from infra.contract.ids import TenantId
from infra.contract.refusals import Refused

if TYPE_CHECKING:
    from handlers.auth import Principal

log = structlog.get_logger(__name__)

AGAIN_S = 600.0
"Seconds this process does not tell the same of somebody again."
TOLD = 10_000

Sight = tuple[TenantId, str, str | None, str | None, str | None]


class Sightings:
    def __init__(self, bus: CommandBus, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._told: dict[Sight, float] = {}

    async def note(self, who: Principal) -> None:
        """Tell the directory of the user a token was made for. Never fails: they come again."""
        if who.kind != "tenant" or who.tenant_id is None or who.user_id is None:
            return
        if who.user_id == str(who.tenant_id):
            # The tenant itself is nobody of its people.
            return
        sight = (who.tenant_id, who.user_id, who.display_name, who.email, who.role_name)
        now = self._clock()
        if now < self._told.get(sight, now):
            return
        self._told.pop(sight, None)
        while len(self._told) >= TOLD:
            del self._told[next(iter(self._told))]
        self._told[sight] = now + AGAIN_S
        person = Person(
            user_id=who.user_id, name=who.display_name, email=who.email, role=who.role_name
        )
        try:
            await self._bus.tell(NotePerson(tenant_id=who.tenant_id, person=person))
        except Refused as no:
            log.warning("sightings.untold", reason=no.refusal.reason.value)
