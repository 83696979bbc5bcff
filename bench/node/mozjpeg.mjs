// The same as tuned.mjs with sharp's MozJPEG encoder, which makes smaller files in more time. For JPEGs only.

import { thumbnails as tuned } from './tuned.mjs';

export async function thumbnails(image, finish = picture => picture.jpeg({ mozjpeg: true }).toBuffer()) {
  return tuned(image, finish);
}
