from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import select

from infra.contract.ids import new_id
from infra.db.webhooks import ENDPOINTS
from infra.secrets import Secrets
from tests.support.api import Api

URL = "https://hooks.example.org/parley"


async def made(api: Api, **body: Any) -> Any:
    return await api.made("/webhooks", {"url": URL, **body})


def stored(api: Api, endpoint: str) -> Any:
    with api.lobby.engine.connect() as connection:
        rows = connection.execute(select(ENDPOINTS)).all()
    return next(row for row in rows if str(row.id) == endpoint)


def secrets(api: Api) -> Secrets:
    return api.lobby.context.secrets


async def test_a_secret_is_shown_once_and_stored_sealed(api: Api) -> None:
    endpoint = await made(api, events=["meeting.ended"], description="Billing")

    assert len(base64.b64decode(endpoint["secret"].removeprefix("whsec_"))) == 32
    sealed = stored(api, endpoint["id"]).secret_sealed
    assert endpoint["secret"] not in sealed
    assert secrets(api).unseal("webhook", sealed) == endpoint["secret"]
    seen = await api.got(f"/webhooks/{endpoint['id']}")
    assert seen == {key: value for key, value in endpoint.items() if key != "secret"}
    assert (await api.got("/webhooks"))["webhooks"] == [seen]
    assert seen["events"] == ["meeting.ended"]
    assert seen["enabled"] is True


async def test_a_retried_creation_shows_the_same_secret_again(api: Api) -> None:
    first = await api.made("/webhooks", {"url": URL}, Idempotency_Key="one")
    again = await api.made("/webhooks", {"url": URL}, Idempotency_Key="one")

    assert again == first
    assert len((await api.got("/webhooks"))["webhooks"]) == 1


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(api: Api) -> None:
    endpoint = await made(api)

    answer = await api.made(f"/webhooks/{endpoint['id']}/rotate-secret")

    row = stored(api, endpoint["id"])
    assert answer["secret"] != endpoint["secret"]
    assert secrets(api).unseal("webhook", row.secret_sealed) == answer["secret"]
    assert secrets(api).unseal("webhook", row.old_secret_sealed) == endpoint["secret"]
    assert 86_390 < (row.old_secret_until - row.updated_at).total_seconds() <= 86_400
    await api.made(f"/webhooks/{endpoint['id']}/rotate-secret", {"overlap_seconds": 0})
    assert stored(api, endpoint["id"]).old_secret_sealed is None


async def test_an_endpoint_is_changed_and_deleted(api: Api) -> None:
    endpoint = await made(api)
    path = f"/webhooks/{endpoint['id']}"

    changed = await api.call("PATCH", path, {"enabled": False, "events": ["participant.left"]})
    assert changed.status_code == 200
    assert changed.json()["enabled"] is False
    assert changed.json()["events"] == ["participant.left"]
    assert changed.json()["url"] == URL
    stale = await api.call("PATCH", path, {"enabled": True}, If_Match='"0"')
    assert stale.status_code == 412
    tag = (await api.call("GET", path)).headers["etag"]
    assert (await api.call("PATCH", path, {"enabled": True}, If_Match=tag)).status_code == 200

    assert (await api.call("DELETE", path)).status_code == 204
    assert (await api.call("GET", path)).status_code == 404
    assert (await api.got("/webhooks"))["webhooks"] == []


async def test_what_cannot_be_delivered_to_is_refused(api: Api) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"url": "http://hooks.example.org/"}, "BAD_URL"),
        ({"url": "https://127.0.0.1/"}, "BAD_URL"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "BAD_URL"),
        ({"url": "https://2130706433/"}, "BAD_URL"),
        ({"url": "https://hooks.example.org:22/"}, "BAD_URL"),
        ({"url": "ftp://hooks.example.org/"}, "BAD_URL"),
        ({"url": URL, "events": ["meeting.exploded"]}, "MALFORMED"),
        ({"url": URL, "secret": "mine"}, "MALFORMED"),
        ({}, "MALFORMED"),
    ]
    for body, code in refused:
        answer = await api.call("POST", "/webhooks", body)

        assert answer.status_code == 400, body
        assert answer.json()["code"] == code, body


async def test_a_test_event_and_what_came_of_it_are_in_the_log(api: Api) -> None:
    endpoint = await made(api)
    path = f"/webhooks/{endpoint['id']}"

    asked = await api.call("POST", f"{path}/test", {})
    assert asked.status_code == 202
    delivery = asked.json()
    assert delivery["event"] == "webhook.test"
    assert delivery["status"] == "pending"
    assert delivery["webhook_id"] == endpoint["id"]
    assert await api.got(f"/webhooks/deliveries/{delivery['id']}") == delivery
    again = await api.call("POST", f"/webhooks/deliveries/{delivery['id']}/redeliver", {})
    assert again.status_code == 202
    assert again.json()["id"] == delivery["id"]

    for _ in range(2):
        await api.made(f"{path}/test")
    page = await api.got(f"{path}/deliveries?limit=2")
    rest = await api.got(f"{path}/deliveries?limit=2&cursor={page['next_cursor']}")
    ids = [one["id"] for one in (*page["deliveries"], *rest["deliveries"])]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    assert rest["next_cursor"] is None
    assert (await api.got(f"{path}/deliveries?status=failed"))["deliveries"] == []
    assert len((await api.got(f"{path}/deliveries?status=pending"))["deliveries"]) == 3


