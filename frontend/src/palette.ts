// The command palette: a dialog whose items are links and buttons of the page, filtered as one types.

let dialog: HTMLDialogElement | null = null;

export function paletteStart(): void {
  dialog = document.querySelector<HTMLDialogElement>("#palette");
  const input = dialog?.querySelector<HTMLInputElement>("input");
  if (!dialog || !input) return;
  input.addEventListener("input", () => filter(input.value));
  input.addEventListener("keydown", keyed);
}

export function paletteOpen(): void {
  const input = dialog?.querySelector<HTMLInputElement>("input");
  if (!dialog || !input || dialog.open) return;
  input.value = "";
  filter("");
  dialog.showModal();
  input.focus();
}

function items(): HTMLElement[] {
  return [...(dialog?.querySelectorAll<HTMLElement>("[role=option]") ?? [])];
}

function shown(): HTMLElement[] {
  return items().filter((item) => !item.hidden);
}

function filter(text: string): void {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  finders(text.trim());
  for (const item of items().filter((one) => !one.dataset.finds)) {
    const label = (item.textContent ?? "").toLowerCase();
    item.hidden = !words.every((word) => label.includes(word));
  }
  choose(shown()[0]);
  const none = dialog?.querySelector<HTMLElement>("[data-none]");
  if (none) none.hidden = shown().length > 0;
}

/** What is no command is looked for in the lists that can search. */
function finders(text: string): void {
  for (const item of dialog?.querySelectorAll<HTMLAnchorElement>("a[data-finds]") ?? []) {
    item.hidden = !text;
    item.search = (item.dataset.finds ?? "") + encodeURIComponent(text);
    item.querySelector("[data-finds-words]")!.textContent = text;
  }
}

function choose(chosen: HTMLElement | undefined): void {
  for (const item of items()) item.setAttribute("aria-selected", String(item === chosen));
  chosen?.scrollIntoView({ block: "nearest" });
  dialog?.querySelector("input")?.setAttribute("aria-activedescendant", chosen?.id ?? "");
}

function keyed(event: KeyboardEvent): void {
  const list = shown();
  const now = list.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") choose(list[(now + 1) % list.length]);
  else if (event.key === "ArrowUp") choose(list[(now - 1 + list.length) % list.length]);
  else if (event.key === "Enter") run(list[now]);
  else return;
  event.preventDefault();
}

function run(item: HTMLElement | undefined): void {
  if (!item) return;
  dialog?.close();
  item.click();
}
