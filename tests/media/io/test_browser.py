"""A real browser and a pod: the answers it must understand, the packets it must decode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from infra.contract.ids import ConnectionId, ParticipantId, new_id
from infra.contract.live import Publish, Subscribe
from tests.support.browser import browser
from tests.support.pods import RoomUnderTest, running_pod, until

PAGE = """
<body><script>
const pcs = {};
async function negotiate(name, order, options) {
  const pc = pcs[name];
  await pc.setLocalDescription(await pc.createOffer(options));
  await pc.setRemoteDescription({type: 'answer', sdp: await order(pc.localDescription.sdp)});
}
async function publish() {
  const pc = pcs.publish = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  await negotiate('publish', pod_publish);
}
async function subscribe() {
  const pc = pcs.subscribe = new RTCPeerConnection();
  pc.ontrack = ({track}) => {
    // Sound nobody plays is not decoded.
    const player = document.body.appendChild(document.createElement(track.kind));
    player.srcObject = new MediaStream([track]);
    player.play();
  };
  for (const kind of ['audio', 'video', 'audio', 'video'])
    pc.addTransceiver(kind, {direction: 'recvonly'});
  await negotiate('subscribe', pod_subscribe);
}
async function figures(name) {
  const sum = {state: pcs[name].connectionState, frames: 0, energy: 0, codecs: [], sent: 0};
  const reports = await pcs[name].getStats();
  for (const report of reports.values()) {
    if (report.type === 'inbound-rtp') {
      sum.frames += report.framesDecoded || 0;
      sum.energy += report.totalAudioEnergy || 0;
    }
    if (report.type === 'outbound-rtp') sum.sent += report.packetsSent;
    if (report.type === 'codec') sum.codecs.push(report.mimeType);
  }
  return sum;
}
</script>
"""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[RoomUnderTest]:
    async with running_pod(tmp_path) as pod:
        yield await pod.room()


@pytest.fixture
async def page(room: RoomUnderTest) -> AsyncIterator[Page]:
    participant = ParticipantId(new_id())
    connections = {"publish": ConnectionId(new_id()), "subscribe": ConnectionId(new_id())}

    async def publish(offer: str) -> str:
        return await order(Publish, "publish", offer)

    async def subscribe(offer: str) -> str:
        return await order(Subscribe, "subscribe", offer)

    async def order(kind: Any, name: str, offer: str) -> str:
        reply = await room.order(
            kind, participant_id=participant, connection_id=connections[name], offer=offer
        )
        answer: str = reply.answer
        return answer

    async with browser() as page:
        await page.route(
            "http://localhost/",
            lambda route: route.fulfill(body=PAGE, content_type="text/html"),
        )
        await page.expose_function("pod_publish", publish)
        await page.expose_function("pod_subscribe", subscribe)
        await page.goto("http://localhost/")
        yield page


async def grown(page: Page, name: str, what: str, by: float = 5) -> None:
    before = (await page.evaluate(f"figures('{name}')"))[what]
    for _ in range(100):
        now = await page.evaluate(f"figures('{name}')")
        if now[what] > before + by:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"{what} of {name} stayed at {before}: {now}")


async def test_a_browser_sends_and_receives_and_survives_an_ice_restart(
    room: RoomUnderTest, page: Page
) -> None:
    ada = room.caller()
    await ada.publish("microphone", "camera")
    await page.evaluate("publish()")
    await until(lambda: len(room.tracks) == 4, "the browser's tracks")
    slots = (await ada.subscribe("audio", "video")).slots
    await page.evaluate("subscribe()")

    for slot in slots:
        await ada.received[slot.mid].more(10)
    await grown(page, "subscribe", "frames")
    await grown(page, "subscribe", "energy", 0.0001)
    sent = await page.evaluate("figures('publish')")
    assert sorted(sent["codecs"]) == ["audio/opus", "video/VP8"]
    assert room.under.pod.board.engine.stats.transport_feedback_sent > 0

    for name in ("publish", "subscribe"):
        await page.evaluate(f"negotiate('{name}', pod_{name}, {{iceRestart: true}})")
    await grown(page, "subscribe", "frames", 20)
    for slot in slots:
        await ada.received[slot.mid].more(20)
    assert len(room.tracks) == 4
    assert room.under.pod.board.engine.stats.failures == 0
    await ada.close()
