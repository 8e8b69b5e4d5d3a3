from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.contract.ids import new_id
from infra.secrets import Secrets, api_key_sha256, load
from infra.settings import Settings


def settings(home: Path, **more: str) -> Settings:
    return Settings(_env_file=None, home=home, **more)  # type: ignore[arg-type]


def raw(secrets: Secrets) -> bytes:
    return secrets.signing_key.private_bytes_raw()


def test_what_was_made_once_is_kept(tmp_path: Path) -> None:
    first, again = load(settings(tmp_path)), load(settings(tmp_path))

    assert (first.operator_key, first.secret_key) == (again.operator_key, again.secret_key)
    assert raw(first) == raw(again)


def test_two_homes_have_nothing_in_common(tmp_path: Path) -> None:
    one, other = load(settings(tmp_path / "a")), load(settings(tmp_path / "b"))

    assert one.operator_key != other.operator_key
    assert one.secret_key != other.secret_key
    assert raw(one) != raw(other)


def test_nobody_else_on_the_machine_reads_them(tmp_path: Path) -> None:
    load(settings(tmp_path))

    kept = list((tmp_path / "keys").iterdir())
    assert sorted(path.name for path in kept) == ["operator", "secret", "signing.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    for n in range(20):
        home = settings(tmp_path / str(n))
        with ThreadPoolExecutor(8) as pool:
            loaded = list(pool.map(lambda _, home=home: load(home), range(8)))

        assert len({(each.operator_key, each.secret_key, raw(each)) for each in loaded}) == 1


def test_settings_win_over_what_was_kept(tmp_path: Path) -> None:
    load(settings(tmp_path))

    given = load(settings(tmp_path, operator_key="op", secret_key="s" * 32))

    assert (given.operator_key, given.secret_key) == ("op", b"s" * 32)


def test_a_signing_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

    with pytest.raises(ValueError, match="Ed25519"):
        load(settings(tmp_path, signing_key=pem.decode()))


def test_a_command_has_one_api_key_and_each_purpose_one_secret(tmp_path: Path) -> None:
    secrets, one, other = load(settings(tmp_path)), new_id(), new_id()

    assert secrets.api_key(one) == secrets.api_key(one) != secrets.api_key(other)
    assert secrets.derived("links") != secrets.derived("hooks")
    assert len(secrets.api_key(one)) == len("chalk_live_") + 43
    assert api_key_sha256(secrets.api_key(one)) != api_key_sha256(secrets.api_key(other))


def test_what_is_sealed_opens_for_its_purpose_only(tmp_path: Path) -> None:
    kept = load(settings(tmp_path))
    sealed = kept.seal("webhooks", "whsec_secret")

    assert kept.unseal("webhooks", sealed) == "whsec_secret"
    assert "secret" not in sealed
    assert kept.seal("webhooks", "whsec_secret") != sealed
    for purpose, text in (
        ("issuers", sealed),
        ("webhooks", sealed[:-4] + "AAA="),
        ("webhooks", "x"),
    ):
        with pytest.raises(ValueError):
            kept.unseal(purpose, text)
