// What a condition's reason means and what to do about it, as the reference page of conditions says it. Pure.
import texts from "../reasons.json";

export interface Advice {
  means: string;
  fix: string;
}

const known: Record<string, Advice> = texts;

/** The advice for a reason; none for a word that is not ours. */
export function advice(reason: string): Advice | null {
  return Object.hasOwn(known, reason) ? (known[reason] ?? null) : null;
}
