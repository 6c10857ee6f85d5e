// A layer's weights on a canvas: cells with their colour, hatching where a weight is gone. It can be
// zoomed and moved with the wheel, the keyboard, buttons, one finger and two.

const MARGIN = 10; // pixels around all of it
const GAP = 0.6; // cells between two kernels
const LARGEST = 56; // pixels of a cell at the most
const LEGIBLE = 40; // pixels of a cell from which on its number is written in it
const NEGATIVE = [0, 114, 178];
const POSITIVE = [213, 94, 0];
const MAGNITUDE = [0, 158, 115]; // of blocks, which have no sign

const mixed = (from, to, share) => from.map((each, at) => Math.round(each + (to[at] - each) * share));
const rgb = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);
const bright = ([r, g, b]) => 0.3 * r + 0.59 * g + 0.11 * b;

const tiled = ({ tileRows, tileColumns }) => tileRows * tileColumns > 1;

// How cells are laid out: kernels in a grid with gaps, or a plain matrix; turned where it fits
// better, so that outputs are columns.
export function layout(layer, width, height) {
  const { rows, columns } = layer;
  const [tr, tc] = tiled(layer) ? [layer.tileRows, layer.tileColumns] : [1, 1];
  const gap = tiled(layer) ? GAP : 0;
  const size = (across, down) => [across * (tc + gap) - gap, down * (tr + gap) - gap];
  const [outputs, inputs] = [rows / tr, columns / tc];
  const fit = ([wide, high]) =>
    Math.max(Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high), 1e-3);
  const turned = fit(size(outputs, inputs)) > 1.25 * fit(size(inputs, outputs));
  const [across, down] = turned ? [outputs, inputs] : [inputs, outputs];
  const [wide, high] = size(across, down);
  return { tr, tc, gap, across, down, wide, high, turned, smallest: Math.min(fit([wide, high]), LARGEST) };
}

// The place of a cell in the weights, from its tile in the picture and its place in the tile.
function sourceOf(layer, { tr, tc, turned }, across, down, x, y) {
  const [output, input] = turned ? [across, down] : [down, across];
  return (output * tr + y) * layer.columns + input * tc + x;
}

