// A video element playing one track, and the sound of all others.

import { useEffect, useRef } from "preact/hooks";

export function Video(props: { track: MediaStreamTrack; mirrored?: boolean; fit?: "contain" }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    current.srcObject = new MediaStream([props.track]);
    return () => {
      current.srcObject = null;
    };
  }, [props.track]);
  return (
    <video
      ref={element}
      autoplay
      playsInline
      muted
      class={props.mirrored ? "mirrored" : ""}
      style={props.fit ? { objectFit: props.fit } : undefined}
    />
  );
}

export function Sound({ track }: { track: MediaStreamTrack }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    current.srcObject = new MediaStream([track]);
    // Joining was a click, so a browser that still refuses has been told to by the person.
    current.play().catch(() => undefined);
    return () => {
      current.srcObject = null;
    };
  }, [track]);
  return <audio ref={element} autoplay />;
}
