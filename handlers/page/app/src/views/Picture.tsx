// A moving picture from a track.
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  track: MediaStreamTrack;
  label: string;
  mirrored?: boolean;
}

/** Shown once there is something to see: what lies under it shows until then. */
export function Picture({ track, label, mirrored = false }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    // The sound is played elsewhere, so that pictures may start by themselves.
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
      setSeen(false);
    };
  }, [track]);
  return (
    <video
      ref={element}
      class={`picture ${isSeen ? "seen" : ""} ${mirrored ? "mirrored" : ""}`}
      aria-label={label}
      playsInline
      onLoadedData={() => setSeen(true)}
    />
  );
}
