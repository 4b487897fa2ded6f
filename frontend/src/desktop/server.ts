// Asking the server, and telling the person.

export function toast(text: string, more: { href?: string } = {}): void {
  document.dispatchEvent(new CustomEvent("toast", { detail: { text, ...more } }));
}

/** A sentence in the reader's language (apps/desktop/views/phrases.py), with a name put in. */
export function words(key: string, name = ""): string {
  const all = JSON.parse(document.querySelector("#desk-words")?.textContent ?? "{}") as Record<string, string>;
  return (all[key] ?? "").replace("NAME", name);
}

export function csrf(): string {
  return document.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** Posts as htmx would, so that the answer is a toast; true when the server took it. */
export async function post(url: string, body: FormData | string): Promise<boolean> {
  const headers = { "X-CSRFToken": csrf(), "HX-Request": "true" };
  try {
    const answer = await fetch(url, { method: "POST", body, headers, signal: AbortSignal.timeout(20_000) });
    told(answer);
    return answer.ok;
  } catch {
    toast(words("offline"));
    return false;
  }
}

function told(answer: Response): void {
  const events = JSON.parse(answer.headers.get("HX-Trigger") ?? "{}") as Record<string, unknown>;
  for (const [name, detail] of Object.entries(events)) document.dispatchEvent(new CustomEvent(name, { detail }));
  if (!answer.ok && !events.toast) toast(words("failed"));
}

/** A name for one sending, so that the server knows it when it comes again. Works over plain http too, where randomUUID does not. */
export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function conversation(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#conversation[data-conversation]");
}

export function composer(): HTMLFormElement | null {
  return document.querySelector<HTMLFormElement>("[data-composer]");
}

export function textarea(): HTMLTextAreaElement | null {
  return document.querySelector<HTMLTextAreaElement>("#composer-text");
}

/** Puts words where the cursor is, and says so to whoever listens to the field. */
export function insert(text: string, from?: number): void {
  const field = textarea();
  if (!field) return;
  field.setRangeText(text, from ?? field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}
