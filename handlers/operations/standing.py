"""Whether keys, tenants and seats are still good: read once, then remembered for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from handlers.tokens import Identity
from infra.contract.ids import KeyId, ParticipantId, RoomId, TenantId
from infra.contract.views import Admission, ParticipantView, TenantView
from infra.db import keys, participants, tenants
from infra.db.keys import GoodKey
from infra.db.reader import Reader
from infra.secrets import api_key_sha256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

REMEMBERED_S = 5.0
"Seconds a revoked key, a closed tenant or a removed seat may still be let in by this process."
REMEMBERED = 10_000


class Memory(Generic[K, V]):
    """Answers asked for lately. The oldest make room; a failed question is not remembered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[K, tuple[V, float]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[1]:
            return kept[0]
        value = await ask()
        self._kept.pop(key, None)
        while len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (value, self._clock() + REMEMBERED_S)
        return value

    def forget(self, key: K) -> None:
        self._kept.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()


class Standing:
    def __init__(
        self,
        reader: Reader,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds, for forgetting."""
        self._reader = reader
        self._now = now
        self._keys: Memory[str, GoodKey | None] = Memory(clock)
        self._named_keys: Memory[KeyId, GoodKey | None] = Memory(clock)
        self._revoked: Memory[UUID, bool] = Memory(clock)
        self._called: Memory[str, TenantView | None] = Memory(clock)
        self._tenants: Memory[TenantId, TenantView | None] = Memory(clock)
        self._seats: Memory[ParticipantId, ParticipantView | None] = Memory(clock)

    async def key(self, api_key: str) -> GoodKey | None:
        """What the key opens now, if anything."""
        digest = api_key_sha256(api_key)

        async def ask() -> GoodKey | None:
            return await self._reader.read(keys.by_digest, digest, self._now())

        return await self._keys.get(digest, ask)

    async def key_named(self, key_id: KeyId) -> GoodKey | None:
        """What the key of this id opens now, if anything."""

        async def ask() -> GoodKey | None:
            return await self._reader.read(keys.good, key_id, self._now())

        return await self._named_keys.get(key_id, ask)

    async def is_revoked(self, jti: UUID) -> bool:
        """Whether a token of ours ended before its time."""

        async def ask() -> bool:
            return await self._reader.read(keys.is_revoked, jti)

        return await self._revoked.get(jti, ask)

    async def tenant_called(self, name: str) -> TenantView | None:
        """The tenant a token means: by its id, or by what other systems call it."""
        try:
            return await self.tenant(TenantId(UUID(name)))
        except ValueError:
            pass

        async def ask() -> TenantView | None:
            return await self._reader.read(tenants.by_external_ref, name)

        return await self._called.get(name, ask)

    async def tenant(self, tenant_id: TenantId) -> TenantView | None:
        """Also one that was closed."""

        async def ask() -> TenantView | None:
            return await self._reader.read(tenants.get, tenant_id)

        return await self._tenants.get(tenant_id, ask)

    async def is_active(self, tenant_id: TenantId) -> bool:
        found = await self.tenant(tenant_id)
        return found is not None and found.is_active

    async def seat(self, identity: Identity) -> ParticipantView | None:
        """The seat a participant's token names, as it is now. None: taken away, or never was."""
        seat = _seat_id(identity)
        room = identity.room_id
        if seat is None or room is None:
            return None

        async def ask() -> ParticipantView | None:
            return await self._reader.read(participants.get, identity.tenant_id, RoomId(room), seat)

        found = await self._seats.get(seat, ask)
        if found is not None and found.admission is Admission.WAITING:
            # Any moment now.
            self._seats.forget(seat)
        # What is remembered was asked for by another token of the seat, perhaps.
        if found is None or (found.tenant_id, found.room_id) != (identity.tenant_id, room):
            return None
        return found

    def forget(self) -> None:
        """Ask again from here on: this process has just changed what others may do."""
        self._keys.clear()
        self._named_keys.clear()
        self._revoked.clear()
        self._called.clear()
        self._tenants.clear()
        self._seats.clear()


def _seat_id(identity: Identity) -> ParticipantId | None:
    try:
        return ParticipantId(UUID(identity.sub))
    except ValueError:
        return None
