// The bar of buttons below the stage.

import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Meeting } from "../meeting";
import { Icon, type IconName } from "./icons";
import type { Panel } from "./Stage";

const REACTIONS = ["👍", "👏", "❤️", "😂", "🎉", "🤔"];

interface Props {
  meeting: Meeting;
  panel: Signal<Panel>;
  unread: Signal<number>;
}

export function Controls({ meeting, panel, unread }: Props) {
  const choosing = useSignal(false);
  const seen = useRef(0);
  useSignalEffect(() => {
    const count = meeting.chat.value.length;
    if (panel.value === "chat") seen.current = count;
    unread.value = count - seen.current;
  });
  const raised = meeting.hands.value.has(meeting.you.value?.id ?? "");
  const toggle = (which: Panel) => (panel.value = panel.value === which ? null : which);
  const canShare = "getDisplayMedia" in (navigator.mediaDevices ?? {});

  return (
    <footer class="controls">
      <Toggle
        on={meeting.micOn.value}
        icons={["mic", "micOff"]}
        labels={["Mute", "Unmute"]}
        testid="mic-toggle"
        alarm
        press={() => void meeting.toggleMic()}
      />
      <Toggle
        on={meeting.own.camera.value !== null}
        icons={["cam", "camOff"]}
        labels={["Stop the camera", "Start the camera"]}
        testid="cam-toggle"
        alarm
        press={() => void meeting.toggleCamera()}
      />
      {canShare && (
        <Toggle
          on={meeting.own.screen.value !== null}
          icons={["screen", "screen"]}
          labels={["Stop sharing", "Share your screen"]}
          testid="screen-toggle"
          press={() => void meeting.toggleScreen()}
        />
      )}
      <Toggle
        on={raised}
        icons={["hand", "hand"]}
        labels={["Lower your hand", "Raise your hand"]}
        testid="hand-toggle"
        press={() => void meeting.toggleHand()}
      />
      <span class="reactions">
        <Toggle
          on={choosing.value}
          icons={["smile", "smile"]}
          labels={["React", "React"]}
          testid="react-toggle"
          press={() => (choosing.value = !choosing.value)}
        />
        {choosing.value && (
          <span class="choices">
            {REACTIONS.map((reaction) => (
              <button
                key={reaction}
                onClick={() => {
                  choosing.value = false;
                  void meeting.react(reaction);
                }}
              >
                {reaction}
              </button>
            ))}
          </span>
        )}
      </span>
      {meeting.leads.value && (
        <button
          class={meeting.recording.value ? "round record on" : "round record"}
          aria-pressed={meeting.recording.value}
          title={meeting.recording.value ? "Stop recording" : "Record the meeting"}
          aria-label={meeting.recording.value ? "Stop recording" : "Record the meeting"}
          data-testid="record-toggle"
          onClick={() => void meeting.toggleRecording()}
        >
          <i />
        </button>
      )}
      <span class="gap" />
      <Toggle
        on={panel.value === "people"}
        icons={["people", "people"]}
        labels={["Hide people", "Show people"]}
        testid="people-toggle"
        badge={meeting.people.value.size}
        press={() => toggle("people")}
      />
      <Toggle
        on={panel.value === "chat"}
        icons={["chat", "chat"]}
        labels={["Hide the chat", "Show the chat"]}
        testid="chat-toggle"
        badge={unread.value}
        press={() => toggle("chat")}
      />
      <button class="leave" data-testid="leave-button" onClick={() => meeting.leave()}>
        <Icon name="leave" /> <span>Leave</span>
      </button>
    </footer>
  );
}

function Toggle(props: {
  on: boolean;
  icons: [on: IconName, off: IconName];
  labels: [on: string, off: string];
  testid: string;
  /** Being off is what should be noticed. */
  alarm?: boolean;
  badge?: number;
  press(): void;
}) {
  const state = props.alarm ? (props.on ? "" : "off") : props.on ? "lit" : "";
  const label = props.on ? props.labels[0] : props.labels[1];
  return (
    <button
      class={`round ${state}`}
      aria-pressed={props.on}
      aria-label={label}
      title={label}
      data-testid={props.testid}
      onClick={props.press}
    >
      <Icon name={props.on ? props.icons[0] : props.icons[1]} />
      {props.badge ? <b>{props.badge > 99 ? "99+" : props.badge}</b> : null}
    </button>
  );
}
