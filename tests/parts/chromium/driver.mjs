// Drives the system's Chromium: a question as JSON on each line of standard input, an answer on each of standard output.
// What a page asks for over any network, prints to its console or breaks of its policy is kept and told by `seen`.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
let context, page, seen;

const questions = {
  async visit({ url, width, height, scheme, javascript }) {
    await context?.close();
    context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: javascript, bypassCSP: false });
    seen = { console: [], errors: [], requests: [], dialogs: 0 };
    page = await context.newPage();
    page.on("console", (message) => seen.console.push(message.text()));
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("request", (request) => seen.requests.push(request.url()));
    page.on("dialog", async (dialog) => { seen.dialogs += 1; await dialog.dismiss(); });
    await page.goto(url);
  },
  seen: async () => seen,
  evaluate: async ({ expression }) => page.evaluate(expression),
  press: async ({ key }) => { await page.keyboard.press(key); },
  click: async ({ selector }) => { await page.click(selector); },
  visible: async ({ selector }) => page.locator(selector).first().isVisible(),
  // axe is put into the page by the debugger, which no policy of the page forbids.
  judge: async () => {
    await page.evaluate(AXE);
    const found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})");
    return found.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map((node) => node.html.slice(0, 300) + " " + node.any.map((one) => one.message).join(" ")) }));
  },
  resize: async ({ width, height }) => { await page.setViewportSize({ width, height }); },
  media: async ({ media }) => { await page.emulateMedia({ media }); },
  screenshot: async ({ path, whole }) => { await page.screenshot({ path, fullPage: whole }); },
  pdf: async ({ path }) => { await page.pdf({ path, format: "A4" }); },
};

const tell = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
tell({ ready: browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...how } = JSON.parse(line);
  try {
    tell({ answer: (await questions[ask](how)) ?? null });
  } catch (error) {
    tell({ error: String(error) });
  }
}
await browser.close();
