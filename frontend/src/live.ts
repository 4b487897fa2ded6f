// The browser's one websocket. The server sends hints (type, id, version, topic); elements refetch themselves, so
// permissions are checked where the fragment is rendered.

interface Hint {
  type: string;
  topic: string;
  id: string;
  version: number;
}

type Answer = Hint | { subscribed: string[] };

const refused = new Set([4401, 4403]);
const firstDelay = 500;
const longestDelay = 15_000;

export function liveStart(): void {
  const base = document.querySelector<HTMLMetaElement>('meta[name="realtime-url"]')?.content;
  if (!base) return;
  const url = `${base.replace("{host}", location.hostname)}/ws/calls/`;
  const live = new Live(url);
  document.addEventListener("htmx:after:swap", () => live.topicsChanged());
  document.addEventListener("click", moreShow);
  addEventListener("pagehide", () => live.stop());
  addEventListener("pageshow", (event) => event.persisted && live.start());
  live.start();
}

class Live {
  private socket: WebSocket | null = null;
  private subscribed = new Set<string>();
  private attempts = 0;
  private retry = 0;

  constructor(private readonly url: string) {}

  start(): void {
    if (this.socket || topics().size === 0) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.opened());
    socket.addEventListener("message", (event) => received(JSON.parse(String(event.data)) as Answer));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
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
    show("[data-live-lost]", false);
  }

  private closed(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    if (refused.has(code)) return show("[data-live-refused]", true);
    this.attempts += 1;
    if (this.attempts > 1) show("[data-live-lost]", true);
    const delay = Math.min(longestDelay, firstDelay * 2 ** (this.attempts - 1));
    this.retry = window.setTimeout(() => this.start(), delay * (0.7 + 0.6 * Math.random()));
  }
}

function show(selector: string, shown: boolean): void {
  const banner = document.querySelector<HTMLElement>(selector);
  if (banner) banner.hidden = !shown;
}

function topics(): Set<string> {
  const elements = document.querySelectorAll<HTMLElement>("[data-live]");
  return new Set([...elements].map((element) => element.dataset.live ?? ""));
}

/** What happened before the subscription held was not heard, so everything live is fetched once it does. */
function received(answer: Answer): void {
  if ("subscribed" in answer) document.querySelectorAll("[data-live]").forEach(refetch);
  else deliver(answer);
}

function deliver(hint: Hint): void {
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

function moreShow(event: Event): void {
  const pill = (event.target as Element).closest<HTMLElement>("[data-live-more]");
  if (!pill) return;
  pill.hidden = true;
  pill.closest("[data-live]")?.dispatchEvent(new CustomEvent("live"));
}
