// Canned responses: `/` at the beginning of a word opens the list, the next letters narrow it, Enter or Tab puts the text in.
import { conversation, insert, textarea, words } from "./server";

interface Canned {
  shortcut: string;
  title: string;
  text: string;
}

const word = /(?:^|\s)\/([\w-]*)$/;
let chosen = 0;

export function cannedStart(): void {
  document.addEventListener("input", (event) => event.target === textarea() && look());
  document.addEventListener("keydown", keyed);
  document.addEventListener("keydown", opened);
  document.addEventListener("mousedown", picked);
  document.addEventListener("focusout", (event) => event.target === textarea() && close());
  document.addEventListener("click", (event) => (event.target as Element).closest("[data-canned-open]") && begin());
}

/** `/` anywhere in an open conversation, where something can be written. */
function opened(event: KeyboardEvent): void {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.target as Element).matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  if (textarea()?.getClientRects().length === 0 || !textarea()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  begin();
}

function begin(): void {
  const field = textarea();
  if (!field) return;
  const before = field.value.slice(0, field.selectionStart);
  insert(before === "" || /\s$/.test(before) ? "/" : " /");
}

function list(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-canned]");
}

function all(): Canned[] {
  return JSON.parse(document.querySelector("#canned-data")?.textContent ?? "[]") as Canned[];
}

function query(): string | null {
  const field = textarea();
  return field ? (word.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null) : null;
}

function look(): void {
  const asked = query();
  const found = asked === null ? [] : matching(asked.toLowerCase());
  if (asked === null) return close();
  chosen = 0;
  draw(found, asked);
}

function matching(asked: string): Canned[] {
  return all().filter((one) => one.shortcut.startsWith(asked) || one.title.toLowerCase().includes(asked));
}

function draw(found: Canned[], asked: string): void {
  const box = list();
  if (!box) return;
  box.replaceChildren(...found.map(option));
  if (found.length === 0) box.append(nothing(asked));
  box.hidden = false;
  mark();
}

function nothing(asked: string): HTMLElement {
  const line = document.createElement("p");
  line.className = "quiet px-3 py-2";
  line.textContent = asked ? words("unknown_canned", asked) : words("no_canned");
  return line;
}

function option(one: Canned, index: number): HTMLElement {
  const row = document.createElement("div");
  row.className = "canned-option";
  row.id = `canned-${index}`;
  row.setAttribute("role", "option");
  row.dataset.shortcut = one.shortcut;
  const head = document.createElement("p");
  const name = document.createElement("span");
  name.className = "font-mono text-xs";
  name.textContent = `/${one.shortcut}`;
  const title = document.createElement("span");
  title.className = "font-medium";
  title.textContent = one.title;
  head.className = "flex items-baseline gap-2";
  head.append(name, title);
  const text = document.createElement("p");
  text.className = "quiet truncate";
  text.textContent = filled(one);
  row.append(head, text);
  return row;
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
  const count = options().length;
  if (event.key === "Escape") close();
  else if (count === 0) return;
  else if (event.key === "ArrowDown") step(1, count);
  else if (event.key === "ArrowUp") step(-1, count);
  else if (event.key === "Enter" || event.key === "Tab") put(options()[chosen]);
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
  put(row);
}

function put(row: HTMLElement | undefined): void {
  const one = all().find((canned) => canned.shortcut === row?.dataset.shortcut);
  const field = textarea();
  const asked = query();
  if (!one || !field || asked === null) return;
  insert(filled(one), field.selectionStart - asked.length - 1);
  close();
}

/** `{name}` becomes what the contact is called first. */
function filled(one: Canned): string {
  const name = (conversation()?.dataset.contact ?? "").split(" ")[0] ?? "";
  return one.text.replaceAll("{name}", name);
}

function close(): void {
  const box = list();
  if (box) box.hidden = true;
  textarea()?.removeAttribute("aria-activedescendant");
}
