import { describe, expect, it } from "vitest";
import { FEED_BOUND, Feed, kindOf } from "../src/state/feed";
import { event } from "./worlds";

const arrival = (number: number) => event("stop.arrived", { id: `e${number}` });
const ids = (feed: Feed): string[] => feed.visible.value.map((entry) => entry.event.id);

describe("the event feed", () => {
  it("shows the newest first", () => {
    const feed = new Feed();
    feed.add([arrival(1), arrival(2)]);
    feed.add([arrival(3)]);
    expect(ids(feed)).toEqual(["e3", "e2", "e1"]);
  });

  it("shows an event once, however often it comes", () => {
    const feed = new Feed();
    feed.add([arrival(1)]);
    feed.add([arrival(1), arrival(1)]);
    expect(ids(feed)).toEqual(["e1"]);
  });

  it("keeps no more than its bound", () => {
    const feed = new Feed();
    for (let batch = 0; batch < 30; batch += 1) {
      feed.add(Array.from({ length: 50 }, (_, at) => arrival(batch * 50 + at)));
    }
    expect(feed.size).toBe(FEED_BOUND);
    expect(ids(feed)[0]).toBe("e1499");
  });

  it("stands still while paused, counts what waits, and catches up", () => {
    const feed = new Feed();
    feed.add([arrival(1)]);
    feed.pause();
    feed.add([arrival(2), arrival(3), event("vehicle.moving", { id: "quiet" })]);
    expect(ids(feed)).toEqual(["e1"]);
    expect(feed.unread.value).toBe(2);
    feed.resume();
    expect(ids(feed)).toEqual(["e3", "e2", "e1"]);
    expect(feed.unread.value).toBe(0);
  });

  it("counts from nothing when paused while empty", () => {
    const feed = new Feed();
    feed.pause();
    feed.add([arrival(1), arrival(2)]);
    expect(feed.unread.value).toBe(2);
  });

  it("shows without being asked that a vehicle moves against a rule, and that a pin may be wrong", () => {
    const feed = new Feed();
    feed.add(
      ["vehicle.unauthorised", "vehicle.unauthorised_ended", "stop.place_suggested", "vehicle.proximity"].map((type) =>
        event(type, { id: type }),
      ),
    );
    expect(ids(feed)).toEqual(["stop.place_suggested", "vehicle.unauthorised_ended", "vehicle.unauthorised"]);
  });

  it("shows the kinds that are asked for", () => {
    const feed = new Feed();
    feed.add([arrival(1), event("fence.entered", { id: "f" }), event("vehicle.stopped", { id: "v" })]);
    expect(ids(feed)).toEqual(["f", "e1"]);
    feed.toggle("vehicles");
    feed.toggle("arrivals");
    expect(ids(feed)).toEqual(["v", "f"]);
  });

  it("replaces what was revised and strikes out what was retracted", () => {
    const feed = new Feed();
    feed.add([arrival(1), arrival(2)]);
    feed.add([event("stop.arrived.revised", { id: "e3", data: { of: "e1" } })]);
    feed.add([event("stop.arrived.retracted", { id: "e4", data: { of: "e2" } })]);
    expect(feed.visible.value.map((entry) => [entry.event.id, entry.revised, entry.retracted])).toEqual([
      ["e4", false, false],
      ["e3", true, false],
      ["e2", false, true],
    ]);
  });

  it.each([
    ["stop.arrived", "arrivals"],
    ["stop.departed.revised", "departures"],
    ["stop.eta_changed", "delays"],
    ["stop.skipped", "delays"],
    ["fence.crossed", "fences"],
    ["vehicle.idle", "vehicles"],
  ])("files %s under %s", (type, kind) => {
    expect(kindOf(type)).toBe(kind);
  });
});
