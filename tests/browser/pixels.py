"""What is really on the screen: a screenshot as an array of colours."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

Pixels = npt.NDArray[np.uint8]

#: Fill colours of markers in the light theme (`web/src/map/palette.ts`): moving, stopped, silent, at risk, late.
MARKERS = ((0, 106, 193), (74, 90, 108), (143, 153, 165), (230, 159, 0), (213, 70, 0))
_TOLERANCE = 14

_DECODE = """async (text) => {
  const image = new Image();
  image.src = "data:image/png;base64," + text;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let binary = "";
  for (let at = 0; at < data.length; at += 32768) binary += String.fromCharCode(...data.subarray(at, at + 32768));
  return [image.width, image.height, btoa(binary)];
}"""


def screenshot(page: Page, decoder: Page) -> Pixels:
    """`(height, width, 3) uint8` of what the page shows; `decoder` is a page whose policy allows pictures from data."""
    text = base64.b64encode(page.screenshot()).decode()
    width, height, raw = decoder.evaluate(_DECODE, text)
    rgba = np.frombuffer(base64.b64decode(raw), dtype=np.uint8).reshape(height, width, 4)
    return rgba[:, :, :3]


def has_marker(pixels: Pixels, x: float, y: float, *, within_px: int = 9, at_least: int = 12) -> bool:
    """Whether a marker's fill is around the place: enough pixels of one of the marker colours."""
    column, row = round(x), round(y)
    part = pixels[max(0, row - within_px) : row + within_px + 1, max(0, column - within_px) : column + within_px + 1]
    return any(int(_near(part, color).sum()) >= at_least for color in MARKERS)


def _near(pixels: Pixels, color: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    distance = np.abs(pixels.astype(np.int16) - np.array(color, dtype=np.int16))
    return np.asarray(np.all(distance <= _TOLERANCE, axis=2), dtype=np.bool_)
