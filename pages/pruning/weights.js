// Weights as they travel to the browser, and which of them go first when the smallest are pruned.
//
// Where a cell is one weight, all are put in order by magnitude, within the layer and over all
// layers: the first k go. A cell of a large layer is a block of weights of which only the mean
// magnitude m is known. They are taken for normally distributed around 0, as those of a trained
// layer nearly are: then the share of them below t is erf(t / (m * sqrt(pi))).

const BINS = 64; // of the blocks of a layer, by m
const HALVINGS = 40;

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
}

function int16Of(base64) {
  const view = new DataView(bytesOf(base64).buffer);
  return Float32Array.from({ length: view.byteLength / 2 }, (_, at) => view.getInt16(2 * at, true));
}

export const convolution = ({ module, shape }) => module.includes("Conv") && shape.length > 2;

// How many weights each cell stands for: fewer at the lower and the right edge. Kernels lie side by
// side in a matrix of height x width weights, of which a block is one cell.
function countsOf({ module, shape, rows, columns, blockRows, blockColumns, parameters }) {
  const kernel = convolution({ module, shape }) ? shape.slice(2, -1).reduce((all, each) => all * each, 1) : 1;
  const height = shape.length > 1 ? shape[0] * kernel : 1;
  const width = parameters / height;
  return Float64Array.from({ length: rows * columns }, (_, at) =>
    Math.min(blockRows, height - Math.floor(at / columns) * blockRows)
    * Math.min(blockColumns, width - (at % columns) * blockColumns));
}

// The cells of some layers in the order in which they go: for each layer the place of every cell
// in that order, and all its places, sorted.
function ordered(layers) {
  const total = layers.reduce((sum, { values }) => sum + values.length, 0);
  const [owner, cell, size] = [new Uint16Array(total), new Uint32Array(total), new Float32Array(total)];
  let place = 0;
  layers.forEach(({ values }, index) => {
    for (let at = 0; at < values.length; at += 1, place += 1) {
      owner[place] = index;
      cell[place] = at;
      size[place] = Math.abs(values[at]);
    }
  });
  const order = Uint32Array.from({ length: total }, (_, at) => at).sort((a, b) => size[a] - size[b] || a - b);
  const found = layers.map(({ values }) => ({
    places: new Uint32Array(values.length), sorted: new Uint32Array(values.length), count: 0,
  }));
  order.forEach((at, when) => {
    const one = found[owner[at]];
    one.places[cell[at]] = when;
    one.sorted[one.count] = when;
    one.count += 1;
  });
  return found;
}

// How many numbers of a sorted array are below a limit.
function below(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The error function of x >= 0, to 1.5e-7 (Abramowitz and Stegun 7.1.26).
export function erf(x) {
  const t = 1 / (1 + 0.3275911 * x);
  return 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592)
    * t * Math.exp(-x * x);
}

// The share of a block with mean magnitude m that is below t.
const shareBelow = (t, m) => (m > 0 ? erf(t / (m * Math.sqrt(Math.PI))) : 1);

// Blocks of about the same m taken together: pairs of m and how many weights.
function binsOf({ values, counts }) {
  const order = Uint32Array.from(values, (_, at) => at).sort((a, b) => values[a] - values[b]);
  const each = Math.ceil(order.length / BINS);
  return Array.from({ length: Math.ceil(order.length / each) }, (_, bin) => {
    const those = order.subarray(bin * each, (bin + 1) * each);
    let [size, sum] = [0, 0];
    for (const at of those) {
      size += counts[at];
      sum += counts[at] * values[at];
    }
    return [sum / size, size];
  });
}

export const blocked = ({ blockRows, blockColumns }) => blockRows * blockColumns > 1;

// How many weights of a layer are smaller than t.
const smaller = (layer, t) => (layer.bins
  ? layer.bins.reduce((sum, [m, size]) => sum + size * shareBelow(t, m), 0)
  : below(layer.magnitudes, t));

// The magnitude that k weights of some layers are below.
function threshold(layers, k) {
  let [low, high] = [0, 8 * Math.max(...layers.map(({ largest }) => largest))];
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (low + high) / 2;
    if (layers.reduce((sum, layer) => sum + smaller(layer, middle), 0) < k) low = middle;
    else high = middle;
  }
  return high;
}

// The magnitude that one in fifty is above: colours are full from there on.
function limitOf(values) {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(0.98 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
}

// Everything about the layers that does not depend on the slider; `exact` where no layer has blocks.
export function prepare(documents) {
  const layers = documents.map((each) => {
    const values = int16Of(each.weights).map((step) => step * each.scale);
    const counts = countsOf(each);
    const magnitudes = values.map(Math.abs).sort();
    return {
      ...each, values, counts, magnitudes, kept: bytesOf(each.kept), limit: limitOf(values),
      largest: magnitudes[magnitudes.length - 1], bins: blocked(each) ? binsOf({ values, counts }) : null,
    };
  });
  const exact = layers.every(({ bins }) => bins === null);
  const together = exact ? ordered(layers) : null;
  return {
    exact,
    total: layers.reduce((sum, { parameters }) => sum + parameters, 0),
    layers: layers.map((each, at) => ({
      ...each, alone: each.bins ? null : ordered([each])[0], together: together?.[at],
    })),
  };
}

// What is left of every layer: its number of weights, and the share of each cell from 0 to 1.
export function leftOf({ layers, total, exact }, share, scope) {
  if (scope === "run") {
    return layers.map((layer) => ({ left: layer.nonzero, cell: (at) => layer.kept[at] / 255 }));
  }
  const all = Math.round(share * total);
  const common = scope === "global" && !exact ? threshold(layers, all) : null;
  return layers.map((layer) => {
    const { parameters, values, bins } = layer;
    const own = Math.round(share * parameters);
    if (common === null && !bins) {
      const [order, k] = scope === "layer" ? [layer.alone, own] : [layer.together, all];
      return { left: parameters - below(order.sorted, k), cell: (at) => (order.places[at] < k ? 0 : 1) };
    }
    const t = common ?? threshold([layer], own);
    return {
      left: parameters - (common === null ? own : Math.round(smaller(layer, t))),
      cell: (at) => (bins ? 1 - shareBelow(t, values[at]) : Number(Math.abs(values[at]) >= t)),
    };
  });
}
