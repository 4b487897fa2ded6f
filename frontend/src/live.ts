// The browser's one websocket. The server sends hints (type, id, version, topic); elements refetch themselves, so
// permissions are checked where the fragment is rendered. Other scripts hear hints as `hint` events, which they may
// take for themselves (preventDefault), and send words of their own with a `live:send` event.

interface Hint {
  type: string;
  topic: string;
  id: string;
  version: number;
}

type Answer = Hint | { subscribed: string[] } | { registered: number; missed: boolean };

const refused = new Set([4401, 4403]);
const firstDelay = 500;
const longestDelay = 15_000;
const pulse = 25_000; // milliseconds between two looks at whether anybody is there
const patience = 5_000; // and how long an answer may take

export function liveStart(): void {
  const url = document.querySelector<HTMLMetaElement>('meta[name="realtime-url"]')?.content;
  if (!url) return;
  const live = new Live(url.replace("{host}", location.hostname));
  document.addEventListener("htmx:after:swap", () => live.topicsChanged());
  document.addEventListener("click", moreShow);
  document.addEventListener("pointerout", leave);
  document.addEventListener("changed", everythingRefetch);
  document.addEventListener("live:send", (event) => live.send((event as CustomEvent<object>).detail));
  addEventListener("pagehide", () => live.stop());
  addEventListener("pageshow", (event) => event.persisted && live.start());
  addEventListener("online", () => live.check());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && live.check());
  live.start();
}

class Live {
  private socket: WebSocket | null = null;
  private subscribed = new Set<string>();
  private attempts = 0;
  private retry = 0;
  private beat = 0;
  private deadline = 0;

  constructor(private readonly url: string) {}

  start(): void {
    if (this.socket || topics().size === 0) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.opened());
    socket.addEventListener("message", (event) => this.heard(socket, String(event.data)));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
  }

  stop(): void {
    clearTimeout(this.retry);
    this.rest();
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

  /** What cannot be said now is not said: only hints go this way. */
  send(words: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }

  /** A network that went away, or a computer that slept, closes no socket: whoever does not answer in time is given up. */
  check(): void {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN || this.deadline) return;
    socket.send("ping");
    this.deadline = window.setTimeout(() => {
      this.closed(socket, 1006);
      socket.close();
    }, patience);
  }

  private rest(): void {
    clearInterval(this.beat);
    clearTimeout(this.deadline);
    this.deadline = 0;
  }

  private heard(socket: WebSocket, text: string): void {
    if (this.socket !== socket) return;
    clearTimeout(this.deadline);
    this.deadline = 0;
    if (text !== "pong") received(JSON.parse(text) as Answer);
  }

  private subscribe(wanted: Set<string>): void {
    this.subscribed = wanted;
    this.send({ subscribe: [...wanted] });
  }

  private opened(): void {
    this.attempts = 0;
    this.beat = window.setInterval(() => this.check(), pulse);
    this.subscribe(topics());
    show("[data-live-lost]", false);
  }

  private closed(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.rest();
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

/** What happened before the subscription held was not heard, so everything live is fetched once it does. Pages that know
 * which event they show (`data-event`) ask first whether anything has happened since. */
function received(answer: Answer): void {
  if ("subscribed" in answer) {
    const event = lastEvent();
    if (event === null) everythingRefetch();
    else document.dispatchEvent(new CustomEvent("live:send", { detail: { register: { last_event_id: event } } }));
  } else if ("registered" in answer) {
    if (answer.missed) everythingRefetch();
  } else deliver(answer);
}

/** Of the parts of the page, the one that is furthest behind counts. */
function lastEvent(): number | null {
  const shown = [...document.querySelectorAll<HTMLElement>("[data-event]")].map((element) => Number(element.dataset.event));
  return shown.length > 0 ? Math.min(...shown) : null;
}

function everythingRefetch(): void {
  document.querySelectorAll("[data-live]").forEach(refetch);
}

function deliver(hint: Hint): void {
  if (!document.dispatchEvent(new CustomEvent("hint", { detail: hint, cancelable: true }))) return;
  for (const element of document.querySelectorAll<HTMLElement>(`[data-live="${CSS.escape(hint.topic)}"]`)) {
    const part = element.querySelector(`[data-live-id="${CSS.escape(hint.id)}"]`);
    refetch(part ?? element);
  }
}

/** Asks an element to fetch itself again: at once, or, where that would move what is under the pointer, on request.
 * Who compares what came with what is shown (`data-live-compares`) knows better, and shows the request by itself. */
function refetch(element: Element): void {
  const pill = element.querySelector<HTMLElement>("[data-live-more]");
  if (pill && element.matches(":hover:not([data-live-compares])")) pill.hidden = false;
  else element.dispatchEvent(new CustomEvent("live"));
}

/** What waited because the pointer was over it is shown once the pointer has left. */
function leave(event: PointerEvent): void {
  const element = (event.target as Element).closest<HTMLElement>("[data-live]");
  if (!element || element.contains(event.relatedTarget as Node | null)) return;
  const pill = element.querySelector<HTMLElement>("[data-live-more]:not([hidden])");
  pill?.click();
}

function moreShow(event: Event): void {
  const pill = (event.target as Element).closest<HTMLElement>("[data-live-more]");
  if (!pill) return;
  pill.hidden = true;
  pill.closest("[data-live]")?.dispatchEvent(new CustomEvent("live"));
}
