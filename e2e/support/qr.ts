import { expect, type Page } from '@playwright/test';
import jsQr from 'jsqr';
import { modulesOf, pathOf } from '../../web/src/views/parts/qr.ts';

/** What another program than the page's own reads from a QR code, as it stands on the screen. */
export async function readFromScreen(page: Page): Promise<string | undefined> {
  const code = page.getByTestId('qr-code');
  await expect(code).toBeVisible();
  const picture = (await code.screenshot()).toString('base64');
  const { width, height, pixels } = await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const paper = canvas.getContext('2d');
    paper?.drawImage(image, 0, 0);
    const pixels = paper?.getImageData(0, 0, image.width, image.height).data ?? [];
    return { width: image.width, height: image.height, pixels: [...pixels] };
  }, picture);
  return jsQr(Uint8ClampedArray.from(pixels), width, height)?.data;
}

/** From now on this page's camera looks at a picture, such as that of a QR code on another screen. */
export async function lookAt(page: Page, png: Buffer): Promise<void> {
  await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [640, 480];
    const paper = canvas.getContext('2d');
    // A camera's picture never stands still.
    const draw = () => {
      if (!paper) return;
      paper.fillStyle = '#777';
      paper.fillRect(0, 0, canvas.width, canvas.height);
      paper.drawImage(image, 170, 90, 300, 300);
      requestAnimationFrame(draw);
    };
    draw();
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(10);
  }, png.toString('base64'));
}

/** A QR code as it is printed on a machine, by the client's own encoder. */
export async function printed(page: Page, text: string): Promise<Buffer> {
  const modules = modulesOf(text);
  const drawn = `<rect width="100%" height="100%" fill="#fff"/><path d="${pathOf(modules)}"/>`;
  const size = `viewBox="0 0 ${modules.length} ${modules.length}" width="300" height="300"`;
  await page.setContent(`<svg data-testid="qr-code" ${size} shape-rendering="crispEdges">${drawn}</svg>`);
  return page.getByTestId('qr-code').screenshot();
}
