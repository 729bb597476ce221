/* The explorer's page: controls to state, state to numbers, charts and a link. */
"use strict";

(() => {
  const Laws = PrecisionLaws;
  const { parse, write, show, encode, decode, DEFAULTS } = PrecisionState;
  const {
    get, nats, showLoss, showCritical, showOptimum, showOutside, showSet, showRounding, showWidths, showBeside,
    headCells,
  } = PrecisionResults;
  const BITS = [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10, 11, 12, 14, 16, 32];
  const SPANS = { N: [1e3, 1e12], D: [1e4, 1e14], budget: [1e9, 1e26] };
  const LIMITS = { N: [1, 1e16], D: [1, 1e20], budget: [1e3, 1e36] };
  const PRESETS = {
    rounded: { set: "ours", map: "post", post: 3, rounded: true },
    low: { set: "ours", map: "weights", weights: 4, rounded: false },
    paper: {
      set: "paper", map: "all", N: 1e9, D: 2e10, weights: 8, activations: 8, kv: 8,
      rounded: false, budget: 1.2e20,
    },
  };

  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const root = document.getElementById("explorer");
  const sets = Object.fromEntries(data.sets.map(({ key, fits }) => [
    key, Laws.makeSet(fits.map((text) => Laws.readFit(text, data.laws)))]));
  for (const { key, runs } of data.sets) sets[key].runs = runs.map(readRun);
  let state = { ...DEFAULTS };
  let ownFits = [];
  let announcement = 0;
  let frame = 0;

  function readRun([N, D, weights, activations, kv, post, loss]) {
    return { N, D, weights, activations, kv, post, loss };
  }

  const isBits = (name) => !(name in SPANS);

  /* Sliders move over decades, or over the list of bits. */
  function toSlider(name, value) {
    if (!isBits(name)) return Math.log10(value);
    return BITS.reduce((best, b, i) => (Math.abs(b - value) < Math.abs(BITS[best] - value) ? i : best), 0);
  }

  const fromSlider = (name, at) => (isBits(name) ? BITS[at] : Number((10 ** at).toPrecision(3)));

  function spoken(name, value) {
    return isBits(name) ? `${value} bits${value >= 16 && name !== "post" ? ", not quantized" : ""}` : show(value);
  }

  /* The point as the laws take it, and what to say about it. */
  function pointOf(set) {
    const bits = Object.fromEntries(Laws.PARTS.map(
      (part) => [part, set.parts.includes(part) ? state[part] : Laws.UNQUANTIZED]));
    const plain = set.added?.law === "ptq";
    const nothingLeft = plain && bits.weights <= state.post;
    const rounds = set.rounds && state.rounded && !nothingLeft;
    const notes = [];
    if (set.rounds && state.rounded && nothingLeft) {
      notes.push(`Weights trained in ${state.weights} bits have nothing to lose when they are rounded to ${state.post}.`);
    } else if (rounds && plain && bits.weights < 16) {
      notes.push("The law of rounding was fitted to models trained without quantization; one "
        + "trained in few bits loses less than it says.");
    }
    return { point: { N: state.N, D: state.D, bits, post: rounds ? state.post : Infinity }, notes };
  }

  function showControls(set) {
    for (const name of [...Object.keys(SPANS), ...Laws.PARTS, "post"]) {
      const [field, slider] = [get(name), get(`${name}-slider`)];
      if (document.activeElement !== field) {
        field.value = write(state[name]);
        complain(name, "");
      }
      slider.value = toSlider(name, state[name]);
      slider.setAttribute("aria-valuetext", spoken(name, state[name]));
      const off = name === "post" ? !set.rounds || !state.rounded
        : Laws.PARTS.includes(name) && !set.parts.includes(name);
      field.disabled = slider.disabled = off;
      const fitted = Laws.PARTS.includes(name) ? !off : name !== "post" || set.rounds;
      get(`${name}-absent`).hidden = fitted;
      get(`${name}-absent`).textContent = state.set === "ours" ? "Not fitted from our runs yet."
        : "Not in these constants.";
    }
    get("rounded").checked = state.rounded;
    get("rounded").disabled = !set.rounds;
    get("map").value = state.map;
    get("beside").value = state.beside;
    get("beside").querySelector("[value=own]").disabled = !sets.own;
    get("widths").value = state.widths;
    get("rule").value = state.rule;
    for (const choice of root.querySelectorAll("[name=explorer-set]")) choice.checked = choice.value === state.set;
    get("own").hidden = state.set !== "own";
  }

  function say(result, outside) {
    clearTimeout(announcement);
    announcement = setTimeout(() => {
      const span = result.span ? `, between ${nats(result.span[0])} and ${nats(result.span[1])}` : "";
      get("status").textContent = Number.isFinite(result.total)
        ? `Predicted loss ${nats(result.total)}${span}${outside ? ". Outside the fitted runs." : "."}`
        : "The law has no loss at so few bits.";
    }, 600);
  }

  /* The words for a set of constants that the choice above has. */
  function labelOf(key) {
    return root.querySelector(`[name=explorer-set][value="${key}"]`).parentElement.textContent.trim();
  }

  function drawCharts(set, point, other) {
    const map = set.parts.includes(state.map) || state.map === "all" || (state.map === "post" && point.post !== Infinity)
      ? state.map : set.parts[0] ?? "all";
    get("map-note").textContent = map === state.map ? "" : "Not to be had with these constants or without rounding; shown instead: "
      + `${get("map").querySelector(`[value=${map}]`).textContent}.`;
    const drawn = PrecisionCharts.drawMap(get("map-chart"), set, point, map, (bits, N) => change({
      N: Number(N.toPrecision(3)),
      ...Object.fromEntries((map === "all" ? set.parts : [map]).map((part) => [part, BITS[toSlider("post", bits)]])),
    }));
    const middle = drawn.contours.find(({ step }) => step === 0);
    const needed = [4, 8, 16].map((b) => {
      const at = drawn.bits.reduce((best, x, i) => (Math.abs(x - b) < Math.abs(drawn.bits[best] - b) ? i : best), 0);
      return `${b} bits: ${show(middle.sizes[at])}`;
    });
    get("map-words").textContent = `Parameters for a loss of ${nats(middle.level)}: ${needed.join(", ")}.`;
    const curve = PrecisionCharts.drawData(get("data-chart"), set, point, other);
    const last = curve.tokens.length - 1;
    get("data-words").textContent = `From ${show(curve.tokens[0])} to ${show(curve.tokens[last])} tokens the loss goes from `
      + `${nats(curve.after[0])} to ${nats(curve.after[last])}`
      + `${curve.critical.D > 0 ? `, with its lowest value at ${show(curve.critical.D)} tokens.` : "."}`
      + said(curve, other);
  }

  function said({ runs, theirs }, other) {
    const count = runs.before.length + runs.after.length;
    const points = count ? ` ${count} measured runs of this size and these bits are drawn: open before rounding, filled after.` : "";
    const dotted = other ? ` Dotted, ${other.label}: ${nats(theirs[0])} to ${nats(theirs[theirs.length - 1])}.` : "";
    return points + dotted;
  }

  function render() {
    const set = sets[state.set];
    showControls(set ?? sets.ours);
    root.classList.toggle("is-waiting", !set);
    if (!set) return;
    const { point, notes } = pointOf(set);
    showSet(set);
    const result = showLoss(set, point);
    showCritical(set, point);
    showOptimum(set, state.budget, data.rules[state.rule]);
    showRounding(set, point);
    showWidths(set, point, state.widths);
    headCells();
    const beside = state.beside !== state.set ? sets[state.beside] : null;
    const other = beside ? { set: beside, point: pointOf(beside).point, label: labelOf(state.beside) } : null;
    showBeside({ set, point, label: labelOf(state.set) }, other, state.budget, data.rules[state.rule]);
    const outside = showOutside(set, point);
    get("notes").textContent = notes.join(" ");
    drawCharts(set, point, other);
    say(result, outside);
    const fragment = `#${encode(state, ownFits)}`;
    history.replaceState(null, "", fragment);
    get("link").value = location.href;
  }

  function change(next) {
    state = { ...state, ...next };
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(render);
  }

  function complain(name, words) {
    get(name).setAttribute("aria-invalid", String(Boolean(words)));
    get(`${name}-error`).textContent = words;
  }

  function readField(name) {
    const value = parse(get(name).value);
    const [low, high] = LIMITS[name] ?? [0.5, 32];
    if (!(value >= low && value <= high)) {
      complain(name, `Give a number from ${show(low)} to ${show(high)}, such as ${isBits(name) ? "4" : "98k or 1.4e6"}.`);
      return;
    }
    complain(name, "");
    change({ [name]: value });
  }

  function useOwn(texts, beside = false) {
    try {
      ownFits = texts.flatMap(split).map((text) => Laws.readFit(text, data.laws));
      sets.own = Laws.makeSet(ownFits);
      get("own-error").textContent = "";
      get("own-said").textContent = `In use: ${ownFits.map((fit) => fit.law).join(" and ")}.`;
    } catch (error) {
      delete sets.own;
      get("own-said").textContent = "";
      get("own-error").textContent = error.message;
    }
    change(beside ? {} : { set: "own" });
  }

  /* One or two JSON objects, one after the other. */
  const split = (text) => text.trim().split(/(?<=\})\s*(?=\{)/);

  function listen() {
    for (const name of [...Object.keys(SPANS), ...Laws.PARTS, "post"]) {
      const slider = get(`${name}-slider`);
      const [low, high] = isBits(name) ? [0, BITS.length - 1] : SPANS[name].map(Math.log10);
      Object.assign(slider, { min: low, max: high, step: isBits(name) ? 1 : 0.02 });
      slider.addEventListener("input", () => change({ [name]: fromSlider(name, Number(slider.value)) }));
      get(name).addEventListener("input", () => readField(name));
      get(name).addEventListener("blur", () => change({}));
    }
    for (const choice of root.querySelectorAll("[name=explorer-set]")) {
      choice.addEventListener("change", () => change({ set: choice.value }));
    }
    for (const button of root.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => change({ ...DEFAULTS, ...PRESETS[button.dataset.preset] }));
    }
    get("rounded").addEventListener("change", (event) => change({ rounded: event.target.checked }));
    get("map").addEventListener("change", (event) => change({ map: event.target.value }));
    for (const name of ["beside", "widths", "rule"]) {
      get(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
    }
    get("same-cost").addEventListener("click", () => change({ budget: Number((6 * state.N * state.D).toPrecision(3)) }));
    get("own-use").addEventListener("click", () => useOwn([get("own-text").value]));
    const openFiles = async (files) => useOwn(await Promise.all([...files].map((file) => file.text())));
    get("own-file").addEventListener("change", (event) => openFiles(event.target.files));
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) openFiles(event.dataTransfer.files);
    });
    get("copy").addEventListener("click", copyLink);
    window.addEventListener("hashchange", restore);
    new MutationObserver(() => change({})).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    let width = root.clientWidth;
    new ResizeObserver(() => {
      if (root.clientWidth !== width) change({});
      width = root.clientWidth;
    }).observe(root);
  }

  async function copyLink() {
    get("link").select();
    try {
      await navigator.clipboard.writeText(get("link").value);
      get("copied").textContent = "Copied.";
    } catch {
      get("copied").textContent = "Press Ctrl+C (⌘C) to copy the selected link.";
    }
  }

  function restore() {
    const found = decode(location.hash);
    state = found.state;
    if (found.fits.length) useOwn(found.fits, state.set !== "own");
    else if (state.set !== "own" && !sets[state.set]) state.set = DEFAULTS.set;
    if (![...get("map").options].some((option) => option.value === state.map)) state.map = DEFAULTS.map;
    if (!["model", "memory"].includes(state.widths)) state.widths = DEFAULTS.widths;
    if (!Object.hasOwn(data.rules, state.rule)) state.rule = DEFAULTS.rule;
    if (![...get("beside").options].some((option) => option.value === state.beside)) state.beside = "";
    render();
  }

  listen();
  restore();
  root.classList.add("is-ready");
})();
