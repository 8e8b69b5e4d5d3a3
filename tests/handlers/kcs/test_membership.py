"""Who gets where: the faults of the original API, each as a test that it is not made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.dialects import names
from handlers.dialects.kcs.document import KCS
from handlers.dialects.operation import Operation
from infra.contract.ids import new_id
from tests.handlers.kcs.conftest import Campus
from tests.support import samples
from tests.support.api import Api
from tests.support.api import api as open_api

NOT_A_PARTICIPANT = (
    403,
    "ACCESS_DENIED",
    "Access denied - you are not a participant in this meeting",
)
UNKNOWN = (404, "MEETING_NOT_FOUND", "Meeting not found")
DENIED = (403, "ACCESS_DENIED", "Access denied")
OF_MEETINGS = [each for each in KCS.operations if "room_id" in each.ids]


def request_of(operation: Operation, meeting: str, participant: str) -> tuple[str, str, Any]:
    path = operation.path.format(room_id=meeting, participant_id=participant, user_id="ann")
    body = samples.body(operation)
    if operation.path.endswith(("/participants", "/remove")) and operation.method != "GET":
        body = {"participant_ids": [participant], "participants": [{"user_id": "eve"}]}
    return operation.method, path, body


def each_of(
    operations: list[Operation], meeting: str, participant: str
) -> Iterator[tuple[str, str, Any]]:
    for operation in operations:
        yield request_of(operation, meeting, participant)


async def test_no_part_of_a_meeting_is_for_who_is_not_in_it(campus: Campus) -> None:
    meeting = await campus.live()
    cy = await campus.join(meeting, "cy")

    assert len(OF_MEETINGS) >= 28
    for method, path, body in each_of(OF_MEETINGS, meeting, cy):
        for user, role in (("dan", "student"), ("principal", "admin"), ("tess", "teacher")):
            refused = await campus.refused(method, path, body, user=user, role=role)
            # Of joining the guide has shorter words.
            expected = DENIED if path.endswith("/join") else NOT_A_PARTICIPANT
            assert refused == expected, (method, path, user)

    assert (await campus.data("GET", f"/{meeting}"))["meeting_status"] == "live"


async def test_another_campuss_meeting_is_answered_as_one_that_is_not_there(
    campus: Campus,
) -> None:
    meeting = await campus.live()
    cy = await campus.join(meeting, "cy")
    other = Campus(campus.api, *await campus.api.tenant())
    nowhere = names.shown("meeting", new_id())

    for operation in OF_MEETINGS:
        for user in ("ann", None):
            for id in (meeting, nowhere):
                request = request_of(operation, id, cy)
                assert await other.refused(*request, user=user) == UNKNOWN, request

    assert (await other.call("GET", "", user="ann")).json()["count"] == 0
    assert (await other.call("GET", "", user=None)).json()["count"] == 0


async def test_without_a_credential_there_is_nothing(campus: Campus) -> None:
    meeting = await campus.meeting()

    for method, path, body in each_of(list(KCS.operations), meeting, meeting):
        answer = await campus.api.call(method, f"/api/meeting{path}", body, key="")
        said = answer.json()
        assert answer.status_code == 401
        assert said["message"] == "Authentication required"
        assert said["code"] == "AUTHENTICATION_REQUIRED"


async def test_only_its_creator_changes_or_deletes_a_meeting(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.seat(meeting, "bob")
    await campus.data(
        "PATCH", f"/{meeting}/participants/{bob}/role", {"new_role": "host"}, user="ann"
    )

    for user in ("bob", "cy"):
        for method in ("PUT", "DELETE"):
            assert await campus.refused(method, f"/{meeting}", {}, user=user) == DENIED


ROLES: dict[str, set[str]] = {
    "host": {"start", "end", "role", "add", "remove", "search", "wait", "admit", "record"},
    "co_host": {"add", "remove", "search", "wait", "admit", "record"},
    "presenter": set(),
    "attendee": set(),
}
DEEDS: dict[str, tuple[str, str, Any]] = {
    "add": ("POST", "/participants", {"participants": [{"user_id": "eve"}]}),
    "remove": ("DELETE", "/participants", {"participant_ids": ["eve"]}),
    "search": ("POST", "/search-users", {"query": "e"}),
    "wait": ("GET", "/waiting-room", None),
    "admit": ("POST", "/waiting-room/admit", {}),
    "record": ("POST", "/recording/start", None),
    "start": ("POST", "/start", None),
    "role": ("PATCH", "/participants/{cy}/role", {"new_role": "attendee"}),
    "end": ("POST", "/end", None),
}


@pytest.mark.parametrize("role", list(ROLES))
async def test_each_role_does_what_is_its_to_do(campus: Campus, role: str) -> None:
    meeting = await campus.live(features={"recording_enabled": True})
    bob, cy = await campus.seat(meeting, "bob"), await campus.seat(meeting, "cy")
    if role != "presenter":
        await campus.data(
            "PATCH", f"/{meeting}/participants/{bob}/role", {"new_role": role}, user="ann"
        )

    allowed = set()
    for deed, (method, path, body) in DEEDS.items():
        answer = await campus.call(method, f"/{meeting}{path.format(cy=cy)}", body, user="bob")
        said = answer.json()
        if answer.status_code == 403:
            code = "UNAUTHORIZED_RECORDING" if deed == "record" else "ACCESS_DENIED"
            assert said["code"] == code
        else:
            # A live meeting cannot be started, whoever wants it.
            assert answer.status_code == (409 if deed == "start" else 200), (deed, said)
            allowed.add(deed)

    assert allowed == ROLES[role]


async def test_recording_is_for_whom_hosts_let_record(campus: Campus) -> None:
    meeting = await campus.live(features={"recording_enabled": True})
    bob = await campus.join(meeting, "bob")

    before = await campus.refused("POST", f"/{meeting}/recording/start", user="bob")
    changed = await campus.data(
        "PATCH",
        f"/{meeting}/participants/{bob}/role",
        {"new_role": "presenter", "permissions": {"can_record": True}},
    )
    after = await campus.data("POST", f"/{meeting}/recording/start", user="bob")

    assert before == (
        403,
        "UNAUTHORIZED_RECORDING",
        "Only hosts and moderators can control recording",
    )
    assert changed["permissions"]["can_record"] is True
    assert after["status"] == "recording"


async def test_the_campuss_key_acts_as_host_of_every_meeting(campus: Campus) -> None:
    meeting = await campus.meeting()

    listed = (await campus.call("GET", "", user=None)).json()
    renamed = await campus.data("PUT", f"/{meeting}", {"meeting_name": "Renamed"}, user=None)
    started = await campus.data("POST", f"/{meeting}/start", user=None)
    ended = await campus.data("POST", f"/{meeting}/end", user=None)
    await campus.data("DELETE", f"/{meeting}", user=None)

    assert [each["id"] for each in listed["data"]] == [meeting]
    assert renamed["meeting_name"] == "Renamed"
    assert (started["meeting_status"], ended["meeting_status"]) == ("live", "ended")


async def test_the_operator_is_of_no_campus(campus: Campus) -> None:
    answer = await campus.api.call("GET", "/api/meeting", key=campus.api.operator)

    assert (answer.status_code, answer.json()["code"]) == (403, "ACCESS_DENIED")


async def test_a_token_of_the_seat_given_at_joining_opens_no_meeting_here(campus: Campus) -> None:
    meeting = await campus.live()
    joined = await campus.data("POST", f"/{meeting}/join", user="bob")

    answer = await campus.api.call("GET", f"/api/meeting/{meeting}", token=joined["access_token"])

    assert answer.status_code == 401


async def test_a_token_for_one_meeting_sees_no_other(campus: Campus) -> None:
    one, other = await campus.meeting(), await campus.meeting()
    token = campus.token("ann", room_id=names.read(one))

    async def status(method: str, path: str, body: Any = None) -> int:
        return (await campus.api.call(method, f"/api/meeting{path}", body, token=token)).status_code

    assert await status("GET", f"/{one}") == 200
    assert await status("GET", f"/{other}") == 404
    listed = await campus.api.call("GET", "/api/meeting", token=token)
    assert [each["id"] for each in listed.json()["data"]] == [one]


async def test_what_holds_on_sqlite_holds_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    async with open_api(tmp_path / "home", postgres_url) as api:
        campus = campus_of(api)
        meeting = await campus.live(max_participants=2)
        await campus.join(meeting, "bob")
        await campus.join(meeting, "cy")

        found = await campus.data("GET", f"/{meeting}", user="cy")
        full = await campus.refused("POST", f"/{meeting}/join", user="ann")
        stranger = await campus.refused("GET", f"/{meeting}", user="dan")
        ended = await campus.data("POST", f"/{meeting}/end")

    assert found["current_participants"] == ["bob", "cy"]
    assert found["liveStats"]["activeParticipants"] == 2
    assert full == (409, "MEETING_FULL", "Meeting is full")
    assert stranger == NOT_A_PARTICIPANT
    assert ended["analytics"]["total_participants_joined"] == 2


def campus_of(api: Api) -> Campus:
    return Campus(api, api.tenant_id, api.key)
