// How the article's function makes thumbnails: each size from the original.

import sharp from 'sharp';

export const SIZES = [100, 300, 500];

// `finish` turns a resized picture into the result; by default into a file of the source's format.
export async function thumbnails(image, finish = picture => picture.toBuffer()) {
  const made = [];
  for (const width of SIZES) {
    made.push(await finish(sharp(image).resize(width)));
  }
  return made;
}
