// What somebody may do, as far as the console knows it, and the sentence for what they may not. Pure.
import type { Change, Kind, Session } from "../api/types";

/** What an action takes; without a namespace it may be done in any. */
export interface Need {
  kind: Kind;
  verb: Change;
  namespace?: string;
}

const VERBS: Record<Change, string> = {
  create: "make",
  update: "change",
  patch: "change",
  delete: "delete",
};

/** Whether to offer it. What is not known is offered: the API server decides each change all the same. */
export function may(session: Session | null, { kind, verb, namespace }: Need): boolean {
  if (session === null || session.readOnly) return false;
  // A namespace may be called `constructor`.
  const granted = (name: string) =>
    !Object.hasOwn(session.rights, name) || session.rights[name]?.[kind].includes(verb) === true;
  if (namespace !== undefined) return granted(namespace);
  return session.namespaces.length === 0 || session.namespaces.some(granted);
}

/** Why it is not offered, and what to do about it. */
export function whyNot(session: Session | null, { kind, verb, namespace }: Need): string {
  if (!session?.user) return "Sign in to do this.";
  const where = namespace === undefined ? "in any namespace" : `in ${namespace}`;
  return `Your account may not ${VERBS[verb]} ${kind} ${where}. Ask for the cluster's role edit there.`;
}
