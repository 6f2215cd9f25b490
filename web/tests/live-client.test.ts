import { describe, expect, it } from "vitest";
import type { FleetEvent } from "../src/api/wire";
import { backoffMs } from "../src/live/backoff";
import { LiveClient, type LiveStatus, type Socket } from "../src/live/client";
import { DelayMeter, RateMeter } from "../src/live/delay";
import { event } from "./worlds";

class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((closing: { code: number }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  says(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  drops(code = 1006): void {
    this.onclose?.({ code });
  }
}

/** Time that moves only when it is told to. */
class FakeTimers {
  private nowMs = 0;
  private next = 1;
  private readonly due = new Map<number, { atMs: number; callback: () => void }>();

  now(): number {
    return this.nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    this.due.set(this.next, { atMs: this.nowMs + delayMs, callback });
    this.next += 1;
    return this.next - 1;
  }

  clearTimeout(handle: number): void {
    this.due.delete(handle);
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const [handle, timer] = [...this.due].sort((left, right) => left[1].atMs - right[1].atMs)[0] ?? [];
      if (handle === undefined || timer === undefined || timer.atMs > untilMs) break;
      this.due.delete(handle);
      this.nowMs = timer.atMs;
      timer.callback();
    }
    this.nowMs = untilMs;
  }
}

function rig() {
  const sockets: FakeSocket[] = [];
  const timers = new FakeTimers();
  const statuses: LiveStatus[] = [];
  const events: FleetEvent[] = [];
  const frames: string[] = [];
  const complaints: string[] = [];
  const client = new LiveClient({
    open: () => {
      sockets.push(new FakeSocket());
      return sockets[sockets.length - 1];
    },
    timers,
    random: () => 0.5,
    handlers: {
      onStatus: (status) => statuses.push(status),
      onFrame: (frame) => frames.push(frame.type),
      onEvent: (found) => events.push(found),
      onComplaint: (text) => complaints.push(text),
    },
  });
  const last = (): FakeSocket => sockets[sockets.length - 1];
  const goLive = (seq: number): void => {
    last().onopen?.();
    last().says({ type: "snapshot", seq, positions: [] });
  };
  const tell = (seq: number): void =>
    last().says({ type: "event", seq, event: event("stop.arrived", { id: `e${seq}` }) });
  return { client, sockets, timers, statuses, events, frames, complaints, last, goLive, tell };
}

describe("the live connection", () => {
  it("subscribes to everything from the event that it has", () => {
    const { client, last, goLive } = rig();
    client.start(41);
    goLive(50);
    expect(last().sent).toEqual([
      { subscribe: { bbox: [-180, -90, 180, 90] }, events: true, etas: true, max_hz: 2, encoding: "json", since: 41 },
    ]);
    expect(client.status).toBe("live");
  });

  it("does not say since when it has no event yet", () => {
    const { client, last, goLive } = rig();
    client.start(null);
    goLive(7);
    expect(last().sent[0]).not.toHaveProperty("since");
    expect(client.seq).toBe(7);
  });

  it("comes back after a break and asks for the events that it missed", () => {
    const { client, sockets, timers, events, last, goLive, tell } = rig();
    client.start(10);
    goLive(10);
    tell(11);
    last().drops();
    expect(client.status).toBe("waiting");
    timers.pass(1000);
    expect(sockets).toHaveLength(2);
    goLive(13);
    expect(last().sent[0].since).toBe(11);
    tell(12);
    tell(13);
    expect(events.map((found) => found.seq)).toEqual([11, 12, 13]);
  });

  it("passes on no event twice", () => {
    const { client, events, goLive, tell } = rig();
    client.start(10);
    goLive(12);
    for (const seq of [10, 11, 12, 11, 12]) tell(seq);
    expect(events.map((found) => found.seq)).toEqual([11, 12]);
  });

  it("starts anew with a server whose numbers start anew", () => {
    const { client, events, goLive, tell } = rig();
    client.start(5000);
    goLive(3);
    tell(4);
    expect(events.map((found) => found.seq)).toEqual([4]);
  });

  it("waits longer after each failure, and from the beginning after a success", () => {
    const { client, sockets, timers, last, goLive } = rig();
    client.start(null);
    const waited: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const before = timers.now();
      const opened = sockets.length;
      last().drops();
      while (sockets.length === opened) timers.pass(50);
      waited.push(timers.now() - before);
    }
    expect(waited).toEqual([250, 500, 1000, 2000]);
    goLive(1);
    last().drops();
    timers.pass(250);
    expect(sockets).toHaveLength(6);
  });

  it("does not try again without a session until it is told to", () => {
    const { client, sockets, timers, last } = rig();
    client.start(null);
    last().drops(4401);
    timers.pass(600_000);
    expect(client.status).toBe("unauthorised");
    expect(sockets).toHaveLength(1);
    client.start();
    expect(sockets).toHaveLength(2);
  });

  it("asks a silent server for a sign of life, and gives it up without one", () => {
    const { client, sockets, timers, last, goLive } = rig();
    client.start(3);
    goLive(3);
    const first = last();
    timers.pass(20_000);
    expect(first.sent).toHaveLength(2);
    timers.pass(10_000);
    expect(first.closed).toBe(true);
    timers.pass(1_000);
    expect(sockets).toHaveLength(2);
  });

  it("stays with a server that answers after silence", () => {
    const { client, sockets, timers, last, goLive } = rig();
    client.start(3);
    goLive(3);
    for (let round = 0; round < 10; round += 1) {
      timers.pass(20_000);
      last().says({ type: "snapshot", seq: 3, positions: [] });
    }
    expect(client.status).toBe("live");
    expect(sockets).toHaveLength(1);
  });

  it("tries at once when the network is said to be back", () => {
    const { client, sockets, goLive } = rig();
    client.start(null);
    goLive(1);
    client.networkLost();
    expect(client.status).toBe("waiting");
    client.retryNow();
    expect(sockets).toHaveLength(2);
  });

  it("hears nothing of a connection that it has left", () => {
    const { client, sockets, statuses, goLive } = rig();
    client.start(null);
    goLive(1);
    client.stop();
    sockets[0].drops();
    expect(statuses.at(-1)).toBe("closed");
  });

  it.each([
    "{",
    "[]",
    "7",
    '{"type":"positions","seq":1}',
    '{"type":"what","seq":1}',
    '{"type":"snapshot","positions":[]}',
  ])("complains about %s and goes on", (text) => {
    const { client, complaints, frames, last, goLive } = rig();
    client.start(null);
    goLive(1);
    last().says(text);
    last().says({ type: "positions", seq: 1, positions: [] });
    expect(complaints).toHaveLength(1);
    expect(frames).toEqual(["snapshot", "positions"]);
  });

  it("passes on what the server could not understand", () => {
    const { client, complaints, last, goLive } = rig();
    client.start(null);
    goLive(1);
    last().says({ type: "error", title: "Bad message", detail: "max_hz: too much" });
    expect(complaints).toEqual(["Bad message: max_hz: too much"]);
  });
});

describe("backoff", () => {
  it("is spread over the whole span and bounded at both ends", () => {
    expect(backoffMs(0, () => 0)).toBe(200);
    expect(backoffMs(3, () => 0.999)).toBeLessThanOrEqual(4000);
    expect(backoffMs(1000, () => 0.9999)).toBeLessThanOrEqual(20_000);
  });
});

describe("meters", () => {
  it("shows the median age, not the mean", () => {
    const meter = new DelayMeter();
    expect(meter.medianMs()).toBeNull();
    for (const age of [100, 120, 90_000]) meter.note(age);
    expect(meter.medianMs()).toBe(120);
  });

  it("counts messages a second over whole seconds", () => {
    const meter = new RateMeter();
    for (let ms = 0; ms < 20_000; ms += 100) meter.note(ms);
    expect(meter.perSecond(20_000)).toBe(10);
    expect(meter.perSecond(60_000)).toBe(0);
  });
});
