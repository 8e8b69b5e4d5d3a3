// Line icons on a 24 by 24 grid, drawn in the colour of the text beside them.

const PATHS = {
  mic: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  micOff: "M9 9v3a3 3 0 0 0 4.500 2.600M15 11V6a3 3 0 0 0-5.700-1.300M5 11a7 7 0 0 0 11 5.700M19 11a7 7 0 0 1-.6 2.800M12 18v3M4 4l16 16",
  cam: "M4 7h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zM15 11l6-3.500v9L15 13",
  camOff: "M10 7h3a2 2 0 0 1 2 2v3l6-4.500v9M14 16.700a2 2 0 0 1-1 .3H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2M4 4l16 16",
  screen: "M3 5h18v11H3zM8 20h8M12 16v4M9 10.500l3-3 3 3M12 8v5",
  hand: "M7 12V6.500a1.500 1.500 0 0 1 3 0V11M10 10V4.500a1.500 1.500 0 0 1 3 0V11M13 10V5.500a1.500 1.500 0 0 1 3 0V12M16 11V8.500a1.500 1.500 0 0 1 3 0V15a6 6 0 0 1-6 6h-1a6 6 0 0 1-5-2.600L4 14.500a1.500 1.500 0 0 1 2.400-1.800L8 14.500",
  chat: "M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-9l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500a6.500 6.500 0 0 1 3.500 5.500",
  leave: "M3.500 14.500c5-4.700 12-4.700 17 0l-2 2.700-4-1.700v-2.600a10 10 0 0 0-5 0v2.600l-4 1.700z",
  send: "M4 12l16-8-6 16-3-7z",
  close: "M6 6l12 12M18 6L6 18",
  play: "M7 4.500v15l12-7.500z",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.500 14.500a4.500 4.500 0 0 0 7 0M9 9.500v.1M15 9.500v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark({ size = 28 }: { size?: number }) {
  return <img class="mark" src="/icon.svg" width={size} height={size} alt="" />;
}
