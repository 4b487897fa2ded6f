// Templates: searching them, and showing what the contact will read while the places are filled in.

const originals = new WeakMap<Element, string>();

export function templatesStart(): void {
  document.addEventListener("input", (event) => {
    const field = event.target as HTMLInputElement;
    if (field.matches("[data-template-search]")) search(field.value.toLowerCase());
    if (field.matches("[data-variable]")) preview(field.form!);
  });
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
