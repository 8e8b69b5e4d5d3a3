"""`python -m handlers`: the HTTP program, until SIGTERM or Ctrl-C.

`python -m handlers openapi [NAME]` prints a dialect's document instead, or all of them by name.
"""

from __future__ import annotations

import json
import signal
import sys

import uvicorn

from handlers.socket.frames import FRAME_LIMIT
from handlers.socket.keepalive import PING_INTERVAL_S, PONG_TIMEOUT_S, KeepaliveProtocol
from infra.settings import settings
from infra.telemetry.logging import configure

GRACE_S = 10
"Seconds running requests have to end after a stop is asked for."


def main() -> None:
    match sys.argv[1:]:
        case []:
            serve()
        case ["openapi", *names] if len(names) <= 1:
            print_documents(names)
        case _:
            sys.exit(__doc__)


def print_documents(names: list[str]) -> None:
    # Only here: the server imports the program by its name, once it runs.
    from handlers.app import DIALECTS
    from handlers.dialects.openapi import document

    documents = {str(dialect.name): document(dialect) for dialect in DIALECTS}
    if not set(names) <= documents.keys():
        sys.exit(f"there are {', '.join(documents)}")
    shown = documents[names[0]] if names else documents
    json.dump(shown, sys.stdout, indent=1)


def serve() -> None:
    here = settings()
    configure(here.log_level, as_json=here.log_json)
    if here.redis_url is None:
        sys.exit("PARLEY_REDIS_URL is not set; `parley run` starts a Redis of its own")
    # uvicorn raises the signal again once it has stopped: an orderly end is not a death by it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "handlers.app:build",
        factory=True,
        host=here.host,
        port=here.port,
        loop="uvloop",
        http="httptools",
        ws=KeepaliveProtocol,
        ws_max_size=FRAME_LIMIT,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PONG_TIMEOUT_S,
        access_log=False,
        log_config=None,
        # `edge.py` reads forwarding headers, and believes them only from trusted proxies.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=65,
    )


if __name__ == "__main__":
    main()
