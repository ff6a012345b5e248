// Every page, tab and dialogue, narrow and wide, light and dark: held against
// the accessibility rules, against the window's width, and photographed for
// people to look at.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessible, api, demo, fits, launch, noFaults, open, settled, shots, signIn } from "./lib.mjs";

const domain = `/admin/domains/${demo.domain}`;
const fresh = `/admin/domains/${demo.fresh}`;
const button = (name) => (page) => page.getByRole("button", { name }).first().click();

// A place: its name, its path, and what is done there first.
const places = [
  ["domains", "/admin/"],
  ["add-domain", "/admin/add-domain"],
  ["overview", domain],
  ["overview-troubles", domain, async (page) => {
    for (const summary of await page.locator("summary").all()) await summary.click();
  }],
  ["overview-fresh", fresh],
  ["records", domain + "/records"],
  ["records-open", fresh + "/records", async (page) => {
    for (let i = 0; i < 3; i++) await page.getByRole("button", { name: /^Details/ }).nth(i).click();
    await page.getByText("History").first().waitFor();
  }],
  ["keys", domain + "/keys", async (page) => page.locator("summary").first().click()],
  ["policies", domain + "/policies"],
  ["reports", domain + "/reports", async (page) => {
    await page.getByText("The numbers as a table").first().click();
    await page.getByText("Details").first().click();
    await page.getByText("action none").first().waitFor();
    await page.getByText("At the next step").waitFor();
  }],
  ["reports-none", fresh + "/reports", async (page) => page.getByText("No reports yet").waitFor()],
  ["accounts", domain + "/accounts"],
  ["settings", domain + "/settings"],
  ["server", "/admin/server"],
  ["explain", "/admin/explain", async (page) => {
    await page.getByLabel("Message or address").fill(`postmaster@${demo.domain}`);
    await page.getByRole("button", { name: "Look" }).click();
    await page.getByText("filed as read in Archive").first().waitFor();
  }],
  ["security", "/admin/security"],
  ["dialog-app-password", "/admin/security", button("Add app password")],
  ["dialog-totp", "/admin/security", async (page) => {
    await button("Set up authenticator app")(page);
    await page.getByRole("dialog").getByRole("img").waitFor();
  }],
  ["dialog-password", "/admin/security", button("Change password")],
  ["missing", "/admin/nothing"],
  ["dialog-export", fresh, button("Zone file")],
  ["dialog-hand", fresh, async (page) => {
    await button("Zone file")(page);
    await page.getByLabel("By hand").check();
    await page.getByText("Each record as").waitFor();
  }],
  ["dialog-publish", fresh, async (page) => {
    await button(/^Publish/)(page);
    await page.getByRole("radio", { name: demo.connection }).waitFor();
  }],
  ["dialog-connection", fresh, async (page) => {
    await button(/^Publish/)(page);
    await page.getByRole("button", { name: "Add connection" }).click();
    await page.getByText("New connection").waitFor();
  }],
  ["dialog-diff", fresh, async (page) => {
    await button(/^Publish/)(page);
    await page.getByRole("radio", { name: demo.connection }).check();
    await page.getByRole("button", { name: "Show what would change" }).click();
    await page.getByText("Nothing is written until you agree").waitFor();
  }],
  ["dialog-rotate", domain + "/keys", button("Rotate…")],
  ["dialog-preview", domain + "/policies", async (page) => {
    await page.getByLabel("Policy (p)").selectOption("quarantine");
    await button("Preview…")(page);
    await page.getByText("What changes").waitFor();
  }],
  ["dialog-account", domain + "/accounts", button("Add account")],
  ["dialog-account-change", domain + "/accounts", button(/^Change/)],
  ["dialog-account-suppressed", domain + "/accounts", async (page) => {
    await page.getByRole("button", { name: `Change ${demo.accounts[0].address}` }).click();
    await page.getByText("reject@remote.test").first().waitFor();
  }],
  ["dialog-account-held", domain + "/accounts", async (page) => {
    await page.getByRole("button", { name: `Change ${demo.accounts[1].address}` }).click();
    const why = page.getByLabel("Reason to hold its mail");
    await why.or(page.getByText("May not send")).first().waitFor();
    if (await why.count()) {
      await why.fill("looked at by the postmaster");
      await page.getByRole("button", { name: "Hold sending" }).click();
    }
    await page.getByText("looked at by the postmaster").waitFor();
  }],
  ["dialog-alias", domain + "/accounts", button("Add alias")],
  ["dialog-list", domain + "/accounts", button("Add list")],
  ["dialog-list-members", domain + "/accounts", async (page) => {
    await button(/^Members/)(page);
    await page.getByText("Left on").waitFor();
  }],
  ["unsubscribe", process.env.GOMAIL_UNSUBSCRIBE],
  ["dialog-retire", domain + "/keys", button("Retire…")],
  ["dialog-key", domain + "/keys", button("Add key…")],
  ["dialog-off", domain + "/settings", button("Switch off…")],
  ["dialog-mx", "/admin/server", async (page) => {
    await button("Add host")(page);
    await page.getByLabel("Host 2").fill("backup.example");
    await button("Preview…")(page);
    await page.getByText("What changes").waitFor();
  }],
  ["dialog-disconnect", "/admin/server", button(`Remove ${demo.connection}`)],
  ["unsaved", domain + "/settings", async (page) => page.getByLabel("Selector").fill("other")],
  ["not-hosted", "/admin/domains/not-hosted.example", async (page) => {
    page.faults = page.faults.filter((f) => !f.includes("404"));
  }],
  ["dialog-remove", domain + "/settings", button("Remove domain…")],
];

