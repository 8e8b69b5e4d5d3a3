"""Parley's three APIs, typed: `Chalk`, `Kcs` and `Chroom`."""

from parley_client.clients import Chalk, Chroom, Kcs
from parley_client.credentials import (
    ApiKey,
    ClientCredentials,
    Credential,
    OperatorKey,
    Token,
    UserOf,
)
from parley_client.errors import ChalkError, ChroomError, KcsError, ParleyError, Unreachable
from parley_client.session import Patience

__all__ = [
    "ApiKey",
    "Chalk",
    "ChalkError",
    "Chroom",
    "ChroomError",
    "ClientCredentials",
    "Credential",
    "Kcs",
    "KcsError",
    "OperatorKey",
    "ParleyError",
    "Patience",
    "Token",
    "Unreachable",
    "UserOf",
]
