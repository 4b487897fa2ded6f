// A call's recording above its words: play, seek, change the speed; a line jumps to its place, and the one being said is lit.
import { duration } from "./times";

const player = "[data-recording-player]";
const lineAt = "[data-play-at]";

export function recordingStart(): void {
  ready();
  document.addEventListener("htmx:after:swap", ready);
  document.addEventListener("click", clicked);
  document.addEventListener("input", sought);
  document.addEventListener("change", speedChosen);
}

/** Without this script the browser's own controls are there; they step back for ours. */
function ready(): void {
  for (const place of document.querySelectorAll<HTMLElement>(player)) {
    const audio = place.querySelector("audio");
    const controls = place.querySelector<HTMLElement>("[data-recording-controls]");
    if (!audio || !controls) continue;
    audio.controls = false;
    controls.hidden = false;
    if (audio.dataset.heard === undefined) listen(audio);
    show(audio);
  }
}

function listen(audio: HTMLAudioElement): void {
  audio.dataset.heard = "";
  for (const name of ["timeupdate", "play", "pause", "ended", "durationchange", "seeked"]) audio.addEventListener(name, () => show(audio));
  audio.addEventListener("error", () => failed(audio, true));
  audio.addEventListener("loadedmetadata", () => failed(audio, false));
}

function failed(audio: HTMLAudioElement, it: boolean): void {
  const words = audio.closest(player)?.querySelector<HTMLElement>("[data-recording-failed]");
  if (words) words.hidden = !it;
}

function show(audio: HTMLAudioElement): void {
  const place = audio.closest<HTMLElement>(player);
  if (!place) return;
  const part = <T extends HTMLElement>(name: string) => place.querySelector<T>(`[data-recording-${name}]`);
  const button = part("play");
  button?.setAttribute("aria-label", (audio.paused ? button.dataset.saidPlay : button.dataset.saidPause) ?? "");
  part("paused")!.hidden = !audio.paused;
  part("playing")!.hidden = audio.paused;
  const seek = part<HTMLInputElement>("seek");
  const length = Number.isFinite(audio.duration) ? audio.duration : Number(seek?.max ?? 0);
  part("now")!.textContent = duration(audio.currentTime);
  part("length")!.textContent = duration(length);
  if (seek) seekShow(seek, audio.currentTime, length);
  light(audio.currentTime, !audio.paused || audio.currentTime > 0);
}

function seekShow(seek: HTMLInputElement, now: number, length: number): void {
  seek.max = String(length);
  seek.value = String(now);
  seek.setAttribute("aria-valuetext", (seek.dataset.said ?? "").replace("{now}", duration(now)).replace("{length}", duration(length)));
}

function light(now: number, begun: boolean): void {
  const lines = [...document.querySelectorAll<HTMLElement>(lineAt)];
  const said = begun ? lines.findLast((line) => Number(line.dataset.playAt) <= now + 0.05) : undefined;
  for (const line of lines) line.toggleAttribute("data-lit", line === said);
}

function clicked(event: MouseEvent): void {
  const target = event.target as Element;
  const audio = document.querySelector<HTMLAudioElement>(`${player} audio`);
  if (!audio) return;
  if (target.closest("[data-recording-play]")) {
    if (audio.paused) play(audio);
    else audio.pause();
    return;
  }
  const line = target.closest<HTMLElement>(lineAt);
  if (!line || target.closest("a, summary") || getSelection()?.isCollapsed === false) return;
  audio.currentTime = Number(line.dataset.playAt);
  play(audio);
}

function play(audio: HTMLAudioElement): void {
  audio.play().catch(() => failed(audio, audio.error !== null));
}

function sought(event: Event): void {
  const seek = event.target as HTMLInputElement;
  const audio = seek.matches("[data-recording-seek]") && seek.closest(player)?.querySelector("audio");
  if (audio) audio.currentTime = Number(seek.value);
}

function speedChosen(event: Event): void {
  const select = event.target as HTMLSelectElement;
  const audio = select.matches("[data-recording-speed]") && select.closest(player)?.querySelector("audio");
  if (audio) audio.playbackRate = Number(select.value);
}
