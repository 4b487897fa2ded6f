// The thread: it stays at its end while one reads there, keeps its place otherwise, and asks for older messages at its top.
import { conversation, csrf } from "./server";

const many = 120; // lines: more are let go of once one reads at the end again
const near = 80; // pixels from the end that still count as being there

let opened = "";
let last = "";
let first = "";
let atEnd = true;
let fromEnd = 0;

export function threadStart(): void {
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
  atEnd = fromEnd - box.clientHeight < near;
}

function settle(): void {
  const box = thread();
  const id = conversation()?.dataset.conversation ?? "";
  const [newFirst, newLast] = [lines().at(0)?.id ?? "", lines().at(-1)?.id ?? ""];
  if (!box) opened = "";
  else if (id !== opened) begin(box);
  else if (newLast !== last && atEnd) toEnd();
  else if (newLast !== last) newShow(true);
  else if (newFirst !== first) box.scrollTop = box.scrollHeight - fromEnd;
  forget();
  [opened, first, last] = [box ? id : "", newFirst, newLast];
  readNow();
}

/** At the end, what was scrolled for is not fetched again with every change. */
function forget(): void {
  const box = conversation();
  const address = box?.getAttribute("hx-get") ?? "";
  if (box && atEnd && lines().length > many) box.setAttribute("hx-get", address.replace(/from=[^&]*&?/, ""));
}

/** Where reading goes on: at the first unread message, or at the end. */
function begin(box: HTMLElement): void {
  const linked = location.hash.startsWith("#message-") ? document.getElementById(location.hash.slice(1)) : null;
  const place = linked ?? box.querySelector<HTMLElement>("#unread-break");
  box.scrollTop = place ? place.offsetTop - box.clientHeight / 3 : box.scrollHeight;
  remember();
  newShow(false);
}

function toEnd(): void {
  const box = thread();
  if (!box) return;
  box.scrollTop = box.scrollHeight;
  atEnd = true;
  newShow(false);
}

function newShow(shown: boolean): void {
  const button = document.querySelector<HTMLElement>("[data-thread-new]");
  if (button) button.hidden = !shown;
}

function scrolled(event: Event): void {
  const box = thread();
  if (!box || event.target !== box) return;
  remember();
  if (atEnd) newShow(false);
  forget();
  if (box.scrollTop < near) box.querySelector(".thread-older[hx-get]")?.dispatchEvent(new CustomEvent("older"));
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  if (target.closest("[data-thread-new]")) toEnd();
  const picture = target.closest<HTMLAnchorElement>("[data-lightbox]");
  if (picture && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    lightboxOpen(picture);
  }
  const quote = target.closest<HTMLAnchorElement>(".said-quote");
  if (quote) flash(quote.hash);
}

function flash(hash: string): void {
  const line = hash ? document.querySelector<HTMLElement>(hash) : null;
  line?.toggleAttribute("data-flash", true);
  line?.addEventListener("animationend", () => line.removeAttribute("data-flash"), { once: true });
}

function lightboxOpen(picture: HTMLAnchorElement): void {
  const dialog = document.querySelector<HTMLDialogElement>("#lightbox");
  const image = dialog?.querySelector("img");
  if (!dialog || !image) return;
  image.src = picture.href;
  image.alt = picture.querySelector("img")?.alt ?? "";
  dialog.showModal();
}

/** What is on a screen that somebody looks at has been read. */
function readNow(): void {
  const box = conversation();
  if (!box || document.visibilityState !== "visible" || Number(box.dataset.unread) === 0) return;
  box.dataset.unread = "0";
  void fetch(box.dataset.readUrl!, { method: "POST", headers: { "X-CSRFToken": csrf(), "HX-Request": "true" } }).catch(() => undefined);
}
