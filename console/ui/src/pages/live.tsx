// The Live page: totals, and the charts of the busiest services or of the one that was chosen.
import { signal } from "@preact/signals";
import type { Service } from "../api/types";
import { Age, Command, Empty, Pill, Value } from "../components/basics";
import { Charts } from "../components/charts";
import { serviceLink } from "../route";
import { live, liveStale, services } from "../state/cluster";
import { inScope, scope } from "../state/prefs";
import { busiest, totals } from "../views/activity";
import { decisions } from "../views/scaling";
import { serviceView } from "../views/service";
import { count, rate } from "../views/units";

const SHOWN = 3;
const chosen = signal("");

function Totals() {
  const current = liveStale.value ? null : live.value;
  const figures = totals(current, (key) => scope.value === "" || key.startsWith(`${scope.value}/`));
  const rows: [string, string][] = [
    ["Requests/s", rate(figures.requestsPerSecond)],
    ["Errors/s", rate(figures.errorsPerSecond)],
    ["Tokens/s", rate(figures.tokensPerSecond)],
    ["Waiting", count(figures.queued)],
    ["Running", count(figures.running)],
    ["Gateways", count(current?.gateways)],
  ];
  return (
    <dl class="totals">
      {rows.map(([label, text]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <Value text={text} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Scaling({ service }: { service: Service }) {
  const made = decisions(service.status?.scaling);
  return (
    <ul class="decisions">
      {made.map(({ pool, wanted, words, at, mode }) => (
        <li key={pool}>
          <span class="label">{pool}</span> wants <b class="num">{wanted}</b>
          {mode !== "Auto" && <span class="quiet"> ({mode})</span>}: <span dir="auto">{words}</span>{" "}
          <span class="quiet num">
            <Age at={at} /> ago
          </span>
        </li>
      ))}
    </ul>
  );
}

function Panel({ service }: { service: Service }) {
  const view = serviceView(service);
  return (
    <section class="panel">
      <header class="bar">
        <h2>
          <a href={serviceLink(view.namespace, view.name)} dir="auto">
            {view.name}
          </a>{" "}
          <span class="quiet">{view.namespace}</span>
        </h2>
        <Pill text={view.phase} as={view.tone} />
        <span class="num">{view.ready}</span>
      </header>
      <Charts service={view.key} />
      <Scaling service={service} />
    </section>
  );
}

function Missing() {
  if (liveStale.value)
    return <p class="banner">No live figures for more than 8 seconds: what the charts end with is old.</p>;
  if (live.value === null) return <p class="banner">No live figures have come yet.</p>;
  return live.value.missing === null ? null : (
    <p class="banner">
      <strong>No live figures.</strong> <span dir="auto">{live.value.missing}</span>
    </p>
  );
}

export function LivePage({ query }: { query: URLSearchParams }) {
  const all = services.value.filter(inScope);
  const byKey = new Map(all.map((service) => [serviceView(service).key, service]));
  const keys = [...byKey.keys()].sort();
  const wanted = chosen.value || query.get("service") || "";
  const shown = byKey.has(wanted) ? [wanted] : busiest(live.value, keys, SHOWN).sort();
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1}>Live</h1>
        <select
          aria-label="Which services"
          value={byKey.has(wanted) ? wanted : ""}
          onChange={(event) => {
            chosen.value = event.currentTarget.value;
          }}
        >
          <option value="">The busiest</option>
          {keys.map((key) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </select>
        <span class="quiet">the last 15 minutes, since this page was opened</span>
      </header>
      <Missing />
      <Totals />
      {keys.length === 0 && (
        <Empty title="No services, so nothing to measure">
          <Command text="kubectl apply -f examples/01-quickstart/2-llmservice.yaml" />
        </Empty>
      )}
      {shown.map((key) => {
        const service = byKey.get(key);
        return service && <Panel key={key} service={service} />;
      })}
    </>
  );
}
