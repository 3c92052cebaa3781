// Keeps the one event stream of the tab open: reads it by fetch, because a header carries the token, and opens it
// anew with growing pauses. Owns no state of the cluster: it hands messages on, and says how the connection is.
import { ApiError, errorOf, headers } from "./client";
import { type Message, parser } from "./sse";

export interface Listener {
  opened(): void;
  message(message: Message): void;
  /** Any byte came, a comment too. */
  heard(): void;
  lost(error: ApiError): void;
}

/** Nothing for so long means that the connection is dead, whatever the browser thinks: comments come each 15 s. */
const SILENCE_MS = 20_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** The pause before the next try; part of it is chance, so that many tabs do not come back at once. */
export function pause(failures: number, random: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
  return longest / 2 + (longest / 2) * random;
}

/** Open the stream and keep it open; returns what closes it for good. */
export function follow(token: string, listener: Listener): () => void {
  const over = new AbortController();
  void (async () => {
    let failures = 0;
    while (!over.signal.aborted) {
      try {
        await once(token, over.signal, listener, () => {
          failures = 0;
        });
        listener.lost(new ApiError(0, "The console ended the stream."));
      } catch (error) {
        if (over.signal.aborted) return;
        listener.lost(error instanceof ApiError ? error : new ApiError(0, "The console does not answer."));
      }
      await sleep(pause(failures, Math.random()), over.signal);
      failures += 1;
    }
  })();
  return () => over.abort();
}

async function once(token: string, over: AbortSignal, listener: Listener, worked: () => void): Promise<void> {
  const silence = new AbortController();
  const stop = () => silence.abort();
  over.addEventListener("abort", stop);
  let timer = setTimeout(stop, SILENCE_MS);
  try {
    const answer = await fetch("/api/v1/stream", {
      headers: { ...headers(token), Accept: "text/event-stream" },
      cache: "no-store",
      signal: silence.signal,
    });
    if (!answer.ok || !answer.body) throw await errorOf(answer);
    listener.opened();
    const [parse, decoder, reader] = [parser(), new TextDecoder(), answer.body.getReader()];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
      worked();
      listener.heard();
      for (const message of parse(decoder.decode(part.value, { stream: true }))) listener.message(message);
    }
  } finally {
    clearTimeout(timer);
    over.removeEventListener("abort", stop);
  }
}

function sleep(milliseconds: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    over.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
