import { describe, expect, it } from "vitest";
import type { Stop } from "../src/api/wire";
import { type Names, plainText, sentenceOf } from "../src/text/event-text";
import { distance } from "../src/text/units";
import { at, event, stop } from "./worlds";

function names(known?: Stop): Names {
  return {
    vehicle: (id) => ({ "van-07": "Van 07" })[id] ?? id,
    fence: (id) => ({ depot: "Depot West" })[id] ?? id,
    stop: (route, id) => (known && known.route === route && known.id === id ? known : undefined),
  };
}

const AT_STOP = { route: "R-12", stop: "s3" };

function text(type: string, data: Record<string, unknown>, known?: Stop, occurred_at = at(0)): string {
  return plainText(sentenceOf(event(type, { data, occurred_at }), names(known)));
}

describe("events in plain words", () => {
  it.each([
    [-240, "Van 07 arrived at stop 3 of R-12, 4 min early"],
    [30, "Van 07 arrived at stop 3 of R-12, on time"],
    [660, "Van 07 arrived at stop 3 of R-12, 11 min late"],
  ])("says how an arrival stands to the plan (%d s)", (offS, words) => {
    expect(text("stop.arrived", AT_STOP, stop(3), at(1800 + offS))).toBe(words);
  });

  it("takes the window where there is no planned instant", () => {
    const windowed = stop(3, { planned_arrival: null, window: [at(100), at(200)] });
    expect(text("stop.arrived", AT_STOP, windowed, at(150))).toMatch(/on time$/);
    expect(text("stop.arrived", AT_STOP, windowed, at(500))).toMatch(/5 min late$/);
  });

  it.each([
    ["stop.departed", { ...AT_STOP, dwell_s: 300 }, "Van 07 left stop 3 of R-12 after 5 min"],
    ["stop.skipped", AT_STOP, "Van 07 skipped stop 3 of R-12"],
    ["stop.delayed", { ...AT_STOP, late_s: 840 }, "Van 07 will be 14 min late at stop 3 of R-12"],
    ["stop.at_risk", { ...AT_STOP, late_probability: 0.72 }, "Van 07 may be late at stop 3 of R-12 (72 % likely)"],
    ["stop.recovered", AT_STOP, "Van 07 is back on time for stop 3 of R-12"],
    ["fence.entered", { fence: "depot" }, "Van 07 entered Depot West"],
    ["fence.exited", { fence: "depot", dwell_s: 720 }, "Van 07 left Depot West after 12 min"],
    ["fence.dwelled", { fence: "depot", dwell_s: 600 }, "Van 07 has been in Depot West for 10 min"],
    ["vehicle.stale", { silent_s: 400 }, "Van 07 has not reported for 7 min"],
    ["vehicle.offline", {}, "Van 07 went offline"],
    [
      "stop.place_suggested",
      { ...AT_STOP, distance_m: 152.4, stood_s: 180 },
      `Van 07 stood ${distance(152.4)} from the pin of stop 3 of R-12 for 3 min: is the pin wrong?`,
    ],
    ["stop.place_suggested", AT_STOP, "Van 07 stood beside the pin of stop 3 of R-12: is the pin wrong?"],
    [
      "vehicle.unauthorised",
      { rule: "hours", away_m: 320 },
      `Van 07 moves outside its permitted hours, ${distance(320)} from where it stood`,
    ],
    ["vehicle.unauthorised", { rule: "ignition" }, "Van 07 moves with the ignition off"],
    ["vehicle.unauthorised", { rule: "geofence" }, "Van 07 moves without permission"],
    [
      "vehicle.unauthorised_ended",
      { rule: "hours", reason: "stopped", duration_s: 600 },
      "Van 07 has stopped its unauthorised movement after 10 min",
    ],
    ["vehicle.unauthorised_ended", { rule: "hours", reason: "allowed" }, "Van 07 may move again"],
    ["vehicle.proximity", { other: "van-09", near_m: 50 }, `Van 07 is within ${distance(50)} of van-09`],
    ["vehicle.proximity", {}, "Van 07 is close to another vehicle"],
    [
      "vehicle.proximity_ended",
      { other: "van-09", reason: "apart", duration_s: 300 },
      "Van 07 has parted from van-09 after 5 min",
    ],
    [
      "vehicle.proximity_ended",
      { other: "van-09", reason: "silence", duration_s: 300 },
      "Van 07 was last seen near van-09 after 5 min",
    ],
  ])("%s", (type, data, words) => {
    expect(text(type, data, stop(3))).toBe(words);
  });

  it("names a stop that is not loaded by the number in the event, else by its id", () => {
    expect(text("stop.departed", { ...AT_STOP, seq: 4 })).toBe("Van 07 left stop 4 of R-12");
    expect(text("stop.departed", AT_STOP)).toBe("Van 07 left s3 of R-12");
  });

  it("says when an event corrects or withdraws another", () => {
    expect(text("stop.arrived.revised", { ...AT_STOP, of: "x" }, stop(3), at(1800))).toMatch(
      /^Correction: Van 07 arrived/,
    );
    expect(text("fence.entered.retracted", { fence: "depot", of: "x" })).toBe("Withdrawn: Van 07 entered Depot West");
  });

  it("still reads for a type of a newer server", () => {
    expect(text("vehicle.door_opened", {})).toBe("Van 07 vehicle door opened");
  });
});
