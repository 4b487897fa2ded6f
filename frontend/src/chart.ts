// Charts: one canvas per <figure data-chart>, its data in a JSON block, its table beside it for screen readers and export.
import uPlot from "uplot";

interface ChartData {
  kind: "bars" | "line";
  x: number[];
  series: { label: string; values: (number | null)[]; color: string }[];
  unit: string;
  x_label: string;
  range?: [number, number];
  ticks?: Record<string, string>;
  labels?: Record<string, string>;
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
  drawn.set(figure, new uPlot(options(data, place), [data.x, ...data.series.map((series) => series.values)], place));
}

function options(data: ChartData, place: HTMLElement): uPlot.Options {
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 8, 0, 0],
    scales: { x: { time: false, range: (_, min, max) => edges(data, min, max) }, y: { range: (_, __, max) => data.range ?? [0, nice(max)] } },
    axes: [
      axis({ values: (_, ticks) => ticks.map((tick) => (data.x.includes(tick) ? (data.labels?.[String(tick)] ?? `${tick}`) : "")), space: data.labels ? 56 : 24, size: 28, grid: { show: false } }),
      axis({ values: (_, ticks) => ticks.map((tick) => valueLabel(data, tick)), size: data.ticks ? 64 : data.unit.length > 3 ? 80 : 48 }),
    ],
    series: [{}, ...data.series.map((series) => drawnSeries(data.kind, series))],
  };
}

function valueLabel(data: ChartData, tick: number): string {
  return data.ticks ? (data.ticks[String(tick)] ?? "") : `${tick}${data.unit}`;
}

function edges(data: ChartData, min: number, max: number): [number, number] {
  return data.kind === "bars" ? [min - 0.6, max + 0.6] : [min, Math.max(max, min + 1)];
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
  const base = { label: series.label, stroke, width: kind === "bars" ? 0 : 2, spanGaps: true };
  if (kind === "line") return { ...base, points: { show: true, size: 6, fill: stroke } };
  return { ...base, fill: stroke, paths: uPlot.paths.bars!({ size: [0.5, 28], radius: 0.15 }), points: { show: false } };
}
