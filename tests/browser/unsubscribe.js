// The unsubscribe page without JavaScript, on a telephone's screen, with a keyboard alone.
import { join } from "node:path";
import { check, checkAccessible, openPage, output, tabTo, targetMin, withBrowser } from "./browser.js";

const link = process.env.LINK;

await withBrowser(async (browser) => {
  await checkAccessible(browser, link, "the page that asks");
  const context = await browser.newContext({
    javaScriptEnabled: false,
    locale: "en-GB",
    viewport: { width: 360, height: 740 },
  });
  const page = await openPage(context);
  await page.goto(link);
  await page.screenshot({ path: join(output, "unsubscribe-asks.png"), fullPage: true });

  const box = (name) => page.getByRole("checkbox", { name, exact: true });
  for (const name of ["SMS", "Email", "Phone calls", "WhatsApp"]) {
    check(await box(name).isChecked(), `${name} is chosen beforehand, and has its label`);
  }
  const group = page.getByRole("group", { name: /^Stop all of these/ });
  check((await group.count()) === 1, "the boxes are a group with a name");
  const button = page.getByRole("button", { name: "Unsubscribe" });
  for (const target of [button, page.locator("label").first()]) {
    const { height, x, width } = await target.boundingBox();
    check(height >= targetMin, `a target is ${height} pixels high`);
    check(x >= 0 && x + width <= 360, "it fits on the screen");
  }

  // Email is kept: with the keyboard alone.
  await tabTo(page, box("Email"));
  await page.keyboard.press("Space");
  check(!(await box("Email").isChecked()), "Space takes a tick out");
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  const status = page.getByRole("status");
  await status.waitFor();
  check((await status.textContent()).startsWith("Done. You will no longer get: SMS"), await status.textContent());
  await page.screenshot({ path: join(output, "unsubscribe-done.png"), fullPage: true });

  // Back another day: what is off may be switched on again.
  await page.goto(link);
  check((await status.count()) === 0, "coming back is no act");
  const again = page.getByRole("group", { name: /^Was this a mistake/ });
  check(!(await again.getByRole("checkbox", { name: "SMS" }).isChecked()), "nothing is switched on by itself");
  await tabTo(page, again.getByRole("checkbox", { name: "SMS" }));
  await page.keyboard.press("Space");
  await tabTo(page, page.getByRole("button", { name: "Switch back on" }));
  await page.keyboard.press("Enter");
  await status.waitFor();
  check((await status.textContent()) === "Done. You will get again: SMS.", await status.textContent());
  await page.screenshot({ path: join(output, "unsubscribe-resumed.png"), fullPage: true });

  const foreign = page.asked.filter((url) => url !== link);
  check(foreign.length === 0, `it asks for nothing else: ${foreign}`);
  check(page.complaints.length === 0, `the browser complains: ${page.complaints}`);
  check((await context.cookies()).length === 0, "no cookies");
  await checkAccessible(browser, link, "the page to come back to");

  const arabic = await browser.newContext({ javaScriptEnabled: false, locale: "ar-EG", colorScheme: "dark" });
  const mirrored = await openPage(arabic);
  await mirrored.goto(link);
  const label = mirrored.locator("label").first();
  const [tick, whole] = [await label.locator("input").boundingBox(), await label.boundingBox()];
  check(tick.x > whole.x + whole.width / 2, "from right to left");
  await mirrored.screenshot({ path: join(output, "unsubscribe-arabic-dark.png"), fullPage: true });
});
