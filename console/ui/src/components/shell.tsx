// The frame of every page: navigation, who is signed in, and whether what is shown is fresh.

import { PAGES, route } from "../route";
import { connected, known, problem, stale, staleFor } from "../state/cluster";
import { scope, seenNamespaces } from "../state/prefs";
import { session, signInOpen, signOut } from "../state/session";
import { duration } from "../views/units";
import { shortUser } from "../views/user";

const TITLES: Record<string, string> = {
  models: "Models",
  chat: "Chat",
  live: "Live",
  tenants: "Tenants",
  events: "Events",
};

function Wave() {
  return (
    <svg viewBox="0 0 32 24" width="26" height="20" aria-hidden="true" class="wave">
      <path d="M3 6q3.7-4 7.3 0t7.4 0 7.3 0M3 12q3.7-4 7.3 0t7.4 0 7.3 0M3 18q3.7-4 7.3 0t7.4 0 7.3 0" />
    </svg>
  );
}

function Freshness() {
  if (!known.value && !connected.value) return <span class="fresh connecting">Connecting</span>;
  if (stale.value) return <span class="fresh old">Not live</span>;
  return <span class="fresh live">Up to date</span>;
}

function Person() {
  const user = session.value?.user;
  return user ? (
    <>
      <span class="user" title={user} dir="auto">
        {shortUser(user)}
      </span>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </>
  ) : (
    <>
      <span class="user quiet">Read-only</span>
      <button
        type="button"
        onClick={() => {
          signInOpen.value = true;
        }}
      >
        Sign in
      </button>
    </>
  );
}

function Scope() {
  return (
    <select
      aria-label="Namespace"
      value={scope.value}
      onChange={(event) => {
        scope.value = event.currentTarget.value;
      }}
    >
      <option value="">All namespaces</option>
      {seenNamespaces.value.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function Top() {
  const { page } = route.value;
  const current = page === "service" ? "models" : page;
  return (
    <header class="top">
      <a class="brand" href="#/models">
        <Wave />
        <span class="name">Tidegate</span>
      </a>
      <nav aria-label="Pages">
        {PAGES.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={name === current ? "page" : undefined}>
            {TITLES[name]}
          </a>
        ))}
      </nav>
      <div class="tools">
        <Freshness />
        <Scope />
        <Person />
      </div>
    </header>
  );
}

/** Said where nobody can overlook it while the data is old. */
export function StaleBanner() {
  // A moment without a connection is shown in the bar alone, so that the page does not jump.
  if (!stale.value || staleFor.value < 3) return null;
  return (
    <p class="banner" role="status">
      <strong>Not live.</strong> The connection was lost; what you see is from before. Trying again.{" "}
      <span class="num" aria-hidden="true">
        Last heard {duration(staleFor.value)} ago.
      </span>{" "}
      <span class="quiet">{problem.value?.fix}</span>
    </p>
  );
}
