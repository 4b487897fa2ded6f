// Several conversations of the list at once: by their boxes, by shift-click up to there, by `x`, or all that are shown. What
// leaves the list leaves the selection.
import { toast, words } from "./server";

const picked = new Set<string>();
let anchor = ""; // where a range begins: what was selected or let go of last
let shifted = false;
let told = false;

export function selectStart(): void {
  document.addEventListener("pointerdown", (event) => (shifted = event.shiftKey), { capture: true });
  document.addEventListener("click", linkShifted, { capture: true });
  document.addEventListener("click", clicked);
  document.addEventListener("change", changed);
  document.addEventListener("keydown", keyed);
  document.addEventListener("submit", idsGive, { capture: true });
  document.addEventListener("htmx:after:request", acted);
  document.addEventListener("htmx:after:swap", show);
  addEventListener("pageshow", show); // a browser that goes back keeps boxes as they were
  show();
}

function boxes(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("[data-pick]")];
}

function all(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("[data-pick-all]");
}

function most(): number {
  return Number(all()?.dataset.most ?? 0);
}

function changed(event: Event): void {
  const box = event.target as HTMLInputElement;
  if (box.matches("[data-pick-all]")) boxes().forEach((one) => pick(one.value, box.checked));
  else if (!box.matches("[data-pick]")) return;
  else if (shifted && anchor) range(box.value, box.checked);
  else pick(box.value, box.checked);
  anchor = box.matches("[data-pick]") ? box.value : "";
  shifted = false;
  show();
}

/** Shift on a row: from the one before to this one, in place of a new window. */
function linkShifted(event: MouseEvent): void {
  const row = event.shiftKey ? (event.target as Element).closest<HTMLElement>("[data-row] .chat-link") : null;
  const box = row?.closest("[data-row]")?.querySelector<HTMLInputElement>("[data-pick]");
  if (!box) return;
  event.preventDefault();
  event.stopPropagation();
  getSelection()?.removeAllRanges();
  if (anchor) range(box.value, true);
  else pick(box.value, true);
  anchor = box.value;
  show();
}

function clicked(event: MouseEvent): void {
  if ((event.target as Element).closest("[data-pick-none]")) clear();
}

function keyed(event: KeyboardEvent): void {
  const target = event.target as Element;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], details[data-menu][open]")) return;
  if (target.matches("textarea, select, input:not([type=checkbox])")) return;
  if (event.key === "Escape" && picked.size > 0) {
    event.preventDefault();
    clear();
  } else if (event.key === "x") {
    const box = current();
    if (box) toggle(box);
  }
}

/** The row with the focus, else the one walked to with j and k, else the open one, else the first. */
function current(): HTMLInputElement | undefined {
  const rows = ["[data-row]:focus-within", "[data-row][data-current]", "[data-row]:has([aria-current])", "[data-row]"];
  const row = rows.map((one) => document.querySelector(one)).find((one) => one !== null);
  return row?.querySelector<HTMLInputElement>("[data-pick]") ?? undefined;
}

function toggle(box: HTMLInputElement): void {
  pick(box.value, !picked.has(box.value));
  anchor = box.value;
  show();
}

function range(to: string, on: boolean): void {
  const ids = boxes().map((box) => box.value);
  const ends = [ids.indexOf(anchor), ids.indexOf(to)].sort((one, other) => one - other);
  if (ends[0] === -1) return pick(to, on);
  for (const id of ids.slice(ends[0], ends[1]! + 1)) pick(id, on);
}

function pick(id: string, on: boolean): void {
  if (!on) picked.delete(id);
  else if (picked.size < most()) picked.add(id);
  else if (!picked.has(id)) toastOnce();
}

function toastOnce(): void {
  if (told) return;
  told = true;
  setTimeout(() => (told = false), 1000);
  toast(words("too_many", String(most())));
}

function clear(): void {
  picked.clear();
  anchor = "";
  show();
}

/** The boxes, how many, and what can be done with them. */
function show(): void {
  const shown = boxes();
  const ids = new Set(shown.map((box) => box.value));
  for (const id of picked) if (!ids.has(id)) picked.delete(id);
  for (const box of shown) box.checked = picked.has(box.value);
  const every = all();
  if (every) {
    every.checked = shown.length > 0 && picked.size === shown.length;
    every.indeterminate = picked.size > 0 && picked.size < shown.length;
  }
  document.querySelector("#desk-list")?.toggleAttribute("data-picking", picked.size > 0);
  const count = document.querySelector<HTMLElement>("[data-bulk-count]");
  if (count) count.textContent = picked.size > 0 ? (count.dataset.words ?? "NUMBER").replace("NUMBER", String(picked.size)) : "";
}

/** Which ones, at the last moment. */
function idsGive(event: SubmitEvent): void {
  const field = (event.target as Element).querySelector<HTMLInputElement>("[data-bulk-ids]");
  if (field) field.value = [...picked].join(",");
}

function acted(event: Event): void {
  const { response } = (event as CustomEvent<{ ctx: { response?: { status: number } } }>).detail.ctx;
  const form = event.target;
  if (form instanceof HTMLElement && form.querySelector("[data-bulk-ids]") && response && response.status < 400) clear();
}
