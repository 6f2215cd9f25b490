/** The key's way from the address bar or the login form into an HttpOnly cookie. The key is never kept. */
import type { Rest } from "./rest";

/**
 * Take `#key=...` out of the address at once, so that it is in no history entry, bookmark or screenshot.
 * A fragment is never sent to a server by the browser.
 */
export function takeKeyFromAddress(location: Location, history: History): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get("key");
  if (key === null) return null;
  fragment.delete("key");
  const rest = fragment.toString();
  history.replaceState(history.state, "", `${location.pathname}${location.search}${rest ? `#${rest}` : ""}`);
  return key || null;
}

export async function openSession(rest: Rest, key: string): Promise<void> {
  await rest.post("v1/session", { key });
}

export async function closeSession(rest: Rest): Promise<void> {
  await rest.delete("v1/session");
}
