// sharp as a contestant. `node contestant.mjs article|tuned|mozjpeg|animated` reads one command a line, and answers each with a line. The
// commands are described in ours/src/main.rs.

import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const { SIZES } = await import('./article.mjs');
const { thumbnails } = await import(`./${process.argv[2]}.mjs`);

let kept = {};
for await (const line of createInterface({ input: process.stdin })) {
  const [, command, argument, file] = /^(make|dump) (\S+) (.*)$/.exec(line);
  if (kept.file !== file) {
    kept = { file, image: await readFile(file) };
    // By default, ours makes JPEGs of an AVIF, so sharp does too. Otherwise, the results would only show sharp's AVIF encoder.
    const isAvif = file.endsWith('.avif');
    kept.finish = isAvif ? picture => picture.jpeg().toBuffer() : undefined;
  }
  const made = command === 'make' ? await repeat(Number(argument), kept) : await dump(argument, kept);
  console.log(made.reduce((bytes, thumbnail) => bytes + thumbnail.length, 0));
}

async function repeat(count, { image, finish }) {
  let made = [];
  for (let i = 0; i < count; i++) {
    made = await thumbnails(image, finish);
  }
  return made;
}

async function dump(folder, { image, finish }) {
  const made = await thumbnails(image, finish);
  const raw = await thumbnails(image, picture => picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }));
  for (const [index, size] of SIZES.entries()) {
    await writeFile(`${folder}/${size}.file`, made[index]);
    await writeFile(`${folder}/${size}.pixels`, pam(raw[index]));
  }
  return made;
}

// Pixels as a Portable Arbitrary Map.
function pam({ data, info: { width, height, channels } }) {
  const type = { 3: 'RGB', 4: 'RGB_ALPHA' }[channels];
  const header = `P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH ${channels}\nMAXVAL 255\nTUPLTYPE ${type}\nENDHDR\n`;
  return Buffer.concat([Buffer.from(header), data]);
}
