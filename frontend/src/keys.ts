// Keyboard: ? shows the keys, Ctrl K the palette, j k walk a list, Enter opens, / searches, g then a letter goes to a page.
// Any other key belongs to the element that names it in `data-key`: a field is focused, everything else is clicked.
import { dialogOpen } from "./overlays";
import { paletteOpen } from "./palette";

let going = false;

export function keysStart(): void {
  document.addEventListener("keydown", keyed);
}

function keyed(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    paletteOpen();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target as Element)) return;
  if (document.querySelector("dialog[open]")) return;
  if (plainKey(event.key)) event.preventDefault();
}

function typing(target: Element): boolean {
  return target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]") ?? false;
}

function plainKey(key: string): boolean {
  if (going) return go(key);
  if (key.length === 1 && elementKey(key)) return true;
  if (key === "?") return dialogOpen("#keys"), true;
  if (key === "/") return searchFocus();
  if (key === "j") return rowStep(1);
  if (key === "k") return rowStep(-1);
  if (key === "g") return (going = true);
  return false;
}

/** The first element on the screen that has this key. */
function elementKey(key: string): boolean {
  const owners = [...document.querySelectorAll<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)];
  const owner = owners.find((element) => element.getClientRects().length > 0);
  if (owner?.matches("input, textarea, select")) owner.focus();
  else owner?.click();
  return owner !== undefined;
}

function go(key: string): boolean {
  going = false;
  const link = document.querySelector<HTMLAnchorElement>(`a[data-go="${CSS.escape(key)}"]`);
  link?.click();
  return link !== null;
}

function searchFocus(): boolean {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  field?.focus();
  field?.select();
  return field !== null;
}

function rowStep(step: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-rows] > [data-row]")];
  if (rows.length === 0) return false;
  const now = currentRow(rows);
  const next = rows[Math.min(rows.length - 1, Math.max(0, now + step))];
  rows.forEach((row) => row.toggleAttribute("data-current", row === next));
  next?.querySelector<HTMLElement>("a")?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}

/** Where the walk stands: the focused row, else the one walked to last, else the one that is open. A refreshed list forgets the second. */
function currentRow(rows: HTMLElement[]): number {
  const is = [
    (row: HTMLElement) => row.contains(document.activeElement),
    (row: HTMLElement) => row.hasAttribute("data-current"),
    (row: HTMLElement) => row.querySelector("[aria-current=true]") !== null,
  ];
  return is.map((test) => rows.findIndex(test)).find((place) => place >= 0) ?? -1;
}
