// The mask: which weights go when the smallest are set to zero, and what was measured thereabouts.
// Stands in one module with weights.js and picture.js, and asks the server nothing.

const grouped = (count) => Math.round(count).toLocaleString("en").replaceAll(",", " ");
const percent = (share) => {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? value.toPrecision(1) : value > 99 && value < 100 ? value.toFixed(1) : Math.round(value)} %`;
};
const number = (value) => Number(value.toPrecision(3)).toString().replace("-", "−");
const make = (kind, text, parent, name = "") => {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  parent.append(made);
  return made;
};
const SCOPES = {
  global: "the smallest of all layers together",
  layer: "the smallest of each layer",
  run: "as in this run",
};

function shapeText(layer, turned) {
  const [outputs, inputs, ...kernel] = layer.shape;
  const [down, across] = turned ? ["input", "output"] : ["output", "input"];
  if (layer.shape.length < 2) return `${layer.parameters} numbers in a row.`;
  const what = convolution(layer) && layer.tileRows * layer.tileColumns !== 1
    ? `${outputs} × ${inputs} kernels of ${kernel.join(" × ")}` : `${layer.shape.join(" × ")} weights`;
  return blocked(layer) ? `${what}, ${down}s downwards, ${across}s across.`
    : `${what}: a column for each ${across}, a row for each ${down}.`;
}

// Where a cell lies, in words.
function placeText(layer, at) {
  const [row, column] = [Math.floor(at / layer.columns), at % layer.columns];
  if (layer.tileRows * layer.tileColumns > 1) {
    const [r, c] = [layer.tileRows, layer.tileColumns];
    return `output ${Math.floor(row / r) + 1}, input ${Math.floor(column / c) + 1}, row ${(row % r) + 1}, column ${(column % c) + 1}`;
  }
  if (blocked(layer)) return `block ${row + 1} down, ${column + 1} across`;
  return `output ${row + 1}, input ${column + 1}`;
}

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".mask-picture");
  if (!data?.layers?.length || root.dataset.shown === data.key) return root.stop; // drawn already
  root.stop?.();
  root.dataset.shown = data.key;
  const find = (selector) => root.querySelector(selector);
  const model = prepare(data.layers);
  const inRun = model.layers.reduce((sum, { nonzero }) => sum + nonzero, 0);
  const [slider, canvas, list] = [find("input[type=range]"), find("canvas"), find(".list")];
  const shown = picture(canvas, point);
  let [scope, last, left] = [data.scope, "global", []]; // `last` before that of the run
  let chosen = Math.max(0, model.layers.findIndex(({ tileRows, tileColumns, parameters }) =>
    tileRows * tileColumns > 1 && parameters > 100));
  list.replaceChildren();
  const rows = model.layers.map((layer, at) => {
    const label = make("label", "", list);
    const input = make("input", "", label);
    [input.type, input.name, input.value, input.checked] = ["radio", "layer", String(at), at === chosen];
    const span = make("span", "", label);
    make("b", layer.name, span);
    const share = make("em", "", span);
    const bar = make("u", "", make("i", "", span));
    const count = make("small", "", span);
    return { share, bar, count };
  });

  function point(at) {
    const layer = model.layers[chosen];
    if (at === null || !left.length) {
      find(".point").textContent = matchMedia("(pointer: coarse)").matches
        ? "Two fingers zoom; then one moves the picture."
        : "Click the picture, then turn the wheel or press + and − to zoom; drag it, or use the arrows, to move.";
      return;
    }
    const share = left[chosen].cell(at);
    const what = blocked(layer)
      ? `mean size ${number(layer.values[at])}, ${percent(share)} left`
      : `${number(layer.values[at])}, ${share ? "stays" : "set to zero"}`;
    find(".point").textContent = `${layer.name}, ${placeText(layer, at)}: ${what}`;
  }

  function say() {
    const about = scope === "global" && !model.exact ? "about " : ""; // of each layer
    const kept = left.reduce((sum, each) => sum + each.left, 0);
    const shares = left.map((each, at) => each.left / model.layers[at].parameters);
    const [most, least] = [shares.indexOf(Math.max(...shares)), shares.indexOf(Math.min(...shares))];
    const spread = shares[most] - shares[least] < 0.01 ? ""
      : ` Of ${model.layers[most].name} ${about}${percent(shares[most])} is left, of ${model.layers[least].name} ${percent(shares[least])}.`;
    find(".said").textContent = `${percent(1 - kept / model.total)} of the weights are zero, ${SCOPES[scope]}: ${
      grouped(kept)} of ${grouped(model.total)} are left.${spread}`;
    rows.forEach(({ share, bar, count }, at) => {
      share.textContent = percent(shares[at]);
      bar.style.width = `${100 * shares[at]}%`;
      count.textContent = `${about}${grouped(left[at].left)} of ${grouped(model.layers[at].parameters)}`;
    });
    find("output").textContent = percent(1 - kept / model.total);
  }

  function caption() {
    const layer = model.layers[chosen];
    const { blockRows, blockColumns } = layer;
    const rounded = blocked(layer)
      ? ` One cell stands for ${blockRows} × ${blockColumns} weights and has the colour of their mean size; it fades as they go${
        scope === "run" ? "" : ", which is estimated from that size"}.`
      : "";
    find("figcaption").textContent = `${layer.name} (${layer.module}): ${shapeText(layer, shown.turned())}${rounded}`;
    canvas.setAttribute("aria-label", `Weights of ${layer.name} as a picture, ${
      percent(left[chosen].left / layer.parameters)} of them left. ${shapeText(layer, shown.turned())}`);
    const low = blocked(layer) ? "0" : number(-layer.limit);
    [find("[data-low]").textContent, find("[data-high]").textContent] = [low, number(layer.limit)];
    find(".ramp").style.setProperty("--ramp", blocked(layer)
      ? `linear-gradient(90deg, var(--middle), #009e73)`
      : `linear-gradient(90deg, #0072b2, var(--middle), #d55e00)`);
    find(".ramp").style.setProperty("--middle", `rgb(${shown.neutral()})`);
  }

  // The network as it was, and the nearest measured amounts: one below, one above, or the very one.
  function nearest(share) {
    if (scope === "run") return data.run;
    const exact = data.curve.filter((each) => Math.abs(each.sparsity - share) < 0.005);
    const near = exact.length ? exact : [
      data.curve.filter((each) => each.sparsity < share).at(-1), data.curve.find((each) => each.sparsity > share)];
    return [...new Set([data.curve[0], ...near])].filter(Boolean);
  }

  function measured() {
    const share = Number(slider.value) / 100;
    const columns = nearest(share);
    find(".measured").hidden = columns.length === 0;
    if (!columns.length) return;
    find("caption").textContent = scope === "run" ? `Measured in this run. ${data.how}`
      : `Measured nearest to it, the smallest of all layers together. ${data.how}`;
    const head = document.createElement("tr");
    make("th", "", head);
    for (const { title } of columns) make("th", title, head).scope = "col";
    find("thead").replaceChildren(head);
    const names = [...new Set(columns.flatMap(({ facts }) => facts.map(([name]) => name)))];
    find("tbody").replaceChildren(...names.map((name) => {
      const line = document.createElement("tr");
      make("th", name, line).scope = "row";
      for (const { facts } of columns) {
        const [, value, small] = facts.find(([each]) => each === name) ?? ["", "–", ""];
        const cell = make("td", value, line);
        if (small) make("small", small, cell);
      }
      return line;
    }));
  }

  function draw() {
    left = leftOf(model, Number(slider.value) / 100, scope);
    shown.show(model.layers[chosen], left[chosen].cell);
    say();
    caption();
    measured();
  }

  const changed = ({ target }) => {
    if (target.name === "scope") {
      if (scope !== "run") last = scope;
      scope = target.value;
      if (scope === "run") slider.value = String(Math.round(100 * (1 - inRun / model.total)));
    }
    if (target === slider && scope === "run") scope = last; // the run has one amount only
    if (target.name === "layer") chosen = Number(target.value);
    find(`input[name=scope][value=${scope}]`).checked = true;
    draw();
    point(null);
  };
  const pressed = ({ target }) => {
    const zoom = target.dataset?.zoom;
    if (zoom === "in") shown.zoom(1.6);
    if (zoom === "out") shown.zoom(1 / 1.6);
    if (zoom === "fit") shown.fit();
  };
  if (scope === "run") slider.value = String(Math.round(100 * (1 - inRun / model.total)));
  find(`input[name=scope][value=${scope}]`).checked = true;
  root.addEventListener("input", changed);
  root.addEventListener("click", pressed);
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  draw();
  point(null);
  root.stop = () => {
    root.removeEventListener("input", changed);
    root.removeEventListener("click", pressed);
    resized.disconnect();
    shown.stop();
    delete root.dataset.shown;
  };
  return root.stop;
}
