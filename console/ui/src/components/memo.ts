// Skips drawing a component whose properties are the same in what counts. (Preact keeps this in its compatibility
// layer, which is larger than all we take of it.)
import { Component, type FunctionComponent, h } from "preact";

export function memo<P extends object>(of: FunctionComponent<P>, same: (before: P, after: P) => boolean) {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props as P, next);
    }
    override render() {
      return h(of, this.props as P);
    }
  };
}
