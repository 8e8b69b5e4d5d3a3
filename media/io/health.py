"""The pod's only HTTP: whether it lives, and its figures for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.io.pod import Pod

REQUEST_S = 5.0
REQUEST_BYTES = 8_192


class PodFigures(Collector):
    """Read when asked for; nothing is counted twice."""

    def __init__(self, pod: Pod, loop_lag: Callable[[], float]) -> None:
        self._pod = pod
        self._loop_lag = loop_lag

    def collect(self) -> Iterator[Metric]:
        board = self._pod.board
        yield GaugeMetricFamily("parley_media_rooms", "Rooms this pod holds.", len(self._pod.rooms))
        yield GaugeMetricFamily(
            "parley_media_connections",
            "Transports of clients, also those not connected yet.",
            self._pod.connections,
        )
        yield GaugeMetricFamily(
            "parley_media_loop_lag_seconds",
            "How late the event loop's last timer came. Growing: the pod is short of CPU.",
            self._loop_lag(),
        )
        yield GaugeMetricFamily(
            "parley_media_news_waiting", "Sayings the bus has not taken yet.", len(self._pod.news)
        )
        yield GaugeMetricFamily(
            "parley_media_incoming_bits_per_second",
            "Media from all clients during the last seconds.",
            self._pod.survey.incoming_bps,
        )
        yield GaugeMetricFamily(
            "parley_media_outgoing_bits_per_second",
            "Media to all clients during the last seconds.",
            self._pod.survey.outgoing_bps,
        )
        for name, value in asdict(board.engine.stats).items():
            yield CounterMetricFamily(f"parley_media_{name}", "As the engine counts it.", value)
        for name, value in asdict(board.counters).items():
            yield CounterMetricFamily(
                f"parley_media_checks_{name}", "Dropped by the switchboard.", value
            )
        recorder = asdict(self._pod.recorder.stats)
        yield GaugeMetricFamily(
            "parley_media_recorder_degraded",
            "1: the last attempt to write failed, and what is recorded has holes.",
            recorder.pop("degraded"),
        )
        for name, value in recorder.items():
            yield CounterMetricFamily(
                f"parley_media_recorder_{name}", "As the recorder counts it.", value
            )
        yield GaugeMetricFamily(
            "parley_media_spool_used",
            "How full the spool's disk is. From 0.85 on no new recording is begun here.",
            self._pod.recorder.spool_used(),
        )


class HealthServer:
    """`GET /livez` and `GET /metrics`, one request a connection."""

    def __init__(self, figures: Collector) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(figures)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Raises OSError when the port is taken. The port is returned: 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"GET /livez "):
            return _response("200 OK", b"alive\n")
        if request.startswith(b"GET /metrics "):
            return _response("200 OK", generate_latest(self._registry) + generate_latest(REGISTRY))
        return _response("404 Not Found", b"GET /livez, GET /metrics\n")


def _response(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
