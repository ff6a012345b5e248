// The set-up in the browser: a wrong answer is said, the machine is looked at,
// it is installed once, by the keyboard alone, and no page has violations.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessibleInBoth, check, fits, launch, noFaults, open, shots } from "./lib.mjs";

const address = process.argv[2];
const browser = await launch();
const page = await open(browser);

/** Holds the page against the rules at both widths, light and dark. */
async function looks(name) {
  await accessibleInBoth(page, name);
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await fits(page, `${name} at ${width}`);
    for (const colorScheme of shots ? ["light", "dark"] : []) {
      mkdirSync(shots, { recursive: true });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(shots, `setup-${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
}

/** Goes to an element with the tab key. */
async function tabTo(name) {
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((name) => document.activeElement?.id === name || document.activeElement?.textContent.trim() === name, name)) return;
  }
  throw new Error(`the tab key does not lead to ${name}`);
}

async function answer(id, value) {
  await tabTo(id);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(value);
}

try {
  await page.goto(address);
  await looks("answers");
  await answer("hostname", "mail");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("not a full name").waitFor();
  check((await page.getByLabel("Mail host").inputValue()) === "mail", "what was wrong is not shown again");
  await looks("wrong");
  await answer("hostname", "mail.example.com");
  await page.getByLabel("Domain").fill("");
  await answer("admin", "boss@example.com");
  await answer("addresses", "192.0.2.7");
  await answer("acme", "");
  await page.keyboard.press("Delete");
  await tabTo("Check this machine");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "What this machine is like" }).waitFor();
  await page.getByText("Not known: addresses").waitFor();
  await looks("check");
  await tabTo("Change the answers");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "What this server is" }).waitFor();
  check((await page.getByLabel("Administrator").inputValue()) === "boss@example.com", "the answers were forgotten");
  await tabTo("Check this machine");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "What this machine is like" }).waitFor();
  await tabTo("password");
  await tabTo("Install all the same"); // the resolver is dead, and that was said
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "GoMail is installed" }).waitFor();
  await page.getByText("The password is").waitFor();
  await page.getByRole("cell", { name: "mail._domainkey.example.com" }).waitFor();
  await looks("done");
  await page.goto(address); // again: it shows what came of it, and makes nothing
  await page.getByRole("heading", { name: "GoMail is installed" }).waitFor();
  await tabTo("End the set-up");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "The set-up has ended" }).waitFor();
  noFaults(page, "set-up");
} catch (fault) {
  throw new Error(`${fault.message}\nThe page says:\n${await page.locator("main").innerText()}`);
} finally {
  await browser.close();
}
