// What a toast says is about the conversation in which it was done: once another one is open, it says of whom it speaks.
import { conversation } from "./server";

let id = "";
let name = "";

export function toldStart(): void {
  document.addEventListener("htmx:after:swap", moved);
  moved();
}

function moved(): void {
  const now = conversation()?.dataset.conversation ?? "";
  if (now === id) return;
  for (const form of document.querySelectorAll(`[data-toast] form[action*="/desktop/${id}/"]`)) named(form);
  id = now;
  name = conversation()?.dataset.contact ?? "";
}

function named(form: Element): void {
  const text = form.closest("[data-toast]")?.querySelector("[data-toast-text]");
  if (id && name && text) text.textContent = `${name}: ${text.textContent}`;
}
