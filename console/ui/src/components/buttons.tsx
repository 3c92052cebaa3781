// Buttons that act. One that may not act stays visible, and says why. Owns no state.
import type { ComponentChildren } from "preact";
import { asking } from "../state/act";
import { mayAct, session, signInOpen } from "../state/session";

interface Props {
  onPress: () => void;
  children: ComponentChildren;
  kind?: "primary" | "danger" | "plain";
  label?: string;
}

/** A button for what changes the cluster: without the right to, it explains itself instead. */
export function Act({ onPress, children, kind = "plain", label }: Props) {
  const allowed = mayAct.value;
  const reason = session.value?.user ? "Your account may only look." : "Sign in to do this.";
  const press = () => {
    if (allowed) onPress();
    else if (!session.value?.user) signInOpen.value = true;
  };
  return (
    <button
      type="button"
      class={kind}
      aria-label={label}
      aria-disabled={!allowed}
      title={allowed ? undefined : reason}
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
