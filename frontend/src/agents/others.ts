// Who else has the editor open, and whether somebody has saved something newer. Hints come over the page's one websocket.
interface Hint {
  type: string;
  id: string;
  version: string | number;
  name?: string;
  who?: string;
  answer?: boolean;
}

const here = new Map<string, string>();

export function othersStart(form: HTMLFormElement): void {
  const id = form.dataset.agent ?? "";
  document.addEventListener("hint", (event) => heard(event as CustomEvent<Hint>, form, id));
  form.addEventListener("live", () => tell(id, false)); // the subscription holds, for the first time or again
}

function heard(event: CustomEvent<Hint>, form: HTMLFormElement, id: string): void {
  const hint = event.detail;
  if (hint.id !== id) return;
  event.preventDefault();
  if (hint.type === "agent") newerShow(form, String(hint.version));
  if (hint.type === "editing") {
    here.set(hint.who ?? "", hint.name ?? "");
    if (!hint.answer) tell(id, true);
  }
  if (hint.type === "left") here.delete(hint.who ?? "");
  othersShow();
}

function tell(id: string, answer: boolean): void {
  document.dispatchEvent(new CustomEvent("live:send", { detail: { editing: id, answer } }));
}

/** One's own save is answered with the same base a moment later, or was before. */
function newerShow(form: HTMLFormElement, version: string): void {
  window.setTimeout(() => {
    const own = form.elements.namedItem("base") as HTMLInputElement;
    const note = document.querySelector<HTMLElement>("[data-newer]");
    if (note) note.hidden = own.value === version;
  }, 600);
}

function othersShow(): void {
  const note = document.querySelector<HTMLElement>("[data-others]");
  const words = note?.querySelector("span");
  if (!note || !words) return;
  note.dataset.words ??= words.textContent ?? "";
  const names = [...new Set(here.values())].join(", ");
  note.hidden = names === "";
  words.textContent = `${note.dataset.words} ${names}`;
}
