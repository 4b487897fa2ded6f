// The list: which conversation is open, going back to it on a phone, and Escape. Rows change in place, but never change
// places under the pointer, unless the person did something that moves them.
import { conversation, toast, words } from "./server";

interface Swap {
  ctx: { sourceElement: Element; text: string; swap: string };
}

let asked = false;
let menuOpen = false; // when the key was pressed: Escape closes it, and nothing more
let place = 0; // of the open conversation in the list, or where it was before it left

export function listStart(): void {
  document.addEventListener("htmx:before:swap", hold);
  document.addEventListener("htmx:config:request", again);
  document.addEventListener("changed", () => (asked = true));
  document.addEventListener("htmx:after:swap", mark);
  document.addEventListener("drafts", draftsMark);
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", () => (menuOpen = document.querySelector("details[data-menu][open]") !== null), { capture: true });
  document.addEventListener("keydown", keyed);
  document.addEventListener("submit", localTime, { capture: true });
  document.addEventListener("htmx:after:request", resolved);
  mark();
}

/** Which conversations have an answer that was begun and not sent, as far as this browser knows. */
function draftsMark(): void {
  for (const row of document.querySelectorAll<HTMLElement>("[data-row]")) {
    const id = row.id.replace("row-", "");
    const begun = id !== conversation()?.dataset.conversation && ["reply", "note"].some((mode) => localStorage.getItem(`draft:${id}:${mode}`));
    row.querySelector<HTMLElement>("[data-draft]")?.toggleAttribute("hidden", !begun);
  }
}

/** The open row, and the title: whose conversation it is, and how many of one's own have something unread. */
function mark(): void {
  draftsMark();
  const id = conversation()?.dataset.conversation;
  for (const [at, link] of links().entries()) {
    const open = link.closest("[data-row]")?.id === `row-${id}`;
    if (open) place = at;
    if (open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const base = document.title.replace(/^\(\d+\) /, "").split(" · ").slice(-3).join(" · ");
  const name = conversation()?.dataset.contact;
  const unread = Number(document.querySelector<HTMLElement>("#view-mine")?.dataset.unread ?? 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${name ? `${name} · ` : ""}${base}`;
}

function links(): HTMLAnchorElement[] {
  return [...document.querySelectorAll<HTMLAnchorElement>(".chat-link")];
}

/** The row below the open one, or the one that has taken its place; after the last one the first. */
function nextOpen(): void {
  const others = links().filter((link) => !link.matches("[aria-current=true]"));
  const next = others[place] ?? others[0];
  document.querySelector("#more")?.removeAttribute("open");
  if (next) return next.click();
  const waiting = document.querySelector<HTMLAnchorElement>("#view-unassigned:not([aria-current])");
  const count = waiting?.dataset.count ?? "0";
  if (waiting && count !== "0") toast(words("next_unassigned", count), { href: waiting.href });
  else toast(words("no_next"));
}

/** Who wants it goes on by themselves once the open conversation is resolved; the toast still takes that back. */
function resolved(event: Event): void {
  const { response } = (event as CustomEvent<{ ctx: { response?: { status: number } } }>).detail.ctx;
  const form = event.target;
  if (!(form instanceof HTMLElement) || !form.matches("#resolve form") || !response || response.status >= 400) return;
  if (document.querySelector("#desk-list[data-opens-next]")) nextOpen();
}

/** What would move the rows waits until it is asked for, or the pointer has left. */
function hold(event: Event): void {
  const { ctx } = (event as CustomEvent<Swap>).detail;
  const list = ctx.sourceElement;
  if (list.id !== "desk-list") return;
  const held = !asked && list.matches(":hover") && order(ctx.text) !== order(list.outerHTML);
  asked = false;
  list.querySelector<HTMLElement>("[data-live-more]")?.toggleAttribute("hidden", !held);
  if (held) event.preventDefault();
}

/** The conversation that is open already may be chosen for another message: what is being written in it stays. */
function again(event: Event): void {
  const { ctx } = (event as CustomEvent<Swap>).detail;
  if (ctx.sourceElement.matches(".chat-link[aria-current=true]")) ctx.swap = "outerMorph";
}

function order(html: string): string {
  return [...html.matchAll(/id="row-([^"]+)"/g)].map((found) => found[1]).join(" ");
}

/** Back keeps the list's filters, which the address carries. */
function clicked(event: MouseEvent): void {
  if ((event.target as Element).closest("[data-live-more]")) asked = true;
  if ((event.target as Element).closest("[data-next]")) nextOpen();
  const back = (event.target as Element).closest<HTMLAnchorElement>("[data-back]");
  if (back && !navigator.onLine) {
    event.preventDefault(); // or the browser's own page of an error would be in place of all this
    toast(document.body.dataset.unreached ?? "");
  }
  if (back && location.search) back.href = new URL(location.search, back.href).href;
}

function keyed(event: KeyboardEvent): void {
  if (event.key !== "Escape" || event.defaultPrevented || menuOpen || document.querySelector("dialog[open]")) return;
  if ((event.target as Element).matches("input, textarea, select") || !conversation()) return;
  document.querySelector<HTMLAnchorElement>("[data-back]")?.click();
}

/** A time that was typed is one of the person's own clock. */
function localTime(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const field = form.matches("[data-local-time]") ? form.querySelector<HTMLInputElement>("[type=datetime-local]") : null;
  if (!field?.value) return;
  field.removeAttribute("name");
  const exact = form.querySelector<HTMLInputElement>("[type=hidden][name=until]") ?? form.appendChild(document.createElement("input"));
  exact.type = "hidden";
  exact.name = "until";
  exact.value = new Date(field.value).toISOString();
}
