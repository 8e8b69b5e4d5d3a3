"""What strangers send: texts, bodies that are no good, names of what is not theirs to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.samples import Schema

_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
_TURNING = ["\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F))]
_TURNING += map(chr, range(0x2066, 0x206A))
_UNSEEN = ["\u00ad", "\u034f", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u2028", "\u2029"]
_UNSEEN += [
    "\u2060",
    "\u2063",
    "\u3164",
    "\ufe0f",
    "\ufeff",
    "\ufff9",
    "\ufffc",
    "\ufffd",
    "\uffff",
]
_UNSEEN += ["\U000e0001", "\U000e0041", "\U0010ffff"]
_SPACES = [" ", "\u00a0", "\u1680", "\u2000", "\u200a", "\u202f", "\u205f", "\u3000"]
_LONE = [
    "\ud800",
    "\udbff",
    "\udc00",
    "\udfff",
    "a\ud800b",
    "\udc00\ud800",
    "\ud83d",
    "\ude00\ud83d",
]
_PATHS = (
    *("..", ".", "/", "//", "\\", "../", "..\\", "../../etc/passwd", "..\\..\\windows\\win.ini"),
    *("/etc/passwd", "C:\\boot.ini", "\\\\host\\share", "....//....//etc/passwd", "..;/", "%2e%2e"),
    *("%2e%2e%2f", "%252e%252e%252f", "..%c0%af", "%00", "a%00.mp4", "a\0.mp4", "~", "~root"),
    *("file:///etc/passwd", "s3://bucket/key", "rec/../../x", "$HOME", "CON", "nul.txt", "a:b"),
    *(".git/config", "?", "#", "a?b=c", "a#b", "a&b=c", "a;b=c", "a/b", "a\\b", "%", "%zz", "*"),
)
_QUERIES = (
    *("'", '"', "`", "''", "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE rooms; --", '" OR ""="'),
    *("1; SELECT pg_sleep(9)", "' UNION SELECT NULL --", "') OR ('1'='1", "admin'/*", "\\'", "%'"),
    *("%", "_", "%%", "a%b_c", "$1", ":name", ":1", "?", "{}", "{0}", "{name}", "%s", "%(name)s"),
    *("$where", "{'$gt': ''}", "*)(uid=*", "xp_cmdshell", "\x1a", "E'\\x00'", "0x27", "NULL", "--"),
)
_PROGRAMS = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "]]>"),
    *("<!--", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;"),
    *("{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "${jndi:ldap://127.0.0.1/a}", "$(id)", "`id`"),
    *("; id", "| id", "&& id", "\nid", "() { :; };", "=1+1", "+1+1", "@SUM(1)", "-1+1", "\t=1"),
    *("\r\nX-Injected: yes", "a\r\nBcc: x@example.org", "a\nb", "\r", "\n", "a\r\n\r\n<html>"),
    *("%n%n%n", "%x", "%1$s", "__proto__", "constructor", "__class__", "self.__dict__", "\x1b[2J"),
    *(
        "eyJhbGciOiJub25lIn0.e30.",
        'O:8:"stdClass":0:{}',
        "!!python/object:os.system",
        "\x1b]0;x\x07",
    ),
)
_NUMBERS = (
    *("0", "-1", "-0", "00", "1.0", "1e9", "1e400", "9" * 20, "9" * 400, "0x1", "1_000", "NaN"),
    *(
        "Infinity",
        "-Infinity",
        "null",
        "undefined",
        "None",
        "true",
        "false",
        "[]",
        "{}",
        "١٢٣",
        "１",
    ),
    *("2055-13-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59Z", "-1000-01-01T00:00:00Z"),
)
_TEXTS = (
    *(
        "é",
        "e\u0301",
        "ﬁ",
        "ß",
        "İ",
        "ı",
        "K",
        "Å",
        "ǅ",
        "𝕏",
        "日本語",
        "العربية",
        "עברית",
        "हिन्दी",
    ),
    *(
        "👩‍👩‍👧‍👦",
        "🏳️‍🌈",
        "🇨🇭",
        "Z" + "\u0301" * 150,
        "👍" * 200,
        "é" * 201,
        "\U0001d11e",
        "a" * 199,
        "a" * 200,
    ),
    *(
        "a" * 201,
        "a" * 255,
        "a" * 256,
        "a" * 4096,
        " a",
        "a ",
        " a b ",
        "A",
        "a\u00a0b",
        "ａ",
        "раураl",
    ),
    *(
        "😀" * 100,
        "x" * 20_000,
        "@",
        "a@",
        "@b",
        "a@b",
        "a@b@c",
        "a@\u202eb",
        "a @b.c",
        "-",
        "_",
        "+",
    ),
    *(
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/",
        "ftp://a",
        "//a",
        "http://",
        "http://[::1",
    ),
    *(
        "https://user:pass@example.org",
        "https://example.org\\@127.0.0.1",
        "data:,x",
        "https://é.org",
    ),
)
STRINGS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *("", *_CONTROLS, *(f"a{each}b" for each in _CONTROLS[:32:4])),
            *(f"{each}x" for each in (*_TURNING, *_UNSEEN, *_SPACES)),
            *(*_SPACES, "\ufeff", "\u200b", " \u3000 "),
            *(*_LONE, *_PATHS, *_QUERIES, *_PROGRAMS, *_NUMBERS, *_TEXTS),
        )
    )
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 2**70, -(2**70), 1.5, 5.0, 1e308, "", " ", "x" * 300),
    *("\0", "a\0b", [], {}, [[]], [None], {"": ""}, [{}] * 40, {"a": {"b": {"c": [1, "\0"]}}}),
)
"""Of any type."""

MALFORMED = {
    "nothing of JSON": b"{",
    "text": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a lone surrogate": b'{"name": "\\ud800"}',
    "half an escape": b'{"name": "\\u00"}',
    "a control in a string": b'{"name": "a\nb"}',
    "nested deeply": b"[" * 2000 + b"]" * 2000,
    "an object nested deeply": b'{"a":' * 600 + b"1" + b"}" * 600,
    "two documents": b"{}{}",
    "a comment": b"{} // hello",
    "a trailing comma": b'{"name": "x",}',
    "a number without end": b'{"name": ' + b"9" * 5000 + b"}",
}

ODD = {
    "not a number": b'{"odd": NaN}',
    "a number beyond all": b'{"odd": [Infinity, -Infinity, 1e400, -1e400]}',
    "a number with many digits": b'{"odd": 1e308, "odder": 0.' + b"1" * 3000 + b"}",
    "a huge number": b'{"odd": ' + b"9" * 4000 + b"}",
    "a name twice": b'{"odd": 1, "odd": 2}',
    "the name of nothing": b'{"": 1}',
    "a name with a NUL": b'{"\\u0000": "\\u0000"}',
    "a long name": b'{"' + b"x" * 3000 + b'": 1}',
    "many names": b"{" + b", ".join(b'"n%d": 1' % n for n in range(300)) + b"}",
    "nested just so": b'{"odd": ' + b"[" * 150 + b"]" * 150 + b"}",
    "a prototype": b'{"__proto__": {"role": "host"}, "constructor": {"prototype": {}}}',
}
"""Objects that are JSON, or nearly, and hold nothing anybody asked for."""

NOT_THEIRS = (
    *("id", "room_id", "meeting_id", "participant_id", "recording_id", "key_id", "tenant_id"),
    *("campus_id", "account_id", "created_by", "creator_id", "owner_id", "host_user_id", "status"),
    *(
        "state",
        "epoch",
        "seq",
        "next_seq",
        "version",
        "pod_id",
        "spool_id",
        "is_active",
        "is_admin",
    ),
    *("is_host", "participant_count", "created_at", "updated_at", "started_at", "ended_at"),
    *("joined_at", "left_at", "admitted_at", "revoked_at", "storage_key", "object_key", "sha256"),
    *("storage_provider", "size_bytes", "duration_seconds", "api_key_sha256", "secret_sha256"),
    *("password_hash", "signing_secret", "start_url", "join_url", "command_id", "kind", "attempts"),
)
"""What answers or tables have and nobody outside writes."""


def texts(schema: Schema, definitions: dict[str, Schema]) -> Iterator[tuple[str | int, ...]]:
    """Where in a body of this schema text goes: names and, into lists, 0."""
    for option in _options(schema, definitions):
        match option.get("type"):
            case "string":
                yield ()
            case "object":
                for name, inner in option.get("properties", {}).items():
                    yield from ((name, *more) for more in texts(inner, definitions))
            case "array":
                yield from ((0, *more) for more in texts(option["items"], definitions))


def _options(schema: Schema, definitions: dict[str, Schema]) -> list[Schema]:
    if "$ref" in schema:
        return _options(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    options = schema.get("anyOf") if "properties" not in schema else None
    if options:
        return [known for each in options for known in _options(each, definitions)]
    return [schema]
