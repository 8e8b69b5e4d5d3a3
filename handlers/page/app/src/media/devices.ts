// Camera, microphone and screen of this machine.
import { Store } from "../store";

export type Trouble = "denied" | "missing" | "busy" | "insecure";

export interface DevicesState {
  mic: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  screen: MediaStream | null;
  /** Whether they are wanted; there may be none to be had. */
  micOn: boolean;
  cameraOn: boolean;
  micTrouble: Trouble | null;
  cameraTrouble: Trouble | null;
}

const SOUND: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
/** A weak machine is not asked to encode more than it can. */
const HEIGHT = navigator.hardwareConcurrency >= 4 ? 720 : 360;
const PICTURE: MediaTrackConstraints = {
  width: { ideal: (HEIGHT * 16) / 9 },
  height: { ideal: HEIGHT },
  frameRate: { ideal: 24, max: 30 },
  facingMode: "user",
};

export class Devices {
  readonly store: Store<DevicesState>;

  constructor(wished: { micOn: boolean; cameraOn: boolean }) {
    this.store = new Store<DevicesState>({
      mic: null,
      camera: null,
      screen: null,
      micTrouble: null,
      cameraTrouble: null,
      ...wished,
    });
  }

  /** Ask for what is wanted, in one question to the person if possible. */
  async open(): Promise<void> {
    const { micOn, cameraOn } = this.store.state;
    if (micOn && cameraOn) {
      try {
        const found = await capture({ audio: SOUND, video: PICTURE });
        this.keepMic(found.getAudioTracks()[0] ?? null);
        this.keepCamera(found.getVideoTracks()[0] ?? null);
        return;
      } catch {
        // One of the two is the reason: each is asked for by itself.
      }
    }
    await Promise.all([micOn && this.setMic(true), cameraOn && this.setCamera(true)]);
  }

  async setMic(on: boolean): Promise<void> {
    this.store.set({ micOn: on });
    const { mic } = this.store.state;
    if (mic) {
      mic.enabled = on;
      // Followers look at the track; it has changed inside.
      this.store.set({});
    } else if (on) {
      try {
        const found = await capture({ audio: SOUND });
        this.keepMic(found.getAudioTracks()[0] ?? null);
      } catch (error) {
        this.store.set({ micOn: false, micTrouble: trouble(error) });
      }
    }
  }

  /** Off lets go of the camera, so that its light goes out. */
  async setCamera(on: boolean): Promise<void> {
    this.store.set({ cameraOn: on });
    if (!on) {
      stop(this.store.state.camera);
      this.store.set({ camera: null });
    } else if (!this.store.state.camera) {
      try {
        const found = await capture({ video: PICTURE });
        this.keepCamera(found.getVideoTracks()[0] ?? null);
      } catch (error) {
        this.store.set({ cameraOn: false, cameraTrouble: trouble(error) });
      }
    }
  }

  /** Offers the person a choice of screens; choosing none is no trouble. */
  async setScreen(on: boolean): Promise<void> {
    if (!on) {
      for (const track of this.store.state.screen?.getTracks() ?? []) stop(track);
      this.store.set({ screen: null });
      return;
    }
    let screen: MediaStream;
    try {
      screen = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 15, max: 30 } },
        audio: true,
      });
    } catch {
      return;
    }
    const [picture] = screen.getVideoTracks();
    if (picture) {
      picture.contentHint = "detail";
      picture.onended = () => void this.setScreen(false);
    }
    this.store.set({ screen });
  }

  close(): void {
    const { mic, camera, screen } = this.store.state;
    for (const track of [mic, camera, ...(screen?.getTracks() ?? [])]) stop(track);
    this.store.set({ mic: null, camera: null, screen: null });
  }

  private keepMic(mic: MediaStreamTrack | null): void {
    if (!this.store.state.micOn && mic) mic.enabled = false;
    if (mic) mic.onended = () => this.store.set({ mic: null, micOn: false, micTrouble: "missing" });
    this.store.set({ mic, micTrouble: null });
  }

  private keepCamera(camera: MediaStreamTrack | null): void {
    if (!this.store.state.cameraOn) return stop(camera);
    if (camera) {
      camera.onended = () =>
        this.store.set({ camera: null, cameraOn: false, cameraTrouble: "missing" });
    }
    this.store.set({ camera, cameraTrouble: null });
  }
}

async function capture(what: MediaStreamConstraints): Promise<MediaStream> {
  if (!isSecureContext) throw new DOMException("not on https", "SecurityError");
  return navigator.mediaDevices.getUserMedia(what);
}

function stop(track: MediaStreamTrack | null): void {
  if (!track) return;
  track.onended = null;
  track.stop();
}

function trouble(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "SecurityError") return "insecure";
  if (name === "NotAllowedError") return "denied";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "missing" : "busy";
}
