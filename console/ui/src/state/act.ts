// Runs what somebody asked for, and tells how it went. Owns the notices and the one question that may be open.
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { token } from "./session";

export interface Notice {
  id: number;
  good: boolean;
  text: string;
  fix: string;
}

export interface Asking {
  title: string;
  text: string;
  verb: string;
  act: () => void;
}

export const notices = signal<Notice[]>([]);
export const asking = signal<Asking | null>(null);
const GOOD_MS = 6_000;
let told = 0;

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Tell something; what went wrong stays until it is dismissed. */
export function tell(good: boolean, text: string, fix = ""): void {
  const id = ++told;
  notices.value = [...notices.value.slice(-3), { id, good, text, fix }];
  if (good) setTimeout(() => dismiss(id), GOOD_MS);
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, "The page itself failed.", "Reload it.");
}

/** Do something with the user's token, and tell how it went; true if it went well. */
export async function run(done: string, what: (token: string) => Promise<unknown>): Promise<boolean> {
  try {
    await what(token.value);
    tell(true, done);
    return true;
  } catch (error) {
    const { message, fix } = asApiError(error);
    tell(false, message, fix);
    return false;
  }
}
