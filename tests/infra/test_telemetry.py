from __future__ import annotations

import json
import subprocess
import sys

SAY = """
import logging, structlog
from infra.telemetry.logging import configure
configure("INFO", as_json={as_json})
log = structlog.get_logger("here")
log.info("asked", access_token="s3cr3t", Authorization="Bearer s3cr3t", room="r1")
logging.getLogger("there").warning("from a library")
logging.getLogger("dramatiq.worker").info("chatter")
try:
    s3cr3t_local = "s3cr3t"
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
"""


def said(*, as_json: bool) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", SAY.format(as_json=as_json)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == ""
    return ended.stderr


def test_json_logs_are_one_object_a_line_with_its_time_and_level() -> None:
    lines = [json.loads(line) for line in said(as_json=True).splitlines()]

    assert [line["event"] for line in lines] == ["asked", "from a library", "broke"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert lines[0]["room"] == "r1"
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_secrets_are_in_neither_form_of_the_log() -> None:
    for as_json in (True, False):
        text = said(as_json=as_json).replace('s3cr3t_local = "s3cr3t"', "")

        assert "s3cr3t" not in text
        assert "(hidden)" in text


def test_libraries_are_heard_only_when_they_warn() -> None:
    assert "chatter" not in said(as_json=False)
