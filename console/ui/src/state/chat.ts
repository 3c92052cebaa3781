// The conversation of this tab: the key, the models, and one transcript for each of up to two sides.
import { signal } from "@preact/signals";
import type { Answer } from "../chat/answer";
import { ask, modelsOf, type Turn } from "../chat/ask";

const KEY = "tidegate.key";

export interface Exchange {
  id: number;
  prompt: string;
  answers: (Answer | null)[];
}

export const apiKey = signal(sessionStorage.getItem(KEY) ?? "");
export const offered = signal<string[]>([]);
export const keyProblem = signal("");
export const sides = signal<string[]>([""]);
export const exchanges = signal<Exchange[]>([]);
export const streaming = signal(false);
export const settings = signal({ system: "", maxTokens: 512, temperature: 0.7 });
/** Said once to screen readers when an answer is there; the stream itself is not read out. */
export const announcement = signal("");

let stopper = new AbortController();
let asked = 0;

export function useKey(key: string): void {
  apiKey.value = key.trim();
  if (apiKey.value) sessionStorage.setItem(KEY, apiKey.value);
  else sessionStorage.removeItem(KEY);
  void refreshModels();
}

export async function refreshModels(): Promise<void> {
  try {
    offered.value = await modelsOf(apiKey.value);
    keyProblem.value = "";
  } catch (error) {
    offered.value = [];
    keyProblem.value =
      error instanceof TypeError ? "The gateway does not answer." : String((error as Error).message);
  }
  sides.value = sides.value.map((model, side) => model || offered.value[side] || offered.value[0] || "");
}

export function choose(side: number, model: string): void {
  sides.value = sides.value.map((before, index) => (index === side ? model : before));
}

export function compare(on: boolean): void {
  const [first = ""] = sides.value;
  sides.value = on ? [first, offered.value.find((model) => model !== first) ?? first] : [first];
}

/** What a side has been told so far, its own answers between the prompts; failed ones are left out. */
export function transcript(past: readonly Exchange[], side: number, system: string): Turn[] {
  const turns: Turn[] = system.trim() ? [{ role: "system", content: system.trim() }] : [];
  for (const { prompt, answers } of past) {
    const answer = answers[side];
    if (!answer || answer.failure || !answer.text) continue;
    turns.push({ role: "user", content: prompt }, { role: "assistant", content: answer.text });
  }
  return turns;
}

function show(id: number, side: number, answer: Answer): void {
  exchanges.value = exchanges.value.map((one) =>
    one.id === id
      ? { ...one, answers: one.answers.map((before, index) => (index === side ? answer : before)) }
      : one,
  );
}

/** Ask all sides the same; at most one question at a time. */
export async function send(prompt: string): Promise<void> {
  if (streaming.value || !prompt.trim()) return;
  const { system, maxTokens, temperature } = settings.value;
  const past = exchanges.value;
  const id = ++asked;
  stopper = new AbortController();
  streaming.value = true;
  announcement.value = "";
  exchanges.value = [...past, { id, prompt, answers: sides.value.map(() => null) }];
  const ends = await Promise.all(
    sides.value.map((model, side) => {
      const messages: Turn[] = [...transcript(past, side, system), { role: "user", content: prompt }];
      return ask(apiKey.value, { model, messages, maxTokens, temperature }, stopper.signal, paced(id, side));
    }),
  );
  streaming.value = false;
  announcement.value = ends.some(({ failure }) => failure)
    ? "The question failed."
    : "The answer is complete.";
}

/** Shows at most one state of an answer per frame, and always the last one. */
function paced(id: number, side: number): (answer: Answer) => void {
  let next: Answer | null = null;
  return (answer) => {
    if (answer.endedAt !== null) {
      next = null;
      show(id, side, answer);
    } else if (next) next = answer;
    else {
      next = answer;
      requestAnimationFrame(() => {
        if (next) show(id, side, next);
        next = null;
      });
    }
  };
}

export function stop(): void {
  stopper.abort();
}

export function clear(): void {
  stop();
  exchanges.value = [];
}
