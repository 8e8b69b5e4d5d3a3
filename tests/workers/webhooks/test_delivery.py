from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import event as listening
from standardwebhooks.webhooks import Webhook

from infra.contract import commands
from infra.contract.commands import DeleteEndpoint, DeliveryState, EndpointView, UpdateEndpoint
from infra.contract.ids import DeliveryId, new_id
from infra.contract.refusals import Reason
from infra.settings import Settings
from tests.workers.webhooks.conftest import Post, new_secret
from workers.webhooks import attempts, keeping
from workers.webhooks.schedule import TRIES, WAITS_S


def states(post: Post, endpoint: EndpointView) -> list[DeliveryState]:
    return [delivery.state for delivery in post.log(endpoint)]


def test_who_wants_to_hear_of_an_event_does_and_nobody_else(post: Post) -> None:
    wanted = post.endpoint("participant.joined")
    post.endpoint("meeting.ended")
    other = post.endpoint(tenant=post.house.tenant())

    post.house.come(post.room)
    post.deliver()

    assert [told["type"] for told in post.heard()] == ["participant.joined"]
    assert states(post, wanted) == [DeliveryState.DELIVERED]
    assert post.log(other) == []


def test_an_event_that_was_rolled_back_is_not_told(post: Post) -> None:
    post.endpoint()

    with pytest.raises(RuntimeError), post.house.begin() as work:
        work.event(post.room.id, post.tenant.id, "room.started", {})
        raise RuntimeError

    post.deliver()
    assert post.receiver.heard == []


def test_whoever_waits_for_webhooks_is_knocked_up_once_a_unit(post: Post) -> None:
    post.endpoint()
    post.house.sent.clear()

    with post.house.begin() as work:
        work.event(post.room.id, post.tenant.id, "room.started", {})
        work.event(post.room.id, post.tenant.id, "room.ended", {})
        work.event(post.room.id, post.tenant.id, "room.updated", {})

    assert [left.key for left in post.house.sent if left.topic == "knock"] == ["webhooks"]


def test_tenants_without_webhooks_pay_no_statement_for_them(post: Post) -> None:
    post.endpoint(tenant=post.house.tenant())
    statements = []
    listening.listen(
        post.house.engine,
        "before_cursor_execute",
        lambda *seen: statements.append(seen[2]),
    )

    post.say("room.started")

    assert not any("webhook_deliveries" in statement for statement in statements)
    with_webhooks = [one for one in statements if "webhook_endpoints" in one]
    assert len(with_webhooks) == 1
    assert with_webhooks[0].startswith("UPDATE rooms")


def test_what_is_sent_is_signed_with_the_endpoints_secret(post: Post) -> None:
    secret = new_secret()
    endpoint = post.endpoint(secret=secret)
    post.house.come(post.room)

    post.deliver()

    heard = post.receiver.heard[0]
    assert Webhook(secret).verify(heard.body, heard.headers)["type"] == "participant.joined"
    assert heard.id == str(post.log(endpoint)[0].id)
    assert heard.headers["content-type"] == "application/json"


def test_what_fails_is_tried_eight_times_over_a_day_always_alike_and_then_given_up(
    post: Post,
) -> None:
    endpoint = post.endpoint()
    post.receiver.answers(500)
    post.house.come(post.room)

    post.deliver()
    for wait_s in WAITS_S:
        (waiting,) = post.log(endpoint)
        assert wait_s - 2 <= post.wait_s(waiting) <= wait_s * 1.1
        post.deliver()
        post.turn(seconds=wait_s * 1.1)
        post.deliver()

    (failed,) = post.log(endpoint)
    assert failed.state is DeliveryState.FAILED
    assert [attempt.status for attempt in failed.attempts] == [500] * TRIES
    heard = post.receiver.heard
    assert len(heard) == TRIES
    assert len({(one.id, one.body) for one in heard}) == 1
    assert [one.headers["x-chalk-retry-count"] for one in heard] == [str(n) for n in range(TRIES)]
    assert len({one.headers["x-chalk-original-timestamp"] for one in heard}) == 1
    post.turn(days=2)
    assert post.claim() == []