const only = process.argv[2];
const browser = await launch();
const problems = [];
try {
  await prepare();
  if (shots) mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) {
    for (const width of [1280, 390]) {
      await visit({ width, dark, height: width === 390 ? 844 : 900, touch: width === 390 });
    }
  }
} finally {
  await browser.close();
}
if (problems.length > 0) {
  console.error(problems.join("\n\n"));
  process.exit(1);
}

/** Fills the demo with domains in several states. */
async function prepare() {
  const page = await open(browser);
  await signIn(page);
  const made = (await api(page, "GET", "/domains")).map((d) => d.name);
  const empty = { spf: {}, dmarc: {}, mta_sts: {}, tls_rpt: {}, caa: {}, dkim: {}, tlsa: {}, publishing: { keep_in_sync: false } };
  for (const [name, settings] of [[demo.fresh, empty], ["parked.example", { ...empty, parked: true }], ["nowhere.example", empty]]) {
    if (!made.includes(name)) await api(page, "POST", "/domains", { name, dkim_algorithm: "both", settings });
  }
  for (const name of [demo.fresh, "nowhere.example"]) await api(page, "POST", `/domains/${name}/check`).catch(() => {});
  await page.context().close();
}

async function visit(how) {
  const page = await open(browser, how);
  const suffix = `${how.width}-${how.dark ? "dark" : "light"}`;
  await look(page, "signin", suffix, async () => page.goto("/signin"));
  await signIn(page);
  for (const [name, path, act] of places) {
    if (only && !name.startsWith(only)) continue;
    await look(page, name, suffix, async () => {
      await page.goto(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await settled(page);
      await act?.(page);
      if (name.startsWith("dialog")) await page.getByRole("dialog").waitFor(); // its part is loaded first
      await settled(page);
    });
  }
  await page.context().close();
}

async function look(page, name, suffix, act) {
  const where = `${name} (${suffix})`;
  try {
    await act();
    if (shots) await page.screenshot({ path: join(shots, `${name}-${suffix}.png`), fullPage: !name.startsWith("dialog") });
    await accessible(page, where);
    await fits(page, where);
    noFaults(page, where);
  } catch (fault) {
    problems.push(`${where}: ${fault.message}`);
    if (shots) await page.screenshot({ path: join(shots, `FAULT-${name}-${suffix}.png`) });
  }
  page.faults = [];
}
