// Keeps the old value of what has not changed, so that a row whose object stayed the same is not drawn again. Pure.

/** `next`, with those of its members that equal one of `previous` by `key` and content replaced by that one. */
export function keep<T>(previous: readonly T[], next: readonly T[], key: (of: T) => string): T[] {
  const old = new Map(previous.map((one) => [key(one), one]));
  return next.map((one) => {
    const before = old.get(key(one));
    return before !== undefined && JSON.stringify(before) === JSON.stringify(one) ? before : one;
  });
}
