// The three pictures of the integer grid, as SVG in the pixels of the place that they have.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46; // for the names of the rows of labels
const MOST_LABELS = 9;

function add(parent, kind, attributes, text = null) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

// An empty picture with scales from numbers to pixels; `box` is what is left inside its margins.
function canvas(svg, [x0, x1], [y0, y1], box) {
  const [width, height] = [svg.clientWidth || 300, svg.clientHeight || 200];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  const em = parseFloat(getComputedStyle(svg).fontSize) / 16; // large type needs larger margins
  const [left, right] = [box.left * em, width - box.right];
  const [top, bottom] = [box.top, height - box.bottom * em];
  return {
    svg, width, height, left, right, top, bottom, em,
    x: (value) => left + ((value - x0) / (x1 - x0 || 1)) * (right - left),
    y: (value) => bottom - ((value - y0) / (y1 - y0 || 1)) * (bottom - top),
    line: (kind, a, b, c, d) => add(svg, "line", { class: kind, x1: a, y1: b, x2: c, y2: d }),
    text: (x, y, words, anchor = "middle", kind = "") =>
      add(svg, "text", { x, y, "text-anchor": anchor, class: kind }, words),
  };
}

export const short = (number) => {
  if (number === 0) return "0";
  const size = Math.abs(number);
  const text = size >= 1e-3 && size < 1e5 ? String(Number(number.toPrecision(3))) : number.toExponential(1);
  return text.replace(/-/g, "−");
};

// Round values from low to high, at most `most` of them.
export function ticks(low, high, most) {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let place = Math.ceil(low / step); place * step <= high + step * 1e-9; place += 1) found.push(place * step);
  return found;
}

// How many numbers lie in each of `bins` equal parts of [low, high].
function counted(numbers, low, high, bins) {
  const counts = new Array(bins).fill(0);
  const width = (high - low) / bins || 1;
  for (const number of numbers) counts[Math.min(Math.floor((number - low) / width), bins - 1)] += 1;
  return counts;
}

