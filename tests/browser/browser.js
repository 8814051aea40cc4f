// What every browser test starts from: Debian's Chromium, and checks that say what is wrong.
import axe from "axe-core";
import { chromium } from "playwright-core";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** Where screenshots go. */
export const output = join(here, "output");
/** As WCAG 2.2 asks of targets at its stricter level, in CSS pixels. */
export const targetMin = 44;

/** Opens a browser, hands it to the test, and closes it whatever happens. */
export async function withBrowser(test) {
  mkdirSync(output, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // As root, in a container, Chromium's own sandbox cannot be had; it opens nothing but the gateway here.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    await test(browser);
  } finally {
    await browser.close();
  }
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

/** A page that remembers what it asked for and what it complained of. */
export async function openPage(context) {
  const page = await context.newPage();
  page.asked = [];
  page.complaints = [];
  page.on("request", (request) => page.asked.push(request.url()));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}

/** Presses Tab until that element has the focus. */
export async function tabTo(page, locator) {
  const wanted = await locator.elementHandle();
  for (let presses = 0; presses < 50; presses++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab never comes to ${locator}`);
}

/** A page's address obeys the rules of WCAG 2.2 AA that a machine can check. */
export async function checkAccessible(browser, url, what) {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url);
  await checkPage(page, what);
  await context.close();
}

/** The same for a page as it stands, in a context that was made with `bypassCSP`. */
export async function checkPage(page, what) {
  await page.evaluate(axe.source);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.evaluate((tags) => axe.run(document, { runOnly: tags }), tags);
  const said = found.violations.map((one) => `${one.id}: ${one.help} (${one.nodes.map((n) => n.html).join(" ")})`);
  check(found.passes.length > 10, `${what}: nothing was checked`);
  check(said.length === 0, `${what}: ${said.join("\n")}`);
}
