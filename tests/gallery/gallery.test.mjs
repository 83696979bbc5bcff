// The gallery as people use it: the whole pipeline, and a real browser. Run by `make test-gallery`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { SAMPLE, axe, drop, png, removeFolder, startBrowser, startPipeline, temporaryFolder } from "./setting.mjs";

const RED = [220, 30, 40];
const BLUE = [20, 60, 230];
const PATIENCE = 60_000;

let folder, pipeline, browser, page, complaints;

before(async () => {
  folder = temporaryFolder();
  pipeline = await startPipeline(folder);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await pipeline?.stop();
  removeFolder(folder);
});

beforeEach(async () => {
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(pipeline.gallery);
  await page.getByText("live", { exact: true }).waitFor();
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(complaints, [], "the console is silent");
});

/** The card of the upload with that name. */
const card = (name) => page.getByRole("article").filter({ has: page.getByRole("heading", { name, exact: true }) });

const picture = (name, bytes) => ({ name, type: "image/png", bytes });

/** Natural sizes of a card's thumbnails, once all of them are loaded: `["100x75", …]`. */
async function thumbnails(name, count = 3) {
  await card(name).locator(".picture img").nth(count - 1).waitFor();
  return card(name).locator(".picture img").evaluateAll(async (images) => {
    await Promise.all(images.map((image) => image.decode()));
    return images.map((image) => `${image.naturalWidth}x${image.naturalHeight}`);
  });
}

/** The colour in the middle of a card's last thumbnail, as `r,g,b`. */
const colour = (name) => card(name).locator(".picture img").last().evaluate(async (image) => {
  await image.decode();
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  canvas.drawImage(image, image.naturalWidth / 2, image.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).join();
});

async function findings() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

test("a dropped photo gets its three thumbnails", async () => {
  await drop(page, [{ name: "photo.jpg", type: "image/jpeg", bytes: readFileSync(SAMPLE) }]);
  assert.deepEqual(await thumbnails("photo.jpg"), ["100x75", "300x225", "500x375"]);
  const text = await card("photo.jpg").innerText();
  for (const part of ["1200 × 900", "JPEG", "300 × 225", "decode", "resize, encode", "total"]) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  await page.locator("#announcer", { hasText: "photo.jpg: 3 thumbnails" }).waitFor();
});

test("chosen and pasted images are uploaded as well", async () => {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose images" }).press("Enter");
  await (await chooser).setFiles({ name: "chosen.png", mimeType: "image/png", buffer: png(200, 100, RED) });
  assert.deepEqual(await thumbnails("chosen.png"), ["100x50", "200x100", "200x100"]);
  await page.evaluate((bytes) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  }, [...png(100, 200, BLUE)]);
  await page.getByRole("heading", { name: /^pasted \d{4}-\d\d-\d\d .*\.png$/ }).waitFor();
});

test("a text with an image's name is told why it has none", async () => {
  await drop(page, [{ name: "text.jpg", type: "image/jpeg", bytes: Buffer.from("This is a text.") }]);
  await card("text.jpg").getByText("This is no image of a kind that thumbnails are made of.").waitFor();
  await card("text.jpg").getByText("unsupported-format").waitFor();
});

test("another picture replaces one, without a reload", async () => {
  await drop(page, [picture("changing.png", png(640, 480, RED))]);
  await thumbnails("changing.png");
  assert.equal(await colour("changing.png"), RED.join());
  await page.evaluate(() => { globalThis.isSamePage = true; });
  const chooser = page.waitForEvent("filechooser");
  await card("changing.png").getByRole("button", { name: /^Replace/ }).click();
  await (await chooser).setFiles({ name: "other.png", mimeType: "image/png", buffer: png(480, 640, BLUE) });
  await card("changing.png").locator(".facts", { hasText: "480 × 640" }).waitFor();
  assert.deepEqual(await thumbnails("changing.png"), ["100x133", "300x400", "480x640"]);
  assert.equal(await colour("changing.png"), BLUE.join());
  assert.ok(await page.evaluate(() => globalThis.isSamePage));
});

test("a deleted upload is gone with its thumbnails", async () => {
  await drop(page, [picture("short-lived.png", png(320, 200, RED))]);
  await thumbnails("short-lived.png");
  const source = await card("short-lived.png").locator(".picture img").first().getAttribute("src");
  await card("short-lived.png").getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  await card("short-lived.png").getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await card("short-lived.png").waitFor({ state: "detached" });
  const isThere = async () => (await fetch(new URL(source, pipeline.gallery))).status !== 404;
  const deadline = Date.now() + PATIENCE;
  while (await isThere()) assert.ok(Date.now() < deadline, "the thumbnail is still there");
});

test("what others upload appears by itself", async () => {
  const url = `${pipeline.s3}/my-image-bucket/uploads/elsewhere.png`;
  await fetch(url, { method: "PUT", body: png(700, 350, BLUE) });
  assert.deepEqual(await thumbnails("elsewhere.png"), ["100x50", "300x150", "500x250"]);
  await fetch(url, { method: "DELETE" });
  await card("elsewhere.png").waitFor({ state: "detached" });
});

test("thirty uploads at once all arrive, and older ones are on later pages", async () => {
  const names = Array.from({ length: 30 }, (_, at) => `many-${String(at).padStart(2, "0")}.png`);
  await drop(page, names.map((name, at) => picture(name, png(600, 300 + at, [8 * at, 90, 200]))));
  for (const [at, name] of names.entries()) {
    assert.deepEqual((await thumbnails(name))[2], `500x${Math.round((500 * (300 + at)) / 600)}`, name);
  }
  await page.reload();
  const shown = () => page.getByRole("article").count();
  await page.getByRole("button", { name: "Show older uploads" }).waitFor();
  assert.equal(await shown(), 20);
  await page.getByRole("button", { name: "Show older uploads" }).click();
  await page.waitForFunction(() => document.querySelectorAll("article").length > 20);
  while (await page.getByRole("button", { name: "Show older uploads" }).isVisible()) {
    await page.getByRole("button", { name: "Show older uploads" }).click();
    await page.waitForTimeout(100);
  }
  for (const name of names) assert.deepEqual((await thumbnails(name)).length, 3, name);
});

