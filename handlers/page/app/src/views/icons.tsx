// Drawn symbols. Decoration only: what carries one has a label of its own.
import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const Mic = ({ off = false }) => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
    {off && <path d="M4 4l16 16" />}
  </Icon>
);

export const Camera = ({ off = false }) => (
  <Icon>
    <rect x="3" y="6.5" width="12.5" height="11" rx="2.5" />
    <path d="M15.5 11l5.5-3v8l-5.5-3" />
    {off && <path d="M4 4l16 16" />}
  </Icon>
);

export const Screen = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="12" rx="2" />
    <path d="M12 13.5v-6M9.3 10L12 7.3l2.7 2.7M8.5 20h7" />
  </Icon>
);

export const Record = ({ on = false }) => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    {on ? (
      <rect x="9" y="9" width="6" height="6" rx="1" class="solid" />
    ) : (
      <circle cx="12" cy="12" r="3.8" class="solid" />
    )}
  </Icon>
);

export const Chat = () => (
  <Icon>
    <path d="M5.5 4.5h13a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H11l-4.5 4v-4h-1a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2z" />
  </Icon>
);

export const People = () => (
  <Icon>
    <circle cx="9" cy="8.5" r="3.5" />
    <path d="M2.5 19.5C3.1 15.9 5.7 14 9 14s5.9 1.9 6.5 5.5" />
    <path d="M15.5 5.3a3.5 3.5 0 0 1 0 6.4M18 14.6c1.9.7 3.1 2.4 3.5 4.9" />
  </Icon>
);

export const Leave = () => (
  <Icon>
    <path d="M10 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10M15 8l4 4-4 4M19 12H9.5" />
  </Icon>
);

export const Send = () => (
  <Icon>
    <path d="M4 12l16-7.5L14.5 20l-3-6.5z" />
  </Icon>
);

export const Close = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);

export const Copy = () => (
  <Icon>
    <rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2" />
    <path d="M15.5 8.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7.5a2 2 0 0 0 2 2h2.5" />
  </Icon>
);

export const Logo = () => <img class="logo" src="/icon.svg" alt="" width="40" height="40" />;
