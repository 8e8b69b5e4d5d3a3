// One meeting of each dialect, held through its client: BASE and OPERATOR_KEY say where.
import {
  answer,
  apiKey,
  chalk,
  chroom,
  clientCredentials,
  kcs,
  ParleyError,
  tokens,
  Unreachable,
  userOf,
} from "@parley/client";

const { BASE = "", OPERATOR_KEY = "" } = process.env;

function expect(what: string, found: unknown, wanted: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}

async function refusal(asked: Promise<unknown>): Promise<ParleyError> {
  try {
    await asked;
  } catch (error) {
    if (error instanceof ParleyError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const operator = chalk(BASE, apiKey(OPERATOR_KEY));
const { api_key: key } = await answer(operator.POST("/tenants", { body: { name: "School" } }));

const rooms = chalk(BASE, apiKey(key));
const room = await answer(rooms.POST("/rooms", { body: { name: "Algebra" } }));
const joined = await answer(
  rooms.POST("/rooms/{room}/participants", {
    params: { path: { room: room.id } },
    body: { display_name: "Ann", role: "host" },
  }),
);
const ann = chalk(BASE, tokens(BASE, joined));
const { participants } = await answer(
  ann.GET("/rooms/{room}/participants", { params: { path: { room: room.id } } }),
);
expect("who is in the room", participants.map((each) => each.display_name), ["Ann"]);
const params = { path: { room_id: room.id } };
await answer(ann.POST("/rooms/{room_id}/end", { params }));
const late = await refusal(rooms.POST("/rooms/{room_id}/end", { params }));
expect("a second end", [late.status, late.code], [409, "ROOM_ALREADY_ENDED"]);
await answer(rooms.DELETE("/rooms/{room_id}", { params }));

const user = { user_id: "user_123", role: "teacher", display_name: "John Doe" } as const;
const meetings = kcs(BASE, userOf(BASE, key, user));
const { data: meeting } = await answer(
  meetings.POST("/", {
    body: {
      meeting_name: "Team Standup",
      meeting_description: "Daily team sync",
      meeting_start_time: "2030-11-04T09:00:00Z",
      meeting_end_time: "2030-11-04T09:30:00Z",
      meeting_location: "Virtual",
      participants: ["user_001"],
      meeting_meta_data: { department: "Engineering" },
    },
  }),
);
const here = { path: { room_id: meeting.id } };
await answer(meetings.POST("/{room_id}/start", { params: here }));
const { data: seat } = await answer(meetings.POST("/{room_id}/join", { params: here }));
expect("who joined", seat.participant.user_id, "user_123");
const { data: listed } = await answer(meetings.GET("/"));
expect("meetings", listed.map((each) => each.meeting_status), ["live"]);
const unknown = { path: { room_id: "meeting_abc123" } };
const missing = await refusal(meetings.GET("/{room_id}", { params: unknown }));
expect("an unknown meeting", missing.code, "MEETING_NOT_FOUND");

const links = chroom(BASE, apiKey(key));
const made = await answer(
  links.POST("/meetings/create", {
    body: { title: "Weekly Review", host: "host_1", participants: ["user_1"], duration: 45 },
  }),
);
expect("a new meeting", made.status, "created");
const { items } = await answer(links.GET("/meetings"));
expect("it is listed", items.some((each) => each.meeting_id === made.meeting_id), true);
const reader = await answer(
  links.POST("/keys", { body: { name: "Reader", scopes: ["meetings:read"] } }),
);
const machine = chroom(BASE, clientCredentials(BASE, reader.key_id, reader.key));
expect("read by a machine", (await answer(machine.GET("/meetings"))).items.length, items.length);
expect("without a key", (await refusal(chroom(BASE).GET("/meetings"))).status, 401);

const nowhere = chalk("http://127.0.0.1:9", apiKey(key), { attempts: 2, firstMs: 1 });
const nobody = await nowhere.GET("/rooms").catch((error: unknown) => error);
expect("nobody answers", nobody instanceof Unreachable, true);

console.log("held");
