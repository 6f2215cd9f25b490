import { describe, expect, it } from "vitest";
import { foldable } from "../src/panels/route-stops";
import { windowBar } from "../src/panels/window-bar";
import { againstPlanS, lateS, worstStop } from "../src/state/condition";
import { Routes } from "../src/state/routes";
import { at, event, route, stop } from "./worlds";

const eta = (seconds: number) => ({
  at: at(0),
  p10: at(seconds - 60),
  p50: at(seconds),
  p90: at(seconds + 90),
  shown: at(seconds - 30),
});

function loaded(): Routes {
  const routes = new Routes();
  routes.replaceAll([route([stop(2), stop(1), stop(3)])]);
  return routes;
}

describe("routes", () => {
  it("serve stops in their order", () => {
    expect(
      loaded()
        .get("R-12")
        ?.stops.map(({ seq }) => seq),
    ).toEqual([1, 2, 3]);
  });

  it("follow arrivals and departures at once", () => {
    const routes = loaded();
    const here = { route: "R-12", stop: "s1" };
    expect(routes.applyEvent(event("stop.arrived", { data: here, occurred_at: at(60) }))).toBe(true);
    expect(routes.stop("R-12", "s1")).toMatchObject({ status: "arrived", arrived_at: at(60) });
    expect(routes.progress("van-07", null)).toMatchObject({ done: 1, total: 3, next: { id: "s2" } });
    routes.applyEvent(event("stop.departed", { data: here, occurred_at: at(120) }));
    expect(routes.stop("R-12", "s1")).toMatchObject({ status: "departed", departed_at: at(120) });
  });

  it("follow predictions and risks", () => {
    const routes = loaded();
    routes.applyEtas([{ vehicle: "van-07", route: "R-12", stop: "s1", ...eta(900) }]);
    expect(routes.progress("van-07", null)?.lateS).toBe(300);
    routes.applyEvent(event("stop.delayed", { data: { route: "R-12", stop: "s1" } }));
    expect(routes.progress("van-07", null)?.delay).toBe("delayed");
    expect(routes.totals()).toEqual({ done: 0, total: 3, onTime: 2, atRisk: 0, late: 1 });
    routes.applyEvent(event("stop.recovered", { data: { route: "R-12", stop: "s1" } }));
    expect(routes.totals().late).toBe(0);
  });

  it("ask for a reload where an event cannot be applied", () => {
    const routes = loaded();
    expect(routes.applyEvent(event("stop.arrived", { data: { route: "R-99", stop: "s1" } }))).toBe(false);
    expect(routes.applyEvent(event("stop.arrived.retracted", { data: { route: "R-12", stop: "s1" } }))).toBe(false);
    expect(routes.applyEvent(event("fence.entered"))).toBe(true);
  });

  it("prefer the run that the position names, then the one under way", () => {
    const routes = new Routes();
    routes.replaceAll([
      route([stop(1)], { id: "early", status: "done", starts_at: at(-9000) }),
      route([stop(1)], { id: "now", status: "under_way" }),
      route([stop(1)], { id: "later", status: "planned", starts_at: at(9000) }),
    ]);
    expect(routes.current("van-07", null)?.id).toBe("now");
    expect(routes.current("van-07", "later")?.id).toBe("later");
    expect(routes.progress("van-07", "later")?.route.id).toBe("later");
    expect(routes.current("nobody", null)).toBeNull();
  });
});

describe("lateness", () => {
  it("is against the end of the window, or the plan", () => {
    expect(lateS(stop(1, { eta: eta(700) }))).toBe(100);
    expect(lateS(stop(1, { window: [at(0), at(800)], eta: eta(700) }))).toBe(-100);
    expect(lateS(stop(1))).toBeNull();
    expect(lateS(stop(1, { status: "arrived", arrived_at: at(660), eta: eta(9000) }))).toBe(60);
  });

  it("counts open stops only", () => {
    const stops = [
      stop(1, { status: "departed", delay: "delayed" }),
      stop(2),
      stop(3, { delay: "at_risk" }),
      stop(4, { delay: "at_risk" }),
    ];
    expect(worstStop(stops)?.seq).toBe(3);
    expect(worstStop(stops.slice(0, 2))?.seq).toBe(2);
    expect(worstStop(stops.slice(0, 1))).toBeNull();
  });

  it("is nil inside of a window", () => {
    const windowed = stop(1, { planned_arrival: null, window: [at(100), at(200)] });
    expect(againstPlanS(windowed, Date.parse(at(40)))).toBe(-60);
    expect(againstPlanS(windowed, Date.parse(at(150)))).toBe(0);
  });
});

describe("the list of stops", () => {
  const served = (seq: number) => stop(seq, { status: "departed" });

  it("folds what lies behind, but for the last stop of it", () => {
    expect(foldable([served(1), served(2), served(3), stop(4)])).toBe(2);
    expect(foldable([served(1), served(2), stop(3)])).toBe(0);
    expect(foldable([stop(1), served(2)])).toBe(0);
    expect(foldable([served(1), served(2), served(3)])).toBe(2);
  });
});

describe("the bar of promise and prediction", () => {
  it("has both on one axis, inside of it", () => {
    const bar = windowBar(stop(1, { window: [at(300), at(900)], eta: eta(1200) }));
    expect(bar?.promise?.left).toBeGreaterThan(0);
    expect(bar?.eta.left).toBeGreaterThan((bar?.promise?.left ?? 0) + (bar?.promise?.width ?? 0));
    expect((bar?.eta.left ?? 0) + (bar?.eta.width ?? 0)).toBeLessThan(100);
  });

  it("is absent without a prediction", () => {
    expect(windowBar(stop(1))).toBeNull();
  });
});
