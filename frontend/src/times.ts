// Times are relative with the exact one on hover, in the person's zone; running durations tick.
const language = document.documentElement.lang || "en";
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const dated = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const weekdays = new Intl.DateTimeFormat(language, { weekday: "short", hour: "numeric", minute: "2-digit" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const written: Record<string, (at: Date) => string> = {
  exact: (at) => exact.format(at),
  clock: (at) => clock.format(at),
  time: (at) => time.format(at),
  day: (at) => weekdays.format(at),
};

export function timesStart(): void {
  timesShow(document);
  document.addEventListener("htmx:after:swap", () => timesShow(document));
  setInterval(() => tick(), 1000);
  setInterval(() => timesShow(document), 30_000);
}

/** A day and a time of the person's clock, such as “Mon, 9:00”. */
export function weekday(iso: string): string {
  return weekdays.format(new Date(iso));
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const rest = `${String(s).padStart(2, "0")}`;
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${rest}` : `${m}:${rest}`;
}

function timesShow(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-when]")) show(element);
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-exact]")) element.title = exact.format(new Date(element.dateTime));
  for (const element of root.querySelectorAll<HTMLElement>("[data-waits]")) {
    const since = new Date(element.dataset.waits ?? "");
    element.textContent = waited(since);
    element.title = exact.format(since);
  }
  tick();
}

function show(element: HTMLTimeElement): void {
  const at = new Date(element.dateTime);
  const words = (written[element.dataset.when ?? ""] ?? ago)(at);
  if (element.textContent !== words) element.textContent = words;
  element.title = exact.format(at);
}

function ago(at: Date): string {
  const minutes = Math.round((at.getTime() - Date.now()) / 60_000);
  if (minutes === 0) return relative.format(0, "second");
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  if (Math.abs(minutes) < 24 * 60) return relative.format(Math.round(minutes / 60), "hour");
  return (at.getFullYear() === new Date().getFullYear() ? day : dated).format(at);
}

const units = { minute: unit("minute"), hour: unit("hour"), day: unit("day") };

function unit(name: string): Intl.NumberFormat {
  return new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" });
}

/** How long somebody has waited: in the largest unit, because a list of running seconds makes nobody faster. */
function waited(since: Date): string {
  const minutes = Math.max(0, Math.floor((Date.now() - since.getTime()) / 60_000));
  if (minutes < 60) return units.minute.format(minutes);
  return minutes < 24 * 60 ? units.hour.format(Math.floor(minutes / 60)) : units.day.format(Math.floor(minutes / (24 * 60)));
}

function tick(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-since]")) {
    const since = new Date(element.dataset.since ?? "").getTime();
    element.textContent = duration((Date.now() - since) / 1000);
  }
}
