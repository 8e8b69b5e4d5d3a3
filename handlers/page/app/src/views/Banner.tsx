// One line across the top: what is wrong at the moment, or what just happened.
import type { Meeting, MeetingState } from "../meeting";
import { useStore } from "../store";
import { words } from "../words";

interface Said {
  text: string;
  deed?: { label: string; do: () => void };
}

export function Banner({ meeting }: { meeting: Meeting }) {
  const said = pick(useStore(meeting.store), meeting);
  return (
    <div class="banners" role="status" aria-live="polite">
      {said && (
        <div class="banner" data-testid="banner">
          {said.text}
          {said.deed && (
            <button type="button" onClick={said.deed.do}>
              {said.deed.label}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function pick(state: MeetingState, meeting: Meeting): Said | null {
  if (state.lost !== null) return { text: words.banner.lost };
  if (!state.you) return { text: words.banner.joining };
  if (state.takenOver) {
    const deed = { label: words.banner.takeBack, do: () => meeting.takeBack() };
    return { text: words.banner.takenOver, deed };
  }
  if (state.mediaLost) return { text: words.banner.media };
  if (state.soundBlocked) {
    const deed = { label: words.banner.unblock, do: () => meeting.unblockSound() };
    return { text: words.banner.blocked, deed };
  }
  return state.notice && { text: words.banner[state.notice] };
}
