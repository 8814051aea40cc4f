// The release after a spam complaint, step by step in the browser, with the provider answering for its lists.
import { join } from "node:path";
import { check, checkPage, openPage, output, withBrowser } from "./browser.js";

const { ADMIN: admin, TOKEN: token, CONTACT: contact } = process.env;

await withBrowser(async (browser) => {
  // axe is put into the page from outside, which the page's own policy forbids.
  const context = await browser.newContext({ bypassCSP: true, locale: "en-GB", viewport: { width: 1100, height: 900 } });
  const page = await openPage(context);
  await page.goto(`${admin}/#/contact/${contact}`);
  await page.getByLabel("Password or token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  const panel = page.getByRole("region", { name: /^Do not disturb/ });
  const row = panel.getByRole("row").filter({ has: page.getByRole("checkbox", { name: "Email", exact: true }) });
  await row.getByText("Permanent").waitFor();
  check((await row.textContent()).includes("Marked as spam"), "it says why");
  check(await row.getByRole("checkbox").isDisabled(), "it is locked");
  await row.getByRole("button", { name: "Release the complaint" }).click();
  const dialog = page.getByRole("dialog", { name: "Release after a spam complaint" });
  await dialog.getByText("On a suppression list of the provider").waitFor();
  const end = dialog.getByRole("button", { name: "Release the complaint" });
  check(await end.isDisabled(), "not while it stands there");
  await checkPage(page, "the steps");
  await page.screenshot({ path: join(output, "console-release-begun.png") });
  await dialog.getByRole("button", { name: "Take it off" }).click();
  // By its beginning: the words above the steps say it, too.
  await dialog.getByText(/^Off the provider’s suppression lists/).first().waitFor();
  check(await end.isDisabled(), "nor without an operator's word");
  await dialog.getByLabel(/^Your word/).fill("Ada called and asked for the newsletter");
  await dialog.getByRole("button", { name: "Confirm the address" }).click();
  await dialog.getByText("Ada called and asked for the newsletter").waitFor();
  // The second reading comes by itself.
  await page.waitForFunction(() => !document.querySelector("dialog button.main").disabled);
  await page.screenshot({ path: join(output, "console-release.png") });
  await end.click();
  await row.getByText("Off", { exact: true }).waitFor();
  check((await page.getByRole("region", { name: "History" }).getByText("Steps of a release").count()) > 0, "each step is on record");
  const complaints = page.complaints.filter((text) => !/status of (401|409)/.test(text));
  check(complaints.length === 0, `the browser complains: ${complaints.join("\n")}`);
});
