// Toasts say what happened, and offer to undo it where that is possible. Texts come from the server or from templates.
import htmx from "htmx.org";
import { weekday } from "./times";

interface Toast {
  text: string;
  undo?: string;
  at?: string;
  href?: string;
}

const shownFor = 6000; // milliseconds
const shownToAct = 15000; // what can be undone or opened: reading, deciding and getting there takes longer

export function toastsStart(): void {
  document.addEventListener("toast", (event) => toastShow((event as CustomEvent<Toast>).detail));
  document.addEventListener("click", (event) => (event.target as Element).closest("[data-toast-close]")?.closest("[data-toast]")?.remove());
  document.querySelectorAll<HTMLElement>("[data-toast]").forEach(expire);
}

export function toastShow(toast: Toast): void {
  const template = document.querySelector<HTMLTemplateElement>("#toast-template");
  const card = template?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
  const list = document.querySelector<HTMLElement>("[data-toasts]");
  if (!card || !list) return;
  card.querySelector("[data-toast-text]")!.textContent = toast.at ? toast.text.replace("{at}", weekday(toast.at)) : toast.text;
  undoSet(card, toast.undo);
  const link = card.querySelector<HTMLAnchorElement>("[data-toast-link]");
  if (link && toast.href) link.href = toast.href;
  else link?.remove();
  list.append(card);
  if (document.querySelector("dialog:modal")) raise(list);
  htmx.process(card);
  expire(card);
}

/** Above a dialog that is open. */
function raise(list: HTMLElement): void {
  list.popover = "manual";
  list.hidePopover();
  list.showPopover();
}

/** Undoing answers with a toast of its own, so this one goes. */
function undoSet(card: HTMLElement, undo: string | undefined): void {
  const form = card.querySelector<HTMLFormElement>("form");
  if (!form || !undo) return form?.remove();
  form.action = undo;
  form.setAttribute("hx-post", undo);
  form.setAttribute("hx-swap", "none");
  form.addEventListener("htmx:finally:request", () => card.remove());
}

/** Leaves while nobody reads it: the clock waits while the pointer or the focus is on the toast. */
function expire(card: HTMLElement): void {
  let timer = 0;
  const wait = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => card.remove(), card.querySelector("form, [data-toast-link]") ? shownToAct : shownFor);
  };
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("focusin", () => clearTimeout(timer));
  card.addEventListener("pointerleave", wait);
  card.addEventListener("focusout", wait);
  wait();
}
