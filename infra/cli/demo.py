"""The sample meeting: two people talk, and a minute later you read who said what."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from infra.cli.peer import DrawnCamera, Peer, SpeechTrack
from infra.cli.stack import Stack, StackFailed, running
from infra.settings import Settings

SPEECH = Path(__file__).parents[1] / "demo" / "speech"
PEOPLE = {"alice": ("Alice", 90), "bob": ("Bob", 170)}
"External id to the name shown and the hue of the drawn camera."
HEARD_ENOUGH = 0.8
"Share of a speaker's words that must stand under their name."
DONE_WITHIN_S = 180.0

Say = Callable[[str], None]


async def hold_demo(settings: Settings, say: Say, *, once: bool) -> int:
    """Hold it in a home emptied for it. Returns the exit code: 0 only if both were understood."""
    async with running(settings, say, with_s3=True, afresh=True) as stack:
        understood = await _meeting(stack, say)
        if once:
            return 0 if understood else 1
        say("\nEverything stays up for you to look at. Ctrl-C ends it.")
        await asyncio.Event().wait()
    return 0


async def _meeting(stack: Stack, say: Say) -> bool:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=15, trust_env=False) as http:
        tenant = await _post(
            http, "/api/v1/tenants", {"name": "Sample school"}, **{"X-API-Key": stack.operator_key}
        )
        key = tenant["api_key"]
        http.headers["X-API-Key"] = key
        room = await _post(http, "/api/v1/rooms", {"name": "Monday review"})
        for external_id, (name, _) in PEOPLE.items():
            seat = {"display_name": name, "external_user_id": external_id, "role": "participant"}
            await _post(http, f"/api/v1/rooms/{room['id']}/participants", seat)
        recording = await _post(http, f"/api/v1/rooms/{room['id']}/recordings/start", {})

        say(f"\nMeeting “{room['name']}” is live; Alice and Bob join with audio and video ...")
        await _talk(http, key, room["id"], say)

        await _post(http, f"/api/v1/rooms/{room['id']}/recordings/stop", {})
        await _post(http, f"/api/v1/rooms/{room['id']}/end", {})
        say("The meeting has ended. Waiting for the recording to be stored and composed ...")
        recording = await _wait(http, f"/api/v1/recordings/{recording['id']}", "status", "ready")
        say("Waiting for the transcript ...")
        path = f"/api/v1/recordings/{recording['id']}/transcript"
        transcript = await _wait(http, path, "status", "completed")
        download = await _get(http, f"/api/v1/recordings/{recording['id']}/download")
        # An ended room takes nobody in by invitation; a token of the tenant's reads what it left.
        reader = {"api_key": key, "user_id": "you", "role": "host", "room_id": room["id"]}
        token = (await _post(http, "/api/v1/auth/token", reader))["access_token"]
        yours = await _post(http, "/api/v1/rooms", {"name": "Your own meeting"})
        invite = await _post(http, f"/api/v1/rooms/{yours['id']}/join-token", {"role": "host"})

        _print_transcript(transcript, say)
        length, size = recording["duration_seconds"], recording["file_size_bytes"]
        say(f"\nRecording  {length:.1f} s, {size} bytes")
        say(f"Download   {download['download_url']}")
        say(f"Transcript curl -H 'X-API-Key: {key}' '{stack.url}{path}?format=vtt'")
        say(f"Page       {stack.url}/#/r/{room['id']}?token={token}")
        say(f"Try it     {stack.url}/#/r/{yours['id']}?invite={invite['invite']}")
        say(f"API        {stack.url}/docs")
        return _understood(transcript, say)


async def _talk(http: httpx2.AsyncClient, key: str, room: str, say: Say) -> None:
    peers = [Peer(http, key, room, name) for name in PEOPLE]
    speeches = {name: SpeechTrack(SPEECH / f"{name}.ogg") for name in PEOPLE}
    try:
        for peer in peers:
            await peer.publish(speeches[peer.name], DrawnCamera(PEOPLE[peer.name][1]))
        for peer in peers:
            await peer.listen()
        length = max(s.duration_s for s in speeches.values()) + 1.0
        say(f"They talk for {length:.0f} s ...")
        await asyncio.sleep(length)
    finally:
        for peer in peers:
            await peer.close()
    for peer in peers:
        say(f"{PEOPLE[peer.name][0]} heard {peer.heard_s:.1f} s of the other.")


async def _post(http: httpx2.AsyncClient, path: str, body: Any, **headers: str) -> Any:
    answer = await http.post(path, json=body, headers=headers)
    if answer.is_error:
        raise StackFailed(f"POST {path} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()


async def _get(http: httpx2.AsyncClient, path: str) -> Any:
    answer = await http.get(path)
    if answer.is_error:
        raise StackFailed(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()


async def _wait(http: httpx2.AsyncClient, path: str, field: str, wanted: str) -> Any:
    """Ask until `field` is as wanted. Raises StackFailed when it failed, or took too long."""
    deadline = time.monotonic() + DONE_WITHIN_S
    seen: Any = None
    while time.monotonic() < deadline:
        answer = await http.get(path)
        if answer.status_code == 200:
            seen = answer.json()
            if seen[field] == wanted:
                return seen
            if seen[field] == "failed":
                raise StackFailed(f"{path} failed: {seen.get('error_message')}")
        await asyncio.sleep(0.3)
    raise StackFailed(f"{path} was not {wanted} within {DONE_WITHIN_S:.0f} s: {seen}")


def _print_transcript(transcript: Any, say: Say) -> None:
    say("\nWho said what:")
    for turn in transcript["transcript_json"]["segments"]:
        minutes, seconds = divmod(turn["start"], 60)
        say(f"  {int(minutes):02}:{seconds:05.2f}  {turn['speaker']:<6} {turn['text'].strip()}")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _understood(transcript: Any, say: Say) -> bool:
    """Whether each speaker's own words stand under their own name."""
    truth = json.loads((SPEECH / "dialogue.json").read_text())
    turns = transcript["transcript_json"]["segments"]
    good = True
    for external_id, (name, _) in PEOPLE.items():
        said = [w for line in truth if line["speaker"] == external_id for w in _words(line["text"])]
        heard = [w for t in turns if t["speaker"] == name for w in _words(t["text"])]
        left = list(heard)
        found = 0
        for word in said:
            if word in left:
                left.remove(word)
                found += 1
        say(f"{name}: {found} of {len(said)} words under the right name.")
        good = good and found >= HEARD_ENOUGH * len(said)
    return good
