// Thumbnails by the article's function: each size is made from the original.

import sharp from 'sharp';

export const SIZES = [100, 300, 500];

// `finish` turns a resized picture into the result. The default is a file in the format of the source.
export async function thumbnails(image, finish = picture => picture.toBuffer()) {
  const made = [];
  for (const width of SIZES) {
    made.push(await finish(sharp(image).resize(width)));
  }
  return made;
}
