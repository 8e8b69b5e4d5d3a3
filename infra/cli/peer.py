"""A participant made of aiortc: sends speech and a drawn camera by WHIP, receives by WHEP."""

from __future__ import annotations

import asyncio
import fractions
import time
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
"20 ms, as browsers send."

_CONFIGURATION = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
"Nobody else's servers; one transport, or aiortc loses a second m-line of a kind it bundles late."


class SpeechTrack(MediaStreamTrack):
    """Plays an audio file once in real time, then silence."""

    kind = "audio"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._samples = read_speech(path)
        self._at = 0
        self._started_at: float | None = None

    @property
    def duration_s(self) -> float:
        return len(self._samples) / SAMPLE_RATE

    async def recv(self) -> av.AudioFrame:
        if self._started_at is None:
            self._started_at = time.monotonic()
        due = self._started_at + self._at / SAMPLE_RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        samples = np.zeros(FRAME_SAMPLES, np.int16)
        said = self._samples[self._at : self._at + FRAME_SAMPLES]
        samples[: len(said)] = said
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._at
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._at += FRAME_SAMPLES
        return frame


def read_speech(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """The whole file as 48 kHz mono samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    pieces: list[np.ndarray[Any, np.dtype[np.int16]]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            pieces.extend(
                out.to_ndarray().reshape(-1).astype(np.int16) for out in resampler.resample(frame)
            )
    return np.concatenate(pieces)


class DrawnCamera(VideoStreamTrack):
    """A small moving picture in the participant's own colour."""

    WIDTH, HEIGHT, RATE = 320, 180, 10

    def __init__(self, hue: int) -> None:
        super().__init__()
        self._hue = hue
        self._n = 0
        self._started_at: float | None = None

    async def recv(self) -> av.VideoFrame:
        if self._started_at is None:
            self._started_at = time.monotonic()
        await asyncio.sleep(max(0.0, self._started_at + self._n / self.RATE - time.monotonic()))
        picture = np.zeros((self.HEIGHT * 3 // 2, self.WIDTH), np.uint8)
        picture[: self.HEIGHT] = np.linspace(60, 180, self.WIDTH, dtype=np.uint8)
        left = (self._n * 6) % (self.WIDTH - 40)
        picture[60:120, left : left + 40] = 235
        chroma = picture[self.HEIGHT :].reshape(2, -1)
        chroma[0], chroma[1] = self._hue, 255 - self._hue
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._n * 90_000 // self.RATE
        frame.time_base = fractions.Fraction(1, 90_000)
        self._n += 1
        return frame


class Peer:
    """One person in a room. `close` ends its sessions with DELETE, as WHIP asks."""

    def __init__(self, http: httpx2.AsyncClient, key: str, room: str, name: str) -> None:
        self.name = name
        self.heard_s = 0.0
        "Seconds of audible sound received from the others."
        self.frames_seen = 0
        "Pictures of the others decoded."
        self._http = http
        self._key = key
        self._room = room
        self._open: list[tuple[RTCPeerConnection, str]] = []
        self._listeners: list[asyncio.Task[None]] = []

    async def publish(self, *tracks: MediaStreamTrack) -> None:
        pc = RTCPeerConnection(_CONFIGURATION)
        for track in tracks:
            pc.addTrack(track)
        await self._negotiate(pc, f"/whip/{self._room}?id={self.name}")

    async def listen(self, *, audio: int = 1, video: int = 0) -> None:
        """Hear and see everybody else, on so many m-lines of each kind."""
        pc = RTCPeerConnection(_CONFIGURATION)
        for kind, count in (("audio", audio), ("video", video)):
            for _ in range(count):
                pc.addTransceiver(kind, direction="recvonly")

        def on_track(track: MediaStreamTrack) -> None:
            follow = self._hear if track.kind == "audio" else self._see
            self._listeners.append(asyncio.create_task(follow(track)))

        pc.on("track", on_track)
        await self._negotiate(pc, f"/whep/{self._room}?id={self.name}")

    async def _negotiate(self, pc: RTCPeerConnection, path: str) -> None:
        await pc.setLocalDescription(await pc.createOffer())
        answer = await self._http.post(
            path,
            content=pc.localDescription.sdp,
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {self._key}"},
        )
        if answer.status_code != 201:
            await pc.close()
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        self._open.append((pc, answer.headers["location"]))
        await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            samples = frame.to_ndarray()
            if np.abs(samples).max() > 1000:
                self.heard_s += frame.samples / frame.sample_rate

    async def _see(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:
                return
            self.frames_seen += 1

    async def close(self) -> None:
        for _, location in self._open:
            await self._http.delete(location, headers={"Authorization": f"Bearer {self._key}"})
        await self.abandon()

    async def abandon(self) -> None:
        """Be gone without a word, as after a crash."""
        for pc, _ in self._open:
            await pc.close()
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        self._open.clear()
