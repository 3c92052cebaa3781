// Who uses this tab: the token, kept in sessionStorage alone, and what the API says of it.
import { computed, signal } from "@preact/signals";
import { whoAmI } from "../api/actions";
import { ApiError } from "../api/client";
import type { Session } from "../api/types";

const TOKEN = "tidegate.token";

export const token = signal(sessionStorage.getItem(TOKEN) ?? "");
export const session = signal<Session | null>(null);
/** Set where the API lets nobody look without signing in, or knows the token no more. */
export const refused = signal<ApiError | null>(null);
export const signInOpen = signal(false);

export const namespaces = computed(() => session.value?.namespaces ?? []);

export async function refreshSession(): Promise<void> {
  try {
    session.value = await whoAmI(token.value);
    refused.value = null;
  } catch (error) {
    session.value = null;
    refused.value = error instanceof ApiError && error.status === 401 ? error : null;
  }
}

/** Try a token, and keep it if the API server knows it; raises ApiError otherwise. */
export async function signIn(candidate: string): Promise<void> {
  const trimmed = candidate.trim();
  const found = await whoAmI(trimmed);
  if (found.user === null)
    throw new ApiError(401, "The API server does not know this token.", "Make a new one.");
  sessionStorage.setItem(TOKEN, trimmed);
  token.value = trimmed;
  session.value = found;
  refused.value = null;
}

export function signOut(): void {
  sessionStorage.removeItem(TOKEN);
  token.value = "";
  session.value = null;
  void refreshSession();
}
