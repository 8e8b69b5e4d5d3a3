"""`parley`, as far as it can be asked without starting a stack."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
from pathlib import Path

import pytest

from infra.cli.demo import hold_demo
from infra.cli.embedded import free_port
from infra.cli.main import STOPPED, _with_signals
from infra.cli.stack import StackFailed
from infra.settings import Settings


def silent(line: str) -> None:
    pass


async def test_a_second_sample_meeting_leaves_the_first_ones_home_alone(tmp_path: Path) -> None:
    (tmp_path / "parley.db").write_text("in use")
    home = Settings(_env_file=None, home=tmp_path, port=free_port())
    with (tmp_path / "stack.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(StackFailed, match="Another stack runs"):
            await hold_demo(home, silent, once=True)

    assert (tmp_path / "parley.db").read_text() == "in use"


async def test_a_sample_meeting_that_finds_its_port_taken_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "parley.db").write_text("of before")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        home = Settings(_env_file=None, home=tmp_path, port=taken.getsockname()[1])

        with pytest.raises(StackFailed, match="is taken"):
            await hold_demo(home, silent, once=True)

    assert (tmp_path / "parley.db").exists()


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
async def test_what_was_stopped_before_it_was_done_is_no_success(which: signal.Signals) -> None:
    async def endless() -> int:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), which)
        await asyncio.Event().wait()
        return 0

    assert await _with_signals(endless(), stopped=STOPPED) == STOPPED
