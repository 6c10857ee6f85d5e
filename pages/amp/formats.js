// What a floating-point format stores of a number: exact rounding, to nearest, ties to even.
//
// A format has `exponentBits` and `mantissaBits` after one bit for the sign. Its largest number is
// the usual one of IEEE 754, where all exponent bits at one mean infinity or NaN; e4m3 ("fn": finite
// and NaN) uses them for numbers too, has no infinity, and one NaN: all bits at one. What is too
// large for it becomes its largest number, as PyTorch does it since 2.12; before, it became NaN.

const IEEE = (name, exponentBits, mantissaBits, note) =>
  format(name, exponentBits, mantissaBits, note, true);

function format(name, exponentBits, mantissaBits, note, hasInfinity) {
  const bias = 2 ** (exponentBits - 1) - 1;
  const top = hasInfinity ? bias : bias + 1; // exponent of the largest numbers
  const fullest = hasInfinity ? 2 - 2 ** -mantissaBits : 2 - 2 ** (1 - mantissaBits);
  return {
    name, exponentBits, mantissaBits, note, hasInfinity, bias,
    smallestNormal: 2 ** (1 - bias),
    smallest: 2 ** (1 - bias - mantissaBits),
    largest: fullest * 2 ** top,
    tooLarge: hasInfinity ? Infinity : fullest * 2 ** top, // what is stored of larger numbers
  };
}

export const FORMATS = [
  IEEE("fp32", 8, 23, "float32: what PyTorch uses unless told otherwise"),
  IEEE("tf32", 8, 10, "what tensor cores may read of a float32; 19 bits, never stored"),
  IEEE("bf16", 8, 7, "bfloat16: the range of float32, fewer digits"),
  IEEE("fp16", 5, 10, "float16, half precision: more digits than bf16, far less range"),
  IEEE("fp8 e5m2", 5, 2, "float8_e5m2: the range of fp16"),
  format("fp8 e4m3", 4, 3, "float8_e4m3fn: no infinity; what is too large stays at its largest number", false),
];

// The exponent of a positive double: floor(log2(number)), read from its bits and so exact.
// Doubles below 2^-1022, far under every format here, give -1023.
function exponentOf(number) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return ((view.getUint16(0) >> 4) & 0x7ff) - 1023;
}

// The distance between neighbours around a positive finite number of the format.
export function stepAt(number, format) {
  const exponent = number === 0 ? 1 - format.bias : exponentOf(number);
  return 2 ** (Math.max(exponent, 1 - format.bias) - format.mantissaBits);
}

// The number rounded as if the format had no largest number.
function nearest(number, format) {
  const size = Math.abs(number);
  if (!Number.isFinite(size)) return number;
  const step = stepAt(size, format);
  const steps = size / step; // exact: the step is a power of two
  let whole = Math.floor(steps);
  const rest = steps - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole += 1;
  return signOf(number) * whole * step;
}

const signOf = (number) => (number < 0 || Object.is(number, -0) ? -1 : 1);

// The number as the format stores it: a double that it holds exactly, an infinity, or NaN.
export function round(number, format) {
  const near = nearest(number, format);
  return Math.abs(near) > format.largest ? signOf(number) * format.tooLarge : near;
}

// What became of a number: exact, rounded, subnormal, underflow (to zero), overflow or nan.
export function fate(number, format) {
  if (Number.isNaN(number)) return "nan";
  const stored = round(number, format);
  if (stored === number) {
    return 0 < Math.abs(stored) && Math.abs(stored) < format.smallestNormal ? "subnormal" : "exact";
  }
  if (Math.abs(nearest(number, format)) > format.largest) return "overflow";
  if (stored === 0) return "underflow";
  return Math.abs(stored) < format.smallestNormal ? "subnormal" : "rounded";
}

// The bits of a stored number: { sign, exponent, mantissa }, strings of 0 and 1.
export function bits(stored, format) {
  const { exponentBits, mantissaBits, bias, hasInfinity } = format;
  const sign = signOf(stored) < 0 ? "1" : "0";
  const size = Math.abs(stored);
  let exponent = 2 ** exponentBits - 1;
  let mantissa = 0;
  if (Number.isNaN(stored)) {
    mantissa = hasInfinity ? 2 ** (mantissaBits - 1) : 2 ** mantissaBits - 1;
  } else if (size !== Infinity) {
    const normal = size >= format.smallestNormal;
    exponent = normal ? exponentOf(size) + bias : 0;
    mantissa = size / stepAt(size, format) - (normal ? 2 ** mantissaBits : 0);
  }
  const binary = (value, digits) => value.toString(2).padStart(digits, "0");
  return { sign, exponent: binary(exponent, exponentBits), mantissa: binary(mantissa, mantissaBits) };
}
