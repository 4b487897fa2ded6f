// Who else is typing in this conversation.
import { composer, conversation, textarea } from "./server";

interface Typing {
  type: string;
  id: string;
  name: string;
}

const every = 3000;
const lasts = 5000;
const typists = new Map<string, number>();
let told = 0;

export function typingStart(): void {
  document.addEventListener("input", (event) => event.target === textarea() && tell());
  document.addEventListener("hint", (event) => {
    const hint = (event as CustomEvent<Typing>).detail;
    if (hint.type !== "typing") return;
    event.preventDefault();
    if (hint.id === conversation()?.dataset.conversation) heard(hint.name);
  });
}

function tell(): void {
  const id = conversation()?.dataset.conversation;
  if (!id || Date.now() - told < every) return;
  told = Date.now();
  document.dispatchEvent(new CustomEvent("live:send", { detail: { typing: id } }));
}

function heard(name: string): void {
  clearTimeout(typists.get(name));
  typists.set(name, window.setTimeout(() => gone(name), lasts));
  show();
}

function gone(name: string): void {
  typists.delete(name);
  show();
}

function show(): void {
  const place = composer()?.querySelector<HTMLElement>("[data-typing]");
  if (!place) return;
  const names = [...typists.keys()].join(", ");
  place.textContent = names ? (place.dataset.words ?? "NAME").replace("NAME", names) : "";
}
