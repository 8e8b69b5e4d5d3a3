// The two buttons for microphone and camera, in the lobby and in the meeting.
import { useEffect } from "preact/hooks";
import type { Devices } from "../media/devices";
import { useStore } from "../store";
import { words } from "../words";
import { Camera, Mic } from "./icons";
import { Toggle } from "./Toggle";

export function DeviceToggles({ devices }: { devices: Devices }) {
  const { mic, camera, micOn, cameraOn } = useStore(devices.store);
  const isHeard = micOn && mic !== null;
  const isSeen = cameraOn && camera !== null;
  const toggleMic = () => void devices.setMic(!isHeard);
  const toggleCamera = () => void devices.setCamera(!isSeen);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      const deed = { d: toggleMic, e: toggleCamera }[event.key];
      if (!deed) return;
      event.preventDefault();
      deed();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });

  return (
    <>
      <Toggle
        testid="mic-toggle"
        label={isHeard ? words.controls.micOff : words.controls.micOn}
        alert={!isHeard}
        keys="Control+D"
        onClick={toggleMic}
      >
        <Mic off={!isHeard} />
      </Toggle>
      <Toggle
        testid="cam-toggle"
        label={isSeen ? words.controls.cameraOff : words.controls.cameraOn}
        alert={!isSeen}
        keys="Control+E"
        onClick={toggleCamera}
      >
        <Camera off={!isSeen} />
      </Toggle>
    </>
  );
}