async def test_what_happens_in_a_room_is_in_the_log_of_who_wants_it(api: Api) -> None:
    endpoint = await made(api, events=["meeting.ended"])
    room = await api.room()

    await api.made(f"/rooms/{room}/end")

    (delivery,) = (await api.got(f"/webhooks/{endpoint['id']}/deliveries"))["deliveries"]
    assert delivery["event"] == "meeting.ended"
    assert delivery["room_id"] == room
    assert delivery["payload"] is None


async def test_anothers_endpoints_and_deliveries_are_as_unknown_ones(api: Api) -> None:
    endpoint = await made(api)
    delivery = (await api.made(f"/webhooks/{endpoint['id']}/test"))["id"]
    _, other = await api.tenant()
    asked = [
        ("GET", "/webhooks/{}", endpoint["id"], None),
        ("PATCH", "/webhooks/{}", endpoint["id"], {"enabled": False}),
        ("DELETE", "/webhooks/{}", endpoint["id"], None),
        ("POST", "/webhooks/{}/rotate-secret", endpoint["id"], {}),
        ("POST", "/webhooks/{}/test", endpoint["id"], {}),
        ("GET", "/webhooks/{}/deliveries", endpoint["id"], None),
        ("GET", "/webhooks/deliveries/{}", delivery, None),
        ("POST", "/webhooks/deliveries/{}/redeliver", delivery, {}),
    ]
    for method, path, theirs, body in asked:
        at_theirs = await api.call(method, path.format(theirs), body, key=other, X_Request_Id="r")
        at_none = await api.call(method, path.format(new_id()), body, key=other, X_Request_Id="r")

        assert at_theirs.status_code == 404, path
        assert at_theirs.content == at_none.content, path

    assert (await api.got("/webhooks", key=other))["webhooks"] == []
    assert (await api.got(f"/webhooks/{endpoint['id']}"))["enabled"] is True


async def test_a_tenants_users_have_nothing_to_do_with_its_webhooks(api: Api) -> None:
    body = {"api_key": api.key, "user_id": "u1", "role": "host"}
    token = (await api.made("/auth/token", body, key=""))["access_token"]

    assert (await api.call("GET", "/webhooks", token=token)).status_code == 403
    assert (await api.call("POST", "/webhooks", {"url": URL}, token=token)).status_code == 403


async def test_a_configured_webhook_keeps_its_secret_to_itself(api: Api) -> None:
    path = f"/tenants/{api.tenant_id}/config"
    secret = "whsec_" + "0123456789abcdef" * 4
    without = {"post_meeting_webhook": {"url": URL}}
    hook = {"url": URL, "secret": secret, "include_transcript": False}

    assert (await api.call("PATCH", path, without)).status_code == 400
    answer = await api.call("PATCH", path, {"post_meeting_webhook": hook})

    assert answer.status_code == 200, answer.text
    assert secret not in answer.text
    assert answer.json()["config"]["post_meeting_webhook"] == {
        "enabled": True,
        "url": URL,
        "include_recording": True,
        "include_transcript": False,
        "include_summary": False,
        "include_action_items": False,
        "events": ["meeting.recording_ready"],
    }
    (endpoint,) = (await api.got("/webhooks"))["webhooks"]
    assert (endpoint["source"], endpoint["url"]) == ("config", URL)
    assert secrets(api).unseal("webhook", stored(api, endpoint["id"]).secret_sealed) == secret
    mine = await api.call("PATCH", f"/webhooks/{endpoint['id']}", {"enabled": False})
    assert mine.status_code == 400

    off = await api.call("PATCH", path, {"post_meeting_webhook": {"enabled": False}})
    assert off.json()["config"]["post_meeting_webhook"]["url"] == URL
    assert (await api.got(f"/webhooks/{endpoint['id']}"))["enabled"] is False
    private = {"post_meeting_webhook": {"url": "https://192.168.0.1/"}}
    assert (await api.call("PATCH", path, private)).json()["code"] == "BAD_URL"
    assert len((await api.got("/webhooks"))["webhooks"]) == 1


async def test_a_tenant_has_only_so_many_endpoints(api: Api) -> None:
    for _ in range(50):
        await made(api)

    assert (await api.call("POST", "/webhooks", {"url": URL})).status_code == 400
