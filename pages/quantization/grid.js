// The integer grid: real numbers of a layer, rounded here in as few bits as one likes. Stands in one
// module with quantize.js and draw.js, and asks the server nothing.

const percent = (share) => {
  if (share === 0) return "none";
  const value = 100 * share;
  return `${value >= 99.95 || value < 0.1 ? Number(value.toPrecision(2)) : value.toFixed(1)} %`;
};
const decibels = (ratio, unit = " dB") =>
  Number.isNaN(ratio) ? "–" : ratio === Infinity ? "exact" : `${ratio.toFixed(1).replace("-", "−")}${unit}`;
const grouped = (count) => Math.round(count).toLocaleString("en").replaceAll(",", " ");
const bytes = (count) => {
  const [size, unit] = count >= 1e6 ? [1e6, "MB"] : count >= 1e3 ? [1e3, "kB"] : [1, "B"];
  return `${Number((count / size).toPrecision(3))} ${unit}`;
};
const middle = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];

// What of a layer is quantized, as sets of numbers that may have a grid of their own.
function setsOf(layer, what) {
  if (what === "weights") {
    return layer.weights.map((numbers) => ({
      numbers, counts: null, low: Math.min(...numbers), high: Math.max(...numbers),
    }));
  }
  const { activations: counts, low, high } = layer;
  const width = (high - low) / counts.length;
  return [{ numbers: counts.map((_, place) => low + (place + 0.5) * width), counts, low, high }];
}

