"""Which of a receiver's payload types carries a source's codec."""

from __future__ import annotations

from collections.abc import Iterable

from media.engine.port import Codec


def match_codec(codec: Codec, offered: Iterable[Codec]) -> Codec | None:
    """The offered codec of the same name and clock rate, None when there is none.

    Of several, the one whose format parameters agree best: packetization mode first, then
    profile (RFC 6184, section 8.2.2).
    """
    wanted = read_parameters(codec.parameters)
    candidates = [
        other
        for other in offered
        if other.name == codec.name and other.clock_rate == codec.clock_rate
    ]
    return max(
        candidates,
        key=lambda other: _agreement(wanted, read_parameters(other.parameters)),
        default=None,
    )


def read_parameters(parameters: str) -> dict[str, str]:
    """An fmtp line's `name=value` pairs, names and values in lower case."""
    pairs = (part.partition("=") for part in parameters.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}


def _agreement(wanted: dict[str, str], offered: dict[str, str]) -> tuple[bool, bool, bool, bool]:
    def same(name: str, default: str) -> bool:
        return wanted.get(name, default) == offered.get(name, default)

    profile = wanted.get("profile-level-id", "42000a")
    other = offered.get("profile-level-id", "42000a")
    return (
        same("packetization-mode", "0"),
        same("profile-id", "0"),
        # The first two octets are the profile and its constraints, the third only the level.
        profile[:4] == other[:4],
        profile[:2] == other[:2],
    )
