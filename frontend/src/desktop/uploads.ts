// Attached files: each goes up at once, with its progress, and leaves with the message.
import { composer, csrf, toast, words } from "./server";

interface Answer {
  id?: string;
  error?: string;
}

const megabyte = 1024 * 1024;
const limit = 100 * megabyte; // of the server, whatever the channel
const requests = new WeakMap<Element, XMLHttpRequest>();

export function uploadsStart(): void {
  document.addEventListener("change", (event) => {
    const input = event.target as HTMLInputElement;
    if (input.matches("[type=file][data-limits]")) headingCheck(input);
    if (!input.matches("[data-attach]") || !input.files) return;
    [...input.files].forEach(attach);
    input.value = "";
  });
  document.addEventListener("click", (event) => {
    const row = (event.target as Element).closest("[data-file-drop]")?.closest("li");
    if (row) drop(row);
  });
  document.addEventListener("paste", pasted);
  document.addEventListener("dragover", dragged);
  document.addEventListener("dragleave", left);
  document.addEventListener("drop", dropped);
}

/** The ids of what has arrived, or why the message has to wait: something is on its way, or did not arrive. */
export function filesReady(): string[] | "going" | "failed" {
  const rows = [...(list()?.children ?? [])] as HTMLElement[];
  const states = rows.map((row) => row.dataset.state);
  if (states.includes("going")) return "going";
  if (states.includes("failed")) return "failed";
  return rows.flatMap((row) => row.dataset.id ?? []);
}

export function filesClear(): void {
  list()?.replaceChildren();
}

function list(): HTMLElement | null {
  return composer()?.querySelector<HTMLElement>("[data-files]") ?? null;
}

function composerOf(event: Event): HTMLFormElement | null {
  const form = (event.target as Element).closest<HTMLFormElement>("[data-composer]");
  return form?.dataset.mayReply === "true" ? form : null;
}

function pasted(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length === 0 || !composerOf(event)) return;
  event.preventDefault();
  files.forEach(attach);
}

/** Anywhere on the desktop: a file let go beside the field must not take the place of the page. */
function dragged(event: DragEvent): void {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = takesFiles() ? "copy" : "none";
  composer()?.toggleAttribute("data-dropping", takesFiles());
}

function left(event: DragEvent): void {
  if (!event.relatedTarget) composer()?.removeAttribute("data-dropping");
}

function dropped(event: DragEvent): void {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  composer()?.removeAttribute("data-dropping");
  if (takesFiles()) [...event.dataTransfer.files].forEach(attach);
}

function takesFiles(): boolean {
  const { mayReply, window, mode } = composer()?.dataset ?? {};
  return mayReply === "true" && window === "open" && mode === "reply";
}

/** Why a file cannot be sent here, before it goes up; nothing where it can. */
function refusal(file: File, limits: Record<string, number>): string {
  const known = Object.keys(limits).length > 0;
  const most = known ? limits[file.type.split(";")[0]!.trim().toLowerCase()] : limit;
  if (most === undefined) return words("not_taken", file.name);
  return file.size > most ? words("too_large", file.name).replace("SIZE", String(most / megabyte)) : "";
}

/** A template's file: the browser holds the form back, and says why. */
function headingCheck(input: HTMLInputElement): void {
  const file = input.files?.[0];
  input.setCustomValidity(file ? refusal(file, JSON.parse(input.dataset.limits || "{}") as Record<string, number>) : "");
  input.reportValidity();
}

function attach(file: File): void {
  const refused = refusal(file, JSON.parse(composer()?.dataset.fileLimits || "{}") as Record<string, number>);
  if (refused) return toast(refused);
  const row = rowOf(file);
  if (row) upload(file, row);
}

function rowOf(file: File): HTMLElement | null {
  const template = composer()?.querySelector<HTMLTemplateElement>("[data-file-template]");
  const row = template?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
  if (!row) return null;
  row.querySelector("[data-file-name]")!.textContent = file.name;
  row.dataset.state = "going";
  list()?.append(row);
  return row;
}

/** fetch tells nothing of the way up; XMLHttpRequest does. */
function upload(file: File, row: HTMLElement): void {
  const request = new XMLHttpRequest();
  requests.set(row, request);
  request.upload.addEventListener("progress", (event) => {
    row.querySelector("progress")!.value = (100 * event.loaded) / event.total;
  });
  request.addEventListener("load", () => arrived(row, request));
  request.addEventListener("error", () => failed(row, words("not_uploaded")));
  request.open("POST", composer()!.dataset.uploadUrl!);
  request.setRequestHeader("X-CSRFToken", csrf());
  const body = new FormData();
  body.set("file", file);
  request.send(body);
}

function arrived(row: HTMLElement, request: XMLHttpRequest): void {
  const answer = answerOf(request);
  if (!answer.id) return failed(row, answer.error ?? words("not_uploaded"));
  row.dataset.state = "here";
  row.dataset.id = answer.id;
  row.querySelector("progress")?.remove();
}

function answerOf(request: XMLHttpRequest): Answer {
  const json = request.getResponseHeader("Content-Type")?.includes("json");
  return json ? (JSON.parse(request.responseText) as Answer) : {};
}

function failed(row: HTMLElement, text: string): void {
  row.dataset.state = "failed";
  row.querySelector("progress")?.remove();
  const place = row.querySelector<HTMLElement>("[data-file-error]")!;
  place.textContent = text;
  place.hidden = false;
}

function drop(row: HTMLElement): void {
  requests.get(row)?.abort();
  row.remove();
}
