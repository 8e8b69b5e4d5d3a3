from __future__ import annotations

import asyncio
import os
import sys

from infra.clients.build import TYPESCRIPT
from tests.support.lobby import Lobby

WITHIN_S = 60.0


async def test_one_meeting_of_each_dialect_is_held_through_the_typescript_client(
    lobby: Lobby, typescript: None
) -> None:
    words = [sys.executable, "-m", "infra.cli.npm", "--prefix", str(TYPESCRIPT)]
    async with lobby.served() as address:
        # Checks the types of the story against the package's, then runs it.
        story = await asyncio.create_subprocess_exec(
            *words,
            *("run", "--silent", "story"),
            env={
                **os.environ,
                "BASE": f"http://{address}",
                "OPERATOR_KEY": lobby.context.secrets.operator_key,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(WITHIN_S):
            said, _ = await story.communicate()

    assert (story.returncode, said.decode().strip()) == (0, "held")
