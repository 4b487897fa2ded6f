// Two open braces in the prompt or a greeting: the variables that there are, filtered as one goes on typing.
// Arrow keys walk them, Enter or Tab puts one in, Escape leaves the text as it is.
import { type Variable, variablesKnown } from "./prompt";

const fields = '[name="prompt"], [name="greeting"], [name="greetings"]';
const begun = /\{\{\s*([A-Za-z0-9_]*)$/;
const most = 12;
const gap = 4;
const copied = ["font-family", "font-size", "font-weight", "line-height", "letter-spacing", "tab-size", "box-sizing"];
copied.push(...["top", "right", "bottom", "left"].map((side) => `padding-${side}`), "border-top-width", "border-top-style");

export function completeStart(form: HTMLFormElement): void {
  const list = form.querySelector<HTMLElement>("[data-complete]");
  if (!list) return;
  for (const field of form.querySelectorAll<HTMLTextAreaElement>(fields)) {
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.addEventListener("input", () => offer(form, field, list));
    field.addEventListener("keydown", (event) => keyed(event, field, list));
    field.addEventListener("click", () => close(list));
    field.addEventListener("scroll", () => close(list));
    field.addEventListener("blur", () => close(list));
  }
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const field = owner(list);
    const option = (event.target as Element).closest<HTMLElement>("[role=option]");
    if (field && option) put(field, option, list);
  });
}

function offer(form: HTMLFormElement, field: HTMLTextAreaElement, list: HTMLElement): void {
  const typed = typing(field);
  const names = typed === null ? [] : variablesKnown(form).filter((one) => one.name.includes(typed));
  if (names.length === 0) return close(list);
  list.replaceChildren(...names.sort(first(typed ?? "")).slice(0, most).map((one, place) => option(list, one, place)));
  field.setAttribute("data-completes", "");
  list.hidden = false;
  placeAt(field, list);
  choose(field, list, 0);
}

/** What stands after the braces at the cursor; null where there are none. */
function typing(field: HTMLTextAreaElement): string | null {
  if (field.selectionStart !== field.selectionEnd) return null;
  return begun.exec(field.value.slice(0, field.selectionStart))?.[1]?.toLowerCase() ?? null;
}

/** Names that begin with what was typed stand before those that only hold it. */
function first(typed: string): (one: Variable, other: Variable) => number {
  return (one, other) => Number(other.name.startsWith(typed)) - Number(one.name.startsWith(typed));
}

function option(list: HTMLElement, one: Variable, place: number): HTMLElement {
  const row = document.createElement("li");
  row.id = `${list.id}-${place}`;
  row.className = "menu-item justify-between";
  row.setAttribute("role", "option");
  row.dataset.name = one.name;
  row.append(part(one.name, "font-mono text-xs"), part(one.meaning, "quiet truncate text-xs"));
  return row;
}

function part(text: string, css: string): HTMLElement {
  const span = document.createElement("span");
  span.textContent = text;
  span.className = css;
  return span;
}

function keyed(event: KeyboardEvent, field: HTMLTextAreaElement, list: HTMLElement): void {
  if (list.hidden || event.isComposing) return;
  const options = [...list.querySelectorAll<HTMLElement>("[role=option]")];
  const now = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") choose(field, list, (now + 1) % options.length);
  else if (event.key === "ArrowUp") choose(field, list, (now - 1 + options.length) % options.length);
  else if (event.key === "Enter" || event.key === "Tab") put(field, options[now], list);
  else if (event.key === "Escape") close(list);
  else return event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End" ? close(list) : undefined;
  event.preventDefault();
  event.stopPropagation();
}

function choose(field: HTMLTextAreaElement, list: HTMLElement, place: number): void {
  const options = [...list.querySelectorAll<HTMLElement>("[role=option]")];
  options.forEach((one, number) => one.setAttribute("aria-selected", String(number === place)));
  field.setAttribute("aria-activedescendant", options[place]?.id ?? "");
  rowShow(list, options[place]);
}

/** Scrolls the list alone: the page stays where somebody is writing. */
function rowShow(list: HTMLElement, row: HTMLElement | undefined): void {
  if (!row) return;
  if (row.offsetTop < list.scrollTop) list.scrollTop = row.offsetTop;
  const below = row.offsetTop + row.offsetHeight - list.clientHeight;
  if (below > list.scrollTop) list.scrollTop = below;
}

/** The whole variable, closed; braces that stand behind the cursor already are used. */
function put(field: HTMLTextAreaElement, option: HTMLElement | undefined, list: HTMLElement): void {
  const at = field.selectionStart;
  const start = field.value.slice(0, at).lastIndexOf("{{");
  close(list);
  if (!option || start < 0) return;
  const closed = /^[A-Za-z0-9_]*\s*\}\}/.exec(field.value.slice(at))?.[0].length ?? 0;
  field.setRangeText(`{{${option.dataset.name}}}`, start, at + closed, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function close(list: HTMLElement): void {
  const field = owner(list);
  field?.removeAttribute("data-completes");
  field?.removeAttribute("aria-activedescendant");
  list.hidden = true;
}

function owner(list: HTMLElement): HTMLTextAreaElement | null {
  return list.closest("form")?.querySelector<HTMLTextAreaElement>("[data-completes]") ?? null;
}

/** Below the braces, above them at the foot of the screen: a copy of the field with the same letters tells where they stand, as a text area does not. */
function placeAt(field: HTMLTextAreaElement, list: HTMLElement): void {
  const copy = document.createElement("div");
  const style = getComputedStyle(field);
  for (const name of copied) copy.style.setProperty(name, style.getPropertyValue(name));
  Object.assign(copy.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word" });
  copy.style.width = `${field.clientWidth}px`;
  copy.textContent = field.value.slice(0, field.selectionStart).replace(/\{\{\s*[A-Za-z0-9_]*$/, "");
  const mark = document.createElement("span");
  mark.textContent = "{{";
  copy.append(mark);
  document.body.append(copy);
  const within = (list.offsetParent ?? document.body).getBoundingClientRect();
  const there = field.getBoundingClientRect();
  const left = there.left - within.left + mark.offsetLeft;
  list.style.left = `${Math.max(0, Math.min(left, within.width - list.offsetWidth))}px`;
  const line = there.top + mark.offsetTop - field.scrollTop; // on the screen
  const room = innerHeight - line - mark.offsetHeight - gap;
  const top = room < list.offsetHeight ? line - list.offsetHeight - gap : line + mark.offsetHeight + gap;
  list.style.top = `${top - within.top}px`;
  copy.remove();
}
