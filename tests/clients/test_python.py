"""The Python client against real handlers, and against servers that fail it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from parley_client import (
    ApiKey,
    Chalk,
    ChalkError,
    Chroom,
    ChroomError,
    ClientCredentials,
    Kcs,
    KcsError,
    OperatorKey,
    Patience,
    Token,
    Unreachable,
    UserOf,
)
from parley_client.generated.chalk import ChalkOperations
from parley_client.generated.chroom import ChroomOperations
from parley_client.generated.kcs import KcsOperations

from tests.support.lobby import Lobby

# --- against real handlers ---


async def test_one_meeting_of_each_dialect_is_held_through_its_client(lobby: Lobby) -> None:
    async with lobby.served() as address:
        await asyncio.to_thread(hold, f"http://{address}", lobby.context.secrets.operator_key)


def hold(base: str, operator_key: str) -> None:
    with Chalk(base, OperatorKey(operator_key)) as operator:
        key = operator.create_tenant(name="School")["api_key"]

    with Chalk(base, ApiKey(key)) as chalk:
        room = chalk.create_room(name="Algebra")
        joined = chalk.add_participant(room["id"], display_name="Ann", role="host")
        with Chalk(base, Token(joined["access_token"], joined["refresh_token"])) as ann:
            seats = ann.list_participants(room["id"])["participants"]
        assert [seat["display_name"] for seat in seats] == ["Ann"]
        assert [each["name"] for each in chalk.rooms()] == ["Algebra"]
        chalk.end_room(room["id"])
        with pytest.raises(ChalkError) as no:
            chalk.end_room(room["id"])
        assert (no.value.status, no.value.code) == (409, "ROOM_ALREADY_ENDED")
        assert no.value.request_id

    with Kcs(base, UserOf(key, "user_123", role="teacher", display_name="John Doe")) as kcs:
        meeting = kcs.create_meeting(
            meeting_name="Team Standup",
            meeting_description="Daily team sync",
            meeting_start_time="2030-11-04T09:00:00Z",
            meeting_end_time="2030-11-04T09:30:00Z",
            meeting_location="Virtual",
            participants=["user_001"],
            meeting_meta_data={"department": "Engineering"},
        )["data"]
        kcs.start_meeting(meeting["id"])
        seat = kcs.join_meeting(meeting["id"])["data"]["participant"]
        assert seat["user_id"] == "user_123"
        assert [each["meeting_status"] for each in kcs.meetings()] == ["live"]
        with pytest.raises(KcsError, match="MEETING_NOT_FOUND"):
            kcs.get_meeting("meeting_abc123")

    with Chroom(base, ApiKey(key)) as chroom:
        made = chroom.create_meeting(
            title="Weekly Review", host="host_1", participants=["user_1"], duration=45
        )
        chroom.start_meeting(made["meeting_id"])
        chroom.join_meeting(made["meeting_id"], user_id="user_1", display_name="Ben")
        assert made["meeting_id"] in [each["meeting_id"] for each in chroom.meetings()]
        with pytest.raises(ChroomError) as missing:
            chroom.get_meeting("meeting_abc123")
        assert (missing.value.code, missing.value.status) == ("MEETING_UNKNOWN", 404)
        reader = chroom.create_key(name="Reader", scopes=["meetings:read"])

    with Chroom(base, ClientCredentials(reader["key_id"], reader["key"])) as machine:
        assert machine.get_meeting(made["meeting_id"])["title"] == "Weekly Review"
        with pytest.raises(ChroomError, match="SCOPE_MISSING"):
            machine.end_meeting(made["meeting_id"])


@pytest.mark.parametrize(
    ("dialect", "operations"),
    [("chalk", ChalkOperations), ("kcs", KcsOperations), ("chroom", ChroomOperations)],
)
def test_every_operation_is_a_method(
    documents: dict[str, Any], dialect: str, operations: type
) -> None:
    described = {
        entry["operationId"]
        for methods in documents[dialect]["paths"].values()
        for entry in methods.values()
        if "101" not in entry["responses"]
    }

    assert described
    assert not {name for name in described if not callable(getattr(operations, name, None))}


# --- against servers that fail ---

ROOM = {"id": "r1", "name": "Algebra"}
PENDING = httpx2.Response(503, json={"error": "pending", "code": "COMMAND_PENDING"})


class Server:
    """Answers with these, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.bearers: list[str | None] = []
        self.waited: list[float] = []

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        self.bearers.append(request.headers.get("Authorization"))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, credential: Any = None, **patience: Any) -> Chalk:
        http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        return Chalk(
            "http://parley.test",
            credential or ApiKey("chalk_test_x"),
            patience=Patience(**patience),
            http=http,
            sleep=self.waited.append,
        )

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.asked]


