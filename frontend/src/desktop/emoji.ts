// The emoji picker: made when it is first asked for, with data that this server serves.
import { Picker } from "emoji-picker-element";
import { insert } from "./server";

export function emojiStart(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>("[data-emoji-open]");
    if (opener) toggle(opener);
    else if (!target.closest("[data-emoji-place]")) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.querySelector("[data-emoji-place] emoji-picker")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    close();
    document.querySelector<HTMLElement>("[data-emoji-open]")?.focus();
  }, { capture: true });
}

function toggle(opener: HTMLElement): void {
  if (close()) return;
  const place = opener.closest("[data-emoji-place]");
  const dataSource = document.querySelector<HTMLElement>("[data-desk]")?.dataset.emoji ?? "";
  const picker = new Picker({ dataSource });
  picker.className = dark() ? "emoji-panel dark" : "emoji-panel light";
  picker.addEventListener("emoji-click", (event) => {
    insert(event.detail.unicode ?? "");
    close();
  });
  place?.append(picker);
  opener.setAttribute("aria-expanded", "true");
}

function dark(): boolean {
  return getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
}

function close(): boolean {
  const picker = document.querySelector("[data-emoji-place] emoji-picker");
  picker?.remove();
  document.querySelector("[data-emoji-open]")?.setAttribute("aria-expanded", "false");
  return picker !== null;
}
