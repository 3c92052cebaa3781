// Reads the live figures: totals over all services, and which of them are busiest. Pure.
import type { Live, LiveService } from "../api/types";

/** The sum of what is known; null where nothing is. */
export function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

export interface Totals {
  queued: number | null;
  running: number | null;
  requestsPerSecond: number | null;
  errorsPerSecond: number | null;
  tokensPerSecond: number | null;
}

export const queued = ({ queued: { high, medium, low } }: LiveService) => high + medium + low;

/** The figures of all services that are shown; all unknown while the gateways are not read. */
export function totals(live: Live | null, wanted: (key: string) => boolean): Totals {
  const of =
    live && live.missing === null
      ? Object.entries(live.services).flatMap(([key, figures]) => (wanted(key) ? [figures] : []))
      : [];
  return {
    queued: sum(of.map(queued)),
    running: sum(of.map(({ running }) => running)),
    requestsPerSecond: sum(of.map(({ requestsPerSecond }) => requestsPerSecond)),
    errorsPerSecond: sum(of.map(({ errorsPerSecond }) => errorsPerSecond)),
    tokensPerSecond: sum(of.map(({ tokensPerSecond }) => tokensPerSecond)),
  };
}

/** The busiest services, those with the most to do first; of idle ones the first by name. */
export function busiest(live: Live | null, keys: readonly string[], most: number): string[] {
  const load = (key: string) => {
    const of = live?.services[key];
    return of ? queued(of) * 10 + (of.running ?? 0) * 10 + (of.tokensPerSecond ?? 0) : -1;
  };
  return [...keys].sort((one, other) => load(other) - load(one) || one.localeCompare(other)).slice(0, most);
}