// The numbers in float32 as a filled histogram, what is left of them as an outline, and the grid.
export function drawHistogram(svg, { numbers, counts, low, high }, grid, { toInteger, toFloat, ends }) {
  const [gridLow, gridHigh] = ends(grid);
  const [from, to] = [Math.min(low, gridLow), Math.max(high, gridHigh)];
  const pad = 0.02 * (to - from) || 1;
  const span = [from - pad, to + pad];
  const bins = counts === null ? Math.round(Math.min(Math.max(2 * Math.sqrt(numbers.length), 12), 90)) : counts.length;
  const bars = counts === null ? counted(numbers, low, high, bins) : counts;
  const width = (high - low) / bins || 1;
  const left = new Map();
  numbers.forEach((number, place) => {
    const level = toInteger(number, grid);
    left.set(level, (left.get(level) ?? 0) + (counts === null ? 1 : counts[place]));
  });
  // Heights are densities, or a coarser grid would look taller; roots, or zeros would hide the rest.
  const height = (count, wide) => Math.sqrt(count / wide);
  const top = Math.max(...bars.map((each) => height(each, width)), ...[...left.values()].map((each) => height(each, grid.scale)));
  const on = canvas(svg, span, [0, top], { left: LEFT, right: 8, top: 6, bottom: 52 });
  const pattern = add(add(svg, "defs", {}), "pattern",
    { id: "clipped", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(25)" });
  add(pattern, "line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7 });
  const [firstKept, lastKept] = [gridLow - grid.scale / 2, gridHigh + grid.scale / 2];
  const cut = (a, b) => add(svg, "rect",
    { class: "cut", x: on.x(a), y: on.top, width: on.x(b) - on.x(a), height: on.bottom - on.top });
  const least = grid.scale / 1e6; // the largest number of all lies just on the border
  if (low < firstKept - least) cut(span[0], firstKept);
  if (high > lastKept + least) cut(lastKept, span[1]);
  const gap = on.x(grid.scale) - on.x(0);
  for (let level = grid.first; level <= grid.last; level += 1) {
    const x = on.x(toFloat(level, grid));
    on.line("step", x, gap < 4 ? on.bottom : on.top, x, on.bottom + 7);
  }
  bars.forEach((count, place) => {
    if (count === 0) return;
    const [x, y] = [on.x(low + place * width), on.y(height(count, width))];
    add(svg, "rect", { class: "float", x, y, width: Math.max(on.x(low + (place + 1) * width) - x, 1), height: on.bottom - y });
  });
  let path = "";
  for (let level = grid.first; level <= grid.last; level += 1) {
    const y = on.y(height(left.get(level) ?? 0, grid.scale)).toFixed(1);
    const [a, b] = [-0.5, 0.5].map((half) => on.x(toFloat(level, grid) + half * grid.scale))
      .map((x) => Math.min(Math.max(x, on.left), on.right).toFixed(1));
    path += `${path ? "L" : `M${a},${on.bottom}L`}${a},${y}L${b},${y}`;
  }
  add(svg, "path", { class: "rounded", d: path });
  on.line("axis", on.left, on.bottom, on.right, on.bottom);
  labels(on, grid, span, toFloat);
}

// Two rows below the axis: integers, and the values that they stand for.
function labels(on, grid, span, toFloat) {
  const few = on.width < 480 * on.em ? 5 : MOST_LABELS;
  const [first, second] = [on.bottom + 20 * on.em, on.bottom + 43 * on.em];
  const integers = ticks(grid.first, grid.last, few).filter((each) => Number.isInteger(each));
  const shown = [...new Set([grid.zero, ...integers, grid.first, grid.last])];
  const taken = [];
  for (const level of shown) {
    const x = on.x(toFloat(level, grid));
    if (taken.some((other) => Math.abs(other - x) < 34 * on.em)) continue;
    taken.push(x);
    on.text(x, first, String(level).replace("-", "−"));
  }
  for (const value of ticks(span[0], span[1], few)) {
    if (on.x(value) > on.left + 12) on.text(on.x(value), second, short(value), "middle", "faint");
  }
  const zero = on.x(0);
  add(on.svg, "path", { class: "zero", d: `M${zero - 5},${first + 11 * on.em}l5,-7l5,7z` });
  on.text(0, first, `int${Math.log2(grid.last + 1) + 1}`, "start");
  on.text(0, second, "value", "start", "faint");
}

// The range of every channel, and of the grid or grids that hold them.
export function drawRanges(svg, sets, grids, chosen, ends) {
  const spans = [...sets.map(({ low, high }) => [low, high]), ...grids.map(ends)];
  const low = Math.min(...spans.map(([each]) => each));
  const high = Math.max(...spans.map(([, each]) => each));
  const on = canvas(svg, [-0.7, sets.length - 0.3], [low, high], { left: LEFT, right: 8, top: 8, bottom: 22 });
  const wide = Math.min(9, Math.max(2, ((on.right - on.left) / sets.length) * 0.7));
  if (chosen === null) {
    const [a, b] = ends(grids[0]).map(on.y);
    add(svg, "rect", { class: "held", x: on.left, y: b, width: on.right - on.left, height: a - b });
  }
  sets.forEach((each, place) => {
    const x = on.x(place);
    if (chosen !== null) {
      const [a, b] = ends(grids[place]).map(on.y);
      on.line("own", x, a, x, b).style.strokeWidth = wide;
    }
    on.line(place === chosen ? "span mine" : "span", x, on.y(each.low), x, on.y(each.high)).style.strokeWidth =
      Math.min(wide, place === chosen ? 5 : 3);
  });
  for (const value of ticks(low, high, 4)) on.text(on.left - 6, on.y(value) + 4, short(value), "end", "faint");
  on.line("axis", on.left, on.y(0), on.right, on.y(0));
  on.text((on.left + on.right) / 2, on.height - 4, "output channels", "middle", "faint");
}

// The staircase that rounding makes of a straight line; of a fine grid, the part around zero.
export function drawStairs(svg, grid, { toFloat, ends }, most = 16) {
  const steps = grid.last - grid.first + 1;
  const whole = steps <= most + 1;
  const start = whole ? grid.first - 2 : Math.min(Math.max(grid.zero - most / 2, grid.first - 2), grid.last + 2 - most);
  const stop = whole ? grid.last + 2 : start + most;
  const at = (level) => (level - grid.zero) * grid.scale;
  const span = [at(start - 0.5), at(stop + 0.5)];
  const on = canvas(svg, span, span, { left: LEFT, right: 8, top: 8, bottom: 34 });
  const [low, high] = ends(grid);
  const straight = [Math.max(span[0], low - grid.scale / 2), Math.min(span[1], high + grid.scale / 2)];
  on.line("axis", on.left, on.bottom, on.right, on.bottom);
  on.line("axis", on.left, on.top, on.left, on.bottom);
  let path = "";
  for (let level = start; level <= stop; level += 1) {
    const y = on.y(toFloat(Math.min(Math.max(level, grid.first), grid.last), grid)).toFixed(1);
    const [a, b] = [level - 0.5, level + 0.5].map((each) => on.x(at(each)).toFixed(1));
    path += `${path ? "L" : "M"}${a},${y}L${b},${y}`;
  }
  add(svg, "path", { class: "stair", d: path });
  on.line("straight", on.x(straight[0]), on.y(straight[0]), on.x(straight[1]), on.y(straight[1]));
  for (const value of ticks(span[0], span[1], 5)) {
    on.text(on.x(value), on.bottom + 15 * on.em, short(value), "middle", "faint");
    on.text(on.left - 6, on.y(value) + 4, short(value), "end", "faint");
  }
  on.text(on.right, on.height - 3, "x in float32", "end", "faint");
  on.text(on.left + 6, on.top + 8 * on.em, "x̂ after rounding", "start", "faint");
  return { whole, shown: stop - start };
}
