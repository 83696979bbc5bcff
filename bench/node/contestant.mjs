// sharp as a contestant: `node contestant.mjs article|tuned` reads commands, a line each, and answers each with a line. The
// commands are those of ours/src/main.rs.

import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const { SIZES } = await import('./article.mjs');
const { thumbnails } = await import(`./${process.argv[2]}.mjs`);

let kept = {};
for await (const line of createInterface({ input: process.stdin })) {
  const [, command, argument, file] = /^(make|dump) (\S+) (.*)$/.exec(line);
  if (kept.file !== file) {
    kept = { file, image: await readFile(file) };
  }
  const made = command === 'make' ? await repeat(Number(argument), kept.image) : await dump(argument, kept.image);
  console.log(made.reduce((bytes, thumbnail) => bytes + thumbnail.length, 0));
}

async function repeat(count, image) {
  let made = [];
  for (let i = 0; i < count; i++) {
    made = await thumbnails(image);
  }
  return made;
}

async function dump(folder, image) {
  const made = await thumbnails(image);
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
