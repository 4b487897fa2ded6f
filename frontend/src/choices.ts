// A form that submits itself on change waits for a keyboard: arrow keys pass through choices that nobody meant. A browser that
// draws the page's own list opens it by arrow key, and changes nothing until one is picked.

const byKey = new WeakSet<HTMLSelectElement>();
const before = new WeakMap<HTMLSelectElement, string>();

export function choicesStart(): void {
  document.addEventListener("change", (event) => changed(event.target as HTMLInputElement));
  document.addEventListener("keydown", pressed);
  document.addEventListener("pointerdown", (event) => byKey.delete(event.target as HTMLSelectElement));
  document.addEventListener("focusin", (event) => remember(event.target));
  document.addEventListener("focusout", (event) => settle(event.target));
}

function changed(field: HTMLInputElement | HTMLSelectElement): void {
  const form = field.closest<HTMLFormElement>("form[data-submits]");
  if (!form || field.matches("[data-search]")) return;
  if (field instanceof HTMLSelectElement && byKey.has(field) && !opens(field)) return;
  if (field instanceof HTMLSelectElement) before.set(field, field.value);
  form.requestSubmit();
}

/** Enter settles a choice, Escape takes it back; any other key makes it wait. */
function pressed(event: KeyboardEvent): void {
  const field = event.target;
  if (!isChoice(field)) return;
  if (event.key === "Enter" && differs(field)) {
    event.preventDefault();
    settle(field);
  } else if (event.key === "Escape") {
    field.value = before.get(field) ?? field.value;
  } else if (event.key !== "Tab") {
    byKey.add(field);
  }
}

function remember(target: EventTarget | null): void {
  if (isChoice(target)) before.set(target, target.value);
}

function settle(target: EventTarget | null): void {
  if (!isChoice(target) || !byKey.delete(target) || !differs(target)) return;
  before.set(target, target.value);
  target.form?.requestSubmit();
}

function opens(field: HTMLSelectElement): boolean {
  return getComputedStyle(field).appearance === "base-select";
}

function differs(field: HTMLSelectElement): boolean {
  return before.has(field) && before.get(field) !== field.value;
}

function isChoice(target: EventTarget | null): target is HTMLSelectElement {
  return target instanceof HTMLSelectElement && target.form?.matches("[data-submits]") === true;
}
