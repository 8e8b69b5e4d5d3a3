"""Stands between a client and an S3 server: counts what is sent, and misbehaves when told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["slow down", "lose the reply", "answer 200 with an error", "cut the body"]
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"
INTERNAL = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>no</Message></Error>"


class S3Proxy:
    def __init__(self, endpoint: str) -> None:
        self.target = urlsplit(endpoint).netloc
        self.sent: list[tuple[str, str, int]] = []
        "Method, path with query, and bytes of every request that went through."
        self.faults: list[tuple[str, str, Fault]] = []
        "Method, a piece of the path with query, and what to do: each happens once."
        self.seen: Callable[[str, str], None] = lambda method, path: None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                proxy.forward(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def part_bytes(self) -> int:
        """Bytes of parts that went through so far."""
        return sum(size for _, path, size in self.sent if "partNumber=" in path)

    def forward(self, client: BaseHTTPRequestHandler) -> None:
        if client.headers.get("Expect") == "100-continue":
            client.send_response_only(100)
            client.end_headers()
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        fault = self._fault(client.command, client.path)
        if fault == "slow down":
            self._answer(client, 503, [("Content-Type", "application/xml")], SLOW_DOWN)
            return
        if fault == "answer 200 with an error":
            self._answer(client, 200, [("Content-Type", "application/xml")], INTERNAL)
            return
        server = http.client.HTTPConnection(self.target, timeout=30)
        headers = {k: v for k, v in client.headers.items() if k.lower() != "expect"}
        server.request(client.command, client.path, body, headers)
        answer = server.getresponse()
        data = answer.read()
        server.close()
        self.sent.append((client.command, client.path, len(body)))
        self.seen(client.command, client.path)
        if fault == "lose the reply":
            client.close_connection = True
            client.connection.close()
            return
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
        length = answer.getheader("Content-Length") if client.command == "HEAD" else None
        half = data[: len(data) // 2] if fault == "cut the body" else data
        self._answer(client, answer.status, kept, half, length or str(len(data)))
        if fault == "cut the body":
            client.close_connection = True
            client.connection.close()

    def _fault(self, method: str, path: str) -> Fault | None:
        for number, (wanted, piece, fault) in enumerate(self.faults):
            if wanted == method and piece in path:
                del self.faults[number]
                return fault
        return None

    @staticmethod
    def _answer(
        client: BaseHTTPRequestHandler,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        length: str | None = None,
    ) -> None:
        client.send_response_only(status)
        for name, value in headers:
            client.send_header(name, value)
        client.send_header("Content-Length", length or str(len(body)))
        client.end_headers()
        if client.command != "HEAD":
            client.wfile.write(body)
            client.wfile.flush()


_HOP = {"content-length", "transfer-encoding", "connection"}
