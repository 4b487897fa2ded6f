// Templates: searching them, showing what the contact will read while the places are filled in, and sending one once.
import { requestId } from "./server";

const originals = new WeakMap<Element, string>();

export function templatesStart(): void {
  document.addEventListener("input", (event) => {
    const field = event.target as HTMLInputElement;
    if (field.matches("[data-template-search]")) search(field.value.toLowerCase());
    if (field.matches("[data-variable]")) preview(field.form!);
    nameDrop(field.form);
  });
  document.addEventListener("submit", nameGive, { capture: true });
  document.addEventListener("htmx:after:request", (event) => {
    const { response } = (event as CustomEvent<{ ctx: { response?: { status: number } } }>).detail.ctx;
    if (response && response.status < 400 && event.target instanceof Element) nameDrop(event.target);
  });
}

/** Sent again after a lost answer, it has the same name; with other words, or after it was taken, another one. */
function nameGive(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (!form.matches("[data-once]") || form.querySelector("[name=request_id]")) return;
  const field = document.createElement("input");
  [field.type, field.name, field.value] = ["hidden", "request_id", requestId()];
  form.append(field);
}

function nameDrop(form: Element | null): void {
  if (form?.matches("[data-once]")) form.querySelector("[name=request_id]")?.remove();
}

function search(asked: string): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-template]")];
  for (const row of rows) row.hidden = !(row.textContent ?? "").toLowerCase().includes(asked);
  const none = document.querySelector<HTMLElement>("[data-template-none]");
  if (none) none.hidden = rows.some((row) => !row.hidden);
}

function preview(form: HTMLFormElement): void {
  const values = new Map([...form.querySelectorAll<HTMLInputElement>("[data-variable]")].map((field) => [field.dataset.variable!, field.value]));
  for (const place of form.querySelectorAll<HTMLElement>("[data-preview]")) {
    const prefix = place.dataset.preview ?? "";
    const original = originals.get(place) ?? place.innerText;
    originals.set(place, original);
    place.innerText = original.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values.get(prefix + name) || whole);
  }
}
