// A call as a page shows it: one view at a time, each with its own words in the template.
import { duration } from "../times";
import { captionsMerge, type Caption } from "./captions";
import { CallFailure, type Reason } from "./failures";
import { type Activity, CallSession, type Ending } from "./session";
import type { TokenSource } from "./token";

type View = "ready" | "asking" | "ringing" | "talking" | "unsaved" | Ending | Reason;
type Link = "good" | "lost" | "found";

const foundShownFor = 4000;
const busyFor = 15; // seconds, where nobody says how long

/** `ready` is waited for before each call; false means that there is none yet. */
export function callPage(ready: () => Promise<boolean> = () => Promise.resolve(true)) {
  let session: CallSession | null = null;
  let ticking = 0;
  let startedAt = 0;
  let awake: WakeLockSentinel | null = null;

  return {
    view: (placeOf().dataset.start || "ready") as View,
    activity: "waiting" as Activity,
    link: "good" as Link,
    captions: [] as Caption[],
    muted: false,
    soundBlocked: false,
    microphoneLost: false,
    elapsed: "0:00",
    waitSeconds: 0,

    get inCall(): boolean {
      return this.view === "ringing" || this.view === "talking";
    },

    get canCall(): boolean {
      return !this.inCall && this.view !== "asking" && this.waitSeconds === 0;
    },

    async call(): Promise<void> {
      if (!this.canCall) return;
      Object.assign(this, { view: "asking", activity: "waiting", link: "good", captions: [], muted: false, soundBlocked: false, microphoneLost: false, elapsed: "0:00" });
      startedAt = 0;
      if (!(await ready())) {
        this.view = "unsaved";
        return;
      }
      session = new CallSession(listener(this));
      try {
        await session.start(tokenSource(), () => (this.view = "ringing"));
      } catch (error) {
        this.failed(error as CallFailure);
      }
    },

    async mute(): Promise<void> {
      this.muted = !this.muted;
      await session?.mute(this.muted);
    },

    async hangUp(): Promise<void> {
      await session?.hangUp();
    },

    async soundAllow(): Promise<void> {
      await session?.soundAllow();
    },

    failed(failure: CallFailure): void {
      this.stop();
      this.view = failure.reason;
      if (failure.reason === "busy") this.wait(failure.retryAfter || busyFor);
    },

    wait(seconds: number): void {
      this.waitSeconds = Math.ceil(seconds);
      const counting = setInterval(() => {
        this.waitSeconds = Math.max(0, this.waitSeconds - 1);
        if (this.waitSeconds === 0) clearInterval(counting);
      }, 1000);
    },

    connected(): void {
      startedAt = Date.now();
      ticking = window.setInterval(() => (this.elapsed = duration((Date.now() - startedAt) / 1000)), 1000);
      void navigator.wakeLock?.request("screen").then((lock) => (awake = lock), () => undefined);
    },

    found(): void {
      this.link = "found";
      setTimeout(() => this.link === "found" && (this.link = "good"), foundShownFor);
    },

    ended(ending: Ending): void {
      if (startedAt) this.elapsed = duration((Date.now() - startedAt) / 1000);
      this.stop();
      this.view = ending;
      if (ending === "busy") this.wait(busyFor);
    },

    stop(): void {
      clearInterval(ticking);
      void awake?.release();
      awake = null;
      session = null;
      levels(0, 0);
    },

    caption(caption: Caption): void {
      this.captions = captionsMerge(this.captions, caption);
      requestAnimationFrame(captionsScroll);
    },
  };
}

type Page = ReturnType<typeof callPage>;

function listener(page: Page) {
  return {
    begun: (id: string) => void document.dispatchEvent(new CustomEvent("call:begun", { detail: id })),
    connected: () => page.connected(),
    answered: () => void (page.view = "talking"),
    activity: (activity: Activity) => void (page.activity = activity),
    caption: (caption: Caption) => page.caption(caption),
    reconnecting: () => void (page.link = "lost"),
    reconnected: () => page.found(),
    microphoneLost: () => void (page.microphoneLost = true),
    soundBlocked: (blocked: boolean) => void (page.soundBlocked = blocked),
    levels,
    ended: (ending: Ending) => page.ended(ending),
  };
}

function placeOf(): HTMLElement {
  return document.querySelector<HTMLElement>("[data-call]")!;
}

function tokenSource(): TokenSource {
  const { tokenUrl, agent, csrf, version } = placeOf().dataset;
  return { url: tokenUrl ?? "", agent: agent ?? "", csrf: csrf ?? "", version };
}

/** Loudness goes straight into two custom properties: sixty times a second is no business of the page's state. */
function levels(mine: number, theirs: number): void {
  const style = placeOf().style;
  style.setProperty("--mine", Math.min(1, mine * 2.5).toFixed(3));
  style.setProperty("--theirs", Math.min(1, theirs * 2.5).toFixed(3));
}

function captionsScroll(): void {
  const list = document.querySelector("[data-captions]");
  list?.scrollTo({ top: list.scrollHeight });
}
