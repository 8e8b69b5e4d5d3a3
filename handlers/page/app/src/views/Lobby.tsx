// Before the meeting: a name, and a look at oneself.

import { useEffect, useRef, useState } from "preact/hooks";
import * as devices from "../media/devices";
import { meter } from "../media/meter";
import { Icon, Mark } from "./icons";
import { Video } from "./Video";

export interface Devices {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
}

interface Props {
  room: string;
  name: string;
  join(name: string, own: Devices): Promise<void>;
}

const NAME_KEY = "parley.name";

export function Lobby({ room, name: known, join }: Props) {
  const [name, setName] = useState(known || (localStorage.getItem(NAME_KEY) ?? ""));
  const [own, setOwn] = useState<Devices>({ microphone: null, camera: null });
  const [choice, setChoice] = useState(devices.remembered());
  const [found, setFound] = useState<Awaited<ReturnType<typeof devices.list>> | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const level = useLevel(own.microphone);
  const kept = useRef<Devices>(own);
  const joined = useRef(false);
  kept.current = own;

  const start = async (kind: keyof Devices, device = choice[kind]) => {
    try {
      const track = await (kind === "camera" ? devices.camera(device) : devices.microphone(device));
      kept.current[kind]?.stop();
      setOwn((before) => ({ ...before, [kind]: track }));
    } catch (error) {
      setTrouble(devices.trouble(error, kind));
    }
  };
  const stop = (kind: keyof Devices) => {
    own[kind]?.stop();
    setOwn((before) => ({ ...before, [kind]: null }));
  };
  const choose = (kind: keyof Devices, device: string) => {
    const chosen = { ...choice, [kind]: device };
    devices.remember(chosen);
    setChoice(chosen);
    void start(kind, device);
  };

  useEffect(() => {
    void (async () => {
      if (!navigator.mediaDevices) {
        setTrouble("This page reaches your camera and microphone only over HTTPS");
        return;
      }
      await start("microphone");
      await start("camera");
      setFound(await devices.list());
    })();
    return () => {
      if (joined.current) return;
      for (const track of Object.values(kept.current)) track?.stop();
    };
  }, []);

  const enter = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    localStorage.setItem(NAME_KEY, name.trim());
    try {
      joined.current = true;
      await join(name.trim(), own);
    } catch (error) {
      joined.current = false;
      setBusy(false);
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <main class="lobby">
      <section class="preview">
        {own.camera ? (
          <Video track={own.camera} mirrored />
        ) : (
          <div class="nobody">{name.trim() ? initials(name) : <Icon name="camOff" size={40} />}</div>
        )}
        <div class="bar">
          <button
            type="button"
            class={own.microphone ? "round" : "round off"}
            aria-pressed={own.microphone !== null}
            aria-label={own.microphone ? "Turn the microphone off" : "Turn the microphone on"}
            data-testid="mic-toggle"
            onClick={() => (own.microphone ? stop("microphone") : void start("microphone"))}
          >
            <Icon name={own.microphone ? "mic" : "micOff"} />
          </button>
          <button
            type="button"
            class={own.camera ? "round" : "round off"}
            aria-pressed={own.camera !== null}
            aria-label={own.camera ? "Turn the camera off" : "Turn the camera on"}
            data-testid="cam-toggle"
            onClick={() => (own.camera ? stop("camera") : void start("camera"))}
          >
            <Icon name={own.camera ? "cam" : "camOff"} />
          </button>
          <span class="level" aria-hidden="true">
            <i style={{ transform: `scaleX(${level})` }} />
          </span>
        </div>
      </section>
      <form class="card" onSubmit={(event) => void enter(event)}>
        <p class="brand">
          <Mark /> Parley
        </p>
        <h1 data-testid="room-name">{room}</h1>
        <label>
          Your name
          <input
            data-testid="name-input"
            autocomplete="name"
            maxLength={80}
            required
            // A seat that is ours already has its name.
            readOnly={known !== ""}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {found && found.microphones.length > 1 && (
          <Select
            label="Microphone"
            devices={found.microphones}
            chosen={choice.microphone}
            choose={(device) => choose("microphone", device)}
          />
        )}
        {found && found.cameras.length > 1 && (
          <Select
            label="Camera"
            devices={found.cameras}
            chosen={choice.camera}
            choose={(device) => choose("camera", device)}
          />
        )}
        {trouble && (
          <p class="alert" role="alert" data-testid="lobby-trouble">
            {trouble}.
          </p>
        )}
        <button class="primary" data-testid="join-button" disabled={busy || !name.trim()}>
          {busy ? "Joining …" : "Join"}
        </button>
      </form>
    </main>
  );
}

function Select(props: {
  label: string;
  devices: MediaDeviceInfo[];
  chosen: string | null;
  choose(device: string): void;
}) {
  return (
    <label>
      {props.label}
      <select
        value={props.chosen ?? ""}
        onChange={(event) => props.choose(event.currentTarget.value)}
      >
        {props.devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || props.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function useLevel(track: MediaStreamTrack | null): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    return track ? meter(track, setLevel) : undefined;
  }, [track]);
  return level;
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}
