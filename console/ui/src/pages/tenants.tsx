// The Tenants page: who may call, how much they use, and their keys.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Tenant } from "../api/types";
import { Command, Empty, Pill, Value, Why } from "../components/basics";
import { Act } from "../components/buttons";
import { Keys } from "../components/keys";
import { NewKey, type Wanted } from "../components/newkey";
import { NewTenant } from "../components/newtenant";
import { Search } from "../components/search";
import { live, liveStale, tenants } from "../state/cluster";
import { inScope } from "../state/prefs";
import { words } from "../views/service";
import { type Meter, tenantView } from "../views/tenant";
import { count } from "../views/units";

const wanted = signal<Wanted | null>(null);

function Usage({ meter }: { meter: Meter }) {
  const full =
    meter.limit !== null && meter.used !== null ? Math.min(1, meter.used / Math.max(1, meter.limit)) : null;
  return (
    <div class="meter">
      <span class="quiet">{meter.label}</span>
      <Value text={meter.words} />
      {full !== null && <meter min={0} max={1} high={0.9} value={full} aria-label={meter.label} />}
    </div>
  );
}

function Card({ tenant }: { tenant: Tenant }) {
  const key = `${tenant.metadata.namespace}/${tenant.metadata.name}`;
  const figures = liveStale.value || live.value?.missing ? undefined : live.value?.tenants[key];
  const view = tenantView(tenant, figures);
  return (
    <section class="panel">
      <header class="bar">
        <h2 dir="auto">
          {view.name} <span class="quiet">{view.namespace}</span>
        </h2>
        <Pill text={view.qosClass} as="off" />
        <span class="quiet">
          may call {view.services.length > 0 ? view.services.join(", ") : "every service of its namespace"}
        </span>
        <div class="right-side">
          <Act
            needs={{ kind: "tenants", verb: "update", namespace: view.namespace }}
            label={`Make a key for ${view.name}`}
            onPress={() => {
              wanted.value = { namespace: view.namespace, tenant: view.name };
            }}
          >
            Make a key
          </Act>
        </div>
      </header>
      {view.why && <Why finding={view.why} />}
      <div class="meters">
        {view.meters.map((meter) => (
          <Usage key={meter.label} meter={meter} />
        ))}
        <div class="meter">
          <span class="quiet">Requests in all</span>
          <Value text={count(view.requests)} />
        </div>
        <div class="meter">
          <span class="quiet">Tokens in all</span>
          <Value text={count(view.tokens)} />
        </div>
      </div>
      <Keys view={view} />
    </section>
  );
}

export function Tenants() {
  const [search, setSearch] = useState("");
  const [making, setMaking] = useState(false);
  const all = tenants.value.filter(inScope);
  const rows = all.filter(({ metadata: { namespace, name } }) => words(`${namespace}/${name}`, search));
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1}>Tenants</h1>
        <Search
          label="Find tenants"
          value={search}
          set={setSearch}
          left={rows.length}
          all={all.length}
          unit="tenants"
        />
        <div class="right-side">
          <Act needs={{ kind: "tenants", verb: "create" }} kind="primary" onPress={() => setMaking(true)}>
            New tenant
          </Act>
        </div>
      </header>
      {rows.length === 0 && (
        <Empty title={all.length === 0 ? "No tenants yet" : "Nothing matches"}>
          <p>A tenant is who calls: a class, limits and keys. Make one here, or with</p>
          <Command text="tidegate keys create NAME -n NAMESPACE" />
        </Empty>
      )}
      {rows.map((tenant) => (
        <Card
          key={tenant.metadata.uid ?? `${tenant.metadata.namespace}/${tenant.metadata.name}`}
          tenant={tenant}
        />
      ))}
      {wanted.value && (
        <NewKey
          wanted={wanted.value}
          onClose={() => {
            wanted.value = null;
          }}
        />
      )}
      {making && <NewTenant onClose={() => setMaking(false)} />}
    </>
  );
}
