// Who else has the editor open, and whether somebody has saved something newer. Hints come over the page's one websocket.
interface Hint {
  type: string;
  id: string;
  version: string | number;
  name?: string;
  person?: string;
  who?: string;
  answer?: boolean;
}

interface Other {
  name: string;
  person: string;
}

const here = new Map<string, Other>(); // by their sockets
let newest = ""; // the last base that was heard of

export function othersStart(form: HTMLFormElement): void {
  const id = form.dataset.agent ?? "";
  document.addEventListener("hint", (event) => heard(event as CustomEvent<Hint>, form, id));
  form.addEventListener("live", () => begun(form, id));
  for (const type of ["agent:saved", "agent:refused"]) document.addEventListener(type, () => newerShow(form));
}

/** The subscription holds, for the first time or again: whoever is still there answers, and so does a newer version. */
function begun(form: HTMLFormElement, id: string): void {
  here.clear();
  othersShow(form);
  tell(form, id, false);
}

function heard(event: CustomEvent<Hint>, form: HTMLFormElement, id: string): void {
  const hint = event.detail;
  if (hint.id !== id) return;
  event.preventDefault();
  if (hint.type === "agent") {
    newest = String(hint.version);
    newerShow(form);
  }
  if (hint.type === "editing") {
    here.set(hint.who ?? "", { name: hint.name ?? "", person: hint.person ?? "" });
    if (!hint.answer) tell(form, id, true);
  }
  if (hint.type === "left") here.delete(hint.who ?? "");
  othersShow(form);
}

function tell(form: HTMLFormElement, id: string, answer: boolean): void {
  document.dispatchEvent(new CustomEvent("live:send", { detail: { editing: id, base: baseOf(form), answer } }));
}

/** One's own save may be heard of before it is answered, so nothing is said while one is under way. */
function newerShow(form: HTMLFormElement): void {
  const note = document.querySelector<HTMLElement>("[data-newer]");
  if (note) note.hidden = form.hasAttribute("data-saving") || newest === "" || newest === baseOf(form);
}

function othersShow(form: HTMLFormElement): void {
  const note = document.querySelector<HTMLElement>("[data-others]");
  if (!note) return;
  const others = [...here.values()].filter((other) => other.person !== form.dataset.me);
  const names = [...new Map(others.map((other) => [other.person, other.name])).values()];
  const people = note.querySelector<HTMLElement>("[data-others-people]")!;
  people.querySelector("[data-names]")!.textContent = names.join(", ");
  people.hidden = names.length === 0;
  note.querySelector<HTMLElement>("[data-others-own]")!.hidden = others.length === here.size;
  note.hidden = here.size === 0;
}

function baseOf(form: HTMLFormElement): string {
  return (form.elements.namedItem("base") as HTMLInputElement).value;
}
