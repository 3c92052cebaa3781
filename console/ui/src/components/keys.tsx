// The keys of a tenant: their names and when they end, never the keys themselves.
import { deleteKey } from "../api/actions";
import { run } from "../state/act";
import { now } from "../state/clock";
import type { TenantView } from "../views/tenant";
import { Confirmed } from "./buttons";

const isOver = (notAfter: string | undefined) => notAfter !== undefined && Date.parse(notAfter) <= now.value;

export function Keys({ view }: { view: TenantView }) {
  if (view.keys.length === 0) return null;
  return (
    <ul class="keys" aria-label={`Keys of ${view.name}`}>
      {view.keys.map(({ name, notAfter }) => (
        <li key={name}>
          <b dir="auto">{name}</b>
          <span class={isOver(notAfter) ? "error" : "quiet"}>
            {notAfter === undefined
              ? "does not expire"
              : `${isOver(notAfter) ? "expired" : "until"} ${notAfter.slice(0, 10)}`}
          </span>
          <Confirmed
            needs={{ kind: "tenants", verb: "update", namespace: view.namespace }}
            label={`Revoke ${name}`}
            title={`Revoke the key ${name} of ${view.name}?`}
            text="Whoever uses it gets 401 within two seconds, requests under way included. It cannot be had back: make a new one instead."
            verb="Revoke"
            onPress={() =>
              void run(`The key ${name} is revoked.`, (token) =>
                deleteKey(token, { ...view, tenant: view.name, name }),
              )
            }
          >
            Revoke
          </Confirmed>
        </li>
      ))}
    </ul>
  );
}
