import { describe, expect, it } from "vitest";
import { ApiError, Rest } from "../src/api/rest";
import { takeKeyFromAddress } from "../src/api/session";

describe("a key in the address", () => {
  it.each([
    ["http://h/#key=abc", "abc", "/"],
    ["http://h/ops?x=1#view=map&key=a%2Bb", "a+b", "/ops?x=1#view=map"],
    ["http://h/#view=map", null, null],
    ["http://h/#key=", null, "/"],
  ])("is taken out of %s", (address, key, left) => {
    const replaced: string[] = [];
    const url = new URL(address);
    const history = { state: null, replaceState: (_state: unknown, _title: string, to: string) => replaced.push(to) };
    expect(takeKeyFromAddress(url as unknown as Location, history as unknown as History)).toBe(key);
    expect(replaced).toEqual(left === null ? [] : [left]);
  });
});

function answering(...answers: [status: number, body: unknown][]) {
  const asked: string[] = [];
  const rest = new Rest("", async (address) => {
    asked.push(address);
    const [status, body] = answers[asked.length - 1];
    return new Response(JSON.stringify(body), { status });
  });
  return { rest, asked };
}

describe("REST calls", () => {
  it("follow cursors to the end", async () => {
    const { rest, asked } = answering(
      [200, { items: [1, 2], next_cursor: "c/2" }],
      [200, { items: [3], next_cursor: null }],
    );
    expect(await rest.all<number>("v1/vehicles", { limit: 2 })).toEqual([1, 2, 3]);
    expect(asked).toEqual(["v1/vehicles?limit=2", "v1/vehicles?limit=2&cursor=c%2F2"]);
  });

  it("stay with the tenant that was asked for", async () => {
    const { rest, asked } = answering([200, {}]);
    rest.tenant = "acme";
    await rest.get("v1/routes");
    expect(asked).toEqual(["v1/routes?tenant=acme"]);
  });

  it("turn problem documents into errors with their words", async () => {
    const { rest } = answering([401, { title: "Unauthorized", detail: "no key" }]);
    const failed = await rest.get("v1/vehicles").catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ApiError);
    expect(failed).toMatchObject({ status: 401, message: "Unauthorized: no key", needsLogin: true });
  });
});
