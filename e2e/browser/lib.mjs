// What the browser tests share: a browser with the demo's certificate, a
// signed-in page that fails on every console error, and small helpers.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(new URL("../../web/admin/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Where the demo is. It has a zone that is empty, and a connection to its own DNS. */
export const demo = { ...JSON.parse(process.env.GOMAIL_DEMO), fresh: "fresh.test", connection: "sandbox" };
export const shots = process.env.PANEL_SHOTS ?? "";

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--headless",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page of its own context. What it complains of is in page.faults. */
export async function open(browser, { width = 1280, height = 900, dark = false, touch = false } = {}) {
  const context = await browser.newContext({
    baseURL: demo.web,
    ignoreHTTPSErrors: true, // the demo has an authority of its own
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    hasTouch: touch,
    permissions: ["clipboard-read", "clipboard-write"],
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.faults = [];
  page.on("pageerror", (fault) => page.faults.push(`error: ${fault.message}`));
  page.on("console", (message) => {
    // The browser itself logs every answer that is an error; those that a test
    // provokes it names in page.expected.
    const text = `${message.text()} ${message.location().url}`;
    if (message.type() === "error" && !(page.expected ?? []).some((e) => text.includes(e))) {
      page.faults.push(`console: ${text}`);
    }
  });
  await context.exposeBinding("gomailViolation", (_, text) => page.faults.push(`CSP: ${text}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) => window.gomailViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  return page;
}

export async function signIn(page, account = demo.admin, next = "/admin/") {
  await page.goto("/signin?next=" + encodeURIComponent(next));
  await page.getByLabel("Address").fill(account.address);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(demo.web + next);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** Calls the API as the signed-in page would. */
export async function api(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const init = { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
      const answer = await fetch("/api/v1" + path, init);
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text && JSON.parse(text);
    },
    [method, path, body],
  );
}

export function noFaults(page, where) {
  check(page.faults.length === 0, `${where}: the browser complains:\n${page.faults.join("\n")}`);
}

/** Holds the page against every rule of WCAG 2.2 AA and best practice. */
export async function accessible(page, where) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    return found.violations.map(
      (v) => `${v.id}: ${v.help}\n` + v.nodes.slice(0, 4).map((n) => `    ${n.target.join(" ")}\n      ${n.failureSummary.split("\n").slice(1).join("; ")}`).join("\n"),
    );
  });
  check(violations.length === 0, `${where}: ${violations.length} axe violations:\n${violations.join("\n")}`);
}

/** The same, light and dark. */
export async function accessibleInBoth(page, where) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await accessible(page, `${where}, ${colorScheme}`);
  }
}

/** Nothing is wider than the window. */
export async function fits(page, where) {
  const wide = await page.evaluate(() => {
    const most = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= most) return "";
    return [...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > most + 1)
      .slice(0, 5)
      .map((e) => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`)
      .join("\n");
  });
  check(!wide, `${where} is wider than the window:\n${wide}`);
}

/** Waits until nothing on the page is being read any more. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("#app .turning, #app p.row.soft .icon"), null, { timeout: 30_000 });
}

/** Holds a page against both widths of window, and photographs it for people to look at. */
export async function fitsBoth(page, name) {
  const before = page.viewportSize();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: before.height });
    await settled(page);
    await fits(page, `${name} at ${width}`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `${name}-${width}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(before);
}
