// Canned responses: `/` at the beginning of a word opens them.
import { conversation, textarea, words } from "./server";
import { suggestBegin, type Option, type Source } from "./suggest";

interface Canned {
  shortcut: string;
  title: string;
  text: string;
}

export const canned: Source = {
  label: "labelCanned",
  word: /(?:^|\s)\/([\w-]*)$/,
  find: (asked) => all().filter((one) => one.shortcut.startsWith(asked) || one.title.toLowerCase().includes(asked)).map(offered),
  nothing: (asked) => (asked ? words("unknown_canned", asked) : words("no_canned")),
};

export function cannedStart(): void {
  document.addEventListener("keydown", opened);
  document.addEventListener("click", (event) => (event.target as Element).closest("[data-canned-open]") && suggestBegin("/"));
}

/** `/` anywhere in an open conversation, where something can be written. */
function opened(event: KeyboardEvent): void {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.target as Element).matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  if (textarea()?.getClientRects().length === 0 || !textarea()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  suggestBegin("/");
}

function all(): Canned[] {
  return JSON.parse(document.querySelector("#canned-data")?.textContent ?? "[]") as Canned[];
}

function offered(one: Canned): Option {
  const text = filled(one);
  return { name: `/${one.shortcut}`, title: one.title, text, put: text };
}

/** `{name}` becomes what the contact is called first. */
function filled(one: Canned): string {
  const name = (conversation()?.dataset.contact ?? "").split(" ")[0] ?? "";
  return one.text.replaceAll("{name}", name);
}
