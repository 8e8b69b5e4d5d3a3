// The meeting: tiles, controls, and the panel beside them.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Devices } from "../media/devices";
import type { Meeting } from "../meeting";
import { useStore } from "../store";
import { words } from "../words";
import { Banner } from "./Banner";
import { Controls } from "./Controls";
import { Grid } from "./Grid";
import type { PanelName } from "./Panel";
import { Panel } from "./Panel";

const ROOM_BESIDE_PX = 1000;

export function Stage({ meeting, devices }: { meeting: Meeting; devices: Devices }) {
  const { roomName, recordingId, messages, you } = useStore(meeting.store);
  const [panel, setPanel] = useState<PanelName | null>(() =>
    window.innerWidth >= ROOM_BESIDE_PX ? "chat" : null,
  );
  const unread = useUnread(messages.length, panel === "chat", you !== null);

  useEffect(() => {
    document.title = roomName ? `${roomName} · ${words.name}` : words.name;
    return () => void (document.title = words.name);
  }, [roomName]);

  return (
    <div class={`stage ${panel ? "with-panel" : ""}`}>
      <header>
        <h1>{roomName}</h1>
        {recordingId && (
          <span class="recording" role="status" data-testid="recording-indicator">
            {words.controls.recording}
          </span>
        )}
      </header>
      <Grid meeting={meeting} devices={devices} />
      {panel && <Panel meeting={meeting} name={panel} show={setPanel} />}
      <Controls meeting={meeting} devices={devices} panel={panel} show={setPanel} unread={unread} />
      <Banner meeting={meeting} />
    </div>
  );
}

/** Messages that came while the chat was closed. What was said before one came counts as read. */
function useUnread(count: number, isOpen: boolean, isIn: boolean): number {
  const read = useRef<number | null>(null);
  if (isIn && (isOpen || read.current === null)) read.current = count;
  return isOpen ? 0 : count - (read.current ?? count);
}
