// Charts: one canvas per <figure data-chart>, its data in a JSON block, its table beside it for screen readers and export.
import uPlot from "uplot";

interface ChartData {
  kind: "bars" | "stack" | "line";
  x: number[];
  series: { label: string; values: (number | null)[]; color: string }[];
  unit: string;
  x_label: string;
  range?: [number, number];
  ticks?: Record<string, string>;
  labels?: Record<string, string>;
  prefix?: string;
  places: number;
}

const drawn = new Map<Element, uPlot>();

export function chartsStart(): void {
  redraw();
  document.addEventListener("htmx:after:swap", redraw);
  document.addEventListener("theme:changed", redraw);
  document.addEventListener("tab:chosen", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", redraw);
}

function redraw(): void {
  for (const [element, plot] of drawn) {
    plot.destroy();
    drawn.delete(element);
  }
  document.querySelectorAll<HTMLElement>("[data-chart]").forEach(draw);
}

function draw(figure: HTMLElement): void {
  const place = figure.querySelector<HTMLElement>("[data-chart-place]");
  const source = figure.querySelector("script");
  if (!place || !source || place.clientWidth === 0) return;
  const data = JSON.parse(source.textContent ?? "{}") as ChartData;
  place.replaceChildren();
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  const plot = new uPlot(options(data, place, tip), [data.x, ...heights(data)], place);
  drawn.set(figure, plot);
  if (!tells(data)) return;
  place.append(tip);
  byKeyboard(plot, data, place, figure.querySelector("figcaption")?.textContent ?? "");
}

/** Whether a bar says what it is made of: under the pointer, and as the arrow keys go from one to the next. */
function tells(data: ChartData): boolean {
  return data.kind !== "line" && data.x.length > 0;
}

/** One stop for the Tab key; a screen reader reads each bar as it is come to. */
function byKeyboard(plot: uPlot, data: ChartData, place: HTMLElement, title: string): void {
  const last = data.x.length - 1;
  const before = Number(place.getAttribute("aria-valuenow")); // it is drawn anew whenever some part of the page is
  let at = before ? Math.min(before - 1, last) : last;
  place.removeAttribute("aria-hidden");
  const said = { role: "slider", tabindex: "0", "aria-label": title, "aria-orientation": "horizontal", "aria-valuemin": "1", "aria-valuemax": `${last + 1}` };
  for (const [name, value] of Object.entries(said)) place.setAttribute(name, value);
  const show = (): void => {
    place.setAttribute("aria-valuenow", `${at + 1}`);
    place.setAttribute("aria-valuetext", words(data, at));
    if (document.activeElement === place) plot.setCursor({ left: plot.valToPos(data.x[at] ?? 0, "x"), top: 0 });
  };
  const steps: Record<string, () => number> = { ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => last };
  place.onkeydown = (event) => {
    const step = steps[event.key];
    if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    at = Math.max(0, Math.min(last, step()));
    show();
  };
  place.onfocus = show;
  place.onblur = () => plot.setCursor({ left: -10, top: -10 });
  show();
}

function words(data: ChartData, at: number): string {
  return [bar(data, at), ...parts(data, at).map((part) => `${part.label} ${amount(data, part.value)}`)].filter(Boolean).join(", ");
}

/** The name of a bar, and of stacked parts what they come to. */
function bar(data: ChartData, at: number): [string, string] {
  const total = parts(data, at).reduce((sum, part) => sum + part.value, 0);
  return [data.labels?.[String(data.x[at] ?? 0)] ?? `${data.x[at] ?? ""}`, data.kind === "stack" ? amount(data, total) : ""];
}

function parts(data: ChartData, at: number): { label: string; color: string; value: number }[] {
  return data.series.map((series) => ({ ...series, value: series.values[at] ?? 0 })).filter((part) => part.value !== 0);
}

/** Stacked bars are drawn from the top series down, each as high as all that lie below it. */
function heights(data: ChartData): (number | null)[][] {
  const values = data.series.map((series) => series.values);
  if (data.kind !== "stack") return values;
  return values.map((_, top) => data.x.map((_, at) => values.slice(0, top + 1).reduce<number>((sum, row) => sum + (row[at] ?? 0), 0))).reverse();
}

function shown(data: ChartData): ChartData["series"] {
  return data.kind === "stack" ? [...data.series].reverse() : data.series;
}

function options(data: ChartData, place: HTMLElement, tip: HTMLElement): uPlot.Options {
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: tells(data) ? { x: false, y: false, points: { show: false }, drag: { x: false, y: false } } : { show: false },
    hooks: { setCursor: [(plot) => tell(plot, data, tip)] },
    padding: [12, data.labels ? 20 : 8, 0, 0],
    scales: { x: { time: false, range: (_, min, max) => edges(data, min, max) }, y: { range: (_, __, max) => data.range ?? [0, nice(max)] } },
    axes: [
      axis({ values: (_, ticks) => ticks.map((tick) => (data.x.includes(tick) ? (data.labels?.[String(tick)] ?? `${tick}`) : "")), space: data.labels ? 56 : 24, size: 28, grid: { show: false } }),
      axis({ values: (_, ticks) => ticks.map((tick) => valueLabel(data, tick)), size: data.ticks || data.prefix ? 64 : data.unit.length > 3 ? 80 : 48 }),
    ],
    series: [{}, ...shown(data).map((series) => drawnSeries(data.kind, series))],
  };
}

