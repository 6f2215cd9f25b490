import { describe, expect, it } from "vitest";
import { age, punctuality, signedDelay, span } from "../src/text/time";
import { heading, place, usesMiles } from "../src/text/units";

describe("spans in words", () => {
  it.each([
    [-5_000, "0 s"],
    [8_400, "8 s"],
    [59_600, "1 min"],
    [725_000, "12 min"],
    [3 * 3_600_000 + 5 * 60_000, "3 h 05"],
    [3 * 86_400_000, "3 d"],
  ])("age of %d ms", (ms, words) => expect(age(ms)).toBe(words));

  it.each([
    [35, "35 s"],
    [240, "4 min"],
    [3600, "1 h"],
    [4800, "1 h 20 min"],
  ])("span of %d s", (seconds, words) => expect(span(seconds)).toBe(words));

  it("calls less than a minute on time", () => {
    expect([punctuality(-59), punctuality(59), punctuality(61)]).toEqual(["on time", "on time", "1 min late"]);
    expect([signedDelay(-180), signedDelay(10), signedDelay(720)]).toEqual(["−3 min", "on time", "+12 min"]);
  });
});

describe("measures", () => {
  it("names the point of the compass", () => {
    expect([heading(0), heading(128), heading(359.8), heading(null)]).toEqual(["0° N", "128° SE", "0° N", "–"]);
  });

  it("writes places with their hemispheres", () => {
    expect(place(-33.8688, 151.2093)).toBe("33.86880° S, 151.20930° E");
  });

  it("drives in miles where people do", () => {
    expect(["en-US", "en-GB", "de", "en-IE", "nonsense!"].map(usesMiles)).toEqual([true, true, false, false, false]);
  });
});
