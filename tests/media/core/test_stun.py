"""Our STUN against another implementation's, and against rubbish."""

from __future__ import annotations

import random

import pytest
from aioice import stun as theirs

from media.core import stun

PASSWORD = "p" * 22
TRANSACTION = bytes(range(12))


def their_check(**more: object) -> theirs.Message:
    request = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, TRANSACTION)
    request.attributes["USERNAME"] = "pod-ufrag:client"
    request.attributes["PRIORITY"] = 1234
    request.attributes["ICE-CONTROLLING"] = 7
    request.attributes.update(more)
    request.add_message_integrity(PASSWORD.encode())
    return request


def test_a_check_is_read_with_its_username_and_nomination() -> None:
    data = bytes(their_check(**{"USE-CANDIDATE": None}))

    message = stun.read(data)

    assert message is not None
    assert (message.kind, message.transaction) == (stun.Kind.REQUEST, TRANSACTION)
    assert (message.username, message.nominates) == ("pod-ufrag:client", True)


def test_only_the_right_password_makes_a_check_authentic() -> None:
    data = bytes(their_check())
    message = stun.read(data)
    assert message is not None

    assert stun.is_authentic(message, data, PASSWORD.encode())
    assert not stun.is_authentic(message, data, b"q" * 22)


def test_a_check_changed_on_the_way_is_not_authentic() -> None:
    data = bytearray(bytes(their_check()))
    data[25] ^= 1
    changed = bytes(data)
    message = stun.read(changed)

    assert message is None or not stun.is_authentic(message, changed, PASSWORD.encode())


def test_a_nomination_smuggled_in_after_the_integrity_is_not_believed() -> None:
    data = bytes(their_check())[:-8]
    grown = bytearray(data + b"\x00\x25\x00\x00" + b"\x00\x25\x00\x00")
    grown[2:4] = (len(grown) - 20).to_bytes(2, "big")

    message = stun.read(bytes(grown))

    assert message is not None
    assert not message.nominates


@pytest.mark.parametrize("source", [("192.0.2.7", 50_000), ("2001:db8::7", 443)])
def test_an_answer_is_understood_and_believed_by_another_implementation(
    source: tuple[str, int],
) -> None:
    data = stun.answer(TRANSACTION, source, PASSWORD.encode())

    message = theirs.parse_message(data)

    assert message.attributes["XOR-MAPPED-ADDRESS"] == source
    assert message.transaction_id == TRANSACTION
    assert message.check_message_integrity(PASSWORD.encode())


def test_a_check_of_ours_is_understood_and_believed_by_another_implementation() -> None:
    data = stun.ask(TRANSACTION, "client:pod-ufrag", 99, PASSWORD.encode())

    message = theirs.parse_message(data)

    assert message.attributes["USERNAME"] == "client:pod-ufrag"
    assert message.attributes["ICE-CONTROLLED"] == 99
    assert message.check_message_integrity(PASSWORD.encode())


def test_an_answer_is_no_longer_than_the_check_it_answers() -> None:
    check = bytes(their_check())

    assert len(stun.answer(TRANSACTION, ("192.0.2.7", 1), PASSWORD.encode())) <= len(check)


def test_rubbish_is_never_authentic_and_never_raises() -> None:
    dice = random.Random(8489)
    good = bytes(their_check(**{"USE-CANDIDATE": None}))
    for _ in range(20_000):
        data = bytearray(good)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        mutated = bytes(data[: dice.randint(0, len(data))]) if dice.random() < 0.3 else bytes(data)

        message = stun.read(mutated)

        if message is not None and stun.is_authentic(message, mutated, PASSWORD.encode()):
            # What the integrity covers survived untouched; only what follows it may differ.
            at = message.integrity_at
            assert at is not None
            assert mutated[4:at] == good[4:at]
