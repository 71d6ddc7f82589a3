// The page at /docs in a real browser: node browser.mjs MODULES URL SCREENSHOT [TOKEN]
//
// MODULES is the node_modules that package-lock.json makes. Fails when the page says something on its console, asks
// anybody but the daemon, or does not show or do what it is for.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [modules, url, screenshot, token] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "here.js"))("playwright-core");

const profile = mkdtempSync(join(tmpdir(), "mtmsg-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1280, height: 1600 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

/// "Try it out" of one operation; the status and the body that the page shows.
async function tryOut(page, operation, fill = {}) {
  const block = page.locator(`[id$="-${operation}"].opblock`);
  await block.locator(".opblock-summary-control").click();
  await block.locator(".try-out__btn").click();
  if (fill.body) await block.locator("textarea.body-param__text").fill(fill.body);
  for (const [name, value] of Object.entries(fill.parameters ?? {}))
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  await block.locator(".execute").click();
  const live = block.locator(".live-responses-table");
  await live.waitFor();
  return {
    status: (await live.locator("tbody td.response-col_status").first().innerText()).trim().split("\n")[0],
    text: await live.innerText(),
  };
}

async function authorize(page) {
  await page.locator("button.authorize").first().click();
  await page.locator(".auth-container input").fill(token);
  await page.locator(".auth-btn-wrapper button.authorize").click();
  await page.locator(".auth-btn-wrapper button.btn-done").click();
}

try {
  const said = [];
  const asked = [];
  const page = browser.pages()[0] ?? (await browser.newPage());
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => asked.push(request.url()));
  page.setDefaultTimeout(60000);

  const answer = await page.goto(`${url}/docs`);
  assert.equal(answer.status(), 200);
  await page.locator(".opblock").first().waitFor();
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((item) =>
    Object.values(item).filter((each) => each.operationId),
  );
  assert.equal(await page.locator(".opblock").count(), operations.length, "operations on the page");
  for (const { summary } of operations) assert.ok(await page.getByText(summary, { exact: true }).count(), summary);

  await page.screenshot({ path: screenshot, fullPage: true });

  const health = await tryOut(page, "show_health");
  assert.equal(health.status, "200", health.text);
  assert.match(health.text, /"status": "ok"/);
  if (token) {
    assert.equal((await tryOut(page, "list_tenants")).status, "401");
    await page.reload();
    await page.locator(".opblock").first().waitFor();
    await authorize(page);
    said.length = 0; // the 401, and what the reload broke off
  }
  const made = await tryOut(page, "create_tenant", { body: '{"name": "from-the-browser"}' });
  assert.equal(made.status, "201", made.text);
  const shown = await tryOut(page, "show_tenant", { parameters: { t: "from-the-browser" } });
  assert.equal(shown.status, "200", shown.text);
  assert.match(shown.text, /"effective_limits"/);

  const block = page.locator('[id$="-show_tenant"].opblock');
  await block.screenshot({ path: screenshot.replace(/\.png$/, "-try-it-out.png") });

  const { origin } = new URL(url);
  const elsewhere = asked.filter((each) => !each.startsWith("data:") && new URL(each).origin !== origin);
  assert.deepEqual(elsewhere, [], "requests to others");
  assert.deepEqual(said, [], "the browser's console");
  console.log(`${operations.length} operations, ${asked.length} requests, all to ${origin}; ${screenshot}`);
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
