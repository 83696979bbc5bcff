// Animated thumbnails by sharp: every frame of the source is resized, and the format is that of the source.

import sharp from 'sharp';
import { SIZES } from './article.mjs';

sharp.concurrency(1);
sharp.cache(false);

export async function thumbnails(image, finish = picture => picture.toBuffer()) {
  const made = [];
  for (const width of SIZES) {
    made.push(await finish(sharp(image, { animated: true }).resize({ width, withoutEnlargement: true })));
  }
  return made;
}
