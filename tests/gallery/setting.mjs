// What the tests of the gallery and its screenshot share: the pipeline as `make run` starts it, and a browser.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { deflateSync } from "node:zlib";

const tools = createRequire(`${process.env.GALLERY_TOOLS}/`);
const { chromium } = tools("playwright-core");

export const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
export const SAMPLE = "local/sample.jpg";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Starts the pipeline in a folder of its own, on free ports; resolves once its functions answer. */
export async function startPipeline(folder) {
  const ports = ["--s3-port", "0", "--lambda-port", "0", "--runtime-port", "0", "--gallery-port", "0"];
  const pipeline = spawn(process.env.LOCAL, ["run", "--data", folder, ...ports], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => pipeline.once("exit", resolve));
  const places = {};
  for await (const line of createInterface(pipeline.stdout)) {
    const place = /^(gallery|S3)\s+(http:\S+)$/.exec(line);
    if (place) places[place[1]] = place[2];
    if (line.startsWith("running")) break;
  }
  if (!places.gallery) throw new Error("the pipeline did not start: see above");
  const stop = () => { pipeline.kill("SIGINT"); return ended; };
  return { gallery: places.gallery, s3: places.S3, stop };
}

/** Starts Chromium with a fresh profile. */
export function startBrowser() {
  const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter(Boolean);
  const executablePath = names.map((name) => spawnSync("which", [name], { encoding: "utf8" }).stdout?.trim()).find(Boolean);
  return chromium.launch({ executablePath, args: FLAGS });
}

export const temporaryFolder = () => mkdtempSync(join(tmpdir(), "gallery-"));
export const removeFolder = (folder) => rmSync(folder, { recursive: true, force: true });

/** Files as they come from the user's disk, dropped on the page: `[{ name, type, bytes }]`. */
export async function drop(page, files) {
  const encoded = files.map(({ name, type, bytes }) => ({ name, type, text: Buffer.from(bytes).toString("base64") }));
  await page.evaluate(async (files) => {
    const dataTransfer = new DataTransfer();
    for (const { name, type, text } of files) {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name, { type }));
    }
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, encoded);
}

/** A PNG of one colour, `[red, green, blue]`. */
export function png(width, height, colour) {
  const row = Buffer.concat([Buffer.of(0), ...Array.from({ length: width }, () => Buffer.from(colour))]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(name, data) {
  const checked = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(checked));
  return Buffer.concat([length, checked, sum]);
}

function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
