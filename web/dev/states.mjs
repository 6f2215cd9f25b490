/**
 * Pictures of the states that are rare in a running fleet: login, offline, unreachable tiles, empty lists, tooltip.
 * node dev/states.mjs FOLDER; starts its own fake servers.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM, FLAGS } from "./chromium.mjs";

const folder = process.argv[2];
const program = fileURLToPath(new URL("server.mjs", import.meta.url));

/** @param {string[]} options */
async function serve(...options) {
  const child = spawn(process.execPath, [program, "--port", "0", "--history-s", "300", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  /** @type {string} */
  const line = await new Promise((resolve) => child.stdout.once("data", (data) => resolve(String(data))));
  return { url: line.trim().split(" ").pop() ?? "", stop: () => child.kill("SIGKILL") };
}

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });

/** @param {string} name @param {string} colorScheme @param {string[]} options @param {(page: import("playwright-core").Page, stop: () => boolean) => Promise<unknown>} act */
async function picture(name, colorScheme, options, act) {
  const server = await serve(...options);
  const page = await browser.newPage({
    viewport: { width: 1280, height: 800 },
    colorScheme: /** @type {"light" | "dark"} */ (colorScheme),
    locale: "en-GB",
  });
  page.on("pageerror", (error) => process.stdout.write(`${name}: ${error.stack}\n`));
  await page.goto(server.url);
  await page.waitForTimeout(5000);
  await act(page, server.stop);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
  server.stop();
}

await picture("login", "light", ["--vans", "5", "--key", "secret"], (page) =>
  page
    .getByLabel("API key")
    .fill("wrong")
    .then(() => page.getByRole("button", { name: "Sign in" }).click())
    .then(() => page.waitForTimeout(1000)),
);
await picture("offline", "light", ["--vans", "80"], async (page, stop) => {
  stop();
  await page.waitForTimeout(8000);
});
await picture("no-tiles", "dark", ["--vans", "40", "--tile-url", "http://127.0.0.1:9/{z}/{x}/{y}.png"], (page) =>
  page.waitForTimeout(2000),
);
await picture("no-style", "dark", ["--vans", "40", "--style-url", "http://127.0.0.1:9/style.json"], (page) =>
  page.waitForTimeout(2000),
);
await picture("empty", "light", ["--vans", "0"], (page) => page.waitForTimeout(500));
await picture("search", "dark", ["--vans", "80"], async (page) => {
  await page.keyboard.press("/");
  await page.keyboard.type("south elec");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(4000);
  await page.getByRole("button", { name: "Pause the feed" }).click();
  await page.waitForTimeout(9000);
});
await picture("tooltip", "light", ["--vans", "60"], async (page) => {
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.waitForTimeout(1500);
  const at = await page.evaluate(
    "(() => { for (let n = 1; n < 61; n++) { const at = window.__outrider.vehicleAt('van-' + String(n).padStart(2, '0')); if (at && at.x > 450 && at.x < 800 && at.y > 150 && at.y < 600) return at; } })()",
  );
  const { x, y } = /** @type {{ x: number, y: number }} */ (at);
  await page.mouse.move(x + 1, y + 1);
  await page.mouse.move(x, y);
  await page.waitForTimeout(1000);
});
await browser.close();
