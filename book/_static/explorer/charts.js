/* The two charts of the explorer, drawn with uPlot in the colours of the page. */
"use strict";

const PrecisionCharts = (() => {
  const { loss, sizeFor, criticalData, interval } = PrecisionLaws;
  const { show } = PrecisionState;
  const STEPS = [-3, -2, -1, 0, 1, 2, 3]; // contours through N times 2^step
  const FEWEST = 1;
  const MOST = 16;

  const spaced = (low, high, count) => Array.from(
    { length: count }, (_, i) => low * (high / low) ** (i / (count - 1)));
  const colour = (host, name) => getComputedStyle(host).getPropertyValue(name).trim();

  /* The point with the bits of one part, of all parts, or of rounding replaced. */
  function inBits(point, part, bits) {
    if (part === "post") return { ...point, post: bits };
    if (part === "all") return { ...point, bits: PrecisionLaws.allBits(bits) };
    return { ...point, bits: { ...point.bits, [part]: bits } };
  }

  function bitsOf(point, part) {
    if (part === "post") return Math.min(point.post, MOST);
    return Math.min(part === "all" ? Math.max(...Object.values(point.bits)) : point.bits[part], MOST);
  }

  /* Contours of one loss over bits and size; the middle one passes through the point. */
  function isoLoss(set, point, part) {
    const at = inBits(point, part, bitsOf(point, part));
    const bits = spaced(FEWEST, MOST, 81);
    const contours = STEPS.map((step) => {
      const level = loss(set.pair, { ...at, N: at.N * 2 ** step }).total;
      const sizes = bits.map((b) => sizeFor(set.pair, level, inBits(at, part, b)));
      return { step, level, sizes };
    });
    return { bits, contours, here: bitsOf(point, part) };
  }

  /* Loss over tokens, before and after rounding, with the interval of the latter. */
  function lossOverData(set, point) {
    const critical = criticalData(set.pair, point);
    const far = critical.D > point.D ? Math.min(critical.D * 4, point.D * 1e4) : point.D;
    const tokens = spaced(Math.min(point.D, critical.D || Infinity) / 20, Math.max(far, point.D * 20), 90);
    const values = tokens.map((D) => loss(set.pair, { ...point, D }));
    const bands = tokens.map((D) => interval(
      set.draws.map((pair) => loss(pair, { ...point, D }).total)));
    return {
      tokens, critical, before: values.map((v) => v.before), after: values.map((v) => v.total),
      low: bands.map((b) => b && b[0]), high: bands.map((b) => b && b[1]),
    };
  }

  const missing = (values) => values.map((v) => (Number.isFinite(v) ? v : null));

  function axis(host, label, more) {
    return {
      label, stroke: colour(host, "--pst-color-text-base"), font: "13px sans-serif",
      labelFont: "13px sans-serif", grid: { stroke: colour(host, "--explorer-grid"), width: 1 },
      ticks: { stroke: colour(host, "--explorer-grid"), width: 1 }, ...more,
    };
  }

  /* 1, 2 and 5 of every decade between two numbers. */
  function decades(low, high) {
    const found = [];
    for (let k = Math.floor(Math.log10(low)); 10 ** k <= high; k += 1) {
      found.push(...[1, 2, 5].map((n) => n * 10 ** k));
    }
    const inside = found.filter((n) => n >= low && n <= high);
    return inside.length > 9 ? inside.filter((n) => /^1/.test(n.toExponential())) : inside;
  }

  const bySize = {
    splits: (u, _, low, high) => decades(low, high), filter: (_, splits) => splits,
    values: (_, splits) => splits.map((n) => show(n)),
  };

  function text(u, words, x, y, align, host, bold = false) {
    const { ctx } = u;
    ctx.save();
    ctx.font = `${bold ? "bold " : ""}${12 * devicePixelRatio}px sans-serif`;
    ctx.textAlign = align;
    ctx.textBaseline = "middle";
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeStyle = colour(host, "--pst-color-background");
    ctx.fillStyle = colour(host, "--pst-color-text-base");
    ctx.strokeText(words, x, y);
    ctx.fillText(words, x, y);
    ctx.restore();
  }

  function mark(u, host, x, y, words) {
    const [px, py] = [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
    if (![px, py].every(Number.isFinite)) return;
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.arc(px, py, 6 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fillStyle = colour(host, "--explorer-mark");
    ctx.strokeStyle = colour(host, "--pst-color-background");
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([]); // of the line drawn last
    ctx.fill();
    ctx.stroke();
    ctx.restore();
    const right = px < u.bbox.left + u.bbox.width * 0.75;
    const away = (right ? 8 : -54) * devicePixelRatio; // left of the numbers of the lines
    text(u, words, px + away, py - 15 * devicePixelRatio, right ? "left" : "right", host, true);
  }

  /* A dashed line up from the axis, with its name at the top. */
  function upright(u, host, x, words) {
    const px = u.valToPos(x, "x", true);
    const foot = u.bbox.top + u.bbox.height;
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.setLineDash([3 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.strokeStyle = colour(host, "--explorer-mark");
    ctx.moveTo(px, u.bbox.top);
    ctx.lineTo(px, foot);
    ctx.stroke();
    ctx.restore();
    const right = px < u.bbox.left + u.bbox.width * 0.6;
    text(u, words, px + (right ? 6 : -6) * devicePixelRatio, u.bbox.top + 12 * devicePixelRatio, right ? "left" : "right", host);
  }

  function box(u, host, [left, right], [low, high]) {
    const clip = (v, from, to) => Math.min(Math.max(v, from), to);
    const { left: l, top: t, width: w, height: h } = u.bbox;
    const x = [left, right].map((v) => clip(u.valToPos(v, "x", true), l, l + w));
    const y = [high, low].map((v) => clip(u.valToPos(v, "y", true), t, t + h));
    if (!(x[1] > x[0] && y[1] > y[0])) return null;
    u.ctx.save();
    u.ctx.fillStyle = colour(host, "--explorer-range");
    u.ctx.fillRect(x[0], y[0], x[1] - x[0], y[1] - y[0]);
    u.ctx.restore();
    return [x[0] + 8 * devicePixelRatio, y[1] - 12 * devicePixelRatio];
  }

  function plot(host, options, data) {
    host.uplot?.destroy();
    const width = Math.max(host.clientWidth, 200);
    host.uplot = new uPlot({
      width, height: Math.round(Math.min(420, Math.max(300, width * 0.6))),
      legend: { show: false }, cursor: { show: false }, ...options,
    }, data, host);
    return host.uplot;
  }

  function drawMap(host, set, point, part, onPick) {
    const map = isoLoss(set, point, part);
    const line = colour(host, "--explorer-line");
    const series = map.contours.map(({ step }) => ({
      stroke: line, width: step ? 1.2 : 3, dash: step ? [6, 4] : [], points: { show: false },
    }));
    const column = PrecisionLaws.COLUMNS[part] ?? (part === "post" ? "post_bits" : "weight_bits");
    const fit = part === "post" ? set.added ?? set.base : set.base;
    const range = fit.ranges[column];
    let named = null; // where the name of the box stands, over the lines
    const u = plot(host, {
      scales: {
        x: { time: false, distr: 3, log: 2, range: [FEWEST, MOST] },
        y: { distr: 3, range: [point.N / 24, point.N * 48] },
      },
      series: [{}, ...series],
      axes: [
        axis(host, "bits (log scale)", {
          splits: () => [1, 2, 3, 4, 6, 8, 12, 16], filter: (_, splits) => splits,
          values: (_, splits) => splits.map(String),
        }),
        axis(host, "parameters N (log scale)", { ...bySize, size: 64 }),
      ],
      hooks: {
        drawClear: [(self) => {
          if (range && fit.ranges.N) named = box(self, host, range, fit.ranges.N);
        }],
        draw: [(self) => {
          for (const { level, sizes } of map.contours) {
            const end = sizes[sizes.length - 1];
            const y = self.valToPos(end, "y", true);
            const inside = y > self.bbox.top && y < self.bbox.top + self.bbox.height;
            const x = self.bbox.left + self.bbox.width - 6 * devicePixelRatio;
            const below = y + 9 * devicePixelRatio;
            if (inside) text(self, level.toFixed(3), x, below, "right", host);
          }
          if (named) text(self, "fitted runs", ...named, "left", host);
          mark(self, host, map.here, point.N, "your model");
        }],
      },
    }, [map.bits, ...map.contours.map(({ sizes }) => missing(sizes))]);
    u.over.addEventListener("click", (event) => {
      const edge = u.over.getBoundingClientRect();
      onPick(u.posToVal(event.clientX - edge.left, "x"), u.posToVal(event.clientY - edge.top, "y"));
    });
    return map;
  }

  /* Measured runs of the point's size and bits: [tokens, loss], before and after rounding. */
  function measured(set, point) {
    const same = (a, b) => Math.min(a, 16) === Math.min(b, 16);
    const near = (set.runs ?? []).filter((run) => Math.abs(Math.log(run.N / point.N)) < 0.05
      && set.parts.every((part) => same(run[part], point.bits[part])));
    const of = (post) => near.filter((run) => run.post === post).map((run) => [run.D, run.loss]);
    return { before: of(null), after: point.post === Infinity ? [] : of(point.post) };
  }

  function dots(u, host, pairs, filled) {
    const { ctx } = u;
    ctx.save();
    ctx.strokeStyle = colour(host, "--explorer-line");
    ctx.fillStyle = filled ? ctx.strokeStyle : colour(host, "--pst-color-background");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([]);
    for (const [x, y] of pairs) {
      const [px, py] = [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
      if (py < u.bbox.top || py > u.bbox.top + u.bbox.height) continue;
      ctx.beginPath();
      ctx.arc(px, py, 3.5 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  function drawData(host, set, point, other) {
    const curve = lossOverData(set, point);
    const runs = measured(set, point);
    const theirs = curve.tokens.map((D) => (
      other ? loss(other.set.pair, { ...other.point, D }).total : NaN));
    const here = loss(set.pair, point);
    const line = colour(host, "--explorer-line");
    const drawn = [...curve.before, ...curve.after, ...theirs,
      ...runs.before.map(([, y]) => y)].filter(Number.isFinite);
    const floor = Math.min(...drawn);
    const top = Math.min(Math.max(...drawn), here.total + 2.5 * Math.max(here.total - floor, 0.05));
    const rounded = point.post !== Infinity;
    plot(host, {
      scales: {
        x: { time: false, distr: 3 },
        y: { range: [floor - 0.08 * (top - floor), top + 0.05 * (top - floor)] },
      },
      series: [
        {},
        { stroke: line, width: 2, dash: rounded ? [6, 4] : [], points: { show: false } },
        { stroke: line, width: rounded ? 3 : 0, points: { show: false } },
        { width: 0, stroke: "transparent", points: { show: false } },
        { width: 0, stroke: "transparent", points: { show: false } },
        { stroke: colour(host, "--explorer-other"), width: 2.5, dash: [2, 5], points: { show: false } },
      ],
      bands: [{ series: [4, 3], fill: colour(host, "--explorer-band") }],
      axes: [
        axis(host, "training tokens D (log scale)", bySize),
        axis(host, "loss (nats per token)", { size: 60 }),
      ],
      hooks: {
        draw: [(self) => {
          const last = curve.tokens.length - 1;
          const end = (values, words, shift) => {
            const y = self.valToPos(values[last], "y", true);
            const x = self.bbox.left + self.bbox.width - 8 * devicePixelRatio;
            if (y > self.bbox.top) text(self, words, x, y + shift * devicePixelRatio, "right", host);
          };
          if (rounded) {
            end(curve.before, "before rounding", 12);
            end(curve.after, "after rounding", -14);
          }
          if (rounded && curve.critical.D < curve.tokens[last]) {
            upright(self, host, curve.critical.D, `lowest at ${show(curve.critical.D)}`);
          }
          dots(self, host, runs.before, false);
          dots(self, host, runs.after, true);
          mark(self, host, point.D, here.total, "your model");
        }],
      },
    }, [curve.tokens, missing(curve.before), missing(curve.after), curve.low, curve.high, missing(theirs)]);
    return { ...curve, runs, theirs };
  }

  return { drawMap, drawData, inBits };
})();
