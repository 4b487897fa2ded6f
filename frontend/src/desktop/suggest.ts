// What is suggested while somebody writes: a mark at the beginning of a word opens a list, the next letters narrow it, and
// Enter or Tab puts one in. Canned responses begin with `/`, colleagues with `@`.
import { insert, textarea } from "./server";

export interface Option {
  name: string;
  title: string;
  text: string;
  put: string;
}

export interface Source {
  label: string; // a data attribute of the list, whose value says what it holds
  word: RegExp; // ends at the cursor; its first group is what is searched for
  find: (asked: string) => Option[];
  nothing: (asked: string) => string;
}

let sources: Source[] = [];
let source: Source | null = null;
let shown: Option[] = [];
let chosen = 0;

export function suggestStart(all: Source[]): void {
  sources = all;
  document.addEventListener("input", (event) => event.target === textarea() && look());
  document.addEventListener("keydown", keyed);
  document.addEventListener("mousedown", picked);
  document.addEventListener("focusout", (event) => event.target === textarea() && close());
}

/** Writes the mark where the cursor is, as a word of its own. */
export function suggestBegin(mark: string): void {
  const field = textarea();
  if (!field) return;
  const before = field.value.slice(0, field.selectionStart);
  insert(before === "" || /\s$/.test(before) ? mark : ` ${mark}`);
}

function list(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-canned]");
}

function query(from: Source): string | null {
  const field = textarea();
  return field ? (from.word.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null) : null;
}

function look(): void {
  source = sources.find((one) => query(one) !== null) ?? null;
  if (!source) return close();
  const asked = query(source) ?? "";
  shown = source.find(asked.toLowerCase());
  chosen = 0;
  draw(shown.length === 0 ? source.nothing(asked) : "");
}

function draw(nothing: string): void {
  const box = list();
  if (!box || !source) return;
  if (shown.length === 0 && !nothing) return close();
  box.setAttribute("aria-label", box.dataset[source.label] ?? "");
  box.replaceChildren(...shown.map(option));
  if (nothing) box.append(line(nothing));
  box.hidden = false;
  mark();
}

function line(text: string): HTMLElement {
  const made = document.createElement("p");
  made.className = "quiet px-3 py-2";
  made.textContent = text;
  return made;
}

function option(one: Option, index: number): HTMLElement {
  const row = document.createElement("div");
  row.className = "canned-option";
  row.id = `canned-${index}`;
  row.setAttribute("role", "option");
  row.dataset.index = String(index);
  const head = document.createElement("p");
  head.className = "flex items-baseline gap-2";
  head.append(piece("font-mono text-xs", one.name), piece("font-medium", one.title));
  row.append(head);
  if (one.text) row.append(piece("quiet block truncate", one.text));
  return row;
}

function piece(css: string, text: string): HTMLElement {
  const made = document.createElement("span");
  made.className = css;
  made.textContent = text;
  return made;
}

function options(): HTMLElement[] {
  return [...(list()?.querySelectorAll<HTMLElement>("[role=option]") ?? [])];
}

function mark(): void {
  for (const [index, row] of options().entries()) row.setAttribute("aria-selected", String(index === chosen));
  const row = options()[chosen];
  row?.scrollIntoView({ block: "nearest" });
  if (row) textarea()?.setAttribute("aria-activedescendant", row.id);
  else textarea()?.removeAttribute("aria-activedescendant");
}

function keyed(event: KeyboardEvent): void {
  const box = list();
  if (event.target !== textarea() || !box || box.hidden) return;
  const count = shown.length;
  if (event.key === "Escape") close();
  else if (count === 0) return;
  else if (event.key === "ArrowDown") step(1, count);
  else if (event.key === "ArrowUp") step(-1, count);
  else if (event.key === "Enter" || event.key === "Tab") put(shown[chosen]);
  else return;
  event.preventDefault();
}

function step(by: number, count: number): void {
  chosen = (chosen + by + count) % count;
  mark();
}

/** Before the field loses the focus, which would close the list. */
function picked(event: MouseEvent): void {
  const row = (event.target as Element).closest<HTMLElement>("[data-canned] [role=option]");
  if (!row) return;
  event.preventDefault();
  put(shown[Number(row.dataset.index)]);
}

function put(one: Option | undefined): void {
  const field = textarea();
  const asked = source ? query(source) : null;
  if (!one || !field || asked === null) return;
  insert(one.put, field.selectionStart - asked.length - 1);
  close();
}

function close(): void {
  const box = list();
  if (box) box.hidden = true;
  source = null;
  textarea()?.removeAttribute("aria-activedescendant");
}
