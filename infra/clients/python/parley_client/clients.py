"""The three clients: every operation of an API is a method, and lists can be gone through."""

from __future__ import annotations

from collections.abc import Iterator

from parley_client.errors import ChalkError, ChroomError, KcsError
from parley_client.generated import chalk, chroom, kcs
from parley_client.generated.chalk import ChalkOperations
from parley_client.generated.chroom import ChroomOperations
from parley_client.generated.kcs import KcsOperations

PAGE = 100


class Chalk(ChalkOperations):
    """Rooms, participants, recordings and transcripts. Refusals are `ChalkError`."""

    prefix = "/api/v1"
    refuses = ChalkError

    def rooms(self) -> Iterator[chalk.Room]:
        """Every active room, newest first, asked for as it is needed."""
        offset = 0
        while True:
            page = self.list_rooms(limit=PAGE, offset=offset)["rooms"]
            yield from page
            offset += len(page)
            if len(page) < PAGE:
                return

    def recordings(self) -> Iterator[chalk.Recording]:
        """Every recording, newest first, asked for as it is needed."""
        offset = 0
        while True:
            page = self.list_recordings(limit=PAGE, offset=offset)["recordings"]
            yield from page
            offset += len(page)
            if len(page) < PAGE:
                return


class Kcs(KcsOperations):
    """Meetings of a campus. Answers come in their envelope; refusals are `KcsError`."""

    prefix = "/api/meeting"
    refuses = KcsError

    def meetings(self) -> Iterator[kcs.Meeting]:
        """Every meeting of the caller's, newest first, asked for as it is needed."""
        cursor: str | None = None
        while True:
            page = self.list_meetings(limit=PAGE, cursor=cursor)
            yield from page["data"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return


class Chroom(ChroomOperations):
    """Meetings by links. Refusals are `ChroomError`."""

    prefix = "/api"
    refuses = ChroomError

    def meetings(self) -> Iterator[chroom.Meeting]:
        """Every meeting of the account, newest first, asked for as it is needed."""
        cursor: str | None = None
        while True:
            page = self.list_meetings(limit=PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return
