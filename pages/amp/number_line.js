// The number line: one value, dragged or typed, and what each format makes of it. Stands in one
// module with formats.js, and asks the server nothing.

const ZOOMS = {
  all: { low: -150, high: 129, decades: 10 },
  half: { low: -28, high: 18, decades: 2 },
};
const FATES = {
  exact: "exact",
  rounded: "≈ rounded",
  subnormal: "◒ subnormal",
  underflow: "▼ becomes 0",
  overflow: "▲ overflow",
  nan: "not a number",
};
const LOST = ["underflow", "overflow", "nan"];
const LABEL = 2.7; // width of a label with its gap, in ems
const FINE = 10 ** (1 / 20); // one press of an arrow key

export function parse(text) {
  // A number, or two of them with ^, * or / between; null for anything else.
  const NUMBER = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?|[-+]?inf(?:inity)?|nan";
  const found = text.trim().toLowerCase().replaceAll("−", "-").replaceAll(/[\s_]/g, "")
    .match(new RegExp(`^(${NUMBER})(?:([\\^*/×])(${NUMBER}))?$`));
  if (found === null) return null;
  const value = (word) => (word.includes("inf") ? (word[0] === "-" ? -Infinity : Infinity) : Number(word));
  const left = value(found[1]);
  if (found[2] === undefined) return left;
  const right = value(found[3]);
  return found[2] === "^" ? left ** right : found[2] === "/" ? left / right : left * right;
}

export function pretty(number, digits = 9) {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number < 0 ? "−inf" : "inf";
  if (number === 0) return Object.is(number, -0) ? "−0" : "0";
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  const plain = -4 <= exponent && exponent < 7;
  const shown = String(Number(plain ? number.toPrecision(digits) : mantissa)).replace("-", "−");
  return plain ? shown : `${shown}×10${raised(Number(exponent))}`;
}

const raised = (whole) => [...String(whole)].map((each) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(each)]).join("");
const short = (number) => Number(number.toPrecision(3));
const percent = (share) => (share === 0 ? "none" : `${pretty(100 * share, 3)} %`);

function make(kind, parent, text = "") {
  const made = document.createElement("div");
  made.className = kind;
  made.textContent = text;
  parent.append(made);
  return made;
}

function rowOf(format, rows) {
  const row = make("row", rows);
  row.dataset.format = format.name;
  const name = make("name", row);
  name.title = format.note;
  name.innerHTML = `<b>${format.name}</b><small>1 + ${format.exponentBits} + ${format.mantissaBits} bits</small>`;
  const line = make("line", row);
  const track = make("track", line);
  const parts = ["subnormal", "normal", "needle", "dot"].map((kind) => make(kind, track));
  const under = make("under", line);
  const drawn = make("bits", under);
  drawn.setAttribute("role", "img");
  make("range", under, `${pretty(format.smallest, 3)} to ${pretty(format.largest, 5)}`);
  const [stored, error, step] = ["stored", "error", "step"].map((kind) => make(kind, row));
  return { format, row, track, parts, drawn, stored, error, step };
}

function showBits(drawn, stored, format) {
  const found = bits(stored, format);
  drawn.setAttribute("aria-label", `bits ${found.sign} ${found.exponent} ${found.mantissa}`);
  drawn.title = `${found.sign} ${found.exponent} ${found.mantissa}`;
  drawn.replaceChildren(...["sign", "exponent", "mantissa"].flatMap((part) =>
    [...found[part]].map((bit) => {
      const cell = document.createElement("i");
      cell.className = `bit ${part} ${bit === "1" ? "one" : "zero"}`;
      return cell;
    })));
}

// One sentence on what is lost, read aloud when it changes.
function sentence(value) {
  if (Number.isNaN(value)) return "NaN is stored by every format.";
  const names = (kind) => FORMATS.filter((each) => fate(value, each) === kind).map((each) => each.name);
  const said = [];
  const list = (them) => them.join(", ").replace(/, ([^,]*)$/, " and $1");
  const add = (them, one, many) => them.length && said.push(`${list(them)} ${them.length > 1 ? many : one}`);
  const over = names("overflow");
  const endless = (name) => FORMATS.find((each) => each.name === name).hasInfinity;
  add(over.filter(endless), "overflows to infinity", "overflow to infinity");
  add(over.filter((name) => !endless(name)), "has no infinity and stays at its largest number", "");
  add(names("underflow"), "flushes it to 0", "flush it to 0");
  add(names("subnormal"), "keeps it as a subnormal number", "keep it as a subnormal number");
  add(names("exact"), "holds it exactly", "hold it exactly");
  if (said.length === 0) return `${pretty(value)}: every format rounds it, and none holds it exactly.`;
  return `${pretty(value)}: ${said.join("; ")}.`;
}

