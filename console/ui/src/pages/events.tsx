// The Events page: what happened to services, models, tenants and their Pods, the newest first.
import { useState } from "preact/hooks";
import type { ClusterEvent } from "../api/types";
import { Age, Empty, Pill, Prose } from "../components/basics";
import { Search } from "../components/search";
import { serviceLink } from "../route";
import { events } from "../state/cluster";
import { scope } from "../state/prefs";
import { eventKey, shown } from "../views/events";

function Of({ event }: { event: ClusterEvent }) {
  const text = `${event.namespace}/${event.name}`;
  const isService = event.kind === "LLMService";
  return isService ? <a href={serviceLink(event.namespace, event.name)}>{text}</a> : <span>{text}</span>;
}

export function EventTable({ events: rows }: { events: ClusterEvent[] }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col" class="right">
            Age
          </th>
          <th scope="col">Reason</th>
          <th scope="col" class="hide-m">
            Object
          </th>
          <th scope="col">Message</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((event) => (
          <tr key={eventKey(event)}>
            <td class="right">
              <Age at={event.at} />
            </td>
            <td>
              <Pill text={event.reason} as={event.type === "Warning" ? "warn" : "off"} />
              {event.count > 1 && <span class="quiet num"> ×{event.count}</span>}
            </td>
            <td class="hide-m">
              <span class="clip" dir="auto">
                <Of event={event} />
              </span>
              <span class="quiet under clip">{event.kind}</span>
            </td>
            <td class="message">
              <span class="quiet show-m">
                {event.kind} {event.namespace}/{event.name}:{" "}
              </span>
              <span dir="auto">
                <Prose text={event.message} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Events() {
  const [search, setSearch] = useState("");
  const [warningsOnly, setWarningsOnly] = useState(false);
  const all = events.value.filter(({ namespace }) => scope.value === "" || namespace === scope.value);
  const rows = shown(all, { search, warningsOnly });
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1}>Events</h1>
        <Search
          label="Find events"
          value={search}
          set={setSearch}
          left={rows.length}
          all={all.length}
          unit="events"
        />
        <label class="check">
          <input
            type="checkbox"
            checked={warningsOnly}
            onChange={(event) => setWarningsOnly(event.currentTarget.checked)}
          />{" "}
          Warnings only
        </label>
      </header>
      {rows.length === 0 ? (
        <Empty title={all.length === 0 ? "Nothing has happened lately" : "Nothing matches"}>
          <p>Kubernetes keeps events for an hour. They appear here as they happen.</p>
        </Empty>
      ) : (
        <EventTable events={rows} />
      )}
    </>
  );
}