/** What the bar under the pointer is made of. */
function tell(plot: uPlot, data: ChartData, tip: HTMLElement): void {
  const at = plot.cursor.idx;
  tip.hidden = typeof at !== "number" || (plot.cursor.left ?? -1) < 0;
  if (typeof at !== "number" || tip.hidden) return;
  const place = data.x[at] ?? 0;
  const [name, total] = bar(data, at);
  tip.replaceChildren(
    told(name, total, ""),
    ...parts(data, at).map((part) => told(part.label, amount(data, part.value), part.color)),
  );
  const left = plot.valToPos(place, "x") + plot.over.offsetLeft - tip.offsetWidth / 2;
  tip.style.left = `${Math.max(0, Math.min(left, plot.root.clientWidth - tip.offsetWidth))}px`;
}

function told(name: string, value: string, dot: string): HTMLElement {
  const row = document.createElement("p");
  if (dot) {
    const mark = document.createElement("span");
    mark.className = "dot";
    mark.style.color = `var(${dot})`;
    row.append(mark);
  }
  const words = document.createElement("span");
  words.textContent = name;
  const number = document.createElement("span");
  number.textContent = value;
  row.append(words, number);
  return row;
}

/** Things that are counted, rather than measured or paid. */
function counts(data: ChartData): boolean {
  return !data.prefix && !data.unit && data.series.every((series) => series.values.every((value) => value === null || Number.isInteger(value)));
}

function amount(data: ChartData, value: number): string {
  if (counts(data)) return value.toLocaleString(document.documentElement.lang);
  const places = value !== 0 && Math.abs(value) < 10 ** -data.places ? data.places + 2 : data.places;
  const written = value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: places, maximumFractionDigits: places });
  return `${data.prefix ?? ""}${written}${data.unit}`;
}

function valueLabel(data: ChartData, tick: number): string {
  if (data.ticks) return data.ticks[String(tick)] ?? "";
  if (counts(data) && !Number.isInteger(tick)) return "";
  const places = Number.isInteger(tick) ? 0 : Math.max(data.places, 2);
  const written = tick.toLocaleString(document.documentElement.lang, { minimumFractionDigits: places });
  return `${data.prefix ?? ""}${data.kind === "stack" ? written : tick}${data.unit}`;
}

function edges(data: ChartData, min: number, max: number): [number, number] {
  return data.kind !== "line" ? [min - 0.6, max + 0.6] : [min, Math.max(max, min + 1)];
}

function nice(max: number | null): number {
  const top = max ?? 1;
  const power = 10 ** Math.floor(Math.log10(top || 1));
  return Math.max(power, Math.ceil((top * 1.1) / (power / 2)) * (power / 2));
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(extra: uPlot.Axis): uPlot.Axis {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return { stroke: color("--color-info"), grid: { stroke: color("--color-base-300"), width: 1 }, ticks: { show: false }, font, ...extra };
}

function drawnSeries(kind: ChartData["kind"], series: ChartData["series"][number]): uPlot.Series {
  const stroke = color(series.color);
  const base = { label: series.label, stroke, width: kind === "line" ? 2 : 0, spanGaps: true };
  if (kind === "line") return { ...base, points: { show: true, size: 6, fill: stroke } };
  return { ...base, fill: stroke, paths: uPlot.paths.bars!(kind === "stack" ? { size: [0.7, 40] } : { size: [0.5, 28], radius: 0.15 }), points: { show: false } };
}
