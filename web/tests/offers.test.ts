import { describe, expect, it } from "vitest";
import { Rest } from "../src/api/rest";
import type { KnownPlace } from "../src/api/wire";
import { dotsOf } from "../src/map/offer-layers";
import { Offers } from "../src/state/offers";
import { Routes } from "../src/state/routes";
import { route, stop } from "./worlds";

const BAKERY: KnownPlace = { id: "bakery/1", tenant: "acme", lat: 52.0013, lon: 5, visits: 4, pin_m: 150 };

function world(places: KnownPlace[] = [BAKERY], status = 200) {
  const asked: { path: string; method: string; body: unknown }[] = [];
  const rest = new Rest("/", async (path, init) => {
    asked.push({ path, method: init?.method ?? "GET", body: init?.body ? JSON.parse(String(init.body)) : null });
    const answer = status === 200 ? { items: places, next_cursor: null } : { title: "Forbidden", detail: "no" };
    return new Response(JSON.stringify(answer), { status });
  });
  const routes = new Routes();
  routes.replaceAll([route([stop(1, { place: "bakery/1", name: "Bakery" }), stop(2, { place: "school" })])]);
  return { asked, offers: new Offers(rest), routes };
}

describe("pins that may be wrong", () => {
  it("asks for what waits for an answer, and finds the pin that the plan has", async () => {
    const { asked, offers, routes } = world();
    await offers.load();
    expect(asked[0].path).toContain("offered=true");
    expect(offers.list(routes)).toMatchObject([{ name: "Bakery", visits: 4, pin_m: 150, pin: { lat: 52, lon: 5 } }]);
  });

  it("takes no stop for a pin that has been moved already, and none of another place", async () => {
    const { offers, routes } = world();
    await offers.load();
    routes.replaceAll([route([stop(1, { place: "bakery/1", position_from: "place" }), stop(2, { place: "school" })])]);
    expect(offers.list(routes)).toMatchObject([{ name: "bakery/1", pin: null }]);
  });

  it("accepts exactly what was shown, and asks no more", async () => {
    const { asked, offers, routes } = world();
    await offers.load();
    await offers.accept(offers.list(routes)[0]);
    expect(asked[1]).toEqual({
      path: "/v1/places/bakery%2F1:accept?tenant=acme",
      method: "POST",
      body: { lat: 52.0013, lon: 5 },
    });
    expect(offers.list(routes)).toEqual([]);
  });

  it("dismisses by keeping the plan's pin", async () => {
    const { asked, offers, routes } = world();
    await offers.load();
    await offers.dismiss(offers.list(routes)[0]);
    expect(asked[1].path).toBe("/v1/places/bakery%2F1:withdraw?tenant=acme");
    expect(offers.list(routes)).toEqual([]);
  });

  it("keeps asking where the server did not take the answer", async () => {
    const { offers, routes } = world([], 403);
    offers.known.value = [BAKERY];
    await expect(offers.accept(offers.list(routes)[0])).rejects.toThrow("Forbidden");
    expect(offers.list(routes)).toHaveLength(1);
  });

  it("draws dots between pin and place, and none where no pin is known", async () => {
    const { offers, routes } = world();
    await offers.load();
    const [offer] = offers.list(routes);
    const dots = dotsOf(offer);
    expect(dots.length).toBeGreaterThan(8);
    for (const [lon, lat] of dots) {
      expect(lon).toBe(5);
      expect(lat).toBeGreaterThan(52);
      expect(lat).toBeLessThan(52.0013);
    }
    expect(dotsOf({ ...offer, pin: null })).toEqual([]);
  });
});