def test_a_pending_command_is_asked_again_under_its_key_when_the_server_says() -> None:
    server = Server(
        httpx2.Response(503, json={"code": "COMMAND_PENDING"}, headers={"Retry-After": "2"}),
        httpx2.Response(201, json=ROOM),
    )

    room = server.client().create_room(name="Algebra")

    assert room["id"] == ROOM["id"]
    assert server.waited == [2.0]
    assert server.keys[0] is not None
    assert len(set(server.keys)) == 1


def test_a_lost_connection_is_no_lost_command() -> None:
    server = Server(httpx2.ReadError("lost"), httpx2.Response(201, json=ROOM))

    server.client().create_room(idempotency_key="mine")

    assert server.keys == ["mine", "mine"]


def test_two_creations_have_two_keys() -> None:
    server = Server(httpx2.Response(201, json=ROOM), httpx2.Response(201, json=ROOM))
    client = server.client()

    client.create_room()
    client.create_room()

    assert len(set(server.keys)) == 2


def test_patience_ends_with_the_last_refusal() -> None:
    server = Server(PENDING, PENDING, PENDING)

    with pytest.raises(ChalkError, match="COMMAND_PENDING"):
        server.client(attempts=3).create_room()

    assert len(server.asked) == 3


def test_a_time_beyond_all_patience_is_not_waited_for() -> None:
    server = Server(httpx2.Response(429, json={}, headers={"Retry-After": "60"}))

    with pytest.raises(ChalkError) as no:
        server.client().list_rooms()

    assert (server.waited, no.value.retry_after_s) == ([], 60.0)


def test_what_cannot_be_repeated_is_asked_once() -> None:
    server = Server(httpx2.ConnectError("nobody"))

    with pytest.raises(Unreachable):
        server.client().refresh_tokens(refresh_token="first-refresh")

    assert server.keys == [None]


def test_a_refusal_is_final() -> None:
    server = Server(httpx2.Response(404, json={"error": "room not found", "code": "ROOM_UNKNOWN"}))

    with pytest.raises(ChalkError, match="room not found"):
        server.client().get_room("r1")

    assert server.waited == []


def test_what_stands_between_us_and_the_server_is_heard_too() -> None:
    server = Server(httpx2.Response(502, text="<h1>Bad Gateway</h1>"))

    with pytest.raises(ChalkError) as no:
        server.client().get_room("r1")

    assert (no.value.status, no.value.code, no.value.message) == (502, "UNKNOWN", "Bad Gateway")


def tokens(name: str, expires_in: int = 900) -> httpx2.Response:
    body = {"access_token": name, "refresh_token": f"{name}-refresh", "expires_in": expires_in}
    return httpx2.Response(200, json=body)


def test_a_refused_token_is_refreshed_once() -> None:
    expired = httpx2.Response(401, json={"error": "token has expired", "code": "TOKEN_EXPIRED"})
    server = Server(expired, tokens("second"), httpx2.Response(200, json=ROOM))

    server.client(Token("first", "first-refresh")).get_room("r1")

    assert [request.url.path for request in server.asked] == [
        "/api/v1/rooms/r1",
        "/api/v1/auth/refresh",
        "/api/v1/rooms/r1",
    ]
    assert json.loads(server.asked[1].content) == {"refresh_token": "first-refresh"}
    assert server.bearers[0::2] == ["Bearer first", "Bearer second"]


def test_a_token_is_renewed_before_it_ends() -> None:
    now = [0.0]
    server = Server(
        tokens("first"),
        httpx2.Response(200, json=ROOM),
        httpx2.Response(200, json=ROOM),
        tokens("second"),
        httpx2.Response(200, json=ROOM),
    )
    client = server.client(UserOf("chalk_test_x", "u1", now=lambda: now[0]))

    client.get_room("r1")
    client.get_room("r1")
    now[0] = 880.0
    client.get_room("r1")

    assert server.bearers == [None, "Bearer first", "Bearer first", None, "Bearer second"]


def test_a_list_is_gone_through_page_by_page() -> None:
    def page(*numbers: int) -> httpx2.Response:
        return httpx2.Response(200, json={"rooms": [{"id": str(number)} for number in numbers]})

    server = Server(page(*range(100)), page(*range(100, 130)))

    rooms = list(server.client().rooms())

    assert [room["id"] for room in rooms] == [str(number) for number in range(130)]
    assert [request.url.params["offset"] for request in server.asked] == ["0", "100"]


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    server = Server(httpx2.Response(200, json=ROOM))

    server.client().get_room("../tenants?x=1")

    assert server.asked[0].url.raw_path == b"/api/v1/rooms/..%2Ftenants%3Fx%3D1"
