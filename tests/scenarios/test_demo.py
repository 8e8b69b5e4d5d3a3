"""`make demo ONCE=1`, by the command it runs: the main path, stored through S3."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.embedded import free_port

pytestmark = pytest.mark.story


def test_the_sample_meeting_is_understood_and_leaves_no_process_behind(tmp_path: Path) -> None:
    env = {**os.environ, "PARLEY_HOME": str(tmp_path), "PARLEY_PORT": str(free_port())}

    ran = subprocess.run(
        [sys.executable, "-m", "infra.cli", "demo", "--once"],
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\d\d:\d\d\.\d\d\s+Alice\s+\w+", ran.stdout)
    assert re.search(r"\d\d:\d\d\.\d\d\s+Bob\s+\w+", ran.stdout)
    assert left_behind(tmp_path) == []


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = {**os.environ, "PARLEY_HOME": str(tmp_path), "PARLEY_PORT": port}

        ran = subprocess.run(
            [sys.executable, "-m", "infra.cli", "run"],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ran.returncode == 1
    assert f"Port {port} is taken" in ran.stdout
    assert left_behind(tmp_path) == []


def left_behind(home: Path) -> list[str]:
    """Processes whose environment names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            env = (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"PARLEY_HOME={home}".encode() in env:
            found.append(words.decode().replace("\0", " "))
    return found
