// A service as a row of the Models page, with a second row for what needs saying. Drawn anew only when its object is.

import { load, unload } from "../api/actions";
import type { Service } from "../api/types";
import { chatLink, serviceLink } from "../route";
import { run } from "../state/act";
import { live, liveStale } from "../state/cluster";
import { queued } from "../views/activity";
import { type ServiceView, serviceView } from "../views/service";
import { count, rate } from "../views/units";
import { Age, Bar, Pill, Value, Why } from "./basics";
import { Act, Confirmed } from "./buttons";
import { memo } from "./memo";

export const suspendLoss = (name: string) =>
  `All workers of ${name} stop: answers that have begun are finished first, then requests get 503 until it is loaded ` +
  "again. What the workers have cached of prompts is lost; the model's files stay.";

export function SuspendOrLoad({ view }: { view: ServiceView }) {
  const { name } = view;
  if (view.suspended)
    return (
      <Act
        needs={{ kind: "services", verb: "patch", namespace: view.namespace }}
        label={`Load ${name}`}
        onPress={() => void run(`${name} is being loaded.`, (token) => load(token, view))}
      >
        Load
      </Act>
    );
  return (
    <Confirmed
      needs={{ kind: "services", verb: "patch", namespace: view.namespace }}
      label={`Suspend ${name}`}
      title={`Suspend ${name}?`}
      text={suspendLoss(name)}
      verb="Suspend"
      onPress={() => void run(`${name} is being suspended.`, (token) => unload(token, view))}
    >
      Suspend
    </Confirmed>
  );
}

/** The present figures; of a service that does not answer none are expected, so none are missing. */
function Now({ of, expected }: { of: string; expected: boolean }) {
  const figures = liveStale.value || live.value?.missing ? undefined : live.value?.services[of];
  return (
    <>
      <td class="right hide-s">{expected && <Value text={rate(figures?.tokensPerSecond)} />}</td>
      <td class="right hide-s">
        {(expected || figures) && <Value text={count(figures && queued(figures))} />}
      </td>
    </>
  );
}

function Row({ service }: { service: Service }) {
  const view = serviceView(service);
  const { name, namespace } = view;
  // Beside a bar that moves, words are only needed where somebody has to do something.
  const why = view.progress && !view.why?.fix ? null : view.why;
  return (
    <tbody>
      <tr>
        <th scope="row">
          <a href={serviceLink(namespace, name)} dir="auto">
            {name}
          </a>
          <span class="quiet under">{namespace}</span>
        </th>
        <td class="hide-m">
          <span class="clip" dir="auto" title={view.model}>
            {view.model}
          </span>
          <span class="quiet under clip" title={view.source}>
            {view.source}
          </span>
        </td>
        <td>
          <Pill text={view.phase} as={view.tone} />
        </td>
        <td class="right num">{view.ready}</td>
        <td class="hide-m pools">
          {view.pools.map((pool) => (
            <span key={pool.name} class="pool">
              {pool.name} <b class="num">{`${pool.ready}/${pool.desired}`}</b>
            </span>
          ))}
        </td>
        <Now of={view.key} expected={view.answers} />
        <td class="right hide-s">
          <Age at={view.created} />
        </td>
        <td class="acts">
          {view.answers && (
            <a class="button" href={chatLink(view.model)} aria-label={`Chat with ${name}`}>
              Chat
            </a>
          )}
          <SuspendOrLoad view={view} />
        </td>
      </tr>
      {(why || view.progress) && view.phase !== "Suspended" && (
        <tr class="more">
          <td colSpan={9}>
            {view.progress && <Bar progress={view.progress} label={`Download for ${name}`} />}
            {why && <Why finding={why} as={view.tone} />}
          </td>
        </tr>
      )}
    </tbody>
  );
}

export const ServiceRow = memo(Row, (before, after) => before.service === after.service);
