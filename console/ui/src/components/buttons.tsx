// Buttons that act. One that may not act stays visible, and says why. Owns no state.
import type { ComponentChildren } from "preact";
import { asking, tell } from "../state/act";
import { session, signInOpen } from "../state/session";
import { may, type Need, whyNot } from "../views/rights";

interface Props {
  needs: Need;
  onPress: () => void;
  children: ComponentChildren;
  kind?: "primary" | "danger" | "plain";
  label?: string;
}

/** A button for what changes the cluster: without the right to, it explains itself instead. */
export function Act({ needs, onPress, children, kind = "plain", label }: Props) {
  const allowed = may(session.value, needs);
  const reason = allowed ? undefined : whyNot(session.value, needs);
  const press = () => {
    if (allowed) onPress();
    else if (session.value?.user) tell(false, reason ?? "");
    else signInOpen.value = true;
  };
  return (
    <button
      type="button"
      class={kind}
      aria-label={label}
      aria-disabled={!allowed}
      aria-description={reason}
      title={reason}
      onClick={press}
    >
      {children}
    </button>
  );
}

/** The same with a question before it that says what is lost. */
export function Confirmed(props: Props & { title: string; text: string; verb: string }) {
  const { title, text, verb, onPress, ...rest } = props;
  return (
    <Act
      {...rest}
      onPress={() => {
        asking.value = { title, text, verb, act: onPress };
      }}
    />
  );
}
