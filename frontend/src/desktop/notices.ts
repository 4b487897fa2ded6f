// A conversation waits for this person: a toast where they look, a notification where they look elsewhere.
import { conversation, toast } from "./server";

interface Notify {
  type: string;
  id: string;
}

interface Notice {
  title: string;
  body: string;
  url: string;
}

export function noticesStart(): void {
  document.addEventListener("hint", (event) => {
    const hint = (event as CustomEvent<Notify>).detail;
    if (hint.type !== "notify") return;
    event.preventDefault();
    void tell(hint.id);
  });
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.matches("[name=notify_desktop]:checked") && "Notification" in window) void Notification.requestPermission();
  });
}

async function tell(id: string): Promise<void> {
  if (id === conversation()?.dataset.conversation && document.visibilityState === "visible") return;
  const answer = await fetch(`/desktop/${encodeURIComponent(id)}/notice`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) return;
  const notice = (await answer.json()) as Notice;
  if (document.visibilityState === "hidden" && "Notification" in window && Notification.permission === "granted") outside(notice, id);
  else toast(notice.title, { href: notice.url });
}

function outside(notice: Notice, id: string): void {
  const shown = new Notification(notice.title, { body: notice.body, tag: id });
  shown.addEventListener("click", () => {
    window.focus();
    location.assign(notice.url);
  });
}
