// Before the meeting: one's name, and a look at oneself.
import { useState } from "preact/hooks";
import { Refused } from "../api";
import type { Link } from "../link";
import type { Devices, Trouble } from "../media/devices";
import { Seat } from "../seat";
import { useStore } from "../store";
import { words } from "../words";
import { DeviceToggles } from "./DeviceToggles";
import { Logo } from "./icons";
import { Level } from "./Level";
import { Picture } from "./Picture";

const NAME_KEY = "parley.name";

interface Props {
  link: Link;
  seat: Seat | null;
  devices: Devices;
  enter: (seat: Seat) => void;
}

export function Lobby({ link, seat, devices, enter }: Props) {
  const { mic, camera, micTrouble, cameraTrouble } = useStore(devices.store);
  const [name, setName] = useState(() => seat?.name || localStorage.getItem(NAME_KEY) || "");
  const [isJoining, setJoining] = useState(false);
  const isInvited = Boolean(seat ?? link.invite);
  const [refusal, setRefusal] = useState(isInvited ? "" : words.lobby.noInvite);

  const join = async (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = name.trim();
    setJoining(true);
    setRefusal("");
    localStorage.setItem(NAME_KEY, chosen);
    try {
      const mine = seat ?? (await Seat.take(link, chosen));
      await mine.rename(chosen);
      enter(mine);
    } catch (error) {
      setJoining(false);
      setRefusal(said(error));
    }
  };

  return (
    <main class="lobby">
      <section class="preview" aria-label={words.lobby.preview}>
        <span class="off">{words.lobby.cameraOff}</span>
        {camera && <Picture track={camera} label={words.lobby.preview} mirrored />}
        {mic && <Level mic={mic} />}
        <div class="toggles">
          <DeviceToggles devices={devices} />
        </div>
      </section>
      <section class="card">
        <Logo />
        <h1>{words.lobby.title}</h1>
        <form onSubmit={(event) => void join(event)}>
          <label class="field">
            <span>{words.lobby.nameField}</span>
            <input
              data-testid="name-input"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
              required
              maxLength={100}
              pattern=".*\S.*"
              autocomplete="name"
              autofocus
            />
          </label>
          <DeviceTrouble device={words.trouble.mic} trouble={micTrouble} />
          <DeviceTrouble device={words.trouble.camera} trouble={cameraTrouble} />
          {refusal && (
            <p class="trouble" role="alert">
              {refusal}
            </p>
          )}
          <button class="primary" data-testid="join-button" disabled={isJoining || !isInvited}>
            {isJoining ? words.lobby.joining : words.lobby.join}
          </button>
        </form>
      </section>
    </main>
  );
}

function said(error: unknown): string {
  if (!(error instanceof Refused)) return words.unreachable;
  return words.refusals[error.code] ?? error.message;
}

function DeviceTrouble({ device, trouble }: { device: string; trouble: Trouble | null }) {
  if (!trouble) return null;
  return (
    <p class="trouble mild" role="status">
      {device} {words.trouble[trouble]}
    </p>
  );
}