const all = (sets) => ({
  numbers: sets.flatMap((each) => each.numbers), counts: sets[0].counts,
  low: Math.min(...sets.map(({ low }) => low)), high: Math.max(...sets.map(({ high }) => high)),
});

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".integer-grid");
  const layers = data?.layers ?? [];
  if (layers.length === 0 || root.dataset.shown === data.key) return root.stop; // drawn already
  root.stop?.();
  root.dataset.shown = data.key;
  const find = (selector) => root.querySelector(selector);
  const picked = (name) => find(`input[name=${name}]:checked`).value;
  const slider = (name) => find(`[data-slide=${name}]`);
  const select = find("select");
  select.replaceChildren(...layers.map((each, place) => {
    const option = document.createElement("option");
    option.value = String(place);
    option.textContent = `${each.name} (${each.module})`;
    return option;
  }));
  const most = Math.max(...layers.map((each) => each.channels * each.inputs));
  select.value = String(layers.findIndex((each) => each.channels * each.inputs === most));

  const layer = () => layers[Number(select.value)];
  const settings = () => ({
    bits: Number(picked("bits")),
    symmetric: picked("scheme") === "symmetric",
    perChannel: picked("what") === "weights" && picked("granularity") === "channel",
    keep: Number(slider("keep").value) / 100,
  });

  // Each choice says what it would give with all the others as they are.
  function tell(sets, now) {
    const write = (name, change) => {
      for (const input of root.querySelectorAll(`input[name=${name}]`)) {
        const ratio = sqnr(outcome(sets, { ...now, ...change(input.value) }));
        input.nextElementSibling.querySelector("small").textContent = decibels(ratio, name === "bits" ? "" : " dB");
      }
    };
    write("bits", (value) => ({ bits: Number(value) }));
    write("scheme", (value) => ({ symmetric: value === "symmetric" }));
    write("granularity", (value) => ({ perChannel: sets.length > 1 && value === "channel" }));
  }

  function draw() {
    const [one, weights] = [layer(), picked("what") === "weights"];
    const [sets, now] = [setsOf(one, picked("what")), settings()];
    const found = grids(sets, now);
    const channel = now.perChannel ? Math.min(Number(slider("channel").value), sets.length - 1) : null;
    const sum = outcome(sets, now);
    const grid = found[channel ?? 0];
    tell(sets, now);
    for (const input of root.querySelectorAll("input[name=granularity]")) input.disabled = !weights;
    find("input[name=what][value=activations]").disabled = one.activations.length === 0;
    slider("channel").max = sets.length - 1;
    find(".slide.channel").hidden = channel === null;
    find(".slide.channel output").textContent = `${(channel ?? 0) + 1} of ${sets.length}`;
    find(".clip output").textContent = `${slider("keep").value} %`;
    find("[data-bits]").textContent = now.bits;
    drawHistogram(find(".histogram"), channel === null ? all(sets) : sets[channel], grid, { toInteger, toFloat, ends });
    find(".channels").hidden = sets.length < 2;
    if (sets.length > 1) drawRanges(find(".ranges"), sets, found, channel, ends);
    const stairs = drawStairs(find(".stairs"), grid, { toFloat, ends });
    say({ one, weights, sets, now, found, channel, sum, stairs, grid });
  }

  function say({ one, weights, sets, now, found, channel, sum, stairs, grid }) {
    const ratio = sqnr(sum);
    const error = Math.sqrt(sum.noise / sum.signal);
    const scheme = `${now.symmetric ? "symmetric" : "affine"}, ${
      now.perChannel ? "a scale for each channel" : "one scale for all"}`;
    const what = weights ? `${grouped(one.channels * one.inputs)} weights` : "inputs";
    const lost = sum.clipped ? `${percent(sum.clipped / sum.count)} of the numbers are clipped.` : "Nothing is clipped.";
    const size = weights ? ` ${bytes(4 * one.channels * one.inputs)} become ${bytes((one.channels * one.inputs * now.bits) / 8)}.` : "";
    find(".said").textContent = `${one.name}: its ${what} in int${now.bits}, ${scheme}. SQNR ${decibels(ratio)}${
      sum.noise ? `: the error is ${percent(error)} of their size` : ""}. ${lost}${size}`;
    const caption = (name, words) => (find(`[data-caption=${name}]`).textContent = words);
    const seen = sets.reduce((count, each) => count + each.numbers.length, 0);
    const part = weights && seen < one.channels * one.inputs ? ` (${grouped(seen)} of them are drawn)` : "";
    caption("histogram", `${
      channel === null ? `All ${weights ? `weights${part}` : "inputs of the layer on calibration data"}` : `The weights of channel ${channel + 1}`
    } and the ${2 ** now.bits} integers that they must fit into. Heights are square roots of how many there are.`);
    const used = sets.map(({ low, high }, place) => (Math.min(high, ends(found[place])[1]) - Math.max(low, ends(found[place])[0])) / found[place].scale + 1);
    const few = Math.max(1, Math.round(Math.min(middle(used), 2 ** now.bits)));
    caption("ranges", now.perChannel
      ? `Each channel has a grid of its own (grey): the middle one uses ${few} of ${2 ** now.bits} integers.`
      : `Each line is one channel, from its smallest to its largest weight, and grey is the one grid for all: the middle channel uses only ${few} of ${2 ** now.bits} integers.`);
    caption("stairs", `Fake quantization (QAT): the forward pass takes the stairs, so that the loss feels the rounding. They have no slope; the backward pass takes the dashed line, which ends where clipping begins.${
      stairs.whole ? "" : ` Drawn: ${stairs.shown} of ${2 ** now.bits - 1} steps.`}`);
    const scales = found.map(({ scale }) => scale);
    const range = now.perChannel ? `${short(Math.min(...scales))} … ${short(Math.max(...scales))}` : short(grid.scale);
    const facts = [
      ["SQNR", decibels(ratio)],
      ["Error, root mean square", short(Math.sqrt(sum.noise / sum.count))],
      ["Largest error", short(sum.worst)],
      ["Clipped", percent(sum.clipped / sum.count)],
      [now.perChannel ? "Scales" : "Scale", range],
      [channel === null ? "Zero point" : "Zero point here", String(grid.zero).replace("-", "−")],
    ];
    find(".numbers").replaceChildren(...facts.map(([name, value]) => {
      const pair = document.createElement("div");
      for (const [kind, text] of [["dt", name], ["dd", value]]) {
        const made = document.createElement(kind);
        made.textContent = text;
        pair.append(made);
      }
      return pair;
    }));
    for (const [name, label] of [["histogram", "Histogram of the numbers with the integer grid"],
      ["ranges", "Range of every channel beside the grid"], ["stairs", "The staircase of fake quantization"]]) {
      find(`svg.${name}`).setAttribute("aria-label", label);
    }
  }

  const changed = ({ target }) => {
    if (target === select && layer().activations.length === 0) find("input[name=what][value=weights]").checked = true;
    if (target === select) slider("channel").value = "0";
    draw();
  };
  const pressed = ({ target }) => {
    if (target.dataset?.best === undefined) return;
    slider("keep").value = String(Math.round(100 * bestKeep(setsOf(layer(), picked("what")), settings())));
    draw();
  };
  root.addEventListener("input", changed);
  root.addEventListener("click", pressed);
  const resized = new ResizeObserver(draw);
  resized.observe(find(".histogram"));
  draw();
  root.stop = () => {
    root.removeEventListener("input", changed);
    root.removeEventListener("click", pressed);
    resized.disconnect();
    delete root.dataset.shown;
  };
  return root.stop;
}
