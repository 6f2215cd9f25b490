/**
 * The connection to `/v1/live`: opens, subscribes, resumes and reconnects. One state machine, no clock, socket or
 * randomness of its own: they are handed in.
 *
 *   closed ─start→ connecting ─open→ subscribing ─snapshot→ live
 *                      ↑                                      │ closed by either side, silence, browser offline
 *                      └────────── wait (jittered) ←──────────┘
 *   4401 at any moment → unauthorised (no retry until `start` is called again)
 *
 * Events carry a sequence number. After a break the subscription says `since`, so that none is missed; one that comes
 * twice is dropped here.
 */
import type { FleetEvent, ServerFrame } from "../api/wire";
import { backoffMs } from "./backoff";
import { BadFrame, parseFrame } from "./frames";

export type LiveStatus = "closed" | "connecting" | "live" | "waiting" | "unauthorised";

/** Close code of the server for a connection without a valid session. */
export const UNAUTHORISED_CODES = new Set([4401, 4403]);

/** Silence after which the server is asked for a sign of life, and after which the connection counts as dead. */
const ASK_AFTER_MS = 20_000;
const DEAD_AFTER_MS = 30_000;

/** The part of a WebSocket that is used. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((closing: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Timers {
  now(): number;
  setTimeout(callback: () => void, delayMs: number): number;
  clearTimeout(handle: number): void;
}

export interface LiveHandlers {
  onStatus(status: LiveStatus, retryAtMs: number | null): void;
  onFrame(frame: Exclude<ServerFrame, { type: "event" | "error" }>): void;
  onEvent(event: FleetEvent): void;
  onComplaint(text: string): void;
}

export interface LiveOptions {
  open: () => Socket;
  timers: Timers;
  random: () => number;
  handlers: LiveHandlers;
  maxHz?: number;
}

const WHOLE_WORLD = [-180, -90, 180, 90];

export class LiveClient {
  status: LiveStatus = "closed";
  /** The newest event number this screen has, or has been passed over; null before the first. */
  seq: number | null = null;
  private socket: Socket | null = null;
  private attempt = 0;
  private retryTimer: number | null = null;
  private silenceTimer: number | null = null;
  private lastHeardMs = 0;
  private asked = false;

  constructor(private readonly options: LiveOptions) {}

  /** Connect; `since` is the newest event that was already loaded by other means. */
  start(since: number | null = this.seq): void {
    this.stop();
    this.seq = since;
    this.attempt = 0;
    this.connect();
  }

  stop(): void {
    this.dropSocket();
    this.cancelRetry();
    this.setStatus("closed", null);
  }

  /** The network is said to be back, or the user asked: do not wait for the timer. */
  retryNow(): void {
    if (this.status !== "waiting") return;
    this.cancelRetry();
    this.connect();
  }

  /** The network is said to be gone: do not wait for the silence. */
  networkLost(): void {
    if (this.status === "live" || this.status === "connecting") this.lose();
  }

  private connect(): void {
    this.setStatus("connecting", null);
    const socket = this.options.open();
    this.socket = socket;
    socket.onopen = () => this.subscribe();
    socket.onmessage = (message) => this.hear(message.data);
    socket.onclose = (closing) => this.closed(closing.code);
    this.heard();
    this.watch();
  }

  private subscribe(): void {
    const since = this.seq === null ? {} : { since: this.seq };
    this.socket?.send(
      JSON.stringify({
        subscribe: { bbox: WHOLE_WORLD },
        events: true,
        etas: true,
        max_hz: this.options.maxHz ?? 2,
        encoding: "json",
        ...since,
      }),
    );
  }

  private hear(data: unknown): void {
    this.heard();
    if (typeof data !== "string") return;
    try {
      this.handle(parseFrame(data));
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.options.handlers.onComplaint(`A message of the server was not understood: ${error.message}`);
    }
  }

  private handle(frame: ServerFrame): void {
    const { handlers } = this.options;
    if (frame.type === "error") {
      handlers.onComplaint(frame.detail ? `${frame.title}: ${frame.detail}` : frame.title);
      return;
    }
    if (frame.type === "event") {
      this.handleEvent(frame.event, frame.seq);
      return;
    }
    if (frame.type === "snapshot") this.becomeLive(frame.seq);
    handlers.onFrame(frame);
  }

  private handleEvent(event: FleetEvent, seq: number): void {
    if (this.seq !== null && seq <= this.seq) return;
    this.seq = seq;
    this.options.handlers.onEvent({ ...event, seq });
  }

  private becomeLive(seq: number): void {
    this.attempt = 0;
    // A server whose numbers start again (a new database) must not have all its events taken for old ones.
    if (this.seq === null || seq < this.seq) this.seq = seq;
    this.setStatus("live", null);
  }

  private heard(): void {
    this.lastHeardMs = this.options.timers.now();
    this.asked = false;
  }

  /** A half-open connection never closes by itself: after silence subscribe again, which a living server answers. */
  private watch(): void {
    const { timers } = this.options;
    this.silenceTimer = timers.setTimeout(() => {
      const silentMs = timers.now() - this.lastHeardMs;
      if (silentMs >= DEAD_AFTER_MS) {
        this.lose();
        return;
      }
      if (silentMs >= ASK_AFTER_MS && !this.asked && this.status === "live") {
        this.asked = true;
        this.subscribe();
      }
      this.watch();
    }, 5_000);
  }

  private closed(code: number): void {
    if (UNAUTHORISED_CODES.has(code)) {
      this.dropSocket();
      this.setStatus("unauthorised", null);
      return;
    }
    this.lose();
  }

  private lose(): void {
    this.dropSocket();
    const { timers, random } = this.options;
    const delayMs = backoffMs(this.attempt, random);
    this.attempt += 1;
    this.retryTimer = timers.setTimeout(() => {
      this.retryTimer = null;
      this.connect();
    }, delayMs);
    this.setStatus("waiting", timers.now() + delayMs);
  }

  private dropSocket(): void {
    if (this.silenceTimer !== null) this.options.timers.clearTimeout(this.silenceTimer);
    this.silenceTimer = null;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  private cancelRetry(): void {
    if (this.retryTimer !== null) this.options.timers.clearTimeout(this.retryTimer);
    this.retryTimer = null;
  }

  private setStatus(status: LiveStatus, retryAtMs: number | null): void {
    this.status = status;
    this.options.handlers.onStatus(status, retryAtMs);
  }
}
