/**
 * What keeps the state current: first load, live frames, periodic reload, clock. The only place where the REST API, the
 * WebSocket and the state meet.
 */
import { ApiError } from "./api/rest";
import { closeSession, openSession } from "./api/session";
import type { Fence, FleetEvent, Route, ServerFrame, UiConfig, Vehicle } from "./api/wire";
import { LiveClient, type LiveStatus, type Socket } from "./live/client";
import { DelayMeter, RateMeter } from "./live/delay";
import type { Screen } from "./state/screen";

/** Routes and fences change rarely and mostly through events; this catches what the events do not say. */
const RELOAD_EVERY_MS = 60_000;
/** Several reasons to reload within this time make one reload. */
const RELOAD_AFTER_MS = 1_500;
/** What is offered is worked out from many events on the server, and changes seldom. */
const OFFERS_EVERY_MS = 10 * 60_000;
const OFFERS_AFTER_MS = 5_000;
const EVENTS_AT_START = 200;
/** The rest of a large snapshot has arrived by then. */
const SWEEP_AFTER_MS = 10_000;

export class SessionLoop {
  readonly live: LiveClient;
  private readonly delay = new DelayMeter();
  private readonly rate = new RateMeter();
  private reloadTimer: number | null = null;
  private offersTimer: number | null = null;
  private pending: FleetEvent[] = [];

  constructor(
    private readonly screen: Screen,
    openSocket: () => Socket,
  ) {
    this.live = new LiveClient({
      open: openSocket,
      random: Math.random,
      timers: {
        now: () => Date.now(),
        setTimeout: (callback, delayMs) => window.setTimeout(callback, delayMs),
        clearTimeout: (handle) => window.clearTimeout(handle),
      },
      handlers: {
        onStatus: (status, retryAtMs) => this.onStatus(status, retryAtMs),
        onFrame: (frame) => this.onFrame(frame),
        onEvent: (event) => this.onEvent(event),
        onComplaint: (text) => this.screen.notify("live", text),
      },
    });
  }

  /** Load everything and go live; asks for a login where the server wants one. */
  async start(): Promise<void> {
    const { screen } = this;
    try {
      screen.config.value = await screen.rest.get<UiConfig>("v1/ui/config");
      await this.load();
      const since = await this.loadEvents();
      screen.loaded.value = true;
      screen.needsLogin.value = false;
      this.live.start(since);
      await this.loadOffers();
    } catch (error) {
      this.startFailed(error);
    }
  }

  async signIn(key: string): Promise<void> {
    await openSession(this.screen.rest, key);
    this.screen.settings.signedIn.value = true;
    await this.start();
  }

  /** End the session; who may look without a key goes on as that, everybody else gets the login form. */
  async signOut(): Promise<void> {
    await closeSession(this.screen.rest);
    this.screen.settings.signedIn.value = false;
    location.reload();
  }

