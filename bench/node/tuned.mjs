// Thumbnails by sharp with the best settings that we know. The source is decoded once, to the largest size (libvips shrinks on load), and
// all sizes are made from these pixels. They are upright, never enlarged, and in the format of the source.

import sharp from 'sharp';
import { SIZES } from './article.mjs';

sharp.concurrency(1);
sharp.cache(false);

export async function thumbnails(image, finish = (picture, format) => picture.toFormat(format).toBuffer()) {
  const source = sharp(image);
  const { format } = await source.metadata();
  const largest = await source
    .autoOrient()
    .resize({ width: Math.max(...SIZES), withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = largest.info;
  const made = [];
  for (const size of SIZES) {
    const picture = sharp(largest.data, { raw: { width, height, channels } });
    made.push(await finish(picture.resize({ width: size, withoutEnlargement: true }), format));
  }
  return made;
}
