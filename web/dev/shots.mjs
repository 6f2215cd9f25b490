/**
 * Pictures of the screen in headless Chromium, to be looked at: node dev/shots.mjs URL FOLDER [--wait-s 12]
 * Takes light and dark, wide and tablet, with and without a selected vehicle; prints what the page logged.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { CHROMIUM, FLAGS } from "./chromium.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "wait-s": { type: "string", default: "12" } },
});
const [url, folder] = positionals;
const SIZES = { wide: { width: 1440, height: 900 }, tablet: { width: 1024, height: 768 } };

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const page = await browser.newPage({ viewport, colorScheme, locale: colorScheme === "dark" ? "de-DE" : "en-US" });
    page.on("console", (message) =>
      process.stdout.write(`${size} ${colorScheme} ${message.type()}: ${message.text()}\n`),
    );
    page.on("pageerror", (error) => process.stdout.write(`${size} ${colorScheme} error: ${error.stack}\n`));
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url()))
        process.stdout.write(`outside request: ${request.url()}\n`);
    });
    await page.goto(url);
    await page.waitForTimeout(Number(values["wait-s"]) * 1000);
    await page.screenshot({ path: join(folder, `${size}-${colorScheme}-1-fleet.png`) });
    await page.locator(".row").nth(2).click();
    await page.waitForTimeout(5000);
    await page.screenshot({ path: join(folder, `${size}-${colorScheme}-2-vehicle.png`) });
    await page.getByRole("button", { name: "Layers and legend" }).click();
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(folder, `${size}-${colorScheme}-3-legend.png`) });
    await page.close();
  }
}
await browser.close();
