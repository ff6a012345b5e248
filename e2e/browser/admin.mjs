// What an administrator does in the panel, step by step, against a running
// demo. Usage: node admin.mjs SCENARIO
import { createHmac } from "node:crypto";
import { accessibleInBoth as accessible, api, check, demo, fits, fitsBoth, launch, noFaults, open, settled, signIn } from "./lib.mjs";

const home = `/admin/domains/${demo.domain}`;
const fresh = `/admin/domains/${demo.fresh}`;
const dialog = (page) => page.getByRole("dialog");
const button = (where, name) => where.getByRole("button", { name }).first();

async function clipboard(page) {
  return page.evaluate(() => navigator.clipboard.readText());
}

async function gone(locator) {
  await locator.waitFor({ state: "detached" });
}

/** The row of a record, by its type and name as they are shown. */
function row(page, type, name) {
  return page.getByRole("row").filter({ has: page.getByText(type, { exact: true }) }).filter({ has: page.getByText(name, { exact: true }) });
}

/** Saves what was changed, through its preview. */
async function save(page) {
  await button(page, "Preview…").click();
  await button(dialog(page), "Save").click();
  await gone(dialog(page));
  await gone(page.getByText("You have changed something"));
}

const scenarios = {
  async signin(page) {
    await page.goto(home);
    check(page.url().includes("/signin?next="), "a stranger is not sent to sign in");
    page.expected = ["401"];
    await page.getByLabel("Address").fill(demo.admin.address);
    await page.getByLabel("Password").fill("not the password");
    await button(page, "Sign in").click();
    await page.getByRole("alert").waitFor();
    await accessible(page, "a refused sign-in");
    await page.getByLabel("Password").fill(demo.admin.password);
    await button(page, "Sign in").click();
    await page.waitForURL(demo.web + home);
    await page.getByRole("heading", { name: demo.domain }).waitFor();
    await button(page, "Sign out").click();
    await page.waitForURL("**/signin");
    await page.goto("/admin/");
    check(page.url().includes("/signin"), "the session outlives sign-out");
  },

  // The list, a domain added, and its records published, undone and published
  // again: what an owner does on the first day.
  async publish(page) {
    await signIn(page);
    await page.getByRole("link", { name: "Add domain" }).click();
    await page.getByLabel("Domain", { exact: true }).fill("not a domain");
    page.expected = ["422"];
    await button(page, "Add domain").click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Domain", { exact: true }).fill(demo.fresh);
    await button(page, "Add domain").click();
    await page.waitForURL(demo.web + fresh);
    await page.getByText(/\d records to fix/).first().waitFor();
    await accessible(page, "a new domain");

    await button(page, /^Publish \d+ records…/).click();
    await page.getByRole("radio", { name: demo.connection }).check();
    await button(dialog(page), "Show what would change").click();
    await dialog(page).getByText("+ v=spf1 mx ~all").waitFor();
    await accessible(page, "the changes before publishing");
    await dialog(page).getByLabel("Keep in sync").uncheck();
    await button(dialog(page), /^Publish \d+ changes/).click();
    await dialog(page).getByText(/\d+ changes were made/).waitFor();
    await accessible(page, "the results of publishing");
    await button(dialog(page), "Take back").click();
    await dialog(page).getByText(/\d+ changes were taken back/).waitFor();
    await button(dialog(page), "Done").click();
    await gone(dialog(page));
    await page.getByRole("heading", { name: "What was published" }).waitFor();

    await button(page, /^Publish/).click();
    await button(dialog(page), "Show what would change").click();
    await button(dialog(page), /^Publish \d+ changes/).click();
    await dialog(page).getByText(/\d+ changes were made/).waitFor();
    await button(dialog(page), "Done").click();
    const settings = (await api(page, "GET", `/domains/${demo.fresh}`)).settings;
    check(settings.publishing.connection === demo.connection, "the domain does not remember its connection");
    // Live: the page is not loaded again, the server tells of what it found.
    await page.locator(".badge", { hasText: "Ready" }).first().waitFor({ timeout: 90_000 });
  },

  // The owner's guide, its single-domain example: from an empty zone to Ready.
  async guide(page) {
    const domain = "guide.test";
    const admin = "admin@" + domain;
    await signIn(page, demo.admin, "/admin/add-domain");
    await page.getByLabel("Domain", { exact: true }).fill(domain);
    await page.getByText("DKIM keys", { exact: true }).click();
    await page.getByLabel("Algorithm").selectOption("ed25519");
    await button(page, "Add domain").click();
    await page.waitForURL(`${demo.web}/admin/domains/${domain}`);

    await page.goto(`/admin/domains/${domain}/policies`);
    await page.getByLabel("Policy (p)").selectOption("quarantine");
    await page.getByLabel("Aggregate reports to (rua)").fill(admin);
    await page.getByLabel("Policy id").fill("20250101");
    await page.getByLabel("Reports to", { exact: true }).fill(admin);
    await page.getByLabel("Authorities").fill("letsencrypt.org");
    await save(page);
    await page.goto(`/admin/domains/${domain}/settings`);
    await page.getByLabel(`Address records for ${domain} itself`).check();
    await save(page);

    // Every line of the example is on the page.
    await page.goto(`/admin/domains/${domain}/records`);
    await settled(page);
    await page.getByLabel("full", { exact: true }).check();
    const [key] = await api(page, "GET", `/domains/${domain}/keys`);
    for (const [type, name, value] of [
      ["A", domain, "127.0.0.1"],
      ["A", demo.hostname, "127.0.0.1"],
      ["MX", domain, demo.hostname + "."],
      ["TXT", domain, "v=spf1 mx ~all"],
      ["TXT", "mail._domainkey." + domain, "v=DKIM1; k=ed25519; p=" + key.public_key],
      ["TXT", "_dmarc." + domain, "v=DMARC1; p=quarantine; rua=mailto:" + admin],
      ["CAA", domain, '0 issue "letsencrypt.org"'],
      ["TXT", "_mta-sts." + domain, "v=STSv1; id=20250101"],
      ["TXT", "_smtp._tls." + domain, "v=TLSRPTv1; rua=mailto:" + admin],
      ["PTR", "1.0.0.127.in-addr.arpa", demo.hostname + "."],
    ]) {
      await row(page, type, name).filter({ hasText: value }).first().waitFor();
    }

    await button(page, /^Publish \d+ records…/).click();
    await page.getByRole("radio", { name: demo.connection }).check();
    await button(dialog(page), "Show what would change").click();
    await button(dialog(page), /^Publish \d+ changes/).click();
    await dialog(page).getByText(/\d+ changes were made/).waitFor();
    await button(dialog(page), "Done").click();
    await page.locator(".badge", { hasText: "Ready" }).first().waitFor({ timeout: 90_000 });
    check((await api(page, "GET", `/domains/${domain}/keys`))[0].state === "active", "the key does not sign");
  },

  async domains(page) {
    await signIn(page);
    await page.getByLabel("Find a domain").fill("nothing like it");
    await page.getByText("No domain matches").waitFor();
    await page.getByLabel("Find a domain").fill(demo.domain.slice(0, 4));
    await page.getByRole("radio", { name: /^Ready/ }).check({ force: true });
    await page.getByRole("link", { name: demo.domain }).click();
    await page.waitForURL(demo.web + home);
    await page.goBack();
    await page.getByRole("heading", { name: "Domains" }).waitFor();
    await page.goto("/admin/domains/not-hosted.example");
    page.expected = ["404"];
    await page.getByText(/not-hosted\.example/).first().waitFor();
  },

  async records(page) {
    await signIn(page, demo.admin, home + "/records");
    await settled(page);
    const mx = row(page, "MX", demo.domain);
    await button(mx, /^Copy name of MX/).click();
    check((await clipboard(page)) === demo.domain, "the name is not copied");
    await button(mx, /^Copied name of MX/).waitFor();
    check((await button(mx, /^Copied name/).innerText()).startsWith("Copied"), "what the button shows and says differ");
    await button(mx, /^Copy value of MX/).click();
    check((await clipboard(page)) === demo.hostname + ".", "the value is not copied");

    await page.getByLabel("relative").check();
    await button(row(page, "MX", "@"), /^Copy name of MX|^Copied name of MX/).click();
    check((await clipboard(page)) === "@", "the relative name is not copied");
    await page.getByLabel("full with dot").check();
    await row(page, "MX", demo.domain + ".").waitFor();
    await page.getByLabel("full", { exact: true }).check();

    const details = button(mx, /^Details/);
    await details.click();
    check((await details.getAttribute("aria-expanded")) === "true", "the row does not say that it is open");
    for (const part of ["Expected", "Found, by name server", "History", "ns.sandbox.test"]) await page.getByText(part).first().waitFor();
    await accessible(page, "an open row");
    await fits(page, "an open row");
  },

  async check(page) {
    await signIn(page, demo.admin, home);
    await settled(page);
    page.expected = ["429"];
    await button(page, "Check now").click();
    await button(page, "Check now").waitFor();
    await button(page, "Check now").click();
    await page.getByRole("alert").or(page.getByText("just now").first()).first().waitFor();
  },

  async export(page) {
    await signIn(page, demo.admin, home);
    await button(page, "Zone file").click();
    await dialog(page).getByText("$ORIGIN").waitFor();
    const download = page.waitForEvent("download");
    await button(dialog(page), "Download").click();
    check((await download).suggestedFilename() === demo.domain + ".zone", "the file has another name");
    await dialog(page).getByLabel("nsupdate").check();
    await dialog(page).getByText("update add").first().waitFor();
    await dialog(page).getByLabel("Route 53").check();
    await dialog(page).getByText("ResourceRecordSet").first().waitFor();
    await dialog(page).getByLabel("By hand").check();
    await dialog(page).getByLabel("DNS provider").selectOption({ label: "Cloudflare" });
    await dialog(page).getByText("Proxy status").first().waitFor();
    await accessible(page, "instructions");
  },

  async rotate(page) {
    await signIn(page, demo.admin, home + "/keys");
    await page.getByText("Key generation date").first().waitFor();
    await button(page, "Copy record value of mail").click();
    check((await clipboard(page)).startsWith("v=DKIM1; k="), "the key's value is not copied");
    await button(page, "Rotate…").click();
    await dialog(page).getByLabel("Algorithm").selectOption("ed25519");
    await button(dialog(page), "Make new keys").click();
    await dialog(page).getByText("The new keys are made").waitFor();
    await dialog(page).getByText("Published and seen on every name server").waitFor();
    await accessible(page, "a rotation");
    await button(dialog(page), "Done").click();
    await page.locator(".badge", { hasText: "Pending" }).waitFor();
    const keys = await api(page, "GET", `/domains/${demo.domain}/keys`);
    check(keys.some((k) => k.state === "pending") && keys.some((k) => k.state === "active"), "the old keys do not go on signing");
    // Published through the panel, it is seen; the states change by themselves.
    await button(page, /^Publish/).click();
    await page.getByRole("radio", { name: demo.connection }).check();
    await button(dialog(page), "Show what would change").click();
    await button(dialog(page), /^Publish \d+ change/).click();
    await dialog(page).getByText(/\d+ changes? w/).waitFor();
    await button(dialog(page), "Done").click();
    await gone(dialog(page));
    await button(page, "Retire…").click();
    await dialog(page).getByText("It stops signing now").waitFor();
    await accessible(page, "before retiring");
    await page.keyboard.press("Escape");
    await gone(dialog(page));
  },

  async policies(page) {
    await signIn(page, demo.admin, home + "/policies");
    await page.getByRole("heading", { name: "DMARC policy" }).waitFor();
    await page.getByLabel("Policy (p)").selectOption("quarantine");
    await page.getByLabel("Further senders").fill("include:_spf.example.net");
    await button(page, "Preview…").click();
    await dialog(page).getByText("2 DNS records change").waitFor();
    await dialog(page).getByText("+ p=quarantine").waitFor();
    await accessible(page, "the preview of policies");
    await button(dialog(page), "Save").click();
    await gone(dialog(page));
    await gone(page.getByText("You have changed something"));
    const settings = (await api(page, "GET", `/domains/${demo.domain}`)).settings;
    check(settings.dmarc.p === "quarantine" && settings.spf.mechanisms[0] === "include:_spf.example.net", "the policy is not saved");
    await page.getByLabel("Aggregate reports to (rua)").fill("not an address");
    page.expected = ["422"];
    await button(page, "Preview…").click();
    await page.getByRole("alert").waitFor();
    await button(page, "Discard").click();
    // The way back on the ladder.
    await button(page, /^Back to none/).click();
    await button(dialog(page), "Back to none").click();
    await gone(dialog(page));
    check(!(await api(page, "GET", `/domains/${demo.domain}`)).settings.dmarc.p?.startsWith("q"), "the step back is not taken");
  },

  async accounts(page) {
    await signIn(page, demo.admin, home + "/accounts");
    await page.getByText(demo.accounts[0].address).first().waitFor();
    await page.getByRole("button", { name: `Change ${demo.accounts[0].address}` }).click();
    await dialog(page).getByText("No such mailbox, until").waitFor();
    await page.getByRole("button", { name: "Clear reject@remote.test" }).focus();
    await page.keyboard.press("Enter");
    await dialog(page).getByText("Addresses that get no mail from here").waitFor({ state: "detached" });
    // Its mail is held by keyboard, the form around it stays, and is let go.
    const sending = `/accounts/${demo.accounts[0].address}/sending`;
    await dialog(page).getByRole("heading", { name: "Mail to other servers in 24 hours" }).waitFor();
    await dialog(page).getByLabel("Reason to hold its mail").fill("looked at by the postmaster");
    await page.keyboard.press("Enter");
    await dialog(page).getByText("looked at by the postmaster").waitFor();
    check((await api(page, "GET", sending)).held_why === "looked at by the postmaster", "the account is not held");
    await button(dialog(page), "Let it send again").click();
    await dialog(page).getByLabel("Reason to hold its mail").waitFor();
    check(!(await api(page, "GET", sending)).held, "the account is still held");
    await page.keyboard.press("Escape");
    await gone(dialog(page));
    await button(page, "Add account").click();
    await dialog(page).getByLabel("Address").fill("carla");
    await dialog(page).getByLabel("Name").fill("Carla");
    await dialog(page).getByLabel("Password").fill("long enough for this");
    await dialog(page).getByLabel("Manages the domains").fill(demo.domain);
    await button(dialog(page), "Add account").click();
    await gone(dialog(page));
    await page.getByText(`Manages ${demo.domain}`).waitFor();
    await button(page, "Add alias").click();
    await dialog(page).getByLabel("Alias").fill("info");
    await dialog(page).getByLabel("Leads to").fill(`carla@${demo.domain}`);
    await button(dialog(page), "Add alias").click();
    await gone(dialog(page));
    await page.getByRole("cell", { name: `info@${demo.domain}`, exact: true }).waitFor();

    // She manages her domain and sees no other, nor the server's pages.
    await button(page, "Sign out").click();
    await signIn(page, { address: `carla@${demo.domain}`, password: "long enough for this" });
    await page.getByRole("link", { name: demo.domain }).waitFor();
    check((await page.getByRole("link", { name: "Server" }).count()) === 0, "a domain administrator is shown the server's page");
    check((await page.getByRole("row").count()) === 2, "a domain administrator sees other domains");
    await page.getByRole("link", { name: demo.domain }).click();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Catch-all address").waitFor();
    check((await page.getByRole("button", { name: "Remove domain…" }).count()) === 0, "a domain administrator is offered to remove the domain");
    // What she switches off she cannot switch on again, and is told so.
    await button(page, "Switch off…").click();
    await dialog(page).getByText("Only an administrator of the server can switch it on again").waitFor();
    await button(dialog(page), "Switch off").click();
    await gone(dialog(page));
    await page.getByText("The domain is switched off: its mail is refused").waitFor();
    check((await page.getByRole("button", { name: "Switch on…" }).count()) === 0, "a domain administrator is offered to switch the domain on");
    await accessible(page, "a domain that is switched off");
    await fitsBoth(page, "switched-off");
    await page.goto("/admin/server");
    await page.getByText("There is no such page").waitFor();
    noFaults(page, "a domain administrator's pages");

    await button(page, "Sign out").click();
    await signIn(page, demo.admin, home + "/accounts");
    await api(page, "PATCH", `/domains/${demo.domain}`, { disabled: false });
    await button(page, `Remove info@${demo.domain}, carla@${demo.domain}`).click();
    await button(dialog(page), "Remove alias").click();
    await gone(dialog(page));
    await button(page, `Remove carla@${demo.domain}`).click();
    check(await button(dialog(page), "Remove account and mail").isDisabled(), "an account goes without its address being typed");
    await dialog(page).getByLabel(/^Type/).fill(`carla@${demo.domain}`);
    await button(dialog(page), "Remove account and mail").click();
    await gone(dialog(page));
    await page.getByText("There are none").waitFor();
  },

  // A mailing list is made, gets members, is changed, and goes.
  async lists(page) {
    const list = `dev@${demo.domain}`;
    await signIn(page, demo.admin, home + "/accounts");
    await page.getByText("No mailing lists yet").waitFor();
    await button(page, "Add list").click();
    await dialog(page).getByLabel("List", { exact: true }).fill("dev");
    await dialog(page).getByLabel("Name", { exact: true }).fill("Developers");
    await dialog(page).getByLabel("Owner").fill(demo.accounts[0].address);
    await button(dialog(page), "Add list").click();
    await gone(dialog(page));
    await page.getByText("0 of 0 get posts").waitFor();
    await button(page, `Members ${list}`).click();
    await dialog(page).getByLabel("New members").fill(`joe@remote.test\n${demo.accounts[0].address}`);
    await button(dialog(page), "Add members").click();
    await dialog(page).getByText("Gets posts").nth(1).waitFor();
    await accessible(page, "a list's members");
    await button(dialog(page), "Remove joe@remote.test").focus();
    await page.keyboard.press("Enter");
    await gone(button(dialog(page), "Remove joe@remote.test"));
    check((await focused(page)) === "Members", `the focus is on ${await focused(page)}`);
    await page.keyboard.press("Escape");
    await gone(dialog(page));
    await page.getByText("1 of 1 get posts").waitFor();
    await button(page, `Change ${list}`).click();
    await dialog(page).getByLabel("May post").selectOption("anyone");
    await button(dialog(page), "Save").click();
    await gone(dialog(page));
    await page.getByRole("cell", { name: "Anyone" }).waitFor();
    check((await api(page, "GET", `/lists/${list}`)).owner === demo.accounts[0].address, "the owner is not saved");
    await button(page, `Remove ${list}`).click();
    await dialog(page).getByLabel(/^Type/).fill(list);
    await button(dialog(page), "Remove list").click();
    await gone(dialog(page));
    await page.getByText("No mailing lists yet").waitFor();
  },

  async settings(page) {
    await signIn(page, demo.admin, home + "/settings");
    await page.getByLabel("TTL of every record, in seconds").fill("300");
    await page.getByLabel("Catch-all address").fill(demo.accounts[0].address);
    await button(page, "Preview…").click();
    await dialog(page).getByText(/DNS records change/).waitFor();
    await dialog(page).getByText("+ TTL 300").first().waitFor();
    await button(dialog(page), "Save").click();
    await gone(dialog(page));
    check((await api(page, "GET", `/domains/${demo.domain}`)).settings.ttl === 300, "the TTL is not saved");
    await button(page, "Switch off…").click();
    await button(dialog(page), "Switch off").click();
    await gone(dialog(page));
    await page.getByText("This domain is switched off").waitFor();
    await accessible(page, "a domain that is switched off");
    await button(page, "Switch on…").click();
    await button(dialog(page), "Switch on").click();
    await gone(page.getByText("This domain is switched off"));
    await button(page, "Remove domain…").click();
    await dialog(page).getByLabel(/^Type/).fill(demo.domain);
    page.expected = ["409"];
    await button(dialog(page), "Remove domain").click();
    await dialog(page).getByRole("alert").waitFor(); // it has accounts
    await button(dialog(page), "Cancel").click();
    await gone(dialog(page));
  },

  async server(page) {
    await signIn(page, demo.admin, "/admin/server");
    await page.getByRole("table", { name: "Certificates" }).getByRole("row", { name: demo.hostname }).waitFor();
    await button(page, "Add host").click();
    await page.getByLabel("Host 2").fill("backup.remote.test");
    await button(page, "Preview…").click();
    await dialog(page).getByText("backup.remote.test.").first().waitFor();
    await accessible(page, "the preview of hosts");
    await button(dialog(page), "Save").click();
    await gone(dialog(page));
    check((await api(page, "GET", "/server")).mx.length === 2, "the host is not saved");
    await button(page, "Remove backup.remote.test").click();
    await button(page, "Preview…").click();
    await button(dialog(page), "Save").click();
    await gone(dialog(page));

    await button(page, `Try ${demo.connection}`).click();
    await page.getByText("It works").waitFor();
    await button(page, "Add connection").click();
    await dialog(page).getByLabel("DNS provider").selectOption("rfc2136");
    await dialog(page).getByLabel("Name", { exact: true }).fill("wrong");
    await dialog(page).getByLabel("Primary server").fill(demo.dns);
    await dialog(page).getByLabel("Key name").fill("nobody");
    await dialog(page).getByLabel("Key", { exact: true }).fill("bm90IHRoZSBrZXk=");
    page.expected = ["422", "403", "503", "401", "502"];
    await button(dialog(page), "Try and keep").click();
    await dialog(page).getByRole("alert").or(page.getByText("wrong works.")).first().waitFor();
    await accessible(page, "a connection that is refused");
  },

  // Everything by keyboard: the way through the page, into a dialogue and out.
  async keyboard(page) {
    await signIn(page, demo.admin, home);
    await settled(page);
    await page.keyboard.press("Tab");
    check((await focused(page)) === "Skip to the content", `the first stop is ${await focused(page)}`);
    await page.keyboard.press("Enter");
    check((await page.evaluate(() => document.activeElement.id)) === "main", "the link does not skip");
    const stops = [];
    for (let i = 0; i < 11; i++) {
      await page.keyboard.press("Tab");
      stops.push(await focused(page));
    }
    const want = ["Domains", "Check now", "Zone file", "Publish…", "Overview", "DNS records", "DKIM keys", "Policies", "Reports", "Accounts & aliases", "Settings"];
    for (const [i, name] of want.entries()) check(stops[i].startsWith(name.replace("…", "")), `stop ${i + 1} is ${stops[i]}, not ${name}`);

    await page.getByRole("button", { name: "Zone file" }).focus();
    await page.keyboard.press("Enter");
    await dialog(page).waitFor();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      check(await page.evaluate(() => !document.activeElement.closest("main") || document.activeElement.closest("dialog") !== null), "the focus leaves the dialogue");
    }
    await page.keyboard.press("Escape");
    await gone(dialog(page));
    check((await focused(page)) === "Zone file", `the focus returns to ${await focused(page)}`);

    await page.getByRole("link", { name: "DNS records" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Receive" }).waitFor();
    check((await focused(page)) === "DNS records", "going to another tab moves the focus");
    await button(page, /^Details/).focus();
    await page.keyboard.press("Space");
    await page.getByText("Expected").first().waitFor();
    await page.getByRole("link", { name: "GoMail" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Find a domain").waitFor();
    check((await page.evaluate(() => document.activeElement.id)) === "main", "a new page does not begin at its beginning");
  },

  // One's own account: a password for a program, a second factor, a passkey,
  // the browsers that are signed in, another password.
  async security(page) {
    const site = demo.web.replace("127.0.0.1", "localhost"); // a passkey belongs to a name
    const other = await open(browser);
    await signIn(other);
    await page.goto(site + "/signin?next=/admin/");
    await password(page, demo.admin);
    await page.getByRole("link", { name: "Security" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign-in and security" }).waitFor();
    await page.getByText("There are none.").waitFor();
    await accessible(page, "sign-in and security");

    await button(page, "Add app password").click();
    await page.getByLabel("Name").fill("telephone");
    await page.getByLabel("sending mail (SMTP)").uncheck();
    await page.getByLabel("Expires").selectOption("90");
    await accessible(page, "a new app password");
    await button(dialog(page), "Make password").click();
    await dialog(page).getByText("It is not shown again").waitFor();
    await dialog(page).getByRole("button", { name: "Copy password" }).click();
    check(/^[a-z2-7]{26}$/.test(await clipboard(page)), `copied was ${await clipboard(page)}`);
    await accessible(page, "an app password, shown once");
    await button(dialog(page), "Done").click();
    await page.getByRole("row", { name: /telephone.*reading mail \(IMAP\).*never/ }).waitFor();
    await fitsBoth(page, "security-app");

    await button(page, "Set up authenticator app").click();
    await dialog(page).getByRole("img").waitFor();
    const secret = await dialog(page).locator("code").innerText();
    await accessible(page, "setting up an authenticator app");
    page.expected = ["403"];
    await dialog(page).getByLabel("Code").fill("000000");
    await page.keyboard.press("Enter");
    await dialog(page).getByText("The code is wrong").waitFor();
    await dialog(page).getByLabel("Code").fill(totp(secret, -1));
    await page.keyboard.press("Enter");
    await dialog(page).getByText("stands in for the second factor once").waitFor();
    const codes = await dialog(page).getByRole("listitem").allInnerTexts();
    check(codes.length === 10, `${codes.length} recovery codes`);
    await accessible(page, "recovery codes");
    await fitsBoth(page, "security-codes");
    await button(dialog(page), "I have kept them").click();
    await page.getByText("mail programs need app passwords").waitFor();

    await signOut(page);
    await password(page, demo.admin);
    await page.getByRole("heading", { name: "Second factor" }).waitFor();
    await accessible(page, "the second factor");
    await fitsBoth(page, "second");
    await page.getByLabel("Code").fill(totp(secret));
    page.expected = ["401"];
    await page.keyboard.press("Enter");
    await page.waitForURL(site + "/admin/");
    await page.goto(site + "/admin/security");

    await authenticator(page);
    await button(page, "Add passkey").click();
    await dialog(page).getByLabel("Name").fill("laptop");
    await accessible(page, "a new passkey");
    await page.keyboard.press("Enter");
    await page.getByRole("row", { name: /laptop/ }).waitFor();
    await signOut(page);
    await button(page, "Sign in with a passkey").click();
    await page.waitForURL(site + "/admin/");
    await page.goto(site + "/admin/security");
    await page.getByRole("row", { name: /laptop.*(just now|in a moment), / }).waitFor();

    const browsers = page.getByRole("table", { name: "Signed-in browsers" }).getByRole("row");
    await page.getByText("this one").waitFor();
    await button(page, "Sign out all others").click();
    await button(dialog(page), "Sign out all others").click();
    await gone(dialog(page));
    await page.waitForFunction(() => document.querySelectorAll("table[aria-labelledby=sessions] tbody tr").length === 1);
    check((await browsers.count()) === 2, "others are still signed in");
    other.expected = ["401"];
    await other.goto("/admin/");
    check(other.url().includes("/signin"), "the other browser is still signed in");
    await fitsBoth(page, "security");

    const changed = { address: demo.admin.address, password: "another password" };
    for (const [from, to] of [[demo.admin, changed], [changed, demo.admin]]) {
      await button(page, "Change password").click();
      await dialog(page).getByLabel("Present password").fill(from.password);
      await dialog(page).getByLabel("New password", { exact: true }).fill(to.password);
      await dialog(page).getByLabel("New password again").fill("something else");
      await dialog(page).getByText("The two new passwords differ").waitFor();
      await accessible(page, "a change of the password");
      await dialog(page).getByLabel("New password again").fill(to.password);
      await button(dialog(page), "Change password").click();
      await gone(dialog(page));
    }

    page.expected = ["403"];
    await button(page, "Remove authenticator app").click();
    await dialog(page).getByLabel("Present password").fill("wrong");
    await button(dialog(page), "Remove").click();
    await dialog(page).getByText("The present password is wrong").waitFor();
    await accessible(page, "a refused removal");
    await dialog(page).getByLabel("Present password").fill(demo.admin.password);
    await button(dialog(page), "Remove").click();
    await gone(dialog(page));
    await button(page, "Remove laptop").click();
    await dialog(page).getByLabel("Present password").fill(demo.admin.password);
    await button(dialog(page), "Remove passkey").click();
    await gone(dialog(page));
    await button(page, "Remove telephone").click();
    await button(dialog(page), "Remove password").click();
    await gone(dialog(page));
    await page.getByText("There are none.").waitFor();
    noFaults(other, "the other browser");
  },
};

/** The code that an authenticator app shows, RFC 6238; steps from now. */
function totp(secret, steps = 0) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const n = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(n % 1_000_000).padStart(6, "0");
}

/** Gives the page a device that keeps passkeys and is always unlocked. */
async function authenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
}

async function signOut(page) {
  await button(page, "Sign out").click();
  await page.waitForURL("**/signin");
}

async function password(page, account) {
  await page.getByLabel("Address").fill(account.address);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function focused(page) {
  return page.evaluate(() => document.activeElement.innerText.trim());
}

const name = process.argv[2];
const scenario = scenarios[name];
if (!scenario) {
  console.error(`there is no scenario ${name}: ${Object.keys(scenarios).join(", ")}`);
  process.exit(2);
}
const browser = await launch();
try {
  const page = await open(browser, name === "publish" ? { width: 1280 } : {});
  try {
    await scenario(page);
    noFaults(page, name);
  } catch (fault) {
    console.error(`${page.url()}\n${(await page.locator("body").innerText()).slice(0, 1500)}\n---\n${fault.stack}\n${page.faults.join("\n")}`);
    process.exitCode = 1;
  }
} finally {
  await browser.close();
}
