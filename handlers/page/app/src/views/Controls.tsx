// The bar of buttons.
import { useRef } from "preact/hooks";
import type { Devices } from "../media/devices";
import type { Meeting } from "../meeting";
import { useStore } from "../store";
import { words } from "../words";
import { ConfirmEnd } from "./ConfirmEnd";
import { DeviceToggles } from "./DeviceToggles";
import { Chat, Leave, People, Record, Screen } from "./icons";
import type { PanelName } from "./Panel";
import { Toggle } from "./Toggle";

interface Props {
  meeting: Meeting;
  devices: Devices;
  panel: PanelName | null;
  show: (panel: PanelName | null) => void;
  unread: number;
}

export function Controls({ meeting, devices, panel, show, unread }: Props) {
  const { recordingId, canRecord, people } = useStore(meeting.store);
  const { screen } = useStore(devices.store);
  const confirm = useRef<HTMLDialogElement>(null);
  // Phones have no screens to share, and pages without https no devices at all.
  const canShare = Boolean(navigator.mediaDevices?.getDisplayMedia);
  const flip = (name: PanelName) => show(panel === name ? null : name);
  return (
    <nav class="controls" aria-label={words.controls.label}>
      <div class="group">
        <DeviceToggles devices={devices} />
        {canShare && (
          <Toggle
            testid="screen-toggle"
            label={screen ? words.controls.unshare : words.controls.share}
            on={screen !== null}
            onClick={() => void devices.setScreen(screen === null)}
          >
            <Screen />
          </Toggle>
        )}
        {meeting.leads && (canRecord || recordingId) && (
          <Toggle
            testid="record-toggle"
            label={recordingId ? words.controls.unrecord : words.controls.record}
            on={recordingId !== null}
            live={recordingId !== null}
            onClick={() => void meeting.toggleRecording()}
          >
            <Record on={recordingId !== null} />
          </Toggle>
        )}
      </div>
      <div class="group">
        <Toggle
          testid="people-toggle"
          label={`${words.people.title} (${people.length})`}
          on={panel === "people"}
          onClick={() => flip("people")}
        >
          <People />
        </Toggle>
        <Toggle
          testid="chat-toggle"
          label={words.chat.title}
          on={panel === "chat"}
          news={unread ? words.controls.unread(unread) : null}
          onClick={() => flip("chat")}
        >
          <Chat />
        </Toggle>
      </div>
      <div class="group">
        <button
          type="button"
          class="leave"
          data-testid="leave-button"
          onClick={() => meeting.leave()}
        >
          <Leave />
          <span>{words.controls.leave}</span>
        </button>
        {meeting.leads && (
          <button
            type="button"
            class="end"
            data-testid="end-button"
            onClick={() => confirm.current?.showModal()}
          >
            {words.controls.end}
          </button>
        )}
      </div>
      <ConfirmEnd dialog={confirm} end={() => void meeting.endForAll()} />
    </nav>
  );
}
