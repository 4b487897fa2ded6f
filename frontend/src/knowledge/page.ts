// Documents on their way up: chosen or dropped, several at once, each with its progress; the list then shows how they are read.

const limit = 25 * 1024 * 1024;
const atOnce = 2;
const waiting: (() => void)[] = [];
let going = 0;

document.addEventListener("change", (event) => {
  const input = event.target as HTMLInputElement;
  const zone = input.closest<HTMLFormElement>("[data-knowledge-drop]");
  if (!zone || input.type !== "file") return;
  take(zone, input.files);
  input.value = "";
});

document.addEventListener("dragover", (event) => {
  if (!zoneOf(event)) return;
  event.preventDefault();
  zoneOf(event)?.setAttribute("data-over", "");
});

document.addEventListener("dragleave", (event) => {
  const zone = zoneOf(event);
  if (zone && !zone.contains(event.relatedTarget as Node | null)) zone.removeAttribute("data-over");
});

document.addEventListener("drop", (event) => {
  const zone = zoneOf(event);
  if (!zone) return;
  event.preventDefault();
  zone.removeAttribute("data-over");
  take(zone, event.dataTransfer?.files ?? null);
});

addEventListener("beforeunload", (event) => going > 0 && event.preventDefault());

/** Files may be dropped anywhere on the page. */
function zoneOf(event: DragEvent): HTMLFormElement | null {
  if (!event.dataTransfer?.types.includes("Files")) return null;
  return document.querySelector<HTMLFormElement>("[data-knowledge-drop]");
}

function take(zone: HTMLFormElement, files: FileList | null): void {
  for (const file of files ?? []) {
    const row = rowOf(zone, file);
    if (!row) continue;
    if (file.size > limit) failed(row, `${file.name} ${zone.dataset.tooLarge ?? ""}`);
    else waiting.push(() => upload(zone, file, row));
  }
  next();
}

function next(): void {
  while (going < atOnce) {
    const start = waiting.shift();
    if (!start) return;
    going += 1;
    start();
  }
}

function rowOf(zone: HTMLFormElement, file: File): HTMLElement | null {
  const template = zone.querySelector<HTMLTemplateElement>("[data-knowledge-row]");
  const row = template?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
  if (!row) return null;
  row.querySelector("[data-name]")!.textContent = file.name;
  row.querySelector("[data-cancel]")!.addEventListener("click", () => row.remove());
  zone.querySelector("[data-knowledge-files]")!.append(row);
  return row;
}

/** fetch tells nothing of the way up; XMLHttpRequest does. */
function upload(zone: HTMLFormElement, file: File, row: HTMLElement): void {
  const done = (): void => {
    going -= 1;
    next();
  };
  if (!row.isConnected) return done();
  const request = new XMLHttpRequest();
  row.querySelector("[data-cancel]")!.addEventListener("click", () => request.abort());
  request.upload.addEventListener("progress", (event) => {
    const bar = row.querySelector("progress");
    if (bar) bar.value = (100 * event.loaded) / event.total;
  });
  request.addEventListener("load", () => arrived(zone, row, request));
  request.addEventListener("error", () => failed(row, zone.dataset.lost ?? ""));
  request.addEventListener("loadend", done);
  request.open("POST", zone.action);
  request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
  request.setRequestHeader("X-CSRFToken", zone.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")!.value);
  const body = new FormData();
  body.set("file", file);
  request.send(body);
}

function arrived(zone: HTMLFormElement, row: HTMLElement, request: XMLHttpRequest): void {
  const json = request.getResponseHeader("Content-Type")?.includes("json");
  const answer = json ? (JSON.parse(request.responseText) as { id?: string; error?: string }) : {};
  if (!answer.id) return failed(row, answer.error ?? zone.dataset.lost ?? "");
  row.remove();
  document.dispatchEvent(new CustomEvent("changed"));
}

function failed(row: HTMLElement, words: string): void {
  row.querySelector("progress")?.remove();
  const place = row.querySelector<HTMLElement>("[data-error]")!;
  place.querySelector("[data-words]")!.textContent = words;
  place.hidden = false;
}
