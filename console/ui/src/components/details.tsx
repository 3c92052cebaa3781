// The tables of a service's page: workers by pool, conditions, adapters, the engine's flags, a rollout, starts.
import type { Condition, Service } from "../api/types";
import { live, liveStale } from "../state/cluster";
import { isWell } from "../views/conditions";
import { advice } from "../views/reasons";
import { count, latency, percent } from "../views/units";
import { Age, Pill, Prose, Section, Value } from "./basics";

export function Pools({ service }: { service: Service }) {
  const pools = service.status?.pools ?? [];
  const key = `${service.metadata.namespace}/${service.metadata.name}`;
  const figures = liveStale.value || live.value?.missing ? undefined : live.value?.services[key];
  if (pools.length === 0) return null;
  return (
    <Section title="Workers by pool">
      <table>
        <thead>
          <tr>
            <th scope="col">Pool</th>
            {["Ready", "Waiting", "Running"].map((name) => (
              <th key={name} scope="col" class="right">
                {name}
              </th>
            ))}
            <th scope="col" class="right hide-s">
              Tokens in flight
            </th>
            <th scope="col" class="right">
              KV used
            </th>
          </tr>
        </thead>
        <tbody>
          {pools.map((pool) => {
            const now = figures?.pools.find(({ name }) => name === pool.name);
            const credits = now
              ? `${count(now.creditsUsedTokens)} of ${count(now.creditsLimitTokens)}`
              : count(null);
            return (
              <tr key={pool.name}>
                <th scope="row">{pool.name}</th>
                <td class="right num">{`${pool.ready}/${pool.desired}`}</td>
                <td class="right">
                  <Value text={count(pool.queued)} />
                </td>
                <td class="right">
                  <Value text={count(pool.running)} />
                </td>
                <td class="right hide-s">
                  <Value text={credits} />
                </td>
                <td class="right">
                  <Value text={percent(now?.kvUsedRatio)} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Section>
  );
}

function ConditionRow({ of }: { of: Condition }) {
  const known = advice(of.reason);
  return (
    <tr>
      <th scope="row">{of.type}</th>
      <td>
        <Pill text={of.status} as={isWell(of) ? "good" : of.status === "Unknown" ? "busy" : "warn"} />
      </td>
      <td>
        <span>{of.reason}</span>
        <span class="quiet under num">
          <Age at={of.lastTransitionTime} />
        </span>
      </td>
      <td class="message">
        <span dir="auto">
          <Prose text={of.message} />
        </span>
        {!isWell(of) && known?.fix && (
          <p class="fix">
            <span class="label">What to do</span> <Prose text={known.fix} />
          </p>
        )}
      </td>
    </tr>
  );
}

export function Conditions({ service }: { service: Service }) {
  const conditions = service.status?.conditions ?? [];
  if (conditions.length === 0) return null;
  return (
    <Section title="Conditions">
      <table class="rows">
        <thead>
          <tr>
            {["Condition", "Status", "Reason", "Message"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {conditions.map((condition) => (
            <ConditionRow key={condition.type} of={condition} />
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** What only some services have. */
export function Details({ service }: { service: Service }) {
  const { rollout, adapters = [], engine, estimate, startup } = service.status ?? {};
  const starts = Object.entries(startup?.medianMilliseconds ?? {});
  const flags = engine?.flags ?? [];
  return (
    <>
      {rollout?.phase && rollout.phase !== "Stable" && (
        <Section
          title="Rollout"
          aside={<Pill text={rollout.phase} as={rollout.verdict === "Failed" ? "bad" : "busy"} />}
        >
          <p dir="auto">
            {rollout.steps
              ? `Step ${rollout.step} of ${rollout.steps}, ${rollout.weight}% of conversations. `
              : ""}
            {rollout.message}
          </p>
        </Section>
      )}
      {adapters.length > 0 && (
        <Section title="Adapters">
          <ul class="lines">
            {adapters.map(({ name, phase, loaded, message }) => (
              <li key={name}>
                <b dir="auto">{name}</b> <Pill text={phase} /> <span class="num">{loaded}</span>{" "}
                <span dir="auto">{message}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {(flags.length > 0 || estimate?.message || starts.length > 0) && (
        <Section title="Engine">
          {estimate?.message && <p dir="auto">{estimate.message}</p>}
          {flags.length > 0 && (
            <ul class="lines">
              {flags.map(({ flag, reason }) => (
                <li key={flag}>
                  <code>{flag}</code> <span class="quiet">{reason}</span>
                </li>
              ))}
            </ul>
          )}
          {starts.length > 0 && (
            <p>
              <span class="label">A start takes</span>{" "}
              {starts.map(([part, took]) => `${part} ${latency(took / 1000)}`).join(" · ")}
            </p>
          )}
        </Section>
      )}
    </>
  );
}
