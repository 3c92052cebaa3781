// The page of one service: why it is as it is, its workers, its figures, its rollout, and what happened to it.
import { deleteService, renew } from "../api/actions";
import type { Service } from "../api/types";
import { Age, Bar, Command, Empty, Pill, Section, Why } from "../components/basics";
import { Confirmed } from "../components/buttons";
import { Charts } from "../components/charts";
import { Conditions, Details, Pools } from "../components/details";
import { SuspendOrLoad } from "../components/servicerow";
import { chatLink } from "../route";
import { run } from "../state/act";
import { events, services } from "../state/cluster";
import { ofService } from "../views/events";
import { type ServiceView, serviceView } from "../views/service";
import { EventTable } from "./events";
import { Scaling } from "./live";

function Acts({ view }: { view: ServiceView }) {
  const { name } = view;
  return (
    <div class="right-side">
      {view.answers && (
        <a class="button primary" href={chatLink(view.model)}>
          Chat
        </a>
      )}
      <SuspendOrLoad view={view} />
      <Confirmed
        needs={{ kind: "services", verb: "patch", namespace: view.namespace }}
        title={`Replace the workers of ${name}?`}
        text="New workers are made and take over one by one; answers that have begun are finished. Their prompt caches begin empty."
        verb="Renew"
        onPress={() => void run(`The workers of ${name} are being replaced.`, (token) => renew(token, view))}
      >
        Renew
      </Confirmed>
      <Confirmed
        needs={{ kind: "services", verb: "delete", namespace: view.namespace }}
        kind="danger"
        title={`Delete ${name}?`}
        text={`The service, its workers and its settings are gone for good, and clients that ask for ${view.model} get 404. The files of its model stay in the cache.`}
        verb="Delete"
        onPress={() => void run(`${name} is being deleted.`, (token) => deleteService(token, view))}
      >
        Delete
      </Confirmed>
    </div>
  );
}

function Summary({ service, view }: { service: Service; view: ServiceView }) {
  const url = service.status?.url;
  return (
    <dl class="facts">
      <div>
        <dt>Model</dt>
        <dd dir="auto">{view.model}</dd>
      </div>
      <div>
        <dt>From</dt>
        <dd>
          <code>{view.source}</code>
        </dd>
      </div>
      <div>
        <dt>Profile</dt>
        <dd>
          <code>{service.spec.resourceProfile ?? "cpu:1"}</code>
        </dd>
      </div>
      <div>
        <dt>Address in the cluster</dt>
        <dd>{url ? <code>{url}</code> : <span class="missing">none yet</span>}</dd>
      </div>
      <div>
        <dt>Age</dt>
        <dd>
          <Age at={view.created} />
        </dd>
      </div>
    </dl>
  );
}

function Gone({ namespace, name }: { namespace: string; name: string }) {
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1} dir="auto">
          {name}
        </h1>
      </header>
      <Empty title={`There is no service ${name} in ${namespace}`}>
        <p>It was deleted, or you may not see it. All there are:</p>
        <Command text={`kubectl get llmsvc -n ${namespace}`} />
        <a href="#/models">Back to Models</a>
      </Empty>
    </>
  );
}

export function ServicePage({ namespace, name }: { namespace: string; name: string }) {
  const service = services.value.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
  if (!service) return <Gone namespace={namespace} name={name} />;
  const view = serviceView(service);
  const happened = ofService(events.value, namespace, name);
  return (
    <>
      <header class="bar page">
        <h1 tabIndex={-1} dir="auto">
          {name}
        </h1>
        <span class="quiet">{namespace}</span>
        <Pill text={view.phase} as={view.tone} />
        <span class="num">{view.ready}</span>
        <Acts view={view} />
      </header>
      {view.why && <Why finding={view.why} as={view.tone} />}
      {view.progress && <Bar progress={view.progress} label="Download" />}
      <Summary service={service} view={view} />
      <Section title="Live">
        <Charts service={view.key} />
        <Scaling service={service} />
      </Section>
      <Pools service={service} />
      <Conditions service={service} />
      <Details service={service} />
      <Section title="Events">
        {happened.length > 0 ? (
          <EventTable events={happened} />
        ) : (
          <p class="quiet">Nothing has happened lately.</p>
        )}
      </Section>
    </>
  );
}
