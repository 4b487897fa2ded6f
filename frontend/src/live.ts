// The browser's one websocket. The server sends hints (type, id, version, topic); elements refetch themselves, so
// permissions are checked where the fragment is rendered. After a lost connection everything live is fetched again.

interface Hint {
  type: string;
  topic: string;
  id: string;
  version: number;
}

const firstDelay = 500;
const longestDelay = 15_000;

export function liveStart(): void {
  const base = document.querySelector<HTMLMetaElement>('meta[name="realtime-url"]')?.content;
  if (!base) return;
  const url = `${base.replace("{host}", location.hostname)}/ws/calls/`;
  const live = new Live(url);
  document.addEventListener("htmx:after:swap", () => live.topicsChanged());
  addEventListener("pagehide", () => live.stop());
  addEventListener("pageshow", (event) => event.persisted && live.start());
  live.start();
}

class Live {
  private socket: WebSocket | null = null;
  private subscribed = new Set<string>();
  private attempts = 0;
  private retry = 0;
  private wasLost = false;

  constructor(private readonly url: string) {}

  start(): void {
    if (this.socket || topics().size === 0) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.opened());
    socket.addEventListener("message", (event) => deliver(JSON.parse(String(event.data)) as Hint));
    socket.addEventListener("close", () => this.closed(socket));
  }

  stop(): void {
    clearTimeout(this.retry);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  topicsChanged(): void {
    if (!this.socket) return this.start();
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const wanted = topics();
    if ([...wanted].some((topic) => !this.subscribed.has(topic))) this.subscribe(wanted);
  }

  private subscribe(wanted: Set<string>): void {
    this.subscribed = wanted;
    this.socket?.send(JSON.stringify({ subscribe: [...wanted] }));
  }

  private opened(): void {
    this.attempts = 0;
    this.subscribe(topics());
    if (this.wasLost) document.querySelectorAll("[data-live]").forEach(refetch);
    this.lost(false);
  }

  private closed(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.attempts += 1;
    if (this.attempts > 1) this.lost(true);
    this.wasLost = true;
    const delay = Math.min(longestDelay, firstDelay * 2 ** (this.attempts - 1));
    this.retry = window.setTimeout(() => this.start(), delay * (0.7 + 0.6 * Math.random()));
  }

  private lost(lost: boolean): void {
    this.wasLost = lost;
    const banner = document.querySelector<HTMLElement>("[data-live-lost]");
    if (banner) banner.hidden = !lost;
    document.documentElement.dataset.live = lost ? "lost" : "on";
  }
}

function topics(): Set<string> {
  const elements = document.querySelectorAll<HTMLElement>("[data-live]");
  return new Set([...elements].map((element) => element.dataset.live ?? ""));
}

function deliver(hint: Hint): void {
  if (!hint.topic) return;
  for (const element of document.querySelectorAll<HTMLElement>(`[data-live="${CSS.escape(hint.topic)}"]`)) {
    const part = element.querySelector(`[data-live-id="${CSS.escape(hint.id)}"]`);
    refetch(part ?? element);
  }
}

/** Asks an element to fetch itself again: at once, or, where that would move what is under the pointer, on request. */
function refetch(element: Element): void {
  const pill = element.querySelector<HTMLElement>("[data-live-more]");
  if (pill && element.matches(":hover")) pill.hidden = false;
  else element.dispatchEvent(new CustomEvent("live"));
}
