// The last fifteen minutes of live figures, in memory only, as small tables. Pure: what is not known is not a
// number, becomes a gap in a chart, and is never a 0.
import type { Live, LiveService } from "../api/types";

export const KEPT_MS = 15 * 60_000;
/** Longer without a figure than this, and the line of a chart is interrupted. */
const GAP_MS = 10_000;

const READ = {
  high: (of: LiveService) => of.queued.high,
  medium: (of: LiveService) => of.queued.medium,
  low: (of: LiveService) => of.queued.low,
  running: (of: LiveService) => of.running,
  batch: (of: LiveService) => of.batchSize,
  kv: (of: LiveService) => (of.kvUsedRatio === null ? null : of.kvUsedRatio * 100),
  p50: (of: LiveService) => of.ttftP50Seconds,
  p90: (of: LiveService) => of.ttftP90Seconds,
  tokens: (of: LiveService) => of.tokensPerSecond,
  workers: (of: LiveService) =>
    of.pools.length === 0 ? null : of.pools.reduce((sum, pool) => sum + pool.workersReady, 0),
};
export type Line = keyof typeof READ | "wanted";
const LINES = [...(Object.keys(READ) as (keyof typeof READ)[]), "wanted"] as const;

export interface Sample {
  at: number;
  /** Row of each service in the table. */
  rows: ReadonlyMap<string, number>;
  table: Float32Array;
}

/** One moment as a table: a row for each service, a column for each line. `wanted`: workers wanted, by service. */
export function sample(live: Live, wanted: Readonly<Record<string, number>>, at: number): Sample {
  const keys = live.missing === null ? Object.keys(live.services) : [];
  const table = new Float32Array(keys.length * LINES.length).fill(Number.NaN);
  keys.forEach((key, row) => {
    const figures = live.services[key] as LiveService;
    LINES.forEach((line, column) => {
      const value = line === "wanted" ? wanted[key] : READ[line](figures);
      if (typeof value === "number") table[row * LINES.length + column] = value;
    });
  });
  return { at, rows: new Map(keys.map((key, row) => [key, row])), table };
}

/** The history with one more sample, those that are too old dropped, and a gap where nothing was heard for long. */
export function remember(history: readonly Sample[], next: Sample): Sample[] {
  const kept = history.filter(({ at }) => at > next.at - KEPT_MS);
  const last = kept.at(-1);
  if (last && next.at - last.at > GAP_MS)
    kept.push({ at: last.at + 1, rows: new Map(), table: new Float32Array() });
  kept.push(next);
  return kept;
}

function figure({ rows, table }: Sample, key: string, column: number): number | null {
  const row = rows.get(key);
  const value = row === undefined ? undefined : table[row * LINES.length + column];
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** The table that a chart draws: times in seconds first, then a row for each line; null where there is no figure. */
export function series(history: readonly Sample[], key: string, lines: readonly Line[]): (number | null)[][] {
  const times = history.map(({ at }) => at / 1000);
  const columns = lines.map((line) => LINES.indexOf(line));
  return [times, ...columns.map((column) => history.map((one) => figure(one, key, column)))];
}