def test_a_room_is_told_of_in_order_whatever_fails(post: Post) -> None:
    post.endpoint()
    post.receiver.answers(500, 503, 204)
    seqs = [post.say("participant.joined", {"participant": seat()}) for _ in range(5)]

    post.deliver()
    assert post.seqs() == seqs[:1]
    post.turn(seconds=40)
    post.deliver()
    assert post.seqs() == seqs[:1] * 2
    seqs.append(post.say("participant.joined", {"participant": seat()}))
    post.deliver()
    assert post.seqs() == seqs[:1] * 2
    post.turn(seconds=140)
    post.deliver()

    assert post.seqs() == seqs[:1] * 2 + seqs


def test_what_was_refused_for_good_holds_nothing_up(post: Post) -> None:
    endpoint = post.endpoint()
    post.receiver.answers(400, 204)
    seqs = [post.say("participant.joined", {"participant": seat()}) for _ in range(2)]

    post.deliver()

    assert post.seqs() == seqs
    assert states(post, endpoint) == [DeliveryState.FAILED, DeliveryState.DELIVERED]


def test_one_rooms_trouble_is_not_anothers(post: Post) -> None:
    post.endpoint("participant.joined")
    other = post.house.room(post.tenant)
    post.say("participant.joined", {"participant": seat()})
    post.receiver.answers(500)
    post.deliver()
    post.receiver.answers(204)

    post.say("participant.joined", {"participant": seat()}, room=other)
    post.deliver()

    assert [told["meeting"]["id"] for told in post.heard()] == [str(post.room.id), str(other.id)]


def test_a_redirect_is_a_failure_and_not_followed(post: Post) -> None:
    endpoint = post.endpoint()
    post.receiver.headers["Location"] = post.receiver.url
    post.receiver.answers(302)
    post.house.come(post.room)

    post.deliver()

    assert len(post.receiver.heard) == 1
    assert states(post, endpoint) == [DeliveryState.PENDING]


def test_an_address_that_leads_inside_is_not_connected_to(post: Post) -> None:
    endpoint = post.endpoint()
    post.house.come(post.room)
    (claimed,) = post.claim()

    # What was allowed when the endpoint was made is allowed no more.
    attempts.record(claimed, post.send(claimed, allowed=""), post.tools)

    assert post.receiver.heard == []
    (waiting,) = post.log(endpoint)
    assert waiting.attempts[0].error == "not a public address"
    assert waiting.state is DeliveryState.PENDING


def test_a_sender_killed_before_it_could_write_sends_the_same_id_again(post: Post) -> None:
    endpoint = post.endpoint()
    post.house.come(post.room)
    (claimed,) = post.claim()
    post.send(claimed)

    assert post.claim() == []
    post.turn(seconds=31)
    post.deliver()

    first, second = post.receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert states(post, endpoint) == [DeliveryState.DELIVERED]


def test_one_that_lost_its_lease_writes_nothing(post: Post) -> None:
    endpoint = post.endpoint()
    post.house.come(post.room)
    (slow,) = post.claim()
    post.turn(seconds=31)
    post.receiver.answers(500)
    post.deliver()

    post.receiver.answers(204)
    attempts.record(slow, post.send(slow), post.tools)

    assert states(post, endpoint) == [DeliveryState.PENDING]


def test_who_only_ever_kills_its_senders_is_given_up(post: Post) -> None:
    endpoint = post.endpoint()
    post.house.come(post.room)
    for _ in range(TRIES):
        assert len(post.claim()) == 1
        post.turn(seconds=31)

    assert post.claim() == []
    assert states(post, endpoint) == [DeliveryState.FAILED]


def test_who_answers_410_hears_nothing_more(post: Post) -> None:
    endpoint = post.endpoint()
    post.receiver.answers(410)
    for _ in range(3):
        post.house.come(post.room)

    post.deliver()
    post.house.come(post.room)
    post.deliver()

    assert len(post.receiver.heard) == 1
    seen = post.seen(endpoint)
    assert (seen.enabled, seen.disabled_reason) == (False, "it answered 410 Gone")
    assert states(post, endpoint) == [DeliveryState.FAILED] * 3


def test_who_is_disabled_or_deleted_hears_nothing_of_what_waits(post: Post) -> None:
    disabled, deleted = post.endpoint(), post.endpoint()
    post.house.come(post.room)

    post.house.do(UpdateEndpoint(tenant_id=post.tenant.id, endpoint_id=disabled.id, enabled=False))
    post.house.do(DeleteEndpoint(tenant_id=post.tenant.id, endpoint_id=deleted.id))
    post.house.come(post.room)
    post.deliver()

    assert post.receiver.heard == []
    enabled = post.house.do(
        UpdateEndpoint(tenant_id=post.tenant.id, endpoint_id=disabled.id, enabled=True)
    )
    assert enabled.disabled_reason is None
    post.house.come(post.room)
    post.deliver()
    assert len(post.receiver.heard) == 1


