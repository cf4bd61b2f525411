// glyphs.js - draws a character as a small picture with the browser's own fonts.

// Simplified forms first: the same code point looks different in Japanese fonts.
const FAMILY = 'system-ui, "PingFang SC", "Microsoft YaHei UI", "Microsoft YaHei", ' +
    '"Noto Sans CJK SC", "Noto Sans SC", sans-serif';

const canvas = document.createElement('canvas');
const context = canvas.getContext('2d', {willReadFrequently: true});

export let pixels = new Uint8ClampedArray(0);  // RGBA of the last glyph that was drawn

// [advance, left, top, width, height, colored] in pixels; `top` is upwards from the baseline.
export function measure(codePoint, size, draw) {
  const text = String.fromCodePoint(codePoint);
  context.font = `${size}px ${FAMILY}`;
  const m = context.measureText(text);
  if (!draw || !text.trim()) return [m.width, 0, 0, 0, 0, 0];
  const left = Math.ceil(m.actualBoundingBoxLeft) + 1;
  const top = Math.ceil(m.actualBoundingBoxAscent) + 1;
  const width = left + Math.ceil(m.actualBoundingBoxRight) + 1;
  const height = top + Math.ceil(m.actualBoundingBoxDescent) + 1;
  if (width < 3 || height < 3) return [m.width, 0, 0, 0, 0, 0];
  const colored = paint(text, left, top, width, height);
  return [m.width, -left, top, width, height, colored ? 1 : 0];
}

// True for a coloured glyph, such as an emoji; others become white.
function paint(text, left, top, width, height) {
  if (canvas.width < width || canvas.height < height) {
    const {font} = context;  // a canvas forgets it when its size changes
    canvas.width = Math.max(canvas.width, width);
    canvas.height = Math.max(canvas.height, height);
    context.font = font;
  }
  context.clearRect(0, 0, width, height);
  context.fillStyle = '#fff';
  context.fillText(text, left, top);
  pixels = context.getImageData(0, 0, width, height).data;
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3] > 8 && Math.min(pixels[i], pixels[i + 1], pixels[i + 2]) < 200) return true;
  }
  for (let i = 0; i < pixels.length; i += 4) pixels[i] = pixels[i + 1] = pixels[i + 2] = 255;
  return false;
}
