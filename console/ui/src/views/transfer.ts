// Reads how far a download is. Pure.
import type { Transfer } from "../api/types";
import { bytes, duration, speed } from "./units";

export interface Progress {
  /** 0 to 100, or null where the size is not known yet. */
  percent: number | null;
  /** The same in words, with rate and time left as far as they are known. */
  words: string;
}

/** The progress of a download, or null where nothing was said of one. */
export function progress(transfer: Transfer | undefined): Progress | null {
  if (!transfer || (transfer.percent === undefined && transfer.bytesDone === undefined)) return null;
  const parts: string[] = [];
  if (transfer.bytesTotal) parts.push(`${bytes(transfer.bytesDone)} of ${bytes(transfer.bytesTotal)}`);
  else if (transfer.bytesDone !== undefined) parts.push(bytes(transfer.bytesDone));
  if (transfer.bytesPerSecond) parts.push(speed(transfer.bytesPerSecond));
  if (transfer.remainingSeconds !== undefined) parts.push(`${duration(transfer.remainingSeconds)} left`);
  return { percent: transfer.percent ?? null, words: parts.join(" · ") };
}
