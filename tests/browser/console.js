// The console: the story of one contact from the first send over STOP to evidence and lift, and everything that an
// operator looks at; by keyboard, in the dark, on a telephone, for screen readers.
import { join } from "node:path";
import { check, checkPage, openPage, output, withBrowser } from "./browser.js";

const { ADMIN: admin, TOKEN: token, USER_NAME: user, PASSWORD: password } = process.env;
const traffic = JSON.parse(process.env.TRAFFIC);
const bytesMax = 100 * 1024;

/** Sends a request that was prepared outside (a send, a signed webhook). */
async function wire(name) {
  const { url, method, headers, body } = traffic[name];
  const response = await fetch(url, { method, headers, body });
  return response.status;
}

async function signIn(page, secret, name) {
  await page.goto(admin);
  const field = page.getByLabel("Password or token");
  await field.waitFor();
  if (name) await page.getByLabel(/^Name/).fill(name);
  await field.fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function go(page, hash, heading) {
  await page.goto(`${admin}/#/${hash}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

await withBrowser(async (browser) => {
  const context = await browser.newContext({ bypassCSP: false, locale: "en-GB", viewport: { width: 1280, height: 900 } });
  const page = await openPage(context);
  let bytes = 0;
  page.on("response", async (response) => {
    if (/\/$|\/console\//.test(response.url())) bytes += (await response.request().sizes().catch(() => ({ responseBodySize: 0 }))).responseBodySize;
  });

  // Nobody comes in without credentials; whoever does sees a list.
  await signIn(page, "wrong");
  await page.getByRole("alert").waitFor();
  await signIn(page, token);
  await page.getByRole("heading", { level: 1, name: "Contacts" }).waitFor();
  check((await context.cookies())[0].httpOnly, "scripts cannot read the session");

  // A contact is made, and found as one types.
  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Last name").fill("Lovelace");
  await page.getByLabel("Phone", { exact: true }).fill("+14155550101");
  await page.getByLabel("Email", { exact: true }).fill("ada@example.org");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { level: 1, name: "Ada Lovelace" }).waitFor();
  await go(page, "contacts", "Contacts");
  await page.keyboard.press("/");
  await page.keyboard.type("lovel");
  await page.getByRole("link", { name: "Ada Lovelace" }).click();
  const panel = page.getByRole("region", { name: /^Do not disturb/ });
  const row = (name) => panel.getByRole("row").filter({ has: page.getByRole("checkbox", { name, exact: true }) });
  await row("SMS").waitFor();

  // First a send goes out; then the person says STOP.
  check((await wire("send")) === 201, "the first send goes out");
  check((await wire("stop")) === 200, "STOP is taken");
  check((await wire("send")) === 400, "the second does not go out");
  await page.reload();
  await row("SMS").getByText("Permanent").waitFor();
  check(await page.getByRole("checkbox", { name: "SMS", exact: true }).isDisabled(), "a locked row cannot be switched off");
  check((await row("SMS").textContent()).includes("Opted out by a reply"), "and says why");
  check(!(await page.getByRole("checkbox", { name: "Email", exact: true }).isChecked()), "Email is free");
  await page.screenshot({ path: join(output, "console-contact-stopped.png"), fullPage: true });

  // The locked row offers the way: evidence with a file, and then it can be lifted. Escape gives the focus back.
  const way = row("SMS").getByRole("button", { name: "Record opt-in evidence" });
  await way.click();
  const evidence = page.getByRole("dialog", { name: "Record opt-in evidence" });
  await evidence.waitFor();
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press("Tab");
    check(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null), "the focus stays in the dialog");
  }
  await page.keyboard.press("Escape");
  check(await way.evaluate((element) => element === document.activeElement), "and comes back to what opened it");
  await page.keyboard.press("Enter");
  await evidence.getByLabel("Where that stands").fill("Paper form 12");
  await evidence.getByLabel("What the person agreed to").fill("You may text me again");
  await page.screenshot({ path: join(output, "console-evidence.png") });
  await evidence.getByLabel("File (optional").setInputFiles({ name: "form.txt", mimeType: "text/plain", buffer: Buffer.from("signed: Ada") });
  await evidence.getByRole("button", { name: "Record" }).click();
  await page.getByRole("region", { name: "Evidence", exact: true }).getByRole("link", { name: "form.txt" }).waitFor();
  check((await wire("send")) === 400, "evidence alone lifts nothing");
  await page.getByRole("checkbox", { name: "SMS", exact: true }).uncheck();
  await panel.getByRole("button", { name: "Save" }).click();
  await row("SMS").getByText("Off", { exact: true }).waitFor();
  check((await wire("send")) === 201, "it goes out again");
  const history = page.getByRole("region", { name: "History" });
  const told = (word) => history.getByText(word, { exact: true }).count();
  check((await told("Lifted")) === 1 && (await told("Blocked")) === 1 && (await told("Evidence recorded")) === 1, "the time line tells it");
  check((await history.getByRole("link", { name: "form.txt" }).count()) === 1, "with its proof");

  // All channels, by keyboard.
  await page.getByRole("checkbox", { name: "All channels" }).focus();
  await page.keyboard.press("Space");
  await panel.getByRole("button", { name: "Save" }).focus();
  await page.keyboard.press("Enter");
  await row("Email").getByText("On", { exact: true }).waitFor();
  check((await wire("send")) === 400, "nothing goes out on any channel");
  await page.screenshot({ path: join(output, "console-contact.png"), fullPage: true });

  // Live: what was kept back, and why.
  await go(page, "live", "Live");
  const kept = page.getByRole("region", { name: "Requests kept back" });
  await kept.locator("tbody").getByText("blocked").first().waitFor();
  const before = await kept.locator("tbody tr").count();
  check((await wire("send")) === 400, "one more is kept back");
  await page.waitForFunction((count) => document.querySelectorAll("[aria-label='Requests kept back'] tbody tr").length > count, before);
  await page.screenshot({ path: join(output, "console-live.png"), fullPage: true });
  await kept.getByRole("button", { name: /^Why: / }).last().click();
  const why = page.getByRole("dialog", { name: "Why it was kept back" });
  await why.getByRole("link", { name: "Ada Lovelace" }).waitFor();
  await why.getByText(/^Entry \d+$/).last().click();
  check((await why.textContent()).includes("keyword \"stop\""), "each row leads to the rule and to the ledger");
  check((await why.textContent()).includes("dndgate why --request"), "and to the command line");
  await page.screenshot({ path: join(output, "console-why.png") });
  await page.keyboard.press("Escape");
  await kept.getByLabel("Only this reason").selectOption("all");
  check((await kept.locator("tbody tr").count()) < before + 1, "filters leave rows out");

  // A message in doubt is decided with one key.
  check((await wire("doubt")) === 200, "a doubtful reply is taken");
  await go(page, "review", "Review");
  await page.getByText("stop?").waitFor();
  await page.screenshot({ path: join(output, "console-review.png"), fullPage: true });
  await page.keyboard.press("o");
  await page.getByText("Nothing waits for you.").waitFor();

  // Channels, events.
  await go(page, "channels", "Channels");
  check((await page.getByRole("region", { name: "twilio" }).textContent()).includes("/hooks/twilio"), "the URL to paste");
  await page.screenshot({ path: join(output, "console-channels.png"), fullPage: true });
  await page.getByRole("button", { name: "Set up another" }).click();
  const next = page.getByRole("dialog", { name: "Set up another provider" });
  await next.getByLabel("Provider").selectOption("sendgrid");
  check(/adapter = "sendgrid"[^]*\/sendgrid[^]*\/hooks\/sendgrid/.test(await next.textContent()), "how to set the next one up");
  await page.keyboard.press("Escape");
  await go(page, "events", "Events");
  check((await page.getByRole("region", { name: "Events" }).locator("tbody tr").count()) >= 4, "the feed is there");

  // Policies: a try, an error at its line, a good change, and back.
  await go(page, "policies/sends.lua", "Policies");
  await page.getByRole("textbox", { name: "A reply" }).fill("please stop texting me");
  await page.getByRole("button", { name: "What does it mean?" }).click();
  await page.getByText("opt_out", { exact: true }).waitFor();
  const editor = page.getByLabel("Policy", { exact: true });
  const original = await editor.inputValue();
  await editor.fill(`${original}\nlocal x = = 1\n`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  check((await page.locator(".numbers b").count()) === 1, "the line of the error is marked");
  await page.getByRole("alert").getByRole("button", { name: /^sends\.lua:\d+$/ }).first().click();
  check(await editor.evaluate((element) => element === document.activeElement), "and the failure leads to it");
  await page.screenshot({ path: join(output, "console-policies.png"), fullPage: true });
  check((await (await fetch(`${admin}/v1/policies/sends.lua`, { headers: { Authorization: `Bearer ${token}` } })).text()) === original, "nothing was saved");
  await editor.fill(original);
  await page.getByRole("button", { name: "What would have changed?" }).click();
  await page.getByRole("region", { name: "What would have changed" }).waitFor();
  await editor.fill(`-- changed here\n${original}`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Return to it" }).waitFor();
  check((await editor.inputValue()).startsWith("-- changed here"), "the change is in force");
  await page.getByRole("button", { name: "Return to it" }).click();
  await page.waitForFunction((text) => document.querySelector("textarea[aria-label=Policy]")?.value === text, original);

  // An import: looked at, then brought in.
  await go(page, "import", "Import");
  await page.getByLabel("File").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("firstName,phone,email,dnd\nBob,+14155550177,bob@example.org,true\n,nonsense,,\n") });
  await page.getByText("First rows").or(page.getByRole("region", { name: "First rows" })).first().waitFor();
  await page.getByRole("button", { name: "Bring it in" }).click();
  await page.getByRole("region", { name: "people.csv" }).getByText("done").waitFor();

  const foreign = page.asked.filter((url) => !url.startsWith(admin));
  check(foreign.length === 0, `it asks no other host: ${foreign}`);
  const complaints = page.complaints.filter((text) => !/status of (400|401|409|422)/.test(text));
  check(complaints.length === 0, `the browser complains: ${complaints.join("\n")}`);
  check(bytes > 0 && bytes < bytesMax, `${bytes} bytes were loaded`);

  // What others wrote is text, whatever it looks like.
  await go(page, "contacts", "Contacts");
  const trick = "<img src=x onerror=alert(1)>\u202egnp";
  const made = await fetch(`${admin}/contacts/`, { method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ firstName: trick, lastName: "\"onfocus='alert(1)'autofocus=", email: "trick@example.org", dnd: true }) });
  check(made.status === 201, "it is taken as it is");
  const { contact } = await made.json();
  page.on("dialog", () => page.complaints.push("a script of somebody else's ran"));
  await go(page, `contact/${contact.id}`, /^<img src=x/);
  check((await page.locator("main img, main [onfocus]").count()) === 0, "no element came of it");
  check(!(await page.locator("h1").textContent()).includes("\u202e"), "nor does it turn what is beside it");
  await go(page, "events", "Events");
  check((await page.locator("main img").count()) === 0 && page.complaints.every((text) => !text.includes("somebody else")), "nor in the feed");

  // How long each page takes, from nothing and in one that is open.
  const times = [];
  for (const hash of ["contacts", `contact/${contact.id}`, "live", "review", "channels", "policies", "events", "import"]) {
    const visit = await context.newPage();
    let loaded = 0;
    visit.on("response", async (response) => { loaded += (await response.request().sizes().catch(() => ({ responseBodySize: 0 }))).responseBodySize; });
    await visit.goto(`${admin}/#/${hash}`);
    await visit.locator("main h1").waitFor();
    times.push(`${hash.split("/")[0]} ${Math.round(await visit.evaluate(() => performance.now()))} ms`);
    check(loaded < bytesMax, `${hash}: ${loaded} bytes`);
    await visit.close();
  }

  // Screen readers, the dark, a telephone: every page, signed in with a password.
  const bare = await browser.newContext({ bypassCSP: true, viewport: { width: 360, height: 740 }, colorScheme: "dark" });
  const phone = await bare.newPage();
  await phone.goto(admin);
  await phone.getByLabel("Password or token").waitFor();
  await checkPage(phone, "signing in");
  await signIn(phone, password, user);
  await phone.getByRole("heading", { level: 1, name: "Contacts" }).waitFor();
  await phone.getByRole("link", { name: "Ada Lovelace" }).waitFor();
  await checkPage(phone, "contacts");
  await phone.getByRole("link", { name: "Ada Lovelace" }).click();
  await phone.getByRole("heading", { level: 1, name: "Ada Lovelace" }).waitFor();
  await checkPage(phone, "a contact");
  for (const [name, what] of [["Edit", "editing"], ["Erase for privacy …", "erasing"]]) {
    await phone.getByRole("button", { name }).click();
    await phone.getByRole("dialog").waitFor();
    await checkPage(phone, what);
    await phone.keyboard.press("Escape");
  }
  await phone.screenshot({ path: join(output, "console-phone-dark.png"), fullPage: true });
  for (const [hash, heading] of [["live", "Live"], ["review", "Review"], ["channels", "Channels"], ["policies", "Policies"], ["events", "Events"], ["import", "Import"]]) {
    await go(phone, hash, heading);
    await checkPage(phone, hash);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
    check(wide <= 360, `${hash} is ${wide} pixels wide on a telephone`);
  }
  await phone.getByRole("button", { name: "Sign out" }).click();
  await phone.getByLabel("Password or token").waitFor();
  console.log(`${bytes} bytes; ${times.join(", ")}`);
});
