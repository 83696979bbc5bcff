// The article's `image-processor`: gets the source and puts a thumbnail of each size. It is used to measure the cold start and the size of
// the zip. The speed of making thumbnails is measured without S3.

import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SIZES, thumbnails } from './article.mjs';

const s3 = new S3Client({});

export async function handler({ bucket, key }) {
  const source = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const made = await thumbnails(Buffer.from(await source.Body.transformToByteArray()));
  for (const [index, size] of SIZES.entries()) {
    const Key = `thumbnails/${size}/${key}`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: made[index], ContentType: source.ContentType }));
  }
  return { statusCode: 200, body: JSON.stringify({ message: `${made.length} thumbnails` }) };
}
