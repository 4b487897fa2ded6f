// Toasts say what happened, and offer to undo it where that is possible. Texts come from the server or from templates.

interface Toast {
  text: string;
  undo?: string;
}

const shownFor = 6000;

export function toastsStart(): void {
  document.addEventListener("toast", (event) => toastShow((event as CustomEvent<Toast>).detail));
  document.addEventListener("click", (event) => (event.target as Element).closest("[data-toast-close]")?.closest("[data-toast]")?.remove());
  document.querySelectorAll<HTMLElement>("[data-toast]").forEach(expire);
}

export function toastShow(toast: Toast): void {
  const template = document.querySelector<HTMLTemplateElement>("#toast-template");
  const card = template?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
  const list = document.querySelector("[data-toasts]");
  if (!card || !list) return;
  card.querySelector("[data-toast-text]")!.textContent = toast.text;
  const undo = card.querySelector<HTMLFormElement>("form");
  if (undo && toast.undo) undo.action = toast.undo;
  else undo?.remove();
  list.append(card);
  expire(card);
}

/** Leaves while nobody reads it: the clock waits while the pointer or the focus is on the toast. */
function expire(card: HTMLElement): void {
  let timer = 0;
  const wait = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => card.remove(), shownFor);
  };
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("focusin", () => clearTimeout(timer));
  card.addEventListener("pointerleave", wait);
  card.addEventListener("focusout", wait);
  wait();
}
