// SPDX-License-Identifier: MIT
// Files that go with a message: pictures, made smaller where they are large, and texts.

const largestText = 256 * 1024; // bytes
const largestPicture = 1_400_000; // bytes of a picture that is sent as it is
const longestSide = 1568; // pixels; models look at no more
export const mostFiles = 8;
const pictures = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/**
 * Reads one File: {kind: 'image'|'text', name, size, data: a data: URL, or the text}. Throws an Error whose
 * message is the key of the words for why not.
 */
export async function readFile(file) {
  const name = file.name || 'image';
  if (pictures.includes(file.type))
    return { kind: 'image', name, size: file.size, data: await picture(file) };
  if (file.type.startsWith('image/')) throw new Error('fileKind');
  if (file.size > largestText) throw new Error(/^(audio|video)\//.test(file.type) ? 'fileKind' : 'fileLarge');
  return { kind: 'text', name, size: file.size, data: await text(file) };
}

/** A text is what is UTF-8 and holds no NUL; the name and type that a system gives say too little. */
async function text(file) {
  try {
    const read = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    if (!read.includes('\0')) return read;
  } catch {
    // Not UTF-8.
  }
  throw new Error('fileKind');
}

async function picture(file) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error('fileBroken');
  }
  const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= largestPicture) {
    bitmap.close();
    return dataUrl(file, file.type);
  }
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff'; // JPEG has no transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const smaller = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
  if (!smaller) throw new Error('fileBroken');
  return dataUrl(smaller, 'image/jpeg');
}

/** The type is said by us: what the file's system says of it goes into no URL. */
function dataUrl(blob, type) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(`data:${type};base64,${reader.result.split(',')[1] ?? ''}`);
    reader.onerror = () => reject(new Error('fileBroken'));
    reader.readAsDataURL(blob);
  });
}
