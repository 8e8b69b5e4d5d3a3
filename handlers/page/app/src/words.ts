// Every word people read.

export const words = {
  name: "Parley",

  home: {
    title: "Meetings, end to end.",
    text: "Open the link you were given, or paste it here.",
    field: "Meeting link",
    go: "Go to the meeting",
    bad: "That is not a meeting link.",
    docs: "API documentation",
  },

  lobby: {
    title: "Ready to join?",
    nameField: "Your name",
    join: "Join now",
    joining: "Joining…",
    preview: "Camera preview",
    cameraOff: "Camera is off",
    level: "Microphone level",
    noInvite: "This link needs an invitation. Ask whoever sent it for a new one.",
  },

  over: {
    left: "You left the meeting",
    ended: "The meeting has ended",
    removed: "You were removed from the meeting",
    expired: "Your invitation has expired",
    unknown: "This meeting is not there",
    rejoin: "Rejoin",
    home: "Back to the start",
  },

  recordings: {
    looking: "Looking for recordings…",
    none: "This meeting was not recorded.",
    unreachable: "The server cannot be reached. Trying again…",
    recording: "Still being recorded",
    processing: "Preparing the recording…",
    failed: "This recording could not be prepared.",
    title: (at: string) => `Recording of ${at}`,
    download: "Download",
    player: "Recording",
  },

  transcript: {
    title: "Transcript",
    waiting: "The transcript follows the recording.",
    writing: (percent: number) => `Writing the transcript… ${percent}%`,
    failed: "The transcript could not be made.",
    silent: "Nothing was said.",
    none: "There is no transcript of this recording.",
    seek: (at: string) => `Play from ${at}`,
    formats: { vtt: "WebVTT", srt: "SRT", txt: "Text" },
  },

  stage: {
    you: "You",
    screenOf: (name: string) => `${name}'s screen`,
    yourScreen: "Your screen",
    muted: "Microphone off",
    host: "Host",
    alone: "Nobody else is here yet.",
    people: "People in the meeting",
  },

  controls: {
    label: "Meeting controls",
    micOn: "Turn on microphone",
    micOff: "Turn off microphone",
    cameraOn: "Turn on camera",
    cameraOff: "Turn off camera",
    share: "Share your screen",
    unshare: "Stop sharing",
    record: "Start recording",
    unrecord: "Stop recording",
    recording: "Recording",
    chat: "Chat",
    people: "People",
    leave: "Leave",
    end: "End for all",
    unread: (count: number) => `${count} new`,
  },

  confirm: {
    title: "End the meeting for everybody?",
    text: "Everybody is disconnected. A recording is stopped and prepared.",
    yes: "End for all",
    no: "Keep going",
  },

  chat: {
    title: "Chat",
    field: "Message",
    placeholder: "Say something to everybody",
    send: "Send",
    empty: "Messages are seen by everybody in the meeting.",
    off: "Chat is off in this room.",
  },

  people: {
    title: "People",
    you: "(you)",
    mute: (name: string) => `Mute ${name}`,
    copy: "Copy invite link",
  },

  panel: { close: "Close panel" },

  banner: {
    joining: "Joining…",
    lost: "Connection lost. Reconnecting…",
    media: "Sound and picture are interrupted. Reconnecting…",
    takenOver: "You are in this meeting in another tab.",
    takeBack: "Use this one",
    blocked: "Your browser holds back the sound.",
    unblock: "Turn on sound",
    "muted-by-host": "A host muted you.",
    failed: "That did not work. Please try again.",
    "link-copied": "Invite link copied.",
  },

  trouble: {
    mic: "Microphone",
    camera: "Camera",
    denied: "is not allowed. Allow it in the address bar.",
    missing: "was not found.",
    busy: "is used by another program.",
    insecure: "works over https only.",
  },

  refusals: {
    TOKEN_EXPIRED: "This invitation has expired. Ask for a new one.",
    BAD_CREDENTIALS: "This invitation is not valid. Ask for a new one.",
    ROOM_NOT_ACTIVE: "The meeting has ended.",
    ROOM_UNKNOWN: "This meeting is not there.",
    ROOM_FULL: "The meeting is full.",
    RATE_LIMITED: "Too many people are joining at once. Try again in a moment.",
  } as Readonly<Record<string, string>>,
  unreachable: "The server cannot be reached. Try again in a moment.",
} as const;
