// Cameras, microphones and screens of this machine.

export interface Choice {
  microphone: string | null;
  camera: string | null;
}

const KEY = "parley.devices";

export function remembered(): Choice {
  try {
    return { microphone: null, camera: null, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { microphone: null, camera: null };
  }
}

export function remember(choice: Choice): void {
  localStorage.setItem(KEY, JSON.stringify(choice));
}

export async function microphone(device: string | null): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      ...(device ? { deviceId: { ideal: device } } : {}),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
  });
  return first(stream.getAudioTracks());
}

export async function camera(device: string | null): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: {
      ...(device ? { deviceId: { ideal: device } } : {}),
      width: { ideal: 640 },
      height: { ideal: 360 },
      frameRate: { ideal: 24, max: 30 },
    },
  });
  return first(stream.getVideoTracks());
}

/** The screen, and its sound where the browser gives it. Throws when the person thinks better. */
export async function screen(): Promise<{ video: MediaStreamTrack; audio: MediaStreamTrack | null }> {
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: { ideal: 12, max: 15 } },
    audio: true,
  });
  const video = first(stream.getVideoTracks());
  video.contentHint = "detail";
  return { video, audio: stream.getAudioTracks()[0] ?? null };
}

export async function list(): Promise<{ microphones: MediaDeviceInfo[]; cameras: MediaDeviceInfo[] }> {
  const found = await navigator.mediaDevices.enumerateDevices();
  return {
    microphones: found.filter((device) => device.kind === "audioinput" && device.deviceId),
    cameras: found.filter((device) => device.kind === "videoinput" && device.deviceId),
  };
}

/** What went wrong, in words for whoever wanted to be seen or heard. */
export function trouble(error: unknown, what: string): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return `The browser does not let this page use the ${what}`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${what} was found`;
    case "NotReadableError":
      return `Another program is using the ${what}`;
    default:
      return `The ${what} could not be started`;
  }
}

function first(tracks: MediaStreamTrack[]): MediaStreamTrack {
  const [track] = tracks;
  if (!track) throw new DOMException("nothing came", "NotFoundError");
  return track;
}
