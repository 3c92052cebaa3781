// The form that makes a tenant: who, how much it matters, and how much it may use.
import { useState } from "preact/hooks";
import { makeTenant } from "../api/actions";
import { asApiError, tell } from "../state/act";
import { scope, seenNamespaces } from "../state/prefs";
import { token } from "../state/session";
import { type TenantDraft, tenantSpec } from "../views/tenantdraft";
import { Dialog } from "./dialog";
import { SelectField, TextField } from "./field";

const CLASSES = [
  ["high", "high: served first"],
  ["medium", "medium"],
  ["low", "low: served last"],
] as const;

export function NewTenant({ onClose }: { onClose: () => void }) {
  const start = scope.value || seenNamespaces.value[0] || "default";
  const [draft, setDraft] = useState<TenantDraft>({
    name: "",
    namespace: start,
    qosClass: "medium",
    requests: "",
    tokens: "",
  });
  const [wrong, setWrong] = useState("");
  const set = (field: keyof TenantDraft) => (value: string) => setDraft({ ...draft, [field]: value });
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await makeTenant(token.value, {
        namespace: draft.namespace.trim(),
        name: draft.name.trim(),
        spec: tenantSpec(draft),
      });
      tell(true, `${draft.name} is made. It needs a key to call with.`);
      onClose();
    } catch (raised) {
      const { message, fix } = asApiError(raised);
      setWrong(`${message} ${fix}`);
    }
  };
  return (
    <Dialog title="New tenant" onClose={onClose}>
      <form onSubmit={submit}>
        <div class="pair">
          <TextField
            id="tenant-name"
            label="Name"
            value={draft.name}
            set={set("name")}
            error={wrong}
            required
          />
          <TextField
            id="tenant-namespace"
            label="Namespace"
            value={draft.namespace}
            set={set("namespace")}
            required
          />
        </div>
        <SelectField
          id="tenant-class"
          label="Class"
          value={draft.qosClass}
          set={set("qosClass")}
          options={CLASSES}
        />
        <div class="pair">
          <TextField
            id="tenant-rpm"
            label="Requests a minute"
            type="number"
            value={draft.requests}
            set={set("requests")}
            placeholder="no limit"
          />
          <TextField
            id="tenant-tpm"
            label="Tokens a minute"
            type="number"
            value={draft.tokens}
            set={set("tokens")}
            placeholder="no limit"
          />
        </div>
        <footer class="choices">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Make the tenant
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
