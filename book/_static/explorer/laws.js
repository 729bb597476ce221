/* The laws of the explorer: pure functions, no page. Checked against precision_lib in
   tests/book/test_explorer.py. A classic script, since a browser loads no ES module
   from a file on disk, which is how most readers open the book. */
"use strict";

const PrecisionLaws = (() => {
  const COLUMNS = { weights: "weight_bits", activations: "activation_bits", kv: "kv_bits" };
  const PARTS = Object.keys(COLUMNS);
  const BITS = [1, 32]; // where the best precision is searched, as precision_lib.decide
  const SIZES = [1e2, 1e18];
  const TOKENS = [1e3, 1e30];
  const GRID = 49;
  const WIDTHS = [4, 6, 8, 16]; // that hardware has
  const UNQUANTIZED = 1e6; // bits at which every law keeps everything
  const ALL = { name: "all" }; // the paper's rule for the cost

  /* One factor of N_eff: 1 for a part that the law does not know. */
  function kept(constants, part, bits) {
    const gamma = constants[`gamma_${part}`] ?? constants.gamma;
    if (gamma === undefined) return 1;
    const offset = constants[`n_${part}`] ?? constants.n;
    const share = -Math.expm1(offset - bits / gamma);
    return share > 0 ? share : NaN;
  }

  function share(constants, bits) {
    return PARTS.reduce((product, part) => product * kept(constants, part, bits[part]), 1);
  }

  const allBits = (bits) => ({ weights: bits, activations: bits, kv: bits });

  /* What rounding the weights to `post` bits adds (0 for post = Infinity). */
  function degradation(constants, N, D, bits, post) {
    if (!constants || constants.C_T === undefined || post === Infinity) return 0;
    let added = constants.C_T * D ** constants.gamma_D
      * (N * share(constants, bits)) ** -constants.gamma_N
      * (constants.power ? post ** -constants.power : Math.exp(constants.b - post / constants.gamma_post));
    for (const part of PARTS) {
      const rate = constants[`C_${part}`];
      if (rate !== undefined) added *= -Math.expm1(-rate * Math.max(bits[part] - post, 0));
    }
    return added;
  }

  const beta = (base) => base.beta ?? base.alpha;

  /* The loss of a point {N, D, bits, post} and its parts, under one pair of constants. */
  function loss(pair, point) {
    const { base, added } = pair;
    const kept = share(base, point.bits);
    const effective = point.N * kept;
    const size = base.A * point.N ** -base.alpha;
    const sizeKept = base.A * effective ** -base.alpha;
    const data = base.B * point.D ** -beta(base);
    const delta = degradation(base, point.N, point.D, point.bits, point.post)
      + degradation(added, point.N, point.D, point.bits, point.post);
    return {
      floor: base.E, size, data, training: sizeKept - size, delta, share: kept, effective,
      before: base.E + sizeKept + data, total: base.E + sizeKept + data + delta,
    };
  }

  /* Tokens beyond which more training raises the loss after rounding (closed form). */
  function criticalData(pair, point) {
    const law = pair.base.C_T === undefined ? pair.added : pair.base;
    const one = loss(pair, { ...point, D: 1 }).delta;
    if (!law || !(one > 0)) return { D: NaN, loss: NaN, edge: false };
    const b = beta(pair.base);
    const D = ((b * pair.base.B) / (law.gamma_D * one)) ** (1 / (law.gamma_D + b));
    const edge = D < TOKENS[0] || D > TOKENS[1];
    return { D, loss: loss(pair, { ...point, D }).total, edge };
  }

  /* Tokens that nobody has, or would spend on a model of this size. */
  const beyondData = (D, N) => D > 1e15 || D / N > 2e5;

  /* The bits of each part as they are paid for: what the law does not know costs 16. */
  const priced = (pair, P) => PARTS.map((part) => (pair.known.includes(part) ? P : 16));

  /* Cost of an operation as a share of its cost in 16 bits, as precision_lib.decide.cost. */
  function flopShare(pair, P, cost) {
    if (cost.name === "all") return P / 16;
    const parts = priced(pair, P);
    if (cost.name === "parts") return (parts[0] + parts[1] + parts[2]) / 3 / 16;
    const widest = Math.max(parts[0], parts[1]);
    if (cost.name === "max") return widest / 16;
    const holds = computedIn(cost).find((width) => width >= widest);
    return holds ? cost.rates[16] / cost.rates[holds] : NaN;
  }

  /* The widths of an accelerator, rising. */
  const computedIn = (cost) => Object.keys(cost.rates).map(Number).sort((a, b) => a - b);

  /* Best N and D for a budget of operations at 16 bits, training everything in P bits. */
  function allocation(pair, budget, P, cost = ALL) {
    const { base } = pair;
    const b = beta(base);
    const f = share(base, allBits(P));
    const product = budget / (6 * flopShare(pair, P, cost)); // N times D
    const effective = ((base.alpha * base.A) / (b * base.B) * (product * f) ** b)
      ** (1 / (base.alpha + b));
    const N = effective / f;
    const D = product / N;
    const value = base.E + base.A * effective ** -base.alpha + base.B * D ** -b;
    return { P, N, D, ratio: D / N, loss: value, edge: !(N >= SIZES[0] && N <= SIZES[1]) };
  }

  /* Least and greatest N of a width that lose at most so much to the goal; null for none. */
  function nearlyAsGood(pair, budget, P, goal, cost = ALL) {
    const best = allocation(pair, budget, P, cost);
    if (!(best.loss <= goal)) return null;
    const at = (x) => ({ N: Math.exp(x), D: (best.N * best.D) / Math.exp(x), bits: allBits(P), post: Infinity });
    const excess = (x) => loss(pair, at(x)).total - goal;
    const [low, middle, high] = [SIZES[0], best.N, SIZES[1]].map(Math.log);
    return [bisect(excess, low, middle), bisect((x) => -excess(x), middle, high)].map(Math.exp);
  }

  /* d log(f(P) / cost(P)) / d log P, which is zero at the best P. */
  function slope(pair, P, cost) {
    const { base } = pair;
    const parts = priced(pair, P);
    let total = cost.name === "max" ? -(Math.max(parts[0], parts[1]) === P) : -1;
    if (cost.name === "parts") {
      total = -pair.known.length * P / (parts[0] + parts[1] + parts[2]);
    }
    for (const part of PARTS) {
      const gamma = base[`gamma_${part}`] ?? base.gamma;
      if (gamma === undefined) continue;
      const u = P / gamma;
      total += u / Math.expm1(u - (base[`n_${part}`] ?? base.n));
    }
    return total;
  }

  /* Best P, N and D for a budget: P* = argmax f(P)/cost(P), whatever the budget. */
  function optimum(pair, budget, cost = ALL) {
    if (cost.rates) {
      const rows = computedIn(cost).map((P) => allocation(pair, budget, P, cost));
      const losses = rows.map(({ loss }) => (Number.isFinite(loss) ? loss : Infinity));
      return { ...rows[losses.indexOf(Math.min(...losses))], edge: false };
    }
    const [low, high] = pair.considered.map(Math.log);
    const grid = Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1));
    const height = (x) => share(pair.base, allBits(Math.exp(x)))
      / flopShare(pair, Math.exp(x), cost);
    const heights = grid.map(height).map((h) => (Number.isFinite(h) ? h : -Infinity));
    const best = heights.indexOf(Math.max(...heights));
    if (best === 0 || best === GRID - 1) {
      return { ...allocation(pair, budget, Math.exp(grid[best]), cost), edge: true };
    }
    const rising = (x) => {
      const up = slope(pair, Math.exp(x), cost);
      return Number.isFinite(height(x)) ? up : 1;
    };
    const at = Math.exp(bisect(rising, grid[best - 1], grid[best + 1]));
    return allocation(pair, budget, at, cost);
  }

  /* What rounding costs: the ratio of perplexities, and the share of the tokens, or of the
     parameters, with which an unrounded model is as good. */
  function roundingCost(pair, point) {
    const { delta, data, size, training } = loss(pair, point);
    return {
      delta, ratio: Math.exp(delta),
      tokens: (1 + delta / data) ** (-1 / beta(pair.base)),
      sizes: (1 + delta / (size + training)) ** (-1 / pair.base.alpha),
    };
  }

  const SCALES = { // of residuals, there and back
    log: [Math.log, Math.exp],
    asinh: [(x, floor) => Math.asinh(x / floor), (x, floor) => Math.sinh(x) * floor],
    linear: [(x) => x, (x) => x],
  };
  const NORMAL_95 = 1.959963984540054;

  /* What rounding adds to 95% of models like those fitted; null where nobody knows. */
  function normalRange(set, point) {
    const { scatter, scale, floor } = set.added ?? {};
    if (!Number.isFinite(scatter)) return null;
    const [there, back] = SCALES[scale];
    const at = (pair) => there(loss(pair, point).delta, floor);
    const draws = set.draws.map(at).filter(Number.isFinite);
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const square = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    const arm = NORMAL_95 * Math.hypot(scatter, draws.length ? Math.sqrt(square) : 0);
    return [-arm, arm].map((away) => back(at(set.pair) + away, floor));
  }

  /* The point's model, trained unquantized, rounded to each width; or, given a memory in
     bits, the model of each width that fills it. */
  function widths(set, point, memory) {
    const at = WIDTHS.map((bits) => ({
      N: memory ? memory / bits : point.N, D: point.D, bits: allBits(UNQUANTIZED), post: bits,
    }));
    const above = aboveBest(set, (pair) => at.map((one) => loss(pair, one).total));
    return at.map((one, i) => ({
      bits: one.post, N: one.N, bytes: (one.N * one.post) / 8, ...loss(set.pair, one), ...above[i],
    }));
  }

  /* The best N and D of a budget in each width, as decide.training_widths. */
  function trainingWidths(set, budget, bits, cost = ALL) {
    const at = (pair) => bits.map((P) => allocation(pair, budget, P, cost));
    const above = aboveBest(set, (pair) => at(pair).map((row) => row.loss), set.parts.length > 0);
    return at(set.pair).map((row, i) => ({ ...row, ...above[i] }));
  }

  /* What each of some models loses to the best of them, and 95% of it as decide's tables of
     widths have it: the best is searched anew in each replicate, and no law that has no loss
     at a width in one of them says anything of it. `trained`: laws without bits are left out. */
  function aboveBest(set, losses, trained = false) {
    const above = (pair) => {
      const all = losses(pair);
      const best = Math.min(...all.filter(Number.isFinite));
      return all.map((one) => (Number.isFinite(one) ? one - best : NaN));
    };
    const [own, ...others] = [set, ...set.covers].filter(({ pair }) => !trained || pair.known.length)
      .map((one) => {
        const [first, draws] = [above(one.pair), one.draws.map(above)];
        return first.map((value, i) => {
          const drawn = draws.map((each) => each[i]);
          const known = drawn.length > 0 && [value, ...drawn].every(Number.isFinite);
          return { value, ends: known ? percentiles(drawn) : [] };
        });
      });
    return own.map(({ value, ends }, i) => {
      const more = others.flatMap((one) => [one[i].value, ...one[i].ends]).filter(Number.isFinite);
      const [low, high] = [Math.min(...ends, ...more), Math.max(...ends, ...more)];
      return { above: value, span: ends.length && low < high ? [low, high] : null };
    });
  }

  /* Where a function falls through zero, to the last digit; NaN if it does not. */
  function bisect(falling, low, high) {
    if (!(falling(low) >= 0 && falling(high) <= 0)) return NaN;
    for (;;) {
      const middle = low + (high - low) / 2;
      if (middle <= low || middle >= high) return middle;
      if (falling(middle) > 0) low = middle;
      else high = middle;
    }
  }

  /* Parameters that reach a loss at the point's D, bits and post; NaN where none do. */
  function sizeFor(pair, target, point) {
    const short = (x) => loss(pair, { ...point, N: Math.exp(x) }).total - target;
    return Math.exp(bisect(short, Math.log(1e-6), Math.log(1e24)));
  }

  /* The middle 95% of what a decision is under each replicate, wide enough for the laws that
     predict left-out runs as well, as precision_lib.decide.ties has it. */
  function span(set, ask) {
    const own = interval(set.draws.map(ask));
    if (!own) return null;
    const others = set.covers.flatMap((one) => [ask(one.pair), ...(interval(one.draws.map(ask)) ?? [])])
      .filter(Number.isFinite);
    return [Math.min(own[0], ...others), Math.max(own[1], ...others)];
  }

  /* The middle 95% of draws as numpy.percentile has it; null where nothing varies. */
  function interval(draws) {
    const good = draws.filter(Number.isFinite);
    return good.some((one) => one !== good[0]) ? percentiles(good) : null;
  }

  function percentiles(draws) {
    const sorted = Float64Array.from(draws).sort();
    return [0.025, 0.975].map((level) => {
      const at = level * (sorted.length - 1);
      const below = sorted[Math.floor(at)];
      const above = sorted[Math.min(Math.floor(at) + 1, sorted.length - 1)];
      return below + (above - below) * (at - Math.floor(at));
    });
  }

  /* A law that ties with a fit, where the explorer can draw it; else null. */
  function tied(tie, laws) {
    if (!tie?.replicates || !Object.hasOwn(laws, tie.law)) return null;
    return readFit(JSON.stringify({ ...tie, ties: [] }), laws);
  }

  /* Constants by the names of the law `ptq`, of which `ouyang` has a power for the bits. */
  function named({ law }, params) {
    if (law !== "ouyang") return params;
    return { C_T: params.k, gamma_D: params.beta, gamma_N: params.alpha, power: params.gamma };
  }

  /* The fit.json text of one fit; NaN and Infinity, which Python writes, become null. */
  function readFit(text, laws) {
    let fit;
    try {
      const plain = text.replace(/([:[,]\s*)(?:-?Infinity|NaN)(?=\s*[,\]}])/g, "$1null");
      fit = JSON.parse(plain);
    } catch {
      throw new Error("This is not JSON; give a file that `precision_lib fit --out` wrote.");
    }
    if (!fit || typeof fit !== "object" || !fit.params || typeof fit.law !== "string") {
      throw new Error("This JSON is not a fit: it names no law and no params.");
    }
    const law = Object.hasOwn(laws, fit.law) ? laws[fit.law] : null;
    if (!law) {
      throw new Error(`The explorer cannot draw the law “${fit.law.slice(0, 40)}”; fit one of `
        + `${Object.keys(laws).join(", ")}.`);
    }
    for (const name of law.parameters) {
      if (!Number.isFinite(fit.params[name])) {
        throw new Error(`The fit of “${fit.law}” has no number for ${name}.`);
      }
    }
    for (const [name, range] of Object.entries(fit.ranges ?? {})) {
      if (!Array.isArray(range) || range.length !== 2 || !range.every(Number.isFinite)) {
        throw new Error(`The range of ${name} in this fit is not two numbers.`);
      }
    }
    const { params, ranges = {}, replicates = {}, warnings = [], misfits = [], unidentified = [],
      ties = [], scatter = null, scale = "log", floor = 1 } = fit;
    for (const [name, draws] of Object.entries(replicates)) {
      if (!Array.isArray(draws)) throw new Error(`The replicates of ${name} are not a list.`);
    }
    return {
      law: fit.law, params, ranges, replicates, warnings, unidentified, n: fit.n,
      misfits: [].concat(misfits),
      ties: [].concat(ties).map((tie) => ({ law: String(tie?.law), fit: tied(tie, laws) })),
      scatter, scale: Object.hasOwn(SCALES, scale) ? scale : "log", floor,
      target: law.target, columns: law.columns, formula: law.formula,
    };
  }

  /* One set of constants from a fit of the loss and, if any, one of the degradation. */
  function makeSet(fits) {
    const base = fits.find((fit) => fit.target === "loss");
    const added = fits.find((fit) => fit.target === "delta") ?? null;
    if (!base) {
      throw new Error("These constants predict only what rounding adds; give a fit of the "
        + "loss too, such as “effective-weights”.");
    }
    if (fits.length > (added ? 2 : 1)) {
      throw new Error("Give one fit of the loss and at most one of the degradation.");
    }
    if (added && base.law === "unified") {
      throw new Error("The law “unified” already knows of rounding; give it alone.");
    }
    const counts = [base, added].filter(Boolean)
      .map((fit) => Object.values(fit.replicates)[0]?.length ?? 0).filter((n) => n > 0);
    const size = counts.length ? Math.min(...counts) : 0;
    const draw = (fit, i) => fit && named(fit, Object.fromEntries(Object.entries(fit.params).map(
      ([name, value]) => [name, fit.replicates[name] ? fit.replicates[name][i] ?? NaN : value])));
    const known = PARTS.filter((part) => base.columns.includes(COLUMNS[part]));
    const lows = known.map((part) => base.ranges[COLUMNS[part]]?.[0]).filter(Number.isFinite);
    const fewest = Math.max(Math.min(...lows), BITS[0]);
    const considered = lows.length ? [fewest, Math.max(16, 2 * fewest)] : BITS; // bits, as decide has them
    const covers = fits.flatMap((fit) => fit.ties.filter((tie) => tie.fit).map((tie) => makeSet(
      fits.map((one) => (one === fit ? tie.fit : { ...one, ties: [] })))));
    return {
      base, added, covers,
      pair: { base: base.params, added: added ? named(added, added.params) : null, known, considered },
      draws: Array.from({ length: size }, (_, i) => ({ base: draw(base, i), added: draw(added, i), known, considered })),
      parts: PARTS.filter((part) => isFitted(base, part)),
      rounds: Boolean(added) || base.law === "unified",
    };
  }

  /* Whether the law reads the part and some fitted run quantized it. */
  function isFitted(fit, part) {
    const range = fit.ranges[COLUMNS[part]];
    return fit.columns.includes(COLUMNS[part]) && !(range && range[0] === range[1]);
  }

  /* What of a point lies outside the fitted runs; from 16 bits on nothing is quantized. */
  function outside(set, point) {
    const bits = (value) => Math.min(value, 16);
    const asked = [["N", point.N, set.base], ["D", point.D, set.base]];
    for (const part of set.parts) asked.push([COLUMNS[part], bits(point.bits[part]), set.base]);
    if (set.rounds && point.post !== Infinity) {
      asked.push(["post_bits", point.post, set.added ?? set.base]);
      if (set.added) asked.push(["N", point.N, set.added], ["D", point.D, set.added]);
    }
    const found = new Map();
    for (const [name, value, fit] of asked) {
      const range = fit.ranges[name];
      if (!range || found.has(name)) continue;
      const high = name.endsWith("bits") && name !== "post_bits" ? bits(range[1]) : range[1];
      if (value < range[0] || value > high) found.set(name, { name, value, range });
    }
    return [...found.values()];
  }

  return {
    PARTS, COLUMNS, UNQUANTIZED, allBits, allocation, beyondData, criticalData, interval, loss,
    makeSet, nearlyAsGood, normalRange, optimum, outside, readFit, roundingCost, share, sizeFor, span,
    trainingWidths, widths, WIDTHS,
  };
})();