  /** Everything that ticks; called once. */
  run(): void {
    setInterval(() => this.tick(), 1000);
    setInterval(() => this.reloadSoon(), RELOAD_EVERY_MS);
    setInterval(() => this.offersSoon(), OFFERS_EVERY_MS);
    this.screen.reloadPlan = () => this.reloadSoon();
    addEventListener("online", () => this.live.retryNow());
    addEventListener("offline", () => this.live.networkLost());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.live.retryNow();
    });
  }

  private startFailed(error: unknown): void {
    if (error instanceof ApiError && error.needsLogin) {
      this.screen.needsLogin.value = true;
      return;
    }
    if (!(error instanceof Error)) throw error;
    this.screen.notify("start", `The server cannot be reached (${error.message}). Trying again …`);
    window.setTimeout(() => this.start(), 3_000);
  }

  private async load(): Promise<void> {
    const { screen } = this;
    const [vehicles, routes, fences] = await Promise.all([
      screen.rest.all<Vehicle>("v1/vehicles", { limit: 1000 }),
      screen.rest.all<Route>("v1/routes", { limit: 500 }),
      screen.rest.all<Fence>("v1/fences", { limit: 1000 }),
    ]);
    screen.fleet.applyVehicles(vehicles);
    screen.routes.replaceAll(routes);
    screen.fences.value = fences;
    screen.dismiss("start");
  }

  /** The newest events, and the number from which the live connection is to go on. */
  private async loadEvents(): Promise<number | null> {
    const page = await this.screen.rest.get<{ items: FleetEvent[] }>("v1/events", {
      limit: EVENTS_AT_START,
      order: "newest",
    });
    const events = page.items.toSorted((left, right) => (left.seq ?? 0) - (right.seq ?? 0));
    this.screen.feed.add(events);
    return events.at(-1)?.seq ?? null;
  }

  private reloadSoon(): void {
    if (this.reloadTimer !== null || !this.screen.loaded.peek()) return;
    this.reloadTimer = window.setTimeout(() => {
      this.reloadTimer = null;
      this.load().catch((error: unknown) => this.reloadFailed(error));
    }, RELOAD_AFTER_MS);
  }

  private offersSoon(): void {
    if (this.offersTimer !== null || !this.screen.loaded.peek()) return;
    this.offersTimer = window.setTimeout(() => {
      this.offersTimer = null;
      this.loadOffers();
    }, OFFERS_AFTER_MS);
  }

  /** The screen works without; the next time comes by itself. */
  private async loadOffers(): Promise<void> {
    await this.screen.offers.load().catch((error: unknown) => {
      if (this.live.status === "live") this.screen.notify("offers", `Places could not be loaded: ${String(error)}`);
    });
  }

  /** While the connection is down the banner says it all; the next reload comes by itself. */
  private reloadFailed(error: unknown): void {
    if (error instanceof ApiError && error.needsLogin) this.screen.needsLogin.value = true;
    else if (this.live.status === "live")
      this.screen.notify("start", `The fleet's data could not be reloaded: ${String(error)}`);
  }

  private onStatus(status: LiveStatus, retryAtMs: number | null): void {
    const { screen } = this;
    screen.connection.value = status;
    screen.retryAtMs.value = retryAtMs;
    if (status === "live") {
      if (screen.offlineSinceMs.peek() !== null) this.reloadSoon();
      screen.offlineSinceMs.value = null;
    } else {
      screen.offlineSinceMs.value ??= screen.now();
      this.delay.clear();
    }
    if (status === "unauthorised") screen.needsLogin.value = true;
  }

  private onFrame(frame: Exclude<ServerFrame, { type: "event" | "error" }>): void {
    const { fleet, routes } = this.screen;
    const nowMs = this.screen.now();
    switch (frame.type) {
      case "snapshot":
        if (fleet.applySnapshot(frame.positions, nowMs)) this.reloadSoon();
        window.setTimeout(() => fleet.sweep(), SWEEP_AFTER_MS);
        break;
      case "positions":
        this.rate.note(nowMs, frame.positions.length);
        for (const position of frame.positions) this.delay.note(nowMs - Date.parse(position.time));
        if (fleet.applyPositions(frame.positions, nowMs)) this.reloadSoon();
        break;
      case "eta":
        routes.applyEtas(frame.etas);
        break;
      case "gone":
        fleet.applyGone(frame.vehicles);
        break;
    }
  }

  /** A resumed connection can bring hundreds at once: they are shown together. */
  private onEvent(event: FleetEvent): void {
    if (!this.screen.routes.applyEvent(event)) this.reloadSoon();
    if (event.type.startsWith("stop.place_suggested")) this.offersSoon();
    this.rate.note(this.screen.now());
    this.pending.push(event);
    if (this.pending.length > 1) return;
    window.setTimeout(() => {
      this.screen.feed.add(this.pending);
      this.pending = [];
    }, 50);
  }

  private tick(): void {
    const { screen } = this;
    screen.nowMs.value = screen.now();
    screen.delayMs.value = this.delay.medianMs();
    screen.messagesPerS.value = this.rate.perSecond(screen.now());
  }
}