export function picture(canvas, onPoint) {
  const context = canvas.getContext("2d");
  const image = document.createElement("canvas");
  let [layer, left, plan, view, look] = [null, null, null, { z: 1, x: 0, y: 0 }, null];
  const pointers = new Map();

  const atFit = () => !plan || view.z <= plan.smallest * 1.001;
  const box = () => [canvas.clientWidth, canvas.clientHeight];

  function clamp() {
    const [width, height] = box();
    view.z = Math.min(Math.max(view.z, plan.smallest), LARGEST);
    for (const [axis, room, size] of [["x", width, plan.wide * view.z], ["y", height, plan.high * view.z]]) {
      view[axis] = size <= room ? (room - size) / 2
        : Math.min(MARGIN, Math.max(room - size - MARGIN, view[axis]));
    }
    canvas.style.touchAction = atFit() ? "pan-y" : "none";
    canvas.classList.toggle("zoomed", !atFit());
  }

  function colors() {
    const style = getComputedStyle(canvas);
    const page = rgb(style.backgroundColor);
    const dark = bright(page) < 128;
    return { page, dark, neutral: dark ? [52, 59, 70] : [233, 236, 240] };
  }

  const strength = (value) => Math.min(1, Math.abs(value) / layer.limit) ** 0.7;
  const colorOf = (value) => mixed(look.neutral,
    blocked(layer) ? MAGNITUDE : value < 0 ? NEGATIVE : POSITIVE, strength(value));

  // One pixel for each cell, tile beside tile; the hatching below shows where nothing is left.
  function paint() {
    const { tr, tc, across, down } = plan;
    [image.width, image.height] = [across * tc, down * tr];
    const pixels = new ImageData(image.width, image.height);
    for (let y = 0, to = 0; y < image.height; y += 1) {
      for (let x = 0; x < image.width; x += 1, to += 4) {
        const at = sourceOf(layer, plan, Math.floor(x / tc), Math.floor(y / tr), x % tc, y % tr);
        const share = left(at);
        if (share === 0) continue;
        const [r, g, b] = colorOf(layer.values[at]);
        pixels.data[to] = r;
        pixels.data[to + 1] = g;
        pixels.data[to + 2] = b;
        pixels.data[to + 3] = Math.round(255 * share);
      }
    }
    image.getContext("2d").putImageData(pixels, 0, 0);
  }

  function hatching() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const on = tile.getContext("2d");
    on.strokeStyle = look.dark ? "rgba(160,170,182,.5)" : "rgba(110,120,132,.5)";
    on.lineWidth = 1;
    on.beginPath();
    for (const shift of [-6, 0, 6]) {
      on.moveTo(shift - 1, 7);
      on.lineTo(shift + 7, -1);
    }
    on.stroke();
    return context.createPattern(tile, "repeat");
  }

  const tileAt = (across, down) => [
    view.x + across * (plan.tc + plan.gap) * view.z, view.y + down * (plan.tr + plan.gap) * view.z,
  ];

  // The tiles that can be seen: first and last, across and down.
  function seen() {
    const [width, height] = box();
    const range = (start, step, count, room) => [
      Math.max(0, Math.floor(-start / step)), Math.min(count - 1, Math.floor((room - start) / step)),
    ];
    return [
      range(view.x, (plan.tc + plan.gap) * view.z, plan.across, width),
      range(view.y, (plan.tr + plan.gap) * view.z, plan.down, height),
    ];
  }

  function draw() {
    const [width, height] = box();
    const sharp = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.imageSmoothingEnabled = view.z * sharp < 1; // smaller than a pixel: their mean
    const pattern = hatching();
    const [[left0, left1], [top0, top1]] = seen();
    const single = plan.gap === 0;
    const place = (x, y, wide, high, from) => {
      context.fillStyle = `rgb(${look.page})`;
      context.fillRect(x, y, wide, high);
      context.fillStyle = pattern;
      context.fillRect(x, y, wide, high);
      context.drawImage(image, ...from, x, y, wide, high);
    };
    if (single) {
      place(view.x, view.y, plan.wide * view.z, plan.high * view.z, [0, 0, image.width, image.height]);
    } else {
      for (let down = top0; down <= top1; down += 1) {
        for (let across = left0; across <= left1; across += 1) {
          place(...tileAt(across, down), plan.tc * view.z, plan.tr * view.z,
            [across * plan.tc, down * plan.tr, plan.tc, plan.tr]);
        }
      }
    }
    if (view.z >= 10) cells(seen());
  }

  // Lines between cells that are large enough, and in very large ones their numbers.
  function cells([[left0, left1], [top0, top1]]) {
    const [, height] = box();
    context.strokeStyle = `rgb(${look.page})`;
    context.lineWidth = view.z >= 24 ? 2 : 1;
    context.font = `${Math.round(view.z / 4)}px ${getComputedStyle(canvas).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let down = top0; down <= top1; down += 1) {
      for (let across = left0; across <= left1; across += 1) {
        const [x0, y0] = tileAt(across, down);
        for (let y = 0; y < plan.tr; y += 1) {
          if (y0 + (y + 1) * view.z < 0 || y0 + y * view.z > height) continue;
          for (let x = 0; x < plan.tc; x += 1) {
            const [cx, cy] = [x0 + x * view.z, y0 + y * view.z];
            context.strokeRect(cx, cy, view.z, view.z);
            if (view.z >= LEGIBLE) write(sourceOf(layer, plan, across, down, x, y), cx, cy);
          }
        }
      }
    }
  }

  function write(at, x, y) {
    const gone = left(at) === 0;
    const dark = gone ? look.dark : bright(colorOf(layer.values[at])) < 140;
    context.fillStyle = dark ? "#ffffff" : "#101820";
    context.fillText(gone ? "0" : layer.values[at].toFixed(2).replace("-", "−"), x + view.z / 2, y + view.z / 2);
  }

  function zoom(times, [x, y] = box().map((each) => each / 2)) {
    const before = view.z;
    view.z = Math.min(Math.max(view.z * times, plan.smallest), LARGEST);
    const ratio = view.z / before;
    view.x = x - (x - view.x) * ratio;
    view.y = y - (y - view.y) * ratio;
    clamp();
    draw();
  }

  function move(dx, dy) {
    view.x += dx;
    view.y += dy;
    clamp();
    draw();
  }

  function fit() {
    view = { z: plan.smallest, x: 0, y: 0 };
    clamp();
    draw();
  }

  const placeOf = (event) => {
    const { left: x, top: y } = canvas.getBoundingClientRect();
    return [event.clientX - x, event.clientY - y];
  };

  // The cell under a place of the canvas: where it is among the weights, null beside all cells.
  function cellAt([px, py]) {
    const [u, v] = [(px - view.x) / view.z, (py - view.y) / view.z];
    const [stepX, stepY] = [plan.tc + plan.gap, plan.tr + plan.gap];
    const [across, down] = [Math.floor(u / stepX), Math.floor(v / stepY)];
    const [x, y] = [Math.floor(u - across * stepX), Math.floor(v - down * stepY)];
    const inside = across >= 0 && down >= 0 && across < plan.across && down < plan.down;
    return inside && x < plan.tc && y < plan.tr ? sourceOf(layer, plan, across, down, x, y) : null;
  }

  const handlers = {
    // A wheel that turns over a page scrolls it; over the picture only once that was chosen.
    wheel(event) {
      if (canvas.getRootNode().activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300), placeOf(event));
    },
    pointerdown(event) {
      pointers.set(event.pointerId, placeOf(event));
      canvas.setPointerCapture(event.pointerId);
      if (event.pointerType === "touch") onPoint(cellAt(placeOf(event)));
    },
    pointermove(event) {
      const [now, before] = [placeOf(event), pointers.get(event.pointerId)];
      if (!before) return onPoint(cellAt(now));
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, now);
      if (other) {
        const far = ([x, y]) => Math.max(8, Math.hypot(x - other[0], y - other[1]));
        zoom(far(now) / far(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
      } else if (!atFit()) {
        move(now[0] - before[0], now[1] - before[1]);
      }
    },
    pointerup: (event) => pointers.delete(event.pointerId),
    pointercancel: (event) => pointers.delete(event.pointerId),
    pointerleave: () => onPoint(null),
    keydown(event) {
      const keys = {
        "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: fit,
        ArrowLeft: () => move(48, 0), ArrowRight: () => move(-48, 0),
        ArrowUp: () => move(0, 48), ArrowDown: () => move(0, -48),
      };
      if (!keys[event.key] || (event.key.startsWith("Arrow") && atFit())) return;
      event.preventDefault();
      keys[event.key]();
    },
  };
  for (const [name, handle] of Object.entries(handlers)) {
    canvas.addEventListener(name, handle, name === "wheel" ? { passive: false } : undefined);
  }

  return {
    zoom,
    fit,
    cellPixels: () => view.z,
    // Show a layer with what is left of each cell; another layer, or another size, fits anew.
    show(next, share) {
      const [width, height] = box();
      if (!width) { // not to be seen now
        [layer, left, look] = [next, share, colors()];
        plan = { ...layout(layer, 1, 1), width };
        return;
      }
      const same = next === layer && plan?.width === width;
      [layer, left, look] = [next, share, colors()];
      if (!same) plan = { ...layout(layer, width, height), width };
      paint();
      if (!same) return fit();
      clamp();
      return draw();
    },
    turned: () => plan.turned,
    neutral: () => look.neutral,
    stop() {
      for (const [name, handle] of Object.entries(handlers)) canvas.removeEventListener(name, handle);
    },
  };
}
