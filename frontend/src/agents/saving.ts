// Saves the draft on Ctrl S and on the button. What the server refuses stands at its field; who was quicker is shown in a dialog.
interface Saved {
  base: string;
  facts: string;
}

interface Refused {
  errors?: Record<string, string>;
  base?: string;
  dialog?: string;
}

let saving: Promise<boolean> | null = null;

export function savingStart(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.setAttribute("data-dirty", ""); // the page's own guard takes a submit for a save that has worked
    void save(form);
  });
  form.addEventListener("input", () => dirtied(form));
  document.addEventListener("keydown", (event) => keyed(event, form));
  document.addEventListener("agent:save", () => void save(form));
  document.addEventListener("click", (event) => clicked(event, form), true);
}

function keyed(event: KeyboardEvent, form: HTMLFormElement): void {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (document.querySelector("[data-save]")) void save(form);
}

/** What is published is what was saved: unsaved work is saved first. */
function clicked(event: MouseEvent, form: HTMLFormElement): void {
  const target = event.target as Element;
  const publish = target.closest<HTMLAnchorElement>("[data-publish]");
  if (publish && form.hasAttribute("data-dirty")) {
    event.preventDefault();
    void save(form).then((saved) => saved && location.assign(publish.href));
  }
  if (target.closest("[data-take-theirs]")) {
    form.removeAttribute("data-dirty");
    location.reload();
  }
  if (target.closest("[data-overwrite]")) {
    const dialog = target.closest("dialog");
    base(form).value = dialog?.dataset.base ?? "";
    dialog?.close();
    void save(form);
  }
}

function dirtied(form: HTMLFormElement): void {
  if (!form.hasAttribute("data-dirty")) document.dispatchEvent(new CustomEvent("agent:dirty"));
  say("");
}

/** One at a time: a second Ctrl S waits for the first. */
function save(form: HTMLFormElement): Promise<boolean> {
  saving ??= send(form).finally(() => (saving = null));
  return saving;
}

async function send(form: HTMLFormElement): Promise<boolean> {
  const body = new FormData(form);
  say(form.dataset.saidSaving ?? "");
  form.removeAttribute("data-dirty"); // what is typed from here on is new
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.status === 200) return saved(form, (await answer.json()) as Saved);
    form.setAttribute("data-dirty", "");
    if (answer.status !== 409 && answer.status !== 422) throw new Error(String(answer.status));
    refused(form, (await answer.json()) as Refused);
  } catch {
    form.setAttribute("data-dirty", "");
    say(form.dataset.saidFailed ?? "");
  }
  document.dispatchEvent(new CustomEvent("agent:refused"));
  return false;
}

function saved(form: HTMLFormElement, answer: Saved): boolean {
  base(form).value = answer.base;
  errorsShow(form, {});
  const facts = document.querySelector("[data-facts]");
  if (facts) facts.outerHTML = answer.facts;
  const newer = document.querySelector<HTMLElement>("[data-newer]");
  if (newer) newer.hidden = true;
  say(form.hasAttribute("data-dirty") ? "" : (form.dataset.saidSaved ?? ""));
  document.dispatchEvent(new CustomEvent("agent:saved", { detail: { base: answer.base } }));
  return true;
}

function refused(form: HTMLFormElement, answer: Refused): void {
  say(form.dataset.saidFields ?? "");
  if (answer.errors) errorsShow(form, answer.errors);
  const place = document.querySelector<HTMLElement>("[data-overtaken]");
  if (!answer.dialog || !place) return;
  place.innerHTML = answer.dialog;
  const dialog = place.querySelector("dialog");
  if (!dialog) return;
  dialog.dataset.base = answer.base;
  dialog.showModal();
}

/** Each sentence at its field; the tab of the first one is opened. */
function errorsShow(form: HTMLFormElement, errors: Record<string, string>): void {
  for (const place of form.querySelectorAll<HTMLElement>("[data-error-for]")) {
    const name = place.dataset.errorFor ?? "";
    place.textContent = errors[name] ?? "";
    place.hidden = !errors[name];
    form.querySelector(`[name="${CSS.escape(name || "-")}"]`)?.toggleAttribute("aria-invalid", Boolean(errors[name]));
  }
  const known = new Set([...form.querySelectorAll<HTMLElement>("[data-error-for]")].map((place) => place.dataset.errorFor));
  const rest = Object.entries(errors).filter(([name]) => !known.has(name)).map(([name, text]) => `${name}: ${text}`);
  const whole = form.querySelector<HTMLElement>('[data-error-for=""]');
  if (whole && rest.length > 0) {
    whole.textContent = [errors[""], ...rest].filter(Boolean).join(" ");
    whole.hidden = false;
  }
  const first = form.querySelector<HTMLElement>("[data-error-for]:not([hidden])");
  const panel = first?.closest<HTMLElement>("[role=tabpanel]");
  if (panel) document.getElementById(panel.getAttribute("aria-labelledby") ?? "")?.click();
  first?.scrollIntoView({ block: "center" });
}

function base(form: HTMLFormElement): HTMLInputElement {
  return form.elements.namedItem("base") as HTMLInputElement;
}

function say(text: string): void {
  const place = document.querySelector("[data-saved]");
  if (place) place.textContent = text;
}