def test_what_was_given_up_can_be_asked_for_again_without_holding_up_anything(post: Post) -> None:
    endpoint = post.endpoint()
    post.receiver.answers(400)
    post.house.come(post.room)
    post.deliver()
    (failed,) = post.log(endpoint)

    post.receiver.answers(500)
    assert post.again(failed).state is DeliveryState.PENDING
    post.deliver()
    post.receiver.answers(204)
    post.house.come(post.room)
    post.deliver()

    assert states(post, endpoint) == [DeliveryState.PENDING, DeliveryState.DELIVERED]
    post.turn(seconds=40)
    post.deliver()
    (again, _) = post.log(endpoint)
    assert [attempt.status for attempt in again.attempts] == [400, 500, 204]
    assert again.state is DeliveryState.DELIVERED
    assert len({heard.id for heard in post.receiver.heard}) == 2


def test_what_waits_can_be_asked_for_at_once_and_keeps_its_place(post: Post) -> None:
    endpoint = post.endpoint()
    post.receiver.answers(500)
    seqs = [post.say("participant.joined", {"participant": seat()}) for _ in range(2)]
    post.deliver()
    first, second = post.log(endpoint)

    post.again(second)
    post.deliver()
    assert post.seqs() == seqs[:1]
    post.receiver.answers(204)
    post.again(first)
    post.deliver()

    assert post.seqs() == [seqs[0], *seqs]


def test_a_test_event_tells_of_nothing_and_goes_to_any_endpoint(post: Post) -> None:
    endpoint = post.endpoint("meeting.ended")

    post.house.do(
        commands.TestEndpoint(
            tenant_id=post.tenant.id, endpoint_id=endpoint.id, delivery_id=DeliveryId(new_id())
        )
    )
    post.deliver()

    (told,) = post.heard()
    assert told["type"] == told["event"] == "webhook.test"
    assert states(post, endpoint) == [DeliveryState.DELIVERED]


def test_nobody_makes_endpoints_that_lead_inside_or_hear_of_what_there_is_not(post: Post) -> None:
    post.house.tools = dataclasses.replace(post.house.tools, settings=Settings(_env_file=None))

    def refusal(url: str, *events: str) -> Reason | None:
        return post.house.refusal(post.creation(url, *events))

    assert refusal("https://10.0.0.1/") is Reason.BAD_URL
    assert refusal("https://169.254.169.254/latest/meta-data") is Reason.BAD_URL
    assert refusal("http://hooks.example/") is Reason.BAD_URL
    assert refusal("https://user@hooks.example/") is Reason.BAD_URL
    assert refusal("https://hooks.example/", "meeting.exploded") is Reason.MALFORMED
    assert refusal("https://hooks.example/", "meeting.ended") is None


def test_old_deliveries_are_forgotten_after_thirty_days(post: Post) -> None:
    endpoint = post.endpoint()
    post.house.come(post.room)
    post.deliver()
    post.house.wait(days=29)
    post.house.come(post.room)
    keeping.forget_old(post.house.tools)
    assert len(post.log(endpoint)) == 2

    post.house.wait(days=2)
    keeping.forget_old(post.house.tools)

    assert len(post.log(endpoint)) == 1


def test_a_closed_tenant_is_told_nothing(post: Post) -> None:
    post.endpoint()
    post.house.come(post.room)
    post.house.do(commands.DeleteTenant(tenant_id=post.tenant.id))

    post.deliver()

    assert post.receiver.heard == []


def test_one_endpoint_gets_no_more_places_than_are_its(post: Post) -> None:
    slow, quick = post.endpoint(), post.endpoint()
    for _ in range(5):
        post.house.come(post.house.room(post.tenant))

    first = attempts.claim_due(
        post.house.engine, room={quick.id: 0}, usual=2, at_most=100, lease_s=30
    )
    second = attempts.claim_due(
        post.house.engine, room={slow.id: 0}, usual=2, at_most=100, lease_s=30
    )

    assert [one.endpoint_id for one in first] == [slow.id] * 2
    assert [one.endpoint_id for one in second] == [quick.id] * 2


def seat() -> dict[str, object]:
    return {
        "id": "0",
        "external_user_id": None,
        "display_name": "Ann",
        "role": "attendee",
        "joined_at": None,
        "left_at": None,
    }
