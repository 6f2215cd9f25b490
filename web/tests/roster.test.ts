import { describe, expect, it } from "vitest";
import { Fleet } from "../src/state/fleet";
import { matches, motionTotals, roster } from "../src/state/roster";
import { Routes } from "../src/state/routes";
import { at, position, route, stop, T0 } from "./worlds";

function fleetOf(...names: string[]): Fleet {
  const fleet = new Fleet();
  fleet.applyVehicles(
    names.map((name) => ({ id: name.toLowerCase().replace(" ", "-"), name, tracker: `imei-${name}`, tags: [] })),
  );
  return fleet;
}

const nobody = () => null;
const shown = (
  fleet: Fleet,
  query = "",
  progress: Parameters<typeof roster>[3] = nobody,
  sort: "late" | "name" = "name",
) => roster(fleet.vehicles, query, sort, progress).map((vehicle) => vehicle.name);

describe("search", () => {
  it("finds names, ids, trackers and tags in any case, every word somewhere", () => {
    const fleet = fleetOf("Van 07");
    fleet.applyVehicles([{ id: "van-07", name: "Van 07", tracker: "imei-99", tags: ["Electric"] }]);
    const { haystack } = fleet.vehicles[0];
    for (const query of ["van", "07", "VAN-07", "imei-9", "electric", "elec van", ""])
      expect(matches(haystack, query)).toBe(true);
    for (const query of ["van 08", "diesel"]) expect(matches(haystack, query)).toBe(false);
  });

  it("narrows the list", () => {
    expect(shown(fleetOf("Van 1", "Van 2", "Bike 1"), "van")).toEqual(["Van 1", "Van 2"]);
  });
});

describe("order", () => {
  it("by name reads numbers as numbers", () => {
    expect(shown(fleetOf("Van 10", "Van 9", "van 1"))).toEqual(["van 1", "Van 9", "Van 10"]);
  });

  it("by lateness puts late before at risk before on time before no route", () => {
    const fleet = fleetOf("A", "B", "C", "D", "E");
    const routes = new Routes();
    const late = (vehicle: string, delay: "on_time" | "at_risk" | "delayed", lateS: number) =>
      route([stop(1, { route: `R-${vehicle}`, delay, eta: etaAt(600 + lateS) })], { id: `R-${vehicle}`, vehicle });
    routes.replaceAll([
      late("a", "on_time", -300),
      late("b", "delayed", 300),
      late("c", "at_risk", 0),
      late("d", "delayed", 900),
    ]);
    expect(shown(fleet, "", (vehicle) => routes.progress(vehicle.id, null), "late")).toEqual(["D", "B", "C", "A", "E"]);
  });
});

function etaAt(seconds: number) {
  return { at: at(0), p10: at(seconds - 60), p50: at(seconds), p90: at(seconds + 60), shown: at(seconds - 20) };
}

describe("totals", () => {
  it("counts moving, standing and silent vehicles", () => {
    const fleet = new Fleet();
    fleet.applySnapshot(
      [
        position("a", { speed_mps: 9 }),
        position("b", { speed_mps: 0.3 }),
        position("c", { speed_mps: null }),
        position("d", { time: at(-600), speed_mps: 9 }),
      ],
      T0,
    );
    fleet.applyVehicles([{ id: "never", name: "Never", tracker: null, tags: [] }]);
    expect(motionTotals(fleet.vehicles, T0)).toEqual({ moving: 1, stopped: 2, stale: 2, total: 5 });
  });
});

describe("the fleet", () => {
  it("says when somebody is named whom the list of vehicles does not know", () => {
    const fleet = fleetOf("A");
    expect(fleet.applyPositions([position("a")], T0)).toBe(false);
    expect(fleet.applyPositions([position("b")], T0)).toBe(true);
  });

  it("takes off who is in no part of a snapshot, after its last part", () => {
    const fleet = new Fleet();
    fleet.applySnapshot([position("a"), position("b"), position("c")], T0);
    fleet.applySnapshot([position("a", { time: at(5) })], T0 + 5000);
    fleet.applyPositions([position("b", { time: at(5) })], T0 + 5000);
    expect(fleet.countOnMap()).toBe(3);
    fleet.sweep();
    expect(fleet.vehicles.filter((vehicle) => vehicle.onMap).map((vehicle) => vehicle.id)).toEqual(["a", "b"]);
  });

  it("forgets who was deleted once it has left the map too", () => {
    const fleet = fleetOf("A", "B");
    fleet.applySnapshot([position("b")], T0);
    fleet.applyVehicles([{ id: "a", name: "A", tracker: null, tags: [] }]);
    expect(fleet.present().map((vehicle) => vehicle.id)).toEqual(["a", "b"]);
    fleet.applyGone(["b"]);
    expect(fleet.present().map((vehicle) => vehicle.id)).toEqual(["a"]);
  });

  it("keeps the newer of two positions", () => {
    const fleet = new Fleet();
    fleet.applyPositions([position("a", { time: at(10), lat: 53 })], T0);
    fleet.applyPositions([position("a", { time: at(5), lat: 52 })], T0);
    expect(fleet.get("a")?.lat).toBe(53);
  });

  it("tells of hops that a road can explain, and of no leaps", () => {
    const fleet = new Fleet();
    const hops: number[] = [];
    fleet.onHop = (hop) => hops.push(hop.toLat);
    fleet.applyPositions([position("a")], T0);
    fleet.applyPositions([position("a", { time: at(2), lat: 52.0002 })], T0);
    fleet.applyPositions([position("a", { time: at(4), lat: 53 })], T0);
    fleet.applyPositions([position("a", { time: at(400), lat: 53.0002 })], T0);
    expect(hops).toEqual([52.0002]);
  });
});
