// Writing: Enter sends, Shift+Enter starts a line; replies and notes. What was begun is kept in this browser until it is sent,
// a note apart from a reply: what only colleagues may read never lies ready to be sent.
import { attemptArrived, attemptBegin, attemptEnd } from "./attempts";
import { composer, conversation, insert, post, textarea, toast, words } from "./server";
import { filesClear, filesReady } from "./uploads";

let shown = "";
let sending = false;

export function composerStart(): void {
  document.addEventListener("keydown", keyed);
  document.addEventListener("input", (event) => event.target === textarea() && draftKeep());
  document.addEventListener("click", clicked);
  document.addEventListener("submit", submitted);
  document.addEventListener("htmx:after:swap", swapped);
  restore();
}

function swapped(): void {
  restore();
  arrived();
}

function keyed(event: KeyboardEvent): void {
  const field = textarea();
  if (event.target !== field || !field || event.defaultPrevented) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || sends(event))) {
    event.preventDefault();
    composer()?.requestSubmit();
  } else if (event.key === "Escape") {
    event.preventDefault();
    field.blur();
  }
}

/** A phone's keyboard has no Shift+Enter: there Enter starts a line, and the button sends. */
function sends(event: KeyboardEvent): boolean {
  return !event.shiftKey && !event.isComposing && !matchMedia("(hover: none) and (pointer: coarse)").matches;
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  const mode = target.closest<HTMLElement>("[data-mode-choice]");
  if (mode?.dataset.modeChoice) modeSet(mode.dataset.modeChoice, true);
  const again = target.closest<HTMLElement>("[data-write-again]");
  if (again) writeAgain(again.dataset.writeAgain ?? "");
  const answered = target.closest<HTMLElement>("[data-answers]");
  if (answered) quoteSet(answered);
  if (target.closest("[data-quote-drop]")) quoteDrop();
}

export function modeSet(mode: string, focus: boolean): void {
  const form = composer();
  const field = textarea();
  if (!form || !field) return;
  if (mode !== form.dataset.mode) {
    draftKeep();
    form.dataset.mode = mode;
    draftShow();
  }
  for (const choice of form.querySelectorAll<HTMLElement>("[data-mode-choice]")) {
    choice.setAttribute("aria-pressed", String(choice.dataset.modeChoice === mode));
  }
  const words = (mode === "note" ? field.dataset.noteWords : field.dataset.replyWords) ?? "";
  field.placeholder = words;
  field.setAttribute("aria-label", words);
  if (focus && field.getClientRects().length > 0) field.focus();
}

function quoteSet(button: HTMLElement): void {
  const form = composer();
  const quote = form?.querySelector<HTMLElement>("[data-quote]");
  if (!form || !quote) return;
  form.querySelector<HTMLInputElement>("[name=reply_to]")!.value = button.dataset.answers ?? "";
  quote.querySelector("[data-quote-author]")!.textContent = button.dataset.answersAuthor ?? "";
  quote.querySelector("[data-quote-text]")!.textContent = button.dataset.answersText ?? "";
  quote.hidden = false;
  modeSet("reply", true);
}

/** What was not delivered stands in the field again, to be changed or sent. */
function writeAgain(text: string): void {
  modeSet("reply", true);
  insert(text);
}

function quoteDrop(): void {
  const form = composer();
  form?.querySelector<HTMLElement>("[data-quote]")?.setAttribute("hidden", "");
  const field = form?.querySelector<HTMLInputElement>("[name=reply_to]");
  if (field) field.value = "";
}

function submitted(event: SubmitEvent): void {
  const form = composer();
  if (event.target !== form || !form) return;
  event.preventDefault();
  void send(form);
}

async function send(form: HTMLFormElement): Promise<void> {
  const field = textarea();
  const files = filesReady();
  if (!field || sending) return;
  if (files === "going") return toast(words("files_going"));
  if (files === "failed") return toast(words("files_failed"));
  const note = form.dataset.mode === "note";
  if (!field.value.trim() && (note || files.length === 0)) return field.focus();
  const body = new FormData(form);
  body.set("attachments", files.join(","));
  body.set("request_id", attemptBegin(draftKey(), field.value, [files.join(), body.get("reply_to")].join(" ")));
  await sent(form, (note ? form.dataset.noteUrl : form.dataset.replyUrl) ?? "", body);
}

async function sent(form: HTMLFormElement, url: string, body: FormData): Promise<void> {
  const key = draftKey();
  const field = textarea()!;
  const written = field.value;
  sending = true;
  form.toggleAttribute("data-sending", true);
  field.value = "";
  const taken = await post(url, body);
  sending = false;
  form.toggleAttribute("data-sending", false);
  if (!taken) return kept(key, written);
  attemptEnd(key);
  localStorage.removeItem(key);
  if (key !== draftKey()) return;
  draftKeep();
  quoteDrop();
  if (url === form.dataset.replyUrl) filesClear();
  document.dispatchEvent(new CustomEvent("thread:end"));
}

/** Nothing that was written is lost because it could not be sent, wherever the person is by now: it stands before what was begun since. */
function kept(key: string, written: string): void {
  const field = textarea();
  const here = field && key === draftKey();
  const since = here ? field.value : localStorage.getItem(key);
  const all = [written, since].filter(Boolean).join("\n");
  if (here) field.value = all;
  localStorage.setItem(key, all);
  document.dispatchEvent(new CustomEvent("drafts"));
  arrived();
}

/** Only the answer was lost: what stands in the thread is taken out of the field, and what was begun since stays. */
function arrived(): void {
  const field = textarea();
  const written = sending || !field ? null : attemptArrived(draftKey());
  if (written === null || !field) return;
  if (field.value === written) field.value = "";
  else if (field.value.startsWith(`${written}\n`)) field.value = field.value.slice(written.length + 1);
  if (composer()?.dataset.mode === "reply") filesClear();
  draftKeep();
  quoteDrop();
  toast(words("arrived"));
}

function draftKey(): string {
  return `draft:${conversation()?.dataset.conversation ?? ""}:${composer()?.dataset.mode ?? ""}`;
}

function draftKeep(): void {
  const written = textarea()?.value ?? "";
  if (written) localStorage.setItem(draftKey(), written);
  else localStorage.removeItem(draftKey());
  document.dispatchEvent(new CustomEvent("drafts"));
}

function draftShow(): void {
  const field = textarea();
  if (field) field.value = localStorage.getItem(draftKey()) ?? "";
}

/** A conversation that has just been opened shows the draft that was left in it. */
function restore(): void {
  const id = conversation()?.dataset.conversation ?? "";
  if (id === shown) return;
  shown = id;
  draftShow();
}
