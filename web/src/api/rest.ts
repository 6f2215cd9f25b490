/**
 * Calls to the REST API: same origin, cookie session, problem documents as errors, cursors followed.
 * Knows nothing of the screen's state.
 */
import type { Page } from "./wire";

/** An answer that was not 2xx, with the problem document's words where there was one. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string | null,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }

  get needsLogin(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export class Rest {
  /** Server clock minus browser clock, milliseconds; 0 while the two agree to within the header's resolution. */
  clockOffsetMs = 0;

  /** With a key for all tenants: the one that is looked at. */
  tenant: string | null = null;

  constructor(
    private readonly base: string,
    private readonly fetch: Fetch = (input, init) => globalThis.fetch(input, init),
  ) {}

  async get<T>(path: string, query: Record<string, string | number> = {}, signal?: AbortSignal): Promise<T> {
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    if (this.tenant !== null) search.set("tenant", this.tenant);
    const suffix = search.size > 0 ? `?${search}` : "";
    const response = await this.send(`${path}${suffix}`, signal ? { signal } : {});
    return (await response.json()) as T;
  }

  async post(path: string, body: unknown): Promise<void> {
    await this.send(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  async delete(path: string): Promise<void> {
    await this.send(path, { method: "DELETE" });
  }

  /** Every item of a list, page by page, up to `most` items. */
  async all<T>(path: string, query: Record<string, string | number> = {}, most = 100_000, signal?: AbortSignal) {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<T> = await this.get(path, cursor ? { ...query, cursor } : query, signal);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length < most);
    return items;
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const response = await this.fetch(`${this.base}${path}`, {
      credentials: "same-origin",
      ...init,
      headers: { accept: "application/json", ...init.headers },
    });
    this.noteClock(response.headers.get("date"));
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** The Date header has whole seconds: a difference below two of them says nothing. */
  private noteClock(date: string | null): void {
    const serverMs = date ? Date.parse(date) : Number.NaN;
    if (Number.isNaN(serverMs)) return;
    const offsetMs = serverMs + 500 - Date.now();
    this.clockOffsetMs = Math.abs(offsetMs) > 2000 ? offsetMs : 0;
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null) return new ApiError(response.status, fallback, null);
  const { title, detail } = body as { title?: unknown; detail?: unknown };
  return new ApiError(
    response.status,
    typeof title === "string" ? title : fallback,
    typeof detail === "string" ? detail : null,
  );
}
