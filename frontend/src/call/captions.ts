// Captions of both sides: text streams on lk.transcription. The agent's arrive piece by piece in one stream; the caller's
// arrive as a whole, again and again under one lk.segment_id, until lk.transcription_final.
import type { Room } from "livekit-client";

export interface Caption {
  id: string;
  mine: boolean;
  text: string;
  final: boolean;
}

export function captionsListen(room: Room, show: (caption: Caption) => void): void {
  room.registerTextStreamHandler("lk.transcription", async (reader, from) => {
    const attributes = reader.info.attributes ?? {};
    const id = attributes["lk.segment_id"] ?? reader.info.id;
    const mine = from.identity === room.localParticipant.identity;
    let text = "";
    for await (const piece of reader) {
      text += piece;
      show({ id, mine, text, final: false });
    }
    show({ id, mine, text, final: !mine || attributes["lk.transcription_final"] === "true" });
  });
}

/** Puts a caption into the list: a known one is replaced, an empty one is left out. */
export function captionsMerge(list: Caption[], caption: Caption): Caption[] {
  if (!caption.text.trim()) return list;
  const at = list.findIndex((other) => other.id === caption.id && other.mine === caption.mine);
  return at < 0 ? [...list, caption] : list.with(at, caption);
}
