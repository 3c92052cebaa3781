// The six charts of a service. Owns which lines they have and how they are coloured.
import { count, latency, rate } from "../views/units";
import { Chart, type Plot } from "./chart";

const PLOTS: readonly Plot[] = [
  {
    title: "Queue by class",
    lines: [
      { line: "high", name: "high", colour: "series-1" },
      { line: "medium", name: "medium", colour: "series-2" },
      { line: "low", name: "low", colour: "series-3" },
    ],
    format: count,
    whole: true,
    least: 4,
  },
  {
    title: "Running and batch",
    lines: [
      { line: "running", name: "running", colour: "series-1" },
      { line: "batch", name: "in batches", colour: "series-2" },
    ],
    format: count,
    whole: true,
    least: 4,
  },
  {
    title: "Tokens per second",
    lines: [{ line: "tokens", name: "tok/s", colour: "series-1" }],
    format: rate,
    tick: count,
    least: 20,
  },
  {
    title: "First token",
    lines: [
      { line: "p50", name: "p50", colour: "series-1" },
      { line: "p90", name: "p90", colour: "series-2" },
    ],
    format: latency,
    least: 0.2,
  },
  {
    title: "KV cache used",
    lines: [{ line: "kv", name: "KV", colour: "series-1" }],
    format: (value) => `${Math.round(value ?? 0)}%`,
    least: 100,
  },
  {
    title: "Workers",
    lines: [
      { line: "workers", name: "answer", colour: "series-1" },
      { line: "wanted", name: "wanted", colour: "series-2" },
    ],
    format: count,
    whole: true,
    least: 2,
  },
];

export function Charts({ service }: { service: string }) {
  return (
    <div class="charts">
      {PLOTS.map((plot) => (
        <Chart key={plot.title} plot={plot} service={service} />
      ))}
    </div>
  );
}
