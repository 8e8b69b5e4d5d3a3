"""Everything that may differ between two deployments. Unset means embedded, on one machine.

Read from the environment and from `.env`, every name prefixed `PARLEY_`.
"""

from __future__ import annotations

import functools
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EMBEDDED_MODEL = Path(__file__).parent / "demo" / "tiny-whisper"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PARLEY_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    # --- where ---
    home: Path = Path(".parley")
    "All embedded state: database, Redis, objects, keys, spool, logs."
    host: str = "127.0.0.1"
    "Address the API listens on. 0.0.0.0 to be reached from outside."
    port: int = Field(default=8080, ge=0, le=65_535)
    "Port the API listens on."
    public_url: str | None = None
    "What links are made of, e.g. https://meet.example.org. Unset: http://HOST:PORT."
    trusted_proxies: str = "127.0.0.1,::1"
    "Addresses and networks, comma-separated, whose X-Forwarded-* headers are believed."

    # --- who ---
    operator_key: SecretStr | None = None
    "Creates tenants. Unset: made on first start and kept in HOME/keys."
    secret_key: SecretStr | None = None
    "Encrypts secrets at rest and makes keys. Unset: made on first start and kept in HOME/keys."
    signing_key: SecretStr | None = None
    "Ed25519 private key (PEM) that signs tokens. Unset: made on first start and kept in HOME/keys."
    issuer: str = "parley"
    "`iss` of own tokens."
    access_token_s: int = Field(default=900, ge=30, le=86_400)
    "Seconds an access token lives. Longer: fewer refreshes, slower to lock somebody out."
    refresh_token_s: int = Field(default=7 * 86_400, ge=60, le=90 * 86_400)
    "Seconds a refresh token lives."
    allow_private_urls: str | None = None
    "Hosts, addresses, networks, comma-separated: private ones tenants' URLs may lead to anyway."

    # --- what it stands on ---
    database_url: str | None = None
    "SQLAlchemy URL, postgresql+psycopg://… Unset: SQLite in HOME."
    redis_url: str | None = None
    "Unset: an own Redis-compatible server, started with the stack."
    s3_bucket: str | None = None
    "Unset: objects are files in HOME."
    s3_endpoint: str | None = None
    "Unset: the provider's own for the region."
    s3_public_endpoint: str | None = None
    "What download links point to, when clients reach the store by another address."
    s3_region: str = "us-east-1"
    "Region requests are signed for."
    s3_access_key: SecretStr | None = None
    "Unset: what boto3 finds by itself, such as an instance's role."
    s3_secret_key: SecretStr | None = None
    "Goes with the access key."
    s3_archive_class: str = "GLACIER"
    "Storage class that `archive` moves to."
    link_s: int = Field(default=3600, ge=60, le=7 * 86_400)
    "Seconds a download link lives."

    # --- media ---
    media_host: str = "127.0.0.1"
    "Address the media port is bound to. 0.0.0.0 for all, on a host with one address."
    media_port: int = Field(default=0, ge=0, le=65_535)
    "UDP port of the media pod; 0 takes a free one."
    media_announced_ip: str | None = None
    "Address clients are told to send to, when it is not the one bound (NAT). Unset: the bound one."
    media_metrics_port: int = Field(default=0, ge=0, le=65_535)
    "HTTP port of the pod's /livez and /metrics on HOST; 0: none."
    spool: Path | None = None
    "Where recordings are written until they are stored. Unset: HOME/spool."
    segment_s: float = Field(default=10.0, ge=1.0, le=60.0)
    "Seconds of one recording segment. Longer: fewer objects, more to lose with a host."
    turn_url: str | None = None
    "turn:host:port of the deployment's own TURN server. Unset: clients get no ICE servers."
    turn_secret: SecretStr | None = None
    "coturn's static-auth-secret."

    # --- mail ---
    smtp_url: SecretStr | None = None
    "smtp://user:password@host:587 (STARTTLS, but for ?starttls=never) or smtps://… Unset: no mail."
    mail_from: str | None = None
    "Whom mail is from, as `Name <address>`. Unset: parley@ the host of PUBLIC_URL."

    # --- speech ---
    whisper_model: str | None = None
    "Name of a Whisper model, or a directory holding one. Unset: the small one that comes along."
    whisper_device: str = "auto"
    "cpu, cuda, or auto: a GPU when there is one."
    whisper_compute_type: str = "default"
    "CTranslate2 compute type, such as int8, int8_float16, float16."
    whisper_threads: int = Field(default=0, ge=0, le=256)
    "CPU threads of one transcription; 0: as many as there are cores."

    profanity_words: str | None = None
    "Struck out of transcripts where a tenant asks for it, as word,stem*: besides English ones."

    # --- limits ---
    rate_limit_per_minute: int = Field(default=600, ge=0)
    "Requests of one tenant on Chalk, over all its keys and tokens; 0: no limits in any dialect."
    rate_limit_scale: float = Field(default=1.0, gt=0, le=1_000_000)
    "Multiplies every limit on requests, those the KCS and Chroom references fix included."
    body_limit_bytes: int = Field(default=1_048_576, ge=1024)
    "Larger request bodies are refused with 413."
    audit_kept_days: int = Field(default=365, ge=1, le=36_500)
    "Days it is known who was given which recording, and at which address."
    worker_threads: int = Field(default=8, ge=1, le=64)
    "Threads of one command worker process."
    log_level: str = "INFO"
    "DEBUG, INFO, WARNING or ERROR."
    log_json: bool = False
    "One JSON object a line instead of text for people."

    @field_validator("home", "spool")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else value

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'parley.db'}"

    @property
    def spool_path(self) -> Path:
        return self.spool or self.home / "spool"

    @property
    def model_path(self) -> str:
        return self.whisper_model or str(EMBEDDED_MODEL)


def settings_table() -> str:
    """Every setting as rows of a Markdown table: name, default, meaning."""
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `PARLEY_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


@functools.cache
def settings() -> Settings:
    """This process's settings, read once."""
    return Settings()
