// Puts a pool's last scaling decision into words. Pure.
import type { ScalingStatus } from "../api/types";

export interface Decision {
  pool: string;
  wanted: number;
  mode: string;
  words: string;
  at: string;
}

export function decisions(scaling: ScalingStatus[] | undefined): Decision[] {
  return (scaling ?? []).map(({ pool, wanted, mode, message, decidedAt }) => ({
    pool,
    wanted,
    mode,
    words: message,
    at: decidedAt,
  }));
}
