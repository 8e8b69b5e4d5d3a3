"""Chromium as a participant: one process a person, since a process has one fake microphone."""

from __future__ import annotations

import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from infra.cli.peer import SAMPLE_RATE, read_speech

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # Loopback candidates instead of mDNS names nobody here resolves.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
]

REMEMBER_CONNECTIONS = """
window.connections = [];
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...args) { super(...args); window.connections.push(this); }
};
"""

RECEIVED = """
async () => {
  const sum = {frames: 0, energy: 0};
  for (const connection of window.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp') continue;
      if (report.kind === 'video') sum.frames += report.framesDecoded || 0;
      if (report.kind === 'audio') sum.energy += report.totalAudioEnergy || 0;
    }
  }
  return sum;
}
"""


def chromium() -> str:
    for name in ("chromium", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise LookupError("Chromium is not installed")


def microphone(speech: Path, target: Path) -> Path:
    """The speech as the WAV file Chromium's fake microphone reads."""
    samples = read_speech(speech)
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())
    return target


@asynccontextmanager
async def browser(speech: Path | None = None) -> AsyncIterator[Page]:
    """A page in a Chromium of its own; its microphone says `speech` over and over."""
    flags = list(FLAGS)
    if speech:
        flags.append(f"--use-file-for-fake-audio-capture={speech}")
    async with async_playwright() as playwright:
        process = await playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=flags
        )
        try:
            context = await process.new_context(permissions=["camera", "microphone"])
            page = await context.new_page()
            await page.add_init_script(REMEMBER_CONNECTIONS)
            yield page
        finally:
            await process.close()


async def received(page: Page) -> dict[str, Any]:
    """Video frames decoded and audio energy heard so far, over all connections."""
    found: dict[str, Any] = await page.evaluate(RECEIVED)
    return found
