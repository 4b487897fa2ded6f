// A sending whose answer was lost is sent again under the same name, so that it arrives once. The name is kept with the draft,
// also over a reload, and belongs to exactly what was sent: other words are another sending.
import { conversation, requestId } from "./server";

interface Attempt {
  id: string;
  text: string;
  beside: string;
}

function place(draft: string): string {
  return `sending:${draft}`;
}

function kept(draft: string): Attempt | null {
  return JSON.parse(localStorage.getItem(place(draft)) ?? "null") as Attempt | null;
}

/** The name under which this leaves: the one of before, where it is the same again. */
export function attemptBegin(draft: string, text: string, beside: string): string {
  const before = kept(draft);
  if (before && before.text === text && before.beside === beside) return before.id;
  const id = requestId();
  localStorage.setItem(place(draft), JSON.stringify({ id, text, beside }));
  return id;
}

export function attemptEnd(draft: string): void {
  localStorage.removeItem(place(draft));
}

/** The text of a sending that failed here and stands in the thread nevertheless; it is over then. */
export function attemptArrived(draft: string): string | null {
  const attempt = kept(draft);
  if (!attempt || !conversation()?.querySelector(`[data-request="${CSS.escape(attempt.id)}"]`)) return null;
  attemptEnd(draft);
  return attempt.text;
}
