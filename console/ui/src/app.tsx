// The app: the frame and the page of the address. Moves the focus to the page's heading when the address changes.
import { useEffect, useRef } from "preact/hooks";
import { Empty } from "./components/basics";
import { Notices, Question } from "./components/notices";
import { StaleBanner, Top } from "./components/shell";
import { SignIn } from "./components/signin";
import { Chat } from "./pages/chat";
import { Events } from "./pages/events";
import { LivePage } from "./pages/live";
import { Models } from "./pages/models";
import { ServicePage } from "./pages/service";
import { Tenants } from "./pages/tenants";
import { type Route, route } from "./route";
import { known, problem, stale } from "./state/cluster";
import { refused, signInOpen } from "./state/session";

function page(at: Route) {
  switch (at.page) {
    case "service":
      return <ServicePage namespace={at.namespace} name={at.name} />;
    case "chat":
      return <Chat query={at.query} />;
    case "live":
      return <LivePage query={at.query} />;
    case "tenants":
      return <Tenants />;
    case "events":
      return <Events />;
    default:
      return <Models />;
  }
}

/** In place of a page while nothing is known yet. */
function Waiting() {
  if (refused.value)
    return (
      <Empty title={refused.value.message}>
        <p>{refused.value.fix}</p>
        <button
          type="button"
          class="primary"
          onClick={() => {
            signInOpen.value = true;
          }}
        >
          Sign in
        </button>
      </Empty>
    );
  return (
    <Empty title={problem.value ? problem.value.message : "Reading the cluster …"}>
      <p>{problem.value?.fix}</p>
    </Empty>
  );
}

export function App() {
  const at = route.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const place = at.page === "service" ? `${at.namespace}/${at.name}` : at.page;
  useEffect(() => {
    const heading = main.current?.querySelector("h1");
    document.title = `${heading?.textContent ?? "Models"} · Tidegate`;
    if (!first.current) heading?.focus();
    first.current = false;
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Top />
      <StaleBanner />
      <main id="main" ref={main} tabIndex={-1} class={`${at.page} ${stale.value ? "stale" : ""}`}>
        {known.value || at.page === "chat" ? page(at) : <Waiting />}
      </main>
      <Notices />
      <SignIn />
      <Question />
    </>
  );
}
