/* What the explorer shows of a point: the loss, its parts, decisions, and the marks. */
"use strict";

const PrecisionResults = (() => {
  const Laws = PrecisionLaws;
  const { show } = PrecisionState;
  const NAMES = {
    N: "parameters N", D: "tokens D", weight_bits: "bits of the weights", kv_bits: "bits of the KV cache",
    activation_bits: "bits of the activations", post_bits: "bits after rounding",
  };
  const FIELD_OF = { weight_bits: "weights", activation_bits: "activations", kv_bits: "kv", post_bits: "post" };
  const root = document.getElementById("explorer");
  const get = (name) => document.getElementById(`explorer-${name}`);

  function put(name, value, shown) {
    const node = get(name);
    node.textContent = shown;
    node.dataset.value = Number.isFinite(value) ? value : "";
  }

  function putSpan(name, span, form) {
    const [low, high] = span ? span.map((value) => form(value)) : ["", ""];
    get(name).textContent = low === high ? "" : `95%: ${low} to ${high}`;
    get(name).dataset.value = span ? span.join(" ") : "";
  }

  const NEARLY = 0.01; // nats

  function putNear(name, ends) {
    get(name).textContent = ends ? `${show(ends[0])} to ${show(ends[1])}` : "–";
    get(name).dataset.value = ends ? ends.join(" ") : "";
  }

  /* What a width loses to the best one, with 95% of it. */
  const aboveWords = ({ above, span }) => `${nats(above)}${span ? ` (${nats(span[0])} to ${nats(span[1])})` : ""}`;

  function putAbove(name, row) {
    get(name).textContent = aboveWords(row);
    get(name).dataset.value = [row.above, ...(row.span ?? [])].join(" ");
  }

  const nats = (value) => (Number.isFinite(value) ? value.toFixed(3) : "–");

  function showLoss(set, point) {
    const found = Laws.loss(set.pair, point);
    const draws = set.draws.map((pair) => Laws.loss(pair, point));
    put("loss", found.total, nats(found.total));
    const span = Laws.interval(draws.map((one) => one.total));
    putSpan("loss-span", span, nats);
    get("undefined").hidden = Number.isFinite(found.total);
    get("no-span").hidden = set.draws.length > 0;
    for (const part of ["floor", "size", "training", "data", "delta"]) {
      put(`part-${part}`, found[part], nats(found[part]));
      const width = Number.isFinite(found.total) ? (100 * found[part]) / found.total : 0;
      get(`bar-${part}`).style.setProperty("width", `${Math.max(0, width)}%`);
    }
    put("effective", found.effective, show(found.effective));
    put("share", found.share, Number.isFinite(found.share) ? `${(100 * found.share).toFixed(1)}% of N` : "");
    putSpan("effective-span", Laws.interval(draws.map((one) => one.effective)), show);
    return { total: found.total, span };
  }

  function showCritical(set, point) {
    const rounded = point.post !== Infinity;
    const critical = rounded ? Laws.criticalData(set.pair, point) : { D: NaN };
    const beyond = Laws.beyondData(critical.D, point.N);
    put("critical", critical.D, !rounded ? "none" : beyond ? "beyond any data" : show(critical.D));
    const span = rounded && !beyond
      ? Laws.span(set, (pair) => Laws.criticalData(pair, point).D) : null;
    putSpan("critical-span", span, show);
    const past = rounded && point.D > critical.D;
    get("critical-note").textContent = !rounded ? "The weights are not rounded after training."
      : past ? "Your D is beyond it: less training would serve better." : "Your D is below it.";
  }

  /* What of a row lies outside the fitted runs; `post` where it is rounded. */
  function rangeWord(set, { N, D }, post = Infinity) {
    const known = [set.base, ...(post < Infinity && set.added ? [set.added] : [])].map((fit) => fit.ranges);
    const row = { N, D, ...(post < Infinity ? { post_bits: post } : {}) };
    const beyond = (far) => Object.keys(row).filter((name) => known.some((ranges) => ranges[name]
      && !(row[name] * far >= ranges[name][0] && row[name] / far <= ranges[name][1])));
    if (!known[0].N) return "unknown";
    const [out, far] = [beyond(1), beyond(10).filter((name) => name !== "post_bits")];
    const words = out.join(" and ").replace("post_bits", "bits");
    return !out.length ? "inside" : `▲ ${words} outside${far.length ? ", more than 10 times" : ""}`;
  }

  function showOptimum(set, budget, cost) {
    const free = set.parts.length > 0;
    get("optimum-note").textContent = !free
      ? "These constants do not know of bits in training."
      : set.parts.length < 3 && cost.name === "all" ? `Only the bits of the ${set.parts.join(" and ")} have a price here: `
        + "the best P would be higher if the other parts were fitted." : "";
    get("rule-words").textContent = `${cost.words} The rows share one budget.`;
    const widths = Laws.trainingWidths(set, budget, free ? [16, 8, 6, 4] : [16], cost);
    const goal = Math.min(...widths.map(({ loss }) => loss).filter(Number.isFinite)) + NEARLY;
    const rows = [free ? Laws.optimum(set.pair, budget, cost) : null, ...widths];
    Array.from({ length: 5 }, (_, i) => rows[i]).forEach((row, i) => {
      get(`optimum-${i}`).hidden = !row;
      if (!row) return;
      const end = i || !row.edge ? "" : row.P < 16 ? " or fewer" : " or more";
      put(`optimum-${i}-P`, row.P, (end ? String(Number(row.P.toFixed(2))) : row.P.toFixed(i ? 0 : 2)) + end);
      put(`optimum-${i}-N`, row.N, show(row.N));
      put(`optimum-${i}-D`, row.D, show(row.D));
      put(`optimum-${i}-ratio`, row.ratio, show(row.ratio));
      put(`optimum-${i}-loss`, row.loss, nats(row.loss));
      const word = row.edge ? "at the end of the search" : rangeWord(set, row);
      get(`optimum-${i}-range`).textContent = word;
      if (i) putAbove(`optimum-${i}-above`, row);
      if (i) putNear(`optimum-${i}-near`, Laws.nearlyAsGood(set.pair, budget, row.P, goal, cost));
      get(`optimum-${i}`).classList.toggle("is-outside", word !== "inside");
    });
    const asked = new Map();
    const best = (pair) => {
      if (!asked.has(pair)) asked.set(pair, pair.known.length ? Laws.optimum(pair, budget, cost) : {});
      return asked.get(pair);
    };
    for (const [name, form] of [["P", (v) => v.toFixed(1)], ["N", show], ["D", show], ["loss", nats]]) {
      putSpan(`optimum-${name}-span`, free ? Laws.span(set, (pair) => best(pair)[name]) : null, form);
    }
  }

  /* The loud mark: what of the point lies outside the runs the constants come from. */
  function showOutside(set, point) {
    const found = Laws.outside(set, point);
    for (const field of root.querySelectorAll(".explorer-field")) field.classList.remove("is-outside");
    const words = found.map(({ name, value, range }) => {
      get(FIELD_OF[name] ?? name).closest(".explorer-field").classList.add("is-outside");
      return `${NAMES[name]} = ${show(value)} (fitted ${show(range[0])} to ${show(range[1])})`;
    });
    const unknown = !set.base.ranges.N;
    get("outside").hidden = !found.length && !unknown;
    get("outside-list").textContent = unknown ? "this fit does not say which runs it comes from"
      : words.join("; ");
    return found.length > 0;
  }

  /* Bytes of weights for reading. */
  function bytes(value) {
    const [unit, size] = [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3], ["B", 1]].find(([, each]) => value >= each) ?? ["B", 1];
    return `${Number((value / size).toPrecision(3))} ${unit}`;
  }

  const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : "–");

  /* What rounding costs in other units than nats. */
  function showRounding(set, point) {
    get("rounding").hidden = point.post === Infinity;
    const cost = Laws.roundingCost(set.pair, point);
    put("cost-delta", cost.delta, cost.delta.toPrecision(3));
    putSpan("cost-span", Laws.span(set, (pair) => Laws.roundingCost(pair, point).delta), (v) => v.toPrecision(2));
    const normal = Laws.normalRange(set, point);
    get("cost-normal").textContent = normal
      ? `95% of models like those fitted: ${normal.map((v) => v.toPrecision(2)).join(" to ")};` : "";
    put("cost-ratio", cost.ratio, `× ${cost.ratio.toFixed(3)}`);
    put("cost-tokens", cost.tokens, percent(cost.tokens));
    put("cost-sizes", cost.sizes, percent(cost.sizes));
  }

  function row(cells, best) {
    const line = document.createElement("tr");
    line.classList.toggle("explorer-best", best);
    line.append(...cells.map((words, i) => Object.assign(
      document.createElement(i ? "td" : "th"), { textContent: words, ...(i ? {} : { scope: "row" }) })));
    return line;
  }

  /* On a telephone a row stands as a card, each number under the head of its column. */
  function headCells() {
    for (const table of root.querySelectorAll(".explorer-cards")) {
      for (const line of table.tBodies[0].rows) {
        for (const cell of line.cells) cell.dataset.head = table.tHead.rows[0].cells[cell.cellIndex].textContent;
      }
    }
  }

  /* 4, 6, 8 and 16 bits side by side: of this model, or of the memory it takes. */
  function showWidths(set, point, mode) {
    get("widths-block").hidden = !set.rounds;
    if (!set.rounds) return;
    const memory = point.N * Math.min(point.post, 16);
    const rows = Laws.widths(set, point, mode === "memory" ? memory : null);
    get("widths-rows").replaceChildren(...rows.map((one) => {
      const line = row([`${one.bits} bits`, show(one.N), bytes(one.bytes),
        one.delta < 5e-5 ? "< 0.0001" : one.delta < 1e-3 ? one.delta.toFixed(4) : nats(one.delta), nats(one.total),
        aboveWords(one), rangeWord(set, { N: one.N, D: point.D }, one.bits)], one.above === 0);
      line.dataset.value = [one.N, one.delta, one.total, one.above, ...(one.span ?? [])].join(" ");
      return line;
    }));
    get("widths-words").textContent = mode === "memory"
      ? `Each fills ${bytes(memory / 8)}, as the model above does, trained unquantized on ${show(point.D)} tokens.`
      : `${show(point.N)} parameters, trained unquantized on ${show(point.D)} tokens and rounded.`;
  }

  /* The same question to two sets of constants. */
  function showBeside(one, two, budget, cost) {
    get("beside-table").hidden = !two;
    if (!two) return;
    const asked = [one, two].map(({ set, point }) => {
      const draws = set.draws.map((pair) => Laws.loss(pair, point).total);
      const found = Laws.loss(set.pair, point);
      const span = Laws.interval(draws);
      const critical = point.post === Infinity ? NaN : Laws.criticalData(set.pair, point).D;
      const best = set.parts.length ? Laws.optimum(set.pair, budget, cost).P : NaN;
      return {
        loss: [found.total, `${nats(found.total)}${span ? ` (${span.map(nats).join(" to ")})` : ""}`],
        delta: [found.delta, nats(found.delta)],
        share: [found.share, percent(found.share)],
        critical: [critical, Laws.beyondData(critical, point.N) ? "beyond any data" : show(critical)],
        best: [best, Number.isFinite(best) ? best.toFixed(2) : "–"],
      };
    });
    const heads = { loss: "predicted loss", delta: "rounding adds", share: "share of N that counts",
      critical: "critical data", best: "best P of the budget" };
    get("beside-rows").replaceChildren(...Object.entries(heads).map(([key, words]) => {
      const line = row([words, asked[0][key][1], asked[1][key][1]], false);
      line.dataset.value = `${asked[0][key][0]} ${asked[1][key][0]}`;
      return line;
    }));
    get("beside-one").textContent = one.label;
    get("beside-two").textContent = two.label;
  }

  /* Where the laws are off, and which others the command line covers in its intervals. */
  function showDoubt(fits) {
    const wrong = fits.flatMap((fit) => fit.misfits.slice(0, 1));
    const [here, elsewhere] = [true, false].map((drawn) => fits.flatMap((fit) => fit.ties)
      .filter((tie) => Boolean(tie.fit) === drawn).map((tie) => tie.law).join(" and "));
    if (here) wrong.push(`Intervals of decisions also cover ${here}, as good on left-out runs.`);
    if (elsewhere) wrong.push(`decide covers ${elsewhere} too, which cannot be drawn here.`);
    get("doubt").hidden = !wrong.length;
    get("doubt-words").textContent = wrong.join(" ");
  }

  function showSet(set) {
    const fits = [set.base, set.added].filter(Boolean);
    showDoubt(fits);
    get("constants").replaceChildren(...fits.flatMap((fit) => {
      const line = document.createElement("p");
      const numbers = Object.entries(fit.params).map(([name, v]) => `${name} ${Number(v.toPrecision(4))}`);
      line.textContent = `${fit.law}${fit.n ? ` (${fit.n} rows)` : ""}: ${fit.formula}. ${numbers.join(", ")}.`;
      const doubts = [...fit.misfits, ...fit.warnings];
      if (fit.unidentified.length) doubts.push(`The runs do not identify ${fit.unidentified.join(", ")}.`);
      return [line, ...doubts.map((words) => Object.assign(document.createElement("p"), { textContent: words }))];
    }));
  }

  return { get, nats, showLoss, showCritical, showOptimum, showOutside, showSet,
    showRounding, showWidths, showBeside, headCells };
})();
