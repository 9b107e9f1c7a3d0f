/** QR codes. */
import { encode } from 'uqr';
import { svg } from './dom.ts';

/**
 * A QR code as a picture. Dark on light in every theme, with a margin, as scanners need it. One path of the dark squares,
 * joined line by line, keeps it small.
 */
export function qrCode(text: string, label: string, test: string): SVGSVGElement {
  const { data, size } = encode(text, { ecc: 'M', border: 3 });
  const path = data
    .map((row, y) => {
      let line = '';
      for (let x = 0; x < size; x += 1) {
        let length = 0;
        while (row[x + length]) {
          length += 1;
        }
        if (length > 0) {
          line += `M${x} ${y}h${length}v1h-${length}z`;
          x += length;
        }
      }
      return line;
    })
    .join('');
  return svg(
    'svg',
    { viewBox: `0 0 ${size} ${size}`, class: 'qr', role: 'img', 'aria-label': label, 'shape-rendering': 'crispEdges', 'data-test': test },
    svg('rect', { width: size, height: size, fill: '#fff' }),
    svg('path', { fill: '#000', d: path }),
  );
}
