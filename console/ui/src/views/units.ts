// Numbers and times as people read them. Pure. What is not known is said to be so, and never looks like 0.

export const MISSING = "no data";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** Bytes in binary units: `257 MiB`. */
export function bytes(value: Maybe): string {
  if (!known(value)) return MISSING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A speed of transfer in decimal megabytes, as download tools say it: `43.1 MB/s`. */
export function speed(value: Maybe): string {
  return known(value) ? `${(value / 1e6).toFixed(1)} MB/s` : MISSING;
}

/** A count with a suffix from ten thousand on: `9,812`, `12.3k`, `4.1M`. */
export function count(value: Maybe): string {
  if (!known(value)) return MISSING;
  if (Math.abs(value) < 10_000) return Math.round(value).toLocaleString("en");
  for (const [unit, size] of [
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
  ] as const)
    if (Math.abs(value) >= size * 0.9995) return `${(value / size).toFixed(1)}${unit}`;
  return `${(value / 1000).toFixed(1)}k`;
}

/** A rate with one digit while it is small: `0.4`, `34.2`, `1,240`. */
export function rate(value: Maybe): string {
  if (!known(value)) return MISSING;
  return value >= 100 ? count(value) : value.toFixed(1);
}

/** A ratio as percent: `37%`. */
export function percent(ratio: Maybe): string {
  return known(ratio) ? `${Math.round(ratio * 100)}%` : MISSING;
}

/** A short time given in seconds: `182 ms`, `1.24 s`, `41 s`. */
export function latency(seconds: Maybe): string {
  if (!known(seconds)) return MISSING;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 10 ? `${seconds.toFixed(2)} s` : duration(seconds);
}

/** A longer time in its two largest units: `41 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return MISSING;
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ] as const;
  const first = parts.findIndex(([size]) => size > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([size]) => size > 0)
    .map(([size, unit]) => `${size} ${unit}`)
    .join(" ");
}

/** How long ago a time is, in its largest unit: `12 s`, `4 min`, `3 d`. */
export function age(at: string | undefined, now: number): string {
  const then = at ? Date.parse(at) : Number.NaN;
  if (!Number.isFinite(then)) return MISSING;
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
