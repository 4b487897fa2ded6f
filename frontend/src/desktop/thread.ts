// The thread: it stays at its end while one reads there, keeps its place otherwise, and asks for older messages at its top.
// Opened at one message (`at`), it may be a stretch from the middle: then it asks for newer ones at its bottom, too.
import { conversation, csrf } from "./server";

const many = 120; // lines: more are let go of once one reads at the end again
const near = 80; // pixels from the end that still count as being there
const marked = 2500; // milliseconds

let opened = "";
let last = "";
let first = "";
let atEnd = true;
let whole = true; // nothing newer is left out
let fromEnd = 0;
let height = 0;
let asked: string | null = null; // the place that is on its way: "at=<message>", or "" for the end

const sized = new ResizeObserver(() => resized());

export function threadStart(): void {
  document.addEventListener("htmx:before:request", addressed);
  document.addEventListener("htmx:before:swap", remember);
  document.addEventListener("htmx:after:swap", settle);
  document.addEventListener("scroll", scrolled, { capture: true, passive: true });
  document.addEventListener("click", clicked);
  document.addEventListener("thread:end", toEnd);
  document.addEventListener("visibilitychange", readNow);
  document.addEventListener("load", (event) => (event.target as Element).closest?.("[data-thread]") && atEnd && toEnd(), { capture: true });
  settle();
}

function thread(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-thread]");
}

function lines(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-thread-lines] > li.said")];
}

function remember(): void {
  const box = thread();
  if (!box) return;
  fromEnd = box.scrollHeight - box.scrollTop;
  whole = document.querySelector("[data-thread-end]") === null;
  atEnd = whole && fromEnd - box.clientHeight < near;
}

function settle(event?: Event): void {
  const box = thread();
  const id = conversation()?.dataset.conversation ?? "";
  if (box) sized.observe(box);
  const [newFirst, newLast] = [lines().at(0)?.id ?? "", lines().at(-1)?.id ?? ""];
  if (!box) opened = "";
  else if (id !== opened || source(event)?.matches(".chat-link")) begin(box);
  else if (asked !== null && arrived(asked)) begin(box);
  else if (asked !== null && source(event) === conversation()) ask(asked);
  else if (newLast !== last && atEnd) toEnd();
  else if (newLast !== last && whole) newShow(true);
  else if (newFirst !== first) box.scrollTop = box.scrollHeight - fromEnd;
  forget();
  [opened, first, last] = [box ? id : "", newFirst, newLast];
  readNow();
}

/** What asked for what has just been swapped in. */
function source(event?: Event): Element | null {
  return (event as CustomEvent<{ ctx?: { sourceElement: Element } }> | undefined)?.detail.ctx?.sourceElement ?? null;
}

/** Fetches the conversation at another place. What was fetched for the old place may still come in between: see settle. */
function ask(place: string): void {
  asked = place;
  conversation()?.dispatchEvent(new CustomEvent("live"));
}

/** What waited for an answer asks for as much as stands here since that answer, or for the place that is on its way. */
function addressed(event: Event): void {
  const { ctx } = (event as CustomEvent<{ ctx: { sourceElement: Element; request: { action: string } } }>).detail;
  const box = conversation();
  if (!box || ctx.sourceElement !== box) return;
  const address = box.getAttribute("hx-get")!;
  ctx.request.action = asked === null ? address : `${address.split("?")[0]}?${asked}`;
}

function arrived(place: string): boolean {
  if (place) return `at=${conversation()?.dataset.at?.replace("message-", "")}` === place;
  return document.querySelector("[data-thread-end]") === null;
}

/** At the end, what was scrolled for is not fetched again with every change. */
function forget(): void {
  const box = conversation();
  const address = box?.getAttribute("hx-get") ?? "";
  if (box && atEnd && lines().length > many) box.setAttribute("hx-get", address.replace(/from=[^&]*&?/, ""));
}

/** Where reading goes on: at the message that was asked for, at the first unread one, or at the end. */
function begin(box: HTMLElement): void {
  const linked = document.getElementById(conversation()?.dataset.at ?? location.hash.match(/^#(message-.+)/)?.[1] ?? "");
  const place = linked ?? box.querySelector<HTMLElement>("#unread-break");
  box.scrollTop = place ? place.offsetTop - box.clientHeight / 3 : box.scrollHeight;
  if (linked) mark(linked);
  asked = null;
  remember();
  newShow(false);
}

/** The end stays in sight while an answer grows, a keyboard opens or the strip below comes. */
function resized(): void {
  const box = thread();
  if (box && box.clientHeight < height && atEnd) box.scrollTop = box.scrollHeight;
  height = box?.clientHeight ?? 0;
}

function toEnd(): void {
  const box = thread();
  if (!box) return;
  if (document.querySelector("[data-thread-end]")) return latest();
  box.scrollTop = box.scrollHeight;
  atEnd = true;
  newShow(false);
}

/** The last messages, which are not here yet. The address leads to the message that was found no more. */
function latest(): void {
  const address = new URL(location.href);
  address.searchParams.delete("at");
  address.hash = "";
  history.replaceState(history.state, "", address);
  ask("");
}

function newShow(shown: boolean): void {
  const button = document.querySelector<HTMLElement>("[data-thread-new]");
  if (!button || button.hidden === !shown) return;
  button.hidden = !shown;
  if (!shown) readNow();
}

function scrolled(event: Event): void {
  const box = thread();
  if (!box || event.target !== box) return;
  remember();
  if (atEnd) newShow(false);
  forget();
  if (box.scrollTop < near) box.querySelector(".thread-older[hx-get]:not(.htmx-request)")?.dispatchEvent(new CustomEvent("older"));
  if (fromEnd - box.clientHeight < near) box.querySelector(".thread-newer:not(.htmx-request)")?.dispatchEvent(new CustomEvent("newer"));
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  if (target.closest("[data-thread-new], [data-thread-end]")) toEnd();
  const picture = target.closest<HTMLAnchorElement>("[data-lightbox]");
  if (picture && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    lightboxOpen(picture);
  }
  const quote = target.closest<HTMLAnchorElement>(".said-quote");
  if (quote) quoted(quote, event);
}

/** What was answered may stand before the messages that are here. */
function quoted(quote: HTMLAnchorElement, event: Event): void {
  const line = document.querySelector<HTMLElement>(quote.hash);
  if (line) return mark(line);
  event.preventDefault();
  ask(quote.hash.replace("#message-", "at="));
}

/** A ring that fades, or, where no motion is wanted, goes. */
function mark(line: HTMLElement): void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ring = { boxShadow: ["0 0 0 3px var(--color-primary)", "0 0 0 3px transparent"] };
  line.querySelector(".said-bubble")?.animate(ring, { duration: marked, easing: still ? "steps(1, end)" : "ease-out" });
}

function lightboxOpen(picture: HTMLAnchorElement): void {
  const dialog = document.querySelector<HTMLDialogElement>("#lightbox");
  const image = dialog?.querySelector("img");
  if (!dialog || !image) return;
  image.src = picture.href;
  image.alt = picture.querySelector("img")?.alt ?? "";
  dialog.showModal();
}

/** What is on a screen that somebody looks at has been read; what came below it while they read above has not. */
function readNow(): void {
  const box = conversation();
  const waits = document.querySelector("[data-thread-new]:not([hidden])");
  if (!box || waits || document.visibilityState !== "visible" || Number(box.dataset.unread) === 0) return;
  box.dataset.unread = "0";
  void fetch(box.dataset.readUrl!, { method: "POST", headers: { "X-CSRFToken": csrf(), "HX-Request": "true" } }).catch(() => undefined);
}