export default function ({ parentElement }) {
  const root = parentElement.querySelector(".number-line");
  if (root.dataset.ready) return undefined; // called again when the theme changes
  root.dataset.ready = "yes";
  const find = (selector) => root.querySelector(selector);
  const [input, axis, handle, said] = ["input", ".axis", ".handle", ".said"].map(find);
  const rows = FORMATS.map((format) => rowOf(format, find(".rows")));
  let value = parse(input.value);
  let zoom = ZOOMS.all;

  const place = (size) => {
    const at = (Math.log2(Math.abs(size)) - zoom.low) / (zoom.high - zoom.low);
    return 100 * Math.min(Math.max(Number.isNaN(at) ? 0 : at, 0), 1);
  };

  function drawRange() {
    for (const { format, parts: [subnormal, normal] } of rows) {
      const [low, middle, high] = [format.smallest, format.smallestNormal, format.largest].map(place);
      Object.assign(subnormal.style, { left: `${low}%`, width: `${middle - low}%` });
      Object.assign(normal.style, { left: `${middle}%`, width: `${high - middle}%` });
    }
    // Half as many labels where they would touch: on a narrow screen, or in large type.
    const room = axis.clientWidth / parseFloat(getComputedStyle(axis).fontSize);
    const count = (zoom.high - zoom.low) / (zoom.decades * Math.log2(10));
    const decades = zoom.decades * (room > LABEL * count ? 1 : 2);
    const ticks = [];
    for (let power = -40; power <= 30; power += decades) {
      const log = power * Math.log2(10);
      if (log < zoom.low + 2 || log > zoom.high - 2) continue;
      const tick = document.createElement("span");
      tick.textContent = power === 0 ? "1" : `10${raised(power)}`;
      tick.style.left = `${place(10 ** power)}%`;
      ticks.push(tick);
    }
    find(".ticks").replaceChildren(...ticks);
    for (const button of root.querySelectorAll("[data-zoom]")) {
      button.setAttribute("aria-checked", String(ZOOMS[button.dataset.zoom] === zoom));
    }
    handle.setAttribute("aria-valuemin", zoom.low);
    handle.setAttribute("aria-valuemax", zoom.high);
  }

  function drawValue() {
    const left = `${place(value)}%`;
    handle.style.left = left;
    handle.setAttribute("aria-valuenow", value ? Math.log2(Math.abs(value)).toFixed(2) : zoom.low);
    handle.setAttribute("aria-valuetext", pretty(value));
    said.textContent = sentence(value);
    for (const { format, row, parts: [, , needle, dot], drawn, stored, error, step } of rows) {
      const kept = round(value, format);
      const became = fate(value, format);
      row.className = `row ${became}${became === "subnormal" ? "-value" : ""}`;
      row.classList.toggle("lost-value", LOST.includes(became));
      needle.style.left = dot.style.left = left;
      showBits(drawn, kept, format);
      const word = document.createElement("small");
      word.textContent = FATES[became];
      const number = document.createElement("b");
      number.textContent = pretty(kept);
      number.title = String(kept);
      stored.replaceChildren(number, word);
      const finite = Number.isFinite(kept) && Number.isFinite(value);
      error.textContent = finite ? percent(value === kept ? 0 : Math.abs((kept - value) / value)) : "–";
      step.textContent = Number.isFinite(kept) ? pretty(stepAt(Math.abs(kept), format), 4) : "–";
    }
  }

  function set(next, typed = false) {
    value = next;
    if (!typed) input.value = String(value);
    input.removeAttribute("aria-invalid");
    drawValue();
  }

  const sign = () => (value < 0 || Object.is(value, -0) ? -1 : 1);
  const within = (size) => short(Math.min(Math.max(size, 2 ** zoom.low), 2 ** zoom.high));
  const drag = (event) => {
    const box = axis.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    set(sign() * short(2 ** (zoom.low + share * (zoom.high - zoom.low))));
  };
  for (const area of [axis, ...rows.map((each) => each.track)]) {
    area.addEventListener("pointerdown", (event) => {
      area.setPointerCapture(event.pointerId);
      drag(event);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    area.addEventListener("pointermove", (event) => area.hasPointerCapture(event.pointerId) && drag(event));
  }
  const moves = {
    ArrowRight: FINE, ArrowUp: FINE, ArrowLeft: 1 / FINE, ArrowDown: 1 / FINE, PageUp: 10, PageDown: 0.1,
  };
  handle.addEventListener("keydown", (event) => {
    const size = Number.isNaN(value) ? 1 : Math.abs(value);
    if (event.key in moves) set(sign() * within(size * moves[event.key]));
    else if (event.key === "Home") set(sign() * within(0));
    else if (event.key === "End") set(sign() * within(Infinity));
    else return;
    event.preventDefault();
  });
  input.addEventListener("input", () => {
    const typed = parse(input.value);
    if (typed !== null) return set(typed, true);
    input.setAttribute("aria-invalid", "true");
    said.textContent = "Type a number such as 0.1, 1e-8, 2^-24 or 1/3.";
  });
  root.addEventListener("click", ({ target }) => {
    const { sign: flip, scale, value: example, zoom: range } = target.dataset ?? {};
    if (flip !== undefined) set(-value);
    else if (scale !== undefined) set(value * Number(scale));
    else if (example !== undefined) {
      input.value = example;
      set(parse(example), true);
    } else if (range !== undefined) {
      zoom = ZOOMS[range];
      drawRange();
      drawValue();
    }
  });
  const resized = new ResizeObserver(drawRange);
  resized.observe(axis);
  drawValue();
  return () => resized.disconnect();
}
