// One small chart of the last fifteen minutes, with the present figures in words above it.
// Owns the canvas; the words are what a screen reader gets.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { now } from "../state/clock";
import { history, liveStale } from "../state/cluster";
import { KEPT_MS, type Line, series } from "../state/history";
import { MISSING } from "../views/units";
import { Value } from "./basics";

export interface Plot {
  title: string;
  lines: readonly { line: Line; name: string; colour: string }[];
  format: (value: number | null) => string;
  /** How the axis writes it, where that is shorter. */
  tick?: (value: number) => string;
  /** Whether it counts things, so that the axis has no halves. */
  whole?: boolean;
  /** The axis reaches at least this far, so that noise does not look like a mountain. */
  least: number;
}

const HEIGHT = 104;
const WHOLE = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1000, 10_000].map((size) => step * size))
  .sort((a, b) => a - b);
/** A canvas takes no variables and no light-dark(): an element that nobody sees resolves them. */
const probe = document.createElement("span");
probe.hidden = true;

function colour(name: string): string {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** From the first figure on, at least two minutes and at most fifteen. Seconds. */
function span(first: number | undefined, end: number): [number, number] {
  return [Math.max(end - KEPT_MS / 1000, Math.min(first ?? end, end - 120)), end];
}

function options(plot: Plot, width: number): uPlot.Options {
  const axis = {
    stroke: () => colour("quiet"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
  };
  const font = "11px system-ui, sans-serif";
  return {
    width,
    height: HEIGHT,
    padding: [6, 6, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "live" }, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { range: (of) => span(of.data[0][0], now.peek() / 1000) },
      y: { range: (_, __, most) => [0, Math.max(plot.least, (most ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        font,
        size: 20,
        space: 70,
        incrs: [60, 120, 300],
        values: [[60, "{H}:{mm}", null, null, null, null, null, null, 1]],
      },
      {
        ...axis,
        font,
        size: 52,
        space: 26,
        ...(plot.whole ? { incrs: WHOLE } : {}),
        values: (_, ticks) => ticks.map((tick) => (plot.tick ?? plot.format)(tick)),
      },
    ],
    series: [
      {},
      ...plot.lines.map(({ colour: name }) => ({
        stroke: () => colour(name),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

export function Chart({ plot, service }: { plot: Plot; service: string }) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const lines = plot.lines.map(({ line }) => line);
  const data = series(history.value, service, lines);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const chart = new uPlot(options(plot, element.clientWidth), data as uPlot.AlignedData, element);
    drawn.current = chart;
    const sized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    sized.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => chart.redraw(false);
    scheme.addEventListener("change", redraw);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", redraw);
      chart.destroy();
    };
  }, [service, plot]);
  useEffect(() => drawn.current?.setData(data as uPlot.AlignedData), [history.value]);
  const last = (index: number) => (liveStale.value ? null : (data[index + 1]?.at(-1) ?? null));
  return (
    <figure class="chart">
      <figcaption>
        <span class="label">{plot.title}</span>
        {plot.lines.map(({ name, colour: swatch }, index) => (
          <span key={name} class="figure">
            <span class={`swatch ${swatch}`} />
            {plot.lines.length > 1 && <span class="quiet">{name}</span>}{" "}
            <Value text={last(index) === null ? MISSING : plot.format(last(index))} />
          </span>
        ))}
      </figcaption>
      <div ref={place} class="canvas" aria-hidden="true" />
    </figure>
  );
}
