// How a user's name is shown where there is little room. Pure.

const ACCOUNTS = "system:serviceaccount:";

/** A service account by its namespace and name; whoever else by what the API server calls them. */
export function shortUser(user: string): string {
  return user.startsWith(ACCOUNTS) ? user.slice(ACCOUNTS.length) : user;
}
