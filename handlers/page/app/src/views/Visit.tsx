// A visit to a room: the lobby, the meeting, and what is there afterwards.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Link } from "../link";
import { Devices } from "../media/devices";
import type { Ending } from "../meeting";
import { Meeting } from "../meeting";
import { Seat } from "../seat";
import { After } from "./After";
import { Lobby } from "./Lobby";
import { Stage } from "./Stage";

type Phase =
  | { name: "lobby"; seat: Seat | null }
  | { name: "meeting"; seat: Seat; meeting: Meeting }
  | { name: "after"; seat: Seat; why: Ending };

export function Visit({ link }: { link: Link }) {
  const [seat] = useState(() => Seat.find(link));
  const [devices] = useState(() => new Devices(seat?.wished ?? { micOn: true, cameraOn: true }));
  const [phase, setPhase] = useState<Phase>({ name: "lobby", seat });
  const meeting = useRef<Meeting | null>(null);

  const enter = (seat: Seat) => {
    const { micOn, cameraOn } = devices.store.state;
    seat.remember(link, { present: true, micOn, cameraOn });
    const begun = new Meeting(seat, devices, (why) => {
      meeting.current = null;
      devices.close();
      seat.remember(link, { present: false });
      // Its token opens nothing any more: whoever is asked back takes another seat.
      if (why === "removed" || why === "expired") Seat.forget(link.room);
      setPhase({ name: "after", seat, why });
    });
    meeting.current = begun;
    setPhase({ name: "meeting", seat, meeting: begun });
  };

  useEffect(() => {
    // A reload in the middle of a meeting goes straight back in.
    if (seat?.wasPresent) enter(seat);
    void devices.open();
    const look = async () => {
      const room = await seat?.findRoom();
      // To an ended meeting people come for its recordings.
      if (!seat || room?.status !== "ended" || meeting.current) return;
      devices.close();
      setPhase({ name: "after", seat, why: "ended" });
    };
    // Joining says what is wrong, if something is.
    look().catch(() => undefined);
    return () => {
      meeting.current?.leave();
      devices.close();
    };
  }, []);

  useEffect(() => {
    if (phase.name !== "meeting") return;
    return devices.store.follow(() => {
      const { micOn, cameraOn } = devices.store.state;
      phase.seat.remember(link, { micOn, cameraOn });
    });
  }, [phase]);

  switch (phase.name) {
    case "lobby":
      return <Lobby link={link} seat={phase.seat} devices={devices} enter={enter} />;
    case "meeting":
      return <Stage meeting={phase.meeting} devices={devices} />;
    case "after": {
      const rejoin = () => {
        setPhase({ name: "lobby", seat: phase.seat });
        void devices.open();
      };
      return <After seat={phase.seat} why={phase.why} rejoin={rejoin} />;
    }
  }
}
