// The README's picture of the gallery. Run by `make screenshot`.

import { readFileSync } from "node:fs";

import { SAMPLE, drop, removeFolder, startBrowser, startPipeline, temporaryFolder } from "./setting.mjs";

const OUT = "docs/gallery.jpg";

const folder = temporaryFolder();
const pipeline = await startPipeline(folder);
const browser = await startBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 980 }, locale: "en" });
  await page.goto(pipeline.gallery);
  await page.getByText("live", { exact: true }).waitFor();
  await drop(page, [{ name: "notes.jpg", type: "image/jpeg", bytes: Buffer.from("This is a text.") }]);
  await page.getByText("unsupported-format").waitFor();
  await drop(page, [{ name: "landscape.jpg", type: "image/jpeg", bytes: readFileSync(SAMPLE) }]);
  await page.locator(".picture img").nth(2).waitFor();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  await page.screenshot({ path: OUT, type: "jpeg", quality: 82 });
  console.log(OUT);
} finally {
  await browser.close();
  await pipeline.stop();
  removeFolder(folder);
}