test("names are shown and stored as they are", async () => {
  const names = [`"quoted" & 'so'.png`, "<script>alert(1)<script>.png", "été 日本 🐈.png", "a#b?c%2F+d&e=f.png", "..png"];
  await drop(page, names.map((name) => picture(name, png(120, 90, BLUE))));
  for (const name of names) assert.deepEqual(await thumbnails(name), ["100x75", "120x90", "120x90"], name);
});

test("no upload runs as a page of the gallery", async () => {
  const script = "<script>parent.document.title = document.title = 'taken'</script>";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`;
  await drop(page, [
    { name: "page.html", type: "text/html", bytes: Buffer.from(script) },
    { name: "drawing.svg", type: "image/svg+xml", bytes: Buffer.from(svg) },
    { name: "claims.png", type: "image/png", bytes: Buffer.from(`<html>${script}</html>`) },
  ]);
  for (const name of ["page.html", "drawing.svg", "claims.png"]) {
    await card(name).getByText("unsupported-format").waitFor();
    const url = new URL(`object?bucket=my-image-bucket&key=uploads/${name}`, pipeline.gallery);
    const { headers } = await fetch(url);
    assert.match(headers.get("content-security-policy"), /sandbox/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("content-disposition"), name === "claims.png" ? null : "attachment", name);
    const other = await browser.newPage();
    await other.goto(String(url)).catch((error) => assert.match(String(error), /Download is starting|ERR_ABORTED/));
    assert.notEqual(await other.title(), "taken", name);
    await other.close();
  }
});

test("another site reads and writes nothing", async () => {
  await drop(page, [picture("target.png", png(400, 300, RED))]);
  await thumbnails("target.png");
  const target = async () => {
    const { uploads } = await (await fetch(`${pipeline.gallery}uploads`)).json();
    return uploads.find(({ name }) => name === "target.png");
  };
  const known = await target();
  const other = await browser.newPage();
  await other.goto(`${pipeline.s3}/my-image-bucket/none`);
  const tried = await other.evaluate(async (gallery) => {
    const attempt = (path, options) => fetch(gallery + path, options).then(() => "answered", () => "refused");
    const image = new Image();
    image.src = `${gallery}object?bucket=my-image-bucket&key=uploads/target.png`;
    // A browser sends this without asking first: only the gallery can refuse it.
    await attempt("uploads?key=uploads/target.png", { method: "POST", mode: "no-cors" });
    return [
      await attempt("uploads"),
      await attempt("uploads?name=foreign.png", { method: "PUT", body: "x" }),
      await attempt("uploads?key=uploads/target.png", { method: "DELETE" }),
      await image.decode().then(() => "answered", () => "refused"),
    ];
  }, pipeline.gallery);
  assert.deepEqual(tried, ["refused", "refused", "refused", "refused"]);
  await other.close();
  // What was queued before this is done by then.
  await drop(page, [picture("later.png", png(400, 300, RED))]);
  await thumbnails("later.png");
  assert.deepEqual(await target(), known);
  assert.equal(await card("foreign.png").count(), 0);
});

test("the original stands beside its thumbnail at the same size", async () => {
  await drop(page, [picture("compared.png", png(900, 600, RED))]);
  await thumbnails("compared.png");
  await card("compared.png").getByRole("button", { name: /at size 300/ }).press("Enter");
  const sizes = () => page.locator(".frame img").evaluateAll(async (images) => {
    await Promise.all(images.map((image) => image.decode()));
    return images.map((image) => `${image.naturalWidth}: ${image.clientWidth}x${image.clientHeight}`);
  });
  assert.deepEqual(await sizes(), ["900: 300x200", "300: 300x200"]);
  await page.getByRole("radio", { name: "2×" }).press("Space");
  assert.deepEqual(await sizes(), ["900: 600x400", "300: 600x400"]);
  await page.getByRole("radio", { name: "100" }).press("Space");
  assert.deepEqual(await sizes(), ["900: 200x134", "100: 200x134"]);
  assert.deepEqual(await findings(), []);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /at size 300/, "the focus is back");
});

for (const scheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    test(`axe finds nothing: ${scheme}, ${width} pixels`, async () => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 800 });
      await drop(page, [
        picture("seen.png", png(500, 300, BLUE)),
        { name: "unseen.jpg", type: "image/jpeg", bytes: Buffer.from("text") },
      ]);
      await thumbnails("seen.png");
      await card("unseen.jpg").getByText("unsupported-format").waitFor();
      assert.deepEqual(await findings(), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, "nothing is wider than the page");
    });
  }
}

test("after a restart, earlier uploads are there with what became of them", async () => {
  await drop(page, [
    picture("lasting.png", png(500, 300, RED)),
    { name: "lasting.jpg", type: "image/jpeg", bytes: Buffer.from("text") },
  ]);
  await thumbnails("lasting.png");
  await card("lasting.jpg").getByText("unsupported-format").waitFor();
  await page.goto("about:blank");
  await pipeline.stop();
  pipeline = await startPipeline(folder);
  await page.goto(pipeline.gallery);
  assert.deepEqual(await thumbnails("lasting.png"), ["100x60", "300x180", "500x300"]);
  await card("lasting.jpg").getByText("unsupported-format").waitFor();
});
