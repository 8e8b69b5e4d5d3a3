from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.child import Child, ChildDied, ChildRefused, Limits, TooLate

MODULE = "tests.support.children"
SOON = 20.0


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child(MODULE, Limits())
    yield child
    child.kill()


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int, within: float) -> bool:
    until = time.monotonic() + within
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(pid)


def test_what_is_sent_comes_back_byte_for_byte(child: Child) -> None:
    large = bytes(range(256)) * 40_000

    head, bodies = child.ask({"do": "echo", "n": 1}, large, b"", within=SOON)

    assert (head, bodies) == ({"do": "echo", "n": 1}, [large, b""])


def test_one_message_may_have_many_answers(child: Child) -> None:
    child.send({"do": "count", "to": 3})

    assert [child.receive(within=SOON)[0]["n"] for _ in range(3)] == [0, 1, 2]


def test_a_refusal_leaves_the_child_at_work(child: Child) -> None:
    with pytest.raises(ChildRefused, match="not today") as refused:
        child.ask({"do": "refuse"}, within=SOON)

    assert refused.value.kind == "No"
    assert child.ask({"do": "echo"}, within=SOON)[0] == {"do": "echo"}


@pytest.mark.parametrize("how", ["crash", "raise"])
def test_a_child_that_dies_takes_nobody_along(child: Child, how: str) -> None:
    with pytest.raises(ChildDied) as died:
        child.ask({"do": how}, within=SOON)

    assert not isinstance(died.value, TooLate)
    with pytest.raises(ChildDied):
        child.ask({"do": "echo"}, within=SOON)


def test_a_child_that_takes_too_long_is_killed(child: Child) -> None:
    with pytest.raises(TooLate):
        child.ask({"do": "sleep"}, within=0.5)

    assert not alive(child.pid)


def test_a_child_that_does_not_listen_is_killed_too(child: Child) -> None:
    child.send({"do": "sleep"})

    with pytest.raises(TooLate):
        child.ask({"do": "echo"}, bytes(8_000_000), within=0.5)


def test_a_child_cannot_take_more_memory_than_it_was_given() -> None:
    child = Child(MODULE, Limits(memory_bytes=400_000_000))
    try:
        assert child.ask({"do": "take", "bytes": 1000}, within=SOON)[0] == {"bytes": 1000}
        with pytest.raises(ChildDied):
            child.ask({"do": "take", "bytes": 500_000_000}, within=SOON)
    finally:
        child.kill()


def test_a_child_cannot_open_more_files_than_it_was_given() -> None:
    child = Child(MODULE, Limits(open_files=32))
    try:
        with pytest.raises(ChildDied):
            child.ask({"do": "open", "files": 40}, within=SOON)
    finally:
        child.kill()


def test_secrets_stay_with_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_S3_SECRET_KEY", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("HF_TOKEN", "hush")
    seen = []
    for child in (Child(MODULE, Limits()), Child(MODULE, Limits(), also=("HF_",))):
        try:
            seen.append(child.ask({"do": "environment"}, within=SOON)[0])
        finally:
            child.kill()

    assert "hush" not in seen[0].values()
    assert seen[0]["PATH"] == os.environ["PATH"]
    assert [name for name, value in seen[1].items() if value == "hush"] == ["HF_TOKEN"]


def test_a_busy_child_does_not_outlive_its_parent() -> None:
    program = (
        "import sys, time\n"
        f"from workers.child import Child, Limits\n"
        f"child = Child({MODULE!r}, Limits())\n"
        "child.ask({'do': 'echo'}, within=20)\n"
        "child.send({'do': 'sleep'})\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    assert gone(pid, within=SOON)


def test_killing_the_dead_changes_nothing(child: Child) -> None:
    child.kill()
    child.kill()

    assert not alive(child.pid)
