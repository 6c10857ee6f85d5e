// Uniform quantization as PyTorch does it: MinMaxObserver finds scale and zero point, fake_quantize
// rounds to the nearest integer (ties to even), clamps, and goes back to a float.
//
// A grid has { scale, zero, first, last }: integers from first to last, of which `zero` is 0.0.

const EPSILON = 2 ** -23; // the smallest scale that PyTorch's observers give

// The grid of `bits` bits over [low, high], which always contains 0; a symmetric one has 0.0 at 0.
export function gridOf(low, high, bits, symmetric) {
  const first = -(2 ** (bits - 1));
  const last = 2 ** (bits - 1) - 1;
  const [least, most] = [Math.min(low, 0), Math.max(high, 0)];
  if (symmetric) {
    const scale = Math.max(Math.max(-least, most) / ((last - first) / 2), EPSILON);
    return { scale, zero: 0, first, last };
  }
  const scale = Math.max((most - least) / (last - first), EPSILON);
  const zero = first - roundEven(least / scale);
  return { scale, zero: Math.min(Math.max(zero, first), last), first, last };
}

export function roundEven(number) {
  const whole = Math.floor(number);
  const rest = number - whole;
  if (rest !== 0.5) return Math.round(number);
  return whole % 2 === 0 ? whole : whole + 1;
}

// The integer that a number is stored as, and the number that it stands for.
export const toInteger = (number, { scale, zero, first, last }) =>
  Math.min(Math.max(roundEven(number / scale) + zero, first), last);
export const toFloat = (integer, { scale, zero }) => (integer - zero) * scale;

// The smallest and the largest number that the grid holds.
export const ends = (grid) => [toFloat(grid.first, grid), toFloat(grid.last, grid)];

// Power of the numbers and of their errors, and how many lie outside; `counts` of each, if given.
export function powers(numbers, grid, counts = null) {
  const [low, high] = ends(grid);
  const found = { signal: 0, noise: 0, clipped: 0, count: 0, worst: 0 };
  numbers.forEach((number, place) => {
    const times = counts === null ? 1 : counts[place];
    if (times === 0) return;
    const error = toFloat(toInteger(number, grid), grid) - number;
    found.signal += times * number * number;
    found.noise += times * error * error;
    found.count += times;
    found.worst = Math.max(found.worst, Math.abs(error));
    const reach = grid.scale * (0.5 + 1e-6); // the largest number of all lies just on the border
    if (number < low - reach || number > high + reach) found.clipped += times;
  });
  return found;
}

export function together(all) {
  return all.reduce((sum, each) => ({
    signal: sum.signal + each.signal, noise: sum.noise + each.noise, count: sum.count + each.count,
    clipped: sum.clipped + each.clipped, worst: Math.max(sum.worst, each.worst),
  }));
}

// Signal-to-quantization-noise ratio in dB: Infinity where nothing is lost.
export const sqnr = ({ signal, noise }) => 10 * Math.log10(signal / noise);

// Sets of numbers with a grid of their own: one for each output channel, or one for all of them.
// `keep` is the share of the range that is not clipped away, from 0 to 1.
export function grids(sets, { bits, symmetric, perChannel, keep }) {
  const spans = sets.map(({ low, high }) => [low, high]);
  const whole = [Math.min(...spans.map(([low]) => low)), Math.max(...spans.map(([, high]) => high))];
  return spans.map((own) => {
    const [low, high] = perChannel ? own : whole;
    return gridOf(keep * low, keep * high, bits, symmetric);
  });
}

// What these settings do to all sets together.
export function outcome(sets, settings) {
  const found = grids(sets, settings);
  return together(sets.map(({ numbers, counts }, place) => powers(numbers, found[place], counts)));
}

// The share of the range to keep with which the error is least: what a histogram observer looks for.
export function bestKeep(sets, settings) {
  let best = { keep: 1, noise: Infinity };
  for (let percent = 100; percent >= 5; percent -= 1) {
    const { noise } = outcome(sets, { ...settings, keep: percent / 100 });
    if (noise < best.noise) best = { keep: percent / 100, noise };
  }
  return best.keep;
}
