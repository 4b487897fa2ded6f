// The list: which conversation is open, going back to it on a phone, and Escape. Rows change in place, but never change
// places under the pointer, unless the person did something that moves them.
import { conversation } from "./server";

interface Swap {
  ctx: { sourceElement: Element; text: string };
}

let asked = false;

export function listStart(): void {
  document.addEventListener("htmx:before:swap", hold);
  document.addEventListener("changed", () => (asked = true));
  document.addEventListener("htmx:after:swap", mark);
  document.addEventListener("drafts", draftsMark);
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keyed);
  document.addEventListener("submit", localTime, { capture: true });
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
  for (const link of document.querySelectorAll<HTMLElement>(".chat-link")) {
    const open = link.closest("[data-row]")?.id === `row-${id}`;
    if (open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const base = document.title.replace(/^\(\d+\) /, "").split(" · ").slice(-3).join(" · ");
  const name = conversation()?.dataset.contact;
  const unread = Number(document.querySelector<HTMLElement>("#view-mine")?.dataset.unread ?? 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${name ? `${name} · ` : ""}${base}`;
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

function order(html: string): string {
  return [...html.matchAll(/id="row-([^"]+)"/g)].map((found) => found[1]).join(" ");
}

/** Back keeps the list's filters, which the address carries. */
function clicked(event: MouseEvent): void {
  if ((event.target as Element).closest("[data-live-more]")) asked = true;
  const back = (event.target as Element).closest<HTMLAnchorElement>("[data-back]");
  if (back && location.search) back.href = new URL(location.search, back.href).href;
}

function keyed(event: KeyboardEvent): void {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], details[data-menu][open]")) return;
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
