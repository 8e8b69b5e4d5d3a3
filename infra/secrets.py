"""The deployment's own secrets: from settings, or made once and kept in HOME/keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.settings import Settings


@dataclass(frozen=True)
class Secrets:
    operator_key: str
    "Creates and manages tenants."
    secret_key: bytes
    "Root of every other symmetric key; use `derived`, never this itself."
    signing_key: Ed25519PrivateKey
    "Signs tokens."

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose. The same purpose gives the same bytes in every process."""
        return hmac.digest(self.secret_key, f"parley:{purpose}".encode(), "sha256")

    def seal(self, purpose: str, text: str) -> str:
        """`text` encrypted for storage (AES-256-GCM), to be opened under the same purpose only."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._sealer(purpose).encrypt(nonce, text.encode(), purpose.encode())
        return _SEALED + base64.urlsafe_b64encode(nonce + sealed).decode()

    def unseal(self, purpose: str, sealed: str) -> str:
        """Raises ValueError for what this deployment did not seal for this purpose."""
        if not sealed.startswith(_SEALED):
            raise ValueError("this was never sealed")
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_SEALED))
            text = self._sealer(purpose).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode()
            )
        except InvalidTag as wrong:
            raise ValueError("sealed with another secret key or for another purpose") from wrong
        return text.decode()

    def _sealer(self, purpose: str) -> AESGCM:
        return AESGCM(self.derived(f"seal:{purpose}"))

    def api_key(self, command_id: object) -> str:
        """The API key a command hands out: a retry of the command shows the same one again."""
        return API_KEY_PREFIX + self._key_text("api-key", command_id)

    def scoped_key(self, command_id: object) -> str:
        """`api_key` for a key with scopes."""
        return SCOPED_KEY_PREFIX + self._key_text("scoped-key", command_id)

    def webhook_secret(self, command_id: object) -> str:
        """As `api_key`, what a webhook endpoint's deliveries are signed with: `whsec_` and 32 bytes
        in base64, as Standard Webhooks 1.0 has it."""
        digest = hmac.digest(self.secret_key, f"webhook:{command_id}".encode(), "sha256")
        return "whsec_" + base64.b64encode(digest).decode()

    def _key_text(self, kind: str, command_id: object) -> str:
        digest = hmac.digest(self.secret_key, f"{kind}:{command_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


API_KEY_PREFIX = "chalk_live_"
SCOPED_KEY_PREFIX = "chroom_live_"
KEY_PREFIXES = (API_KEY_PREFIX, SCOPED_KEY_PREFIX)
_NONCE_BYTES = 12
_SEALED = "v1."
"Says how it was sealed, so that the way may change."


def api_key_sha256(api_key: str) -> str:
    """What is stored of an API key. 256 random bits need no slow hash."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def load(settings: Settings) -> Secrets:
    """Read what settings and HOME/keys hold, and make what is missing.

    Processes that start together agree: the first to make a key keeps it. Raises ValueError when
    a signing key is not an Ed25519 private key.
    """
    keys = settings.home / "keys"
    if settings.operator_key:
        operator = settings.operator_key.get_secret_value()
    else:
        operator = _kept(keys / "operator", lambda: f"operator_{secrets.token_urlsafe(32)}")
    if settings.secret_key:
        secret = settings.secret_key.get_secret_value()
    else:
        secret = _kept(keys / "secret", lambda: secrets.token_urlsafe(48))
    if settings.signing_key:
        pem = settings.signing_key.get_secret_value()
    else:
        pem = _kept(keys / "signing.pem", _new_signing_key)
    signing = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(signing, Ed25519PrivateKey):
        raise ValueError("the signing key must be an Ed25519 private key (PEM)")
    return Secrets(operator_key=operator, secret_key=secret.encode(), signing_key=signing)


def _new_signing_key() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says; made first when there is none."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Linking fails when the name is taken, so nobody ever reads half a key or loses theirs.
        os.link(draft, path)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        draft.unlink()
    return path.read_text().strip()
