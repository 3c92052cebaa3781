// The Models page: services and how they stand, and the models in the caches.
import { useState } from "preact/hooks";
import { Command, Empty, Section } from "../components/basics";
import { Act } from "../components/buttons";
import { Deploy } from "../components/deploy";
import { ModelRow } from "../components/modelrow";
import { Pull } from "../components/pull";
import { Search } from "../components/search";
import { ServiceRow } from "../components/servicerow";
import { models, services } from "../state/cluster";
import { inScope } from "../state/prefs";
import { modelView } from "../views/model";
import { byUrgency, matches, serviceView, words } from "../views/service";

function Services({ search }: { search: string }) {
  const rows = services.value
    .filter(inScope)
    .map((service) => ({ service, view: serviceView(service) }))
    .filter(({ view }) => matches(view, search))
    .sort((one, other) => byUrgency(one.view, other.view));
  if (services.value.length === 0)
    return (
      <Empty title="No services yet">
        <p>A service is a model behind an OpenAI-compatible endpoint. Deploy one here, or with</p>
        <Command text="kubectl apply -f examples/01-quickstart/2-llmservice.yaml" />
      </Empty>
    );
  if (rows.length === 0)
    return <Empty title="Nothing matches">Clear the search, or choose another namespace.</Empty>;
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col" class="hide-m">
            Model
          </th>
          <th scope="col">Phase</th>
          <th scope="col" class="right">
            Ready
          </th>
          <th scope="col" class="hide-m">
            Pools
          </th>
          <th scope="col" class="right hide-s">
            tok/s
          </th>
          <th scope="col" class="right hide-s">
            Queue
          </th>
          <th scope="col" class="right hide-s">
            Age
          </th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      {rows.map(({ service, view }) => (
        <ServiceRow key={view.key} service={service} />
      ))}
    </table>
  );
}

function Cached({ search }: { search: string }) {
  const rows = models.value
    .filter(inScope)
    .map((model) => ({ model, view: modelView(model) }))
    .filter(({ view }) => words(`${view.uri} ${view.name} ${view.namespace} ${view.phase}`, search))
    .sort((one, other) => one.view.key.localeCompare(other.view.key));
  if (rows.length === 0)
    return (
      <Empty title={models.value.length === 0 ? "No models in the cache" : "Nothing matches"}>
        <p>Models of hubs are downloaded once for each namespace. Fetch one beforehand here, or with</p>
        <Command text="tidegate models pull hf://ORG/NAME -n NAMESPACE" />
      </Empty>
    );
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" class="hide-m">
            Commit
          </th>
          <th scope="col">Phase</th>
          <th scope="col" class="right">
            Size
          </th>
          <th scope="col" class="hide-m">
            Licence
          </th>
          <th scope="col" class="hide-m">
            Used by
          </th>
          <th scope="col" class="right hide-s">
            Age
          </th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      {rows.map(({ model, view }) => (
        <ModelRow key={view.key} model={model} />
      ))}
    </table>
  );
}

export function Models() {
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<"" | "deploy" | "pull">("");
  const all = services.value.filter(inScope);
  const left = all.filter((service) => matches(serviceView(service), search)).length;
  const close = () => setOpen("");
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1}>Models</h1>
        <Search
          label="Find services and models"
          value={search}
          set={setSearch}
          left={left}
          all={all.length}
          unit="services"
        />
        <div class="right-side">
          <Act needs={{ kind: "models", verb: "create" }} onPress={() => setOpen("pull")}>
            Pull a model
          </Act>
          <Act needs={{ kind: "services", verb: "create" }} kind="primary" onPress={() => setOpen("deploy")}>
            Deploy a service
          </Act>
        </div>
      </header>
      <Section title="Services">
        <Services search={search} />
      </Section>
      <Section title="Model cache">
        <Cached search={search} />
      </Section>
      {open === "deploy" && <Deploy onClose={close} />}
      {open === "pull" && <Pull onClose={close} />}
    </>
  );
}
