/** The layout of images that are compared or rated: all equally large, as large as they fit. */

const MIN_IMAGE_PX = 120; // the longer side; a smaller window is too small

/**
 * Scale the images so that the whole stage fits into the window.
 * @returns {{scale, isTooSmall, needed}} needed: the smallest [width, height] of the window
 */
export function fitCandidates(stage, images) {
  const grid = stage.querySelector("#candidates");
  const width = Math.max(...images.map(({ naturalWidth }) => naturalWidth));
  const height = Math.max(...images.map(({ naturalHeight }) => naturalHeight));
  const count = images.length;
  const resize = (scale, columns) => {
    grid.style.gridTemplateColumns = `repeat(${columns}, auto)`;
    for (const image of images) {
      for (const { style } of image.parentElement.children) {
        style.width = `${Math.floor(scale * image.naturalWidth)}px`;
        style.height = `${Math.floor(scale * image.naturalHeight)}px`;
      }
    }
  };

  resize(0, count); // what remains is the room that everything else takes
  const cells = [...grid.children].map((cell) => cell.getBoundingClientRect());
  const cellWidth = Math.max(...cells.map((cell) => cell.width));
  const cellHeight = Math.max(...cells.map((cell) => cell.height));
  const padding = getComputedStyle(stage);
  const gap = parseFloat(getComputedStyle(grid).columnGap);
  const others = [...stage.children].filter((child) => child !== grid);
  const othersHeight = others.reduce((sum, child) => sum + child.getBoundingClientRect().height, 0);
  const rowGaps = others.length * parseFloat(padding.rowGap);
  const usedHeight = othersHeight + rowGaps + 2 * parseFloat(padding.paddingTop);
  const usedWidth = 2 * parseFloat(padding.paddingLeft);

  const scaleOf = (columns) => {
    const rows = Math.ceil(count / columns);
    const roomX = (innerWidth - usedWidth - gap * (columns - 1)) / columns - cellWidth;
    const roomY = (innerHeight - usedHeight - gap * (rows - 1)) / rows - cellHeight;
    return Math.max(0, Math.min(1, roomX / width, roomY / height));
  };
  const minScale = Math.min(1, MIN_IMAGE_PX / Math.max(width, height));
  const options = images.map((_, index) => count - index); // a single row first
  const isRow = stage.dataset.layout === "row" && scaleOf(count) >= minScale;
  const columns = isRow ? count : options.reduce((a, b) => (scaleOf(b) > scaleOf(a) ? b : a));
  const scale = scaleOf(columns);
  resize(scale, columns);
  const rows = Math.ceil(count / columns);
  const needed = [
    columns * (minScale * width + cellWidth) + gap * (columns - 1) + usedWidth,
    rows * (minScale * height + cellHeight) + gap * (rows - 1) + usedHeight,
  ];
  return { scale, isTooSmall: scale < minScale, needed };
}
