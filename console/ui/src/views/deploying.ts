// What the deploy form holds, the spec that follows from it, and which field an error of the API server is about. Pure.

export interface Draft {
  namespace: string;
  name: string;
  uri: string;
  profile: string;
  count: string;
  follows: boolean;
  replicas: string;
  least: string;
  most: string;
}

export type DraftField = Exclude<keyof Draft, "follows">;

export const EMPTY: Draft = {
  namespace: "",
  name: "",
  uri: "",
  profile: "cpu",
  count: "1",
  follows: false,
  replicas: "1",
  least: "1",
  most: "3",
};

/** The spec of the LLMService. Numbers that are none are left to the API server to refuse. */
export function spec(draft: Draft): object {
  const size = draft.follows
    ? { scaling: { minReplicas: Number(draft.least), maxReplicas: Number(draft.most) } }
    : { replicas: Number(draft.replicas) };
  return { model: { uri: draft.uri.trim() }, resourceProfile: `${draft.profile}:${draft.count}`, ...size };
}

// In this order: the more particular word first, since messages about a part also name the whole.
const SAID: readonly (readonly [RegExp, DraftField])[] = [
  [/minReplicas/, "least"],
  [/maxReplicas/, "most"],
  [/\bmodel\b|\buri\b/, "uri"],
  [/resourceProfile/, "profile"],
  [/\breplicas\b/, "replicas"],
  [/\bnamespaces?\b/i, "namespace"],
  [/\bname\b|already exists/, "name"],
];

const said = (text: string) => SAID.find(([pattern]) => pattern.test(text))?.[1] ?? null;

/** The field of the form that an error is about, by the paths that it names or else by its words. */
export function fieldOf(error: { message: string; fields: readonly string[] }): DraftField | null {
  const paths = error.fields.map((path) => said(path.replace(/^metadata\./, "")));
  // Where a rule spans a part of the spec, only the message says which field of it is meant.
  return paths.length === 0 || error.fields.every((path) => path === "spec")
    ? said(error.message)
    : (paths[0] ?? null);
}
