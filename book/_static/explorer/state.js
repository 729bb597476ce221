/* Numbers as people write them, and the state of the explorer in the page's address. */
"use strict";

const PrecisionState = (() => {
  const SUFFIXES = { k: 1e3, M: 1e6, B: 1e9, G: 1e9, T: 1e12 };
  const UNITS = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]];
  const MOST_DRAWS = 200; // replicates of a reader's own fit that a link carries
  const KEYS = {
    N: "N", D: "D", C: "budget", w: "weights", a: "activations", kv: "kv", post: "post",
  };
  const DEFAULTS = {
    set: "ours", beside: "", widths: "model", rule: "all", map: "weights", N: 98064, D: 2.9e6, weights: 32, activations: 32, kv: 32,
    post: 3, rounded: true, budget: 1.7e12,
  };

  /* "98k", "1.4e6", "26 B" or "98,064" as a number; NaN for anything else. */
  function parse(text) {
    const match = /^\s*([\d,]*\.?\d+(?:e[+-]?\d+)?)\s*([kMBGT]?)\s*$/i.exec(text);
    if (!match) return NaN;
    const suffix = match[2] && (SUFFIXES[match[2]] ?? SUFFIXES[match[2].toUpperCase()] ?? 1e3);
    return Number(match[1].replaceAll(",", "")) * (suffix || 1);
  }

  /* A number for a field: short, and exactly the number when read again. */
  function write(value) {
    if (value >= 1e15 || value < 1e-3) return value.toExponential().replace("e+", "e");
    for (const [suffix, unit] of UNITS) {
      const short = `${Number((value / unit).toPrecision(6))}${suffix}`;
      if (value >= unit && short.length <= 6 && parse(short) === value) return short;
    }
    return String(value);
  }

  /* A number for reading: three digits and a unit. */
  function show(value, digits = 3) {
    if (!Number.isFinite(value)) return "–";
    if (value >= 1e15 || value < 1e-3) return value.toExponential(digits - 1).replace("e+", "e");
    for (const [suffix, unit] of UNITS) {
      const rounded = Number((value / unit).toPrecision(digits));
      if (rounded >= 1) return `${rounded}${suffix}`;
    }
    return String(Number(value.toPrecision(digits)));
  }

  const toBase64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const fromBase64 = (text) => new TextDecoder().decode(Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)));

  /* Replicates as 32-bit numbers, one row a parameter; enough of them for an interval. */
  function pack({ params, replicates }) {
    const names = Object.keys(params).filter((name) => replicates[name]);
    if (!names.length) return "";
    const rows = names.map((name) => replicates[name].slice(0, MOST_DRAWS));
    const bytes = new Uint8Array(Float32Array.from(rows.flat()).buffer);
    return `${names.join(",")};${btoa(Array.from(bytes, (c) => String.fromCharCode(c)).join(""))}`;
  }

  function unpack(text) {
    if (!text) return {};
    const [names, draws] = text.split(";");
    const bytes = Uint8Array.from(atob(draws), (c) => c.charCodeAt(0));
    const numbers = Array.from(new Float32Array(bytes.buffer));
    const list = names.split(",");
    const count = numbers.length / list.length;
    return Object.fromEntries(list.map((name, i) => [name, numbers.slice(i * count, (i + 1) * count)]));
  }

  /* The state as the part of the address behind #; own fits with their replicates. */
  function encode(state, ownFits) {
    const query = new URLSearchParams({ set: state.set, map: state.map, widths: state.widths, rule: state.rule });
    if (state.beside) query.set("beside", state.beside);
    for (const [key, name] of Object.entries(KEYS)) query.set(key, state[name]);
    if (!state.rounded) query.set("post", "off");
    if ([state.set, state.beside].includes("own")) {
      const lean = ownFits.map((fit) => ({
        law: fit.law, params: fit.params, ranges: fit.ranges, n: fit.n, draws: pack(fit),
        scatter: fit.scatter, scale: fit.scale, floor: fit.floor, misfits: fit.misfits,
        ties: fit.ties.map((tie) => (tie.fit ? { law: tie.law, params: tie.fit.params, draws: pack(tie.fit) } : tie)),
      }));
      query.set("fits", toBase64(JSON.stringify(lean)));
    }
    return query.toString();
  }

  /* The state of an address, and the JSON texts of own fits; what is amiss is left out. */
  function decode(fragment) {
    const query = new URLSearchParams(fragment.replace(/^#/, ""));
    const state = { ...DEFAULTS };
    for (const name of ["set", "beside", "widths", "rule", "map"]) if (query.has(name)) state[name] = query.get(name);
    for (const [key, name] of Object.entries(KEYS)) {
      const value = Number(query.get(key));
      if (query.has(key) && Number.isFinite(value) && value > 0) state[name] = value;
    }
    if (query.get("post") === "off") state.rounded = false;
    let fits = [];
    try {
      if (query.has("fits")) {
        const whole = ({ draws, ...fit }) => ({ ...fit, replicates: unpack(draws) });
        fits = JSON.parse(fromBase64(query.get("fits"))).map(({ ties = [], ...fit }) => (
          JSON.stringify({ ...whole(fit), ties: ties.map((tie) => (tie.params ? whole(tie) : tie)) })));
      }
    } catch {
      fits = ["unreadable"];
    }
    return { state, fits };
  }

  return { DEFAULTS, parse, write, show, encode, decode };
})();
