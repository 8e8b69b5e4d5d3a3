// A bar that moves with one's own voice.
import { useEffect, useRef } from "preact/hooks";
import { Meter } from "../media/meter";
import { words } from "../words";

/** Speech lies around 0.1. */
const GAIN = 6;
/** Falls slower than it rises, as an ear expects. */
const FALL = 0.9;

/** Many times a second, so by hand rather than by drawing the view anew. */
export function Level({ mic }: { mic: MediaStreamTrack }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const meter = new Meter(mic);
    let shown = 0;
    let frame = 0;
    const draw = () => {
      shown = Math.max(Math.min(1, meter.level() * GAIN), shown * FALL);
      bar.current?.style.setProperty("--level", shown.toFixed(3));
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      meter.close();
    };
  }, [mic]);
  return <div class="level" ref={bar} role="img" aria-label={words.lobby.level} />;
}
