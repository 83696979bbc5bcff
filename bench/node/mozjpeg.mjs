// The same as tuned.mjs, with the encoder that sharp has for fewer bytes at more time. For JPEGs only.

import { thumbnails as tuned } from './tuned.mjs';

export async function thumbnails(image, finish = picture => picture.jpeg({ mozjpeg: true }).toBuffer()) {
  return tuned(image, finish);
}
