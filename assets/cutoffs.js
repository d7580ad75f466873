// Cards, a histogram and a row a site drawn by plotly.js, and over them the cut-offs as lines that mouse, finger
// and keys move. While a line moves everything is counted here, from fine bins. Texts are set as texts, never as markup.
const SVG = "http://www.w3.org/2000/svg", FINGER = 22, PAUSE_MS = 250, AGAIN_MS = 3000, TELLINGS = 4;
const TOP = 48, GAP = 12, BOTTOM = 54, RIGHT = 16, ROWS = 280, OVERLAP = 0.92, BETWEEN = 4;
const INK = "#1F2933", MUTED = "#52606D", GRID = "#E1E7EC", MARKED = "#56B4E9", FIXED = "#C3CCD4";

const add = (parent, kind, attributes = {}) => {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
};
const tell = (parent, kind, css, text) => {
  const made = document.createElement(kind);
  made.className = css;
  made.textContent = text;
  parent.append(made);
  return made;
};
const sum = (values) => values.reduce((all, one) => all + one, 0);
// Whole per cent that add up to 100, as curation.wording.percentages gives them.
const percentages = (counts) => {
  const all = sum(counts), shares = counts.map((count) => (all ? Math.floor((100 * count) / all) : 0));
  const rest = (t) => (100 * counts[t]) % all;
  const order = counts.map((_, t) => t).sort((a, b) => rest(b) - rest(a) || counts[a] - counts[b]);
  if (all) for (const t of order.slice(0, 100 - sum(shares))) shares[t] += 1;
  return shares;
};
// Middles of boxes that stand in a row, as near as they can to where each should be: none over another, none beyond the width.
const beside = (wanted, wide, width) => {
  const steps = [0], pools = [], mean = (pool) => sum(pool) / pool.length;
  wide.slice(1).forEach((w, i) => steps.push(steps[i] + (wide[i] + w) / 2 + BETWEEN));
  wanted.forEach((x, i) => {
    pools.push([x - steps[i]]);
    while (pools.length > 1 && mean(pools.at(-2)) > mean(pools.at(-1))) pools.push([...pools.splice(-2)].flat());
  });
  const least = wide[0] / 2, most = width - wide.at(-1) / 2 - steps.at(-1);
  return pools.flatMap((pool) => pool.map(() => mean(pool))).map((x, i) => Math.max(Math.min(x, most), least) + steps[i]);
};
const many = (n) => Math.round(n).toLocaleString("en");

// Where the lines stand and what that does; knows nothing of the screen.
class Cuts {
  take(data, keep) {
    if (!keep || this.at.length !== data.cutoffs.length || this.data.column !== data.column || this.data.site !== data.site) this.at = [...data.cutoffs];
    this.data = data;
  }
  said(value) { return value.toFixed(this.data.digits); }
  limits(i) {
    const { low, high, step } = this.data;
    return [i > 0 ? this.at[i - 1] + step : low, i + 1 < this.at.length ? this.at[i + 1] - step : high];
  }
  // Lines cannot cross: each stays a step away from its neighbours.
  move(i, wanted) {
    const { low, step } = this.data, [least, most] = this.limits(i);
    const snapped = low + Math.round((wanted - low) / step) * step;
    const value = Number(Math.min(Math.max(snapped, least), most).toPrecision(12));
    const moved = value !== this.at[i];
    this.at[i] = value;
    return moved;
  }
  of(row) { return row.follows ? this.at : row.cutoffs; }
  band(cuts, value) { return cuts.filter((cut) => cut <= value).length; }
  // Scans of each band in each group of bins: exact, because cut-offs that are dragged lie on the bins' edges.
  split(bins, cuts, group) {
    const { low, step, names } = this.data, width = Math.ceil(bins.length / group);
    const found = names.map(() => new Array(width).fill(0));
    bins.forEach((n, k) => { if (n) found[this.band(cuts, low + (k + 0.5) * step)][Math.floor(k / group)] += n; });
    return found;
  }
  histogram() { return this.split(this.data.bins, this.at, this.data.group); }
  counts() { return this.histogram().map((bars, t) => sum(bars) + this.data.cards[t].fixed); }
  moved() { return this.at.some((cut, i) => cut !== this.data.cutoffs[i]); }
}

// Traces and layout for plotly.
class Drawing {
  constructor(cuts) { this.cuts = cuts; }
  get rows() { return this.cuts.data.rows; }
  get plot() { return this.rows.length > 4 ? 180 : 240; }
  get pitch() { return Math.min(Math.max(ROWS / Math.max(this.rows.length, 1), 15), 28); }
  get height() { return TOP + this.plot + (this.rows.length ? GAP + (this.rows.length + OVERLAP - 0.88) * this.pitch : 0) + BOTTOM; }
  get left() {
    const longest = Math.max(0, ...this.rows.map((row) => this.label(row).length));
    return Math.max(66, Math.min(8 * longest + 18, 190));
  }
  label(row) { return `${row.name.length > 15 ? `${row.name.slice(0, 14)}…` : row.name} · ${many(row.scans)}`; }
  traces() {
    return [...this.bars(), ...this.rows.map((row, r) => this.ridge(row, this.rows.length - 1 - r)), ...this.mark()];
  }
  bars() {
    const { low, step, group, names, colours, fixed } = this.cuts.data, { cuts } = this, bands = cuts.histogram();
    const x = bands[0].map((_, k) => low + (k + 0.5) * group * step);
    const range = x.map((at) => `${cuts.said(at - (group * step) / 2)} to ${cuts.said(at + (group * step) / 2)}`);
    const bar = (name, y, color) => ({
      type: "bar", x, y, width: group * step * 0.94, marker: { color }, customdata: range, text: names.length ? [name] : [],
      textposition: "none", hovertemplate: `%{customdata}: %{y:,} scans<extra>${name.replaceAll("<", "&lt;")}</extra>`,
    });
    const free = bands.map((y, t) => bar(names[t], y, colours[t]));
    return fixed.some((n) => n) ? [...free, bar("not by this cut-off", cuts.split(fixed, [], group)[0], FIXED)] : free;
  }
  // One site: its own distribution, coloured as it is cut, its height its own.
  ridge(row, base) {
    const { low, high, step, colours, group } = this.cuts.data, heights = row.points;
    const tall = OVERLAP / Math.max(...heights, 1), x = [low], y = [base];
    heights.forEach((n, k) => { x.push(low + (k + 0.5) * group * step); y.push(base + n * tall); });
    const edges = this.cuts.of(row).map((cut) => Math.min(Math.max((cut - low) / (high - low), 0), 1));
    const stops = [0, ...edges, 1], colorscale = colours.flatMap((c, t) => [[stops[t], c], [stops[t + 1], c]]);
    return {
      type: "scatter", mode: "lines", x: [...x, high], y: [...y, base], yaxis: "y2", fill: "toself",
      fillgradient: { type: "horizontal", start: low, stop: high, colorscale },
      line: { color: "#FFFFFF", width: 1.2 }, hoverinfo: "skip",
    };
  }
  mark() {
    const { marked } = this.cuts.data;
    if (!marked) return [];
    return [{
      type: "scatter", mode: "markers", x: [marked.at], y: [0], cliponaxis: false, hoverinfo: "text", text: [marked.name],
      marker: { symbol: "triangle-up", size: 16, color: MARKED, line: { width: 1.5, color: INK } },
    }];
  }
  layout(width) {
    const { data } = this.cuts, { rows } = this, inner = this.height - TOP - BOTTOM, foot = 1 - this.plot / inner;
    const plain = { fixedrange: true, zeroline: false, ticks: "outside", tickcolor: MUTED };
    return {
      width, height: this.height, margin: { l: this.left, r: RIGHT, t: TOP, b: BOTTOM, pad: 0 },
      barmode: "stack", bargap: 0, showlegend: false, dragmode: false, hovermode: "closest",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "#FFFFFF", font: { family: data.font, size: 14, color: INK },
      xaxis: { ...plain, range: [data.low, data.high], tickvals: data.ticks, gridcolor: GRID, linecolor: MUTED,
        title: { text: data.title, standoff: 8, font: { size: 15 } }, anchor: rows.length ? "y2" : "y" },
      yaxis: { ...plain, rangemode: "tozero", tickformat: ",d", nticks: 5, gridcolor: GRID, linecolor: MUTED,
        dtick: data.highest < 5 ? 1 : undefined, range: [0, data.highest * 1.04], domain: [Math.max(foot, 0), 1],
        title: { text: data.up, standoff: 6, font: { size: 15 } } },
      yaxis2: { ...plain, visible: rows.length > 0, showgrid: false, ticks: "", range: [-0.12, rows.length - 1 + OVERLAP],
        domain: [0, Math.max(foot - GAP / inner, 0.001)], tickvals: rows.map((_, r) => rows.length - 1 - r),
        ticktext: rows.map((row) => this.label(row).replaceAll("<", "&lt;")) },
    };
  }
}

// Bars and rows as the line stands while it moves, over those of plotly, which takes ten times a frame to draw anew.
// Only colours change then: what lies beneath is covered.
class Moving {
  constructor(svg, before, drawing, layout) {
    Object.assign(this, { drawing, layout, group: add(svg, "g", { class: "moving", "aria-hidden": "true" }) });
    svg.insertBefore(this.group, before);
    this.bars = drawing.bars().map((bar) => bar.x.map(() => add(this.group, "rect", { fill: bar.marker.color })));
    this.shades = drawing.rows.map((row, r) => this.ridge(row, drawing.rows.length - 1 - r));
    for (const { x, y } of drawing.mark()) this.mark(this.x(x[0]), this.y(y[0]));
  }
  x(value) { return this.layout.xaxis._offset + this.layout.xaxis.d2p(value); }
  y(value, axis = "yaxis") { return this.layout[axis]._offset + this.layout[axis].d2p(value); }
  ridge(row, base) {
    const { x, y } = this.drawing.ridge(row, base), { low, high } = this.drawing.cuts.data, id = `moving-${base}`;
    const points = x.map((at, k) => `${this.x(at)},${this.y(y[k], "yaxis2")}`).join(" ");
    const shade = add(this.group, "linearGradient", { id, gradientUnits: "userSpaceOnUse", x1: this.x(low), x2: this.x(high) });
    add(this.group, "polygon", { points, fill: `url(#${id})`, stroke: "#FFFFFF", "stroke-width": 1.2 });
    return shade;
  }
  mark(x, y) {
    add(this.group, "path", { d: `M${x - 9.2},${y + 4.6}H${x + 9.2}L${x},${y - 9.2}Z`, fill: MARKED, stroke: INK, "stroke-width": 1.5 });
  }
  draw() {
    const tops = [];
    this.drawing.bars().forEach((bar, t) => bar.y.forEach((n, k) => {
      const half = bar.width / 2, foot = tops[k] ?? 0, rect = this.bars[t][k];
      tops[k] = foot + n;
      const place = { x: this.x(bar.x[k] - half), width: this.x(bar.x[k] + half) - this.x(bar.x[k] - half), y: this.y(tops[k]) };
      for (const [name, to] of Object.entries({ ...place, height: this.y(foot) - place.y })) rect.setAttribute(name, to);
    }));
    this.drawing.rows.forEach((row, r) => {
      const stops = this.drawing.ridge(row, 0).fillgradient.colorscale;
      while (this.shades[r].childElementCount < stops.length) add(this.shades[r], "stop");
      stops.forEach(([offset, colour], s) => {
        this.shades[r].children[s].setAttribute("offset", offset);
        this.shades[r].children[s].setAttribute("stop-color", colour);
      });
    });
  }
  remove() { this.group.remove(); }
}

class Panel {
  constructor(root, send) {
    Object.assign(this, { root, send, cuts: new Cuts(), held: null, waiting: null, sent: null, again: 0, session: null, lines: [], pills: [], asked: 0, width: 0, moving: null });
    this.drawing = new Drawing(this.cuts);
    this.cards = tell(root, "div", "ts-cards", "");
    this.stage = tell(root, "div", "stage", "");
    this.plot = tell(this.stage, "div", "plot", "");
    this.plot.setAttribute("role", "img");
    this.svg = add(this.stage, "svg", { role: "group" });
    [this.back, this.front] = [add(this.svg, "g", { "aria-hidden": "true" }), add(this.svg, "g")];
    new ResizeObserver(() => this.cuts.data && this.stage.clientWidth !== this.width && this.draw()).observe(this.stage);
  }

  // What the server says holds, unless a line is being moved here or the server has not heard of its move yet.
  take(data) {
    if (this.session !== data.session) { // of another session of the server nothing was sent yet
      this.session = data.session;
      if (this.waiting === null) this.sent = null;
    }
    if (data.heard === this.sent) clearTimeout(this.again);
    this.cuts.take(data, this.held !== null || this.waiting !== null || (this.sent !== null && data.heard !== this.sent));
    this.plot.setAttribute("aria-label", data.alt);
    this.svg.setAttribute("aria-label", "Cut-offs");
    this.stage.style.minHeight = `${this.drawing.height}px`;
    if (this.lines.length !== this.cuts.at.length) this.makeLines();
    this.draw();
  }
  draw() {
    this.drawCards();
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => plotly(this.cuts.data.script).then((p) => this.drawPlot(p), () => this.sayNone()));
  }
  // A line has moved by hand: all is drawn in the next frame, and by plotly once the server has heard of it.
  follow() {
    if (!this.axis) return this.draw();
    this.drawCards();
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => {
      this.moving ??= new Moving(this.svg, this.back, this.drawing, this.plot._fullLayout);
      this.moving.draw();
      this.drawLines();
    });
  }
  async drawPlot(Plotly) {
    this.width = this.stage.clientWidth;
    if (!this.width || !this.root.isConnected) return;
    await Plotly.react(this.plot, this.drawing.traces(), this.drawing.layout(this.width), { displayModeBar: false, responsive: false });
    this.axis = this.plot._fullLayout.xaxis;
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("height", this.drawing.height);
    this.moving?.remove();
    this.moving = null;
    this.drawLines();
  }
  drawLines() {
    this.placePills();
    this.drawTiers();
    this.lines.forEach((line, i) => this.placeLine(line, i));
    this.root.dataset.drawn = this.cuts.at.join(" ");
  }
  sayNone() {
    this.plot.textContent = "The plot's script could not be fetched from the server. Load the page again; the sliders below move the cut-offs as well.";
  }
  x(value) { return this.axis._offset + this.axis.d2p(value); }
  at(event) { return this.axis.p2d(event.clientX - this.svg.getBoundingClientRect().left - this.axis._offset); }

  // Counts: the server's, or those of the fine bins while a line is away from where the server knows it.
  drawCards() {
    const { cards, few } = this.cuts.data, moved = this.cuts.moved(), live = moved ? this.cuts.counts() : [];
    const counts = cards.map((card, t) => live[t] ?? card.count), shares = percentages(counts), all = sum(counts);
    this.root.dataset.counted = moved ? "here" : "server";
    const order = cards.map((_, t) => t).sort((a, b) => cards[a].place - cards[b].place);
    this.cards.replaceChildren();
    for (const t of order) {
      const { title, range, colour, ink } = cards[t], made = tell(this.cards, "div", "ts-card", "");
      made.style.setProperty("--ts-tier", colour);
      const line = tell(made, "div", "count", "");
      tell(line, "span", "ts-chip", title).style.cssText = `background:${colour};color:${ink}`;
      tell(line, "b", "", many(counts[t]));
      const share = all && all < few ? `of ${many(all)} scans` : `${shares[t]} % of scans`;
      tell(made, "small", "", moved || !range ? share : `${share} · ${range}`);
    }
  }
  drawTiers() {
    const { low, high, names, colours } = this.cuts.data, edges = [low, ...this.cuts.at, high];
    this.back.replaceChildren();
    names.forEach((name, t) => {
      const [from, to] = [this.x(edges[t]), this.x(edges[t + 1])], wide = to - from;
      if (wide < 3) return;
      add(this.back, "rect", { x: from + 1, y: TOP - 9, width: Math.max(wide - 2, 1), height: 6, rx: 2, fill: colours[t] });
      const [left, right] = [this.pills[t - 1]?.to ?? from, this.pills[t]?.from ?? to], free = Math.min(right, to) - Math.max(left, from);
      if (free > 9 * name.length + 8) {
        const x = (Math.max(left, from) + Math.min(right, to)) / 2;
        add(this.back, "text", { class: "tier", x, y: TOP - 17, "text-anchor": "middle" }).textContent = name;
      }
    });
  }
  // Where the value of each line stands: over it, or beside that of a line close by.
  placePills() {
    const { at } = this.cuts, wide = at.map((cut) => Math.max(52, 9 * this.cuts.said(cut).length + 16));
    const middles = at.length ? beside(at.map((cut) => this.x(cut)), wide, this.width) : [];
    this.pills = middles.map((middle, i) => ({ middle, from: middle - wide[i] / 2, to: middle + wide[i] / 2 }));
  }

  makeLines() {
    this.front.replaceChildren();
    this.lines = this.cuts.at.map((_, i) => {
      const line = add(this.front, "g", { class: "line", role: "slider", tabindex: 0, "aria-orientation": "horizontal" });
      add(line, "polyline", { class: "stroke" });
      add(line, "rect", { class: "reach" });
      add(line, "rect", { class: "pill", height: 24, rx: 12 });
      add(line, "text", { class: "value", "text-anchor": "middle" });
      this.listen(line, i);
      this.nameLine(line, i);
      return line;
    });
  }
  listen(line, i) {
    // else the browser takes the finger for scrolling: Chromium does not heed touch-action inside this drawing
    line.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    line.onpointerdown = (event) => {
      if (!this.axis) return;
      event.preventDefault();
      line.focus({ preventScroll: true });
      line.setPointerCapture(event.pointerId);
      this.held = { i, from: this.cuts.at[i], offset: this.at(event) - this.cuts.at[i] };
    };
    line.onpointermove = (event) => { if (this.held?.i === i && this.cuts.move(i, this.at(event) - this.held.offset)) this.follow(); };
    line.onpointerup = line.onpointercancel = () => {
      if (this.held?.i !== i) return;
      const moved = this.held.from !== this.cuts.at[i];
      this.held = null;
      if (moved) this.report(0);
      else this.draw();
    };
    line.onkeydown = (event) => {
      const { step, big } = this.cuts.data, [least, most] = this.cuts.limits(i), one = event.shiftKey ? big : step;
      const wanted = { ArrowLeft: -one, ArrowDown: -one, ArrowRight: one, ArrowUp: one, PageDown: -big, PageUp: big }[event.key];
      const to = event.key === "Home" ? least : event.key === "End" ? most : wanted && this.cuts.at[i] + wanted;
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      if (!this.cuts.move(i, to)) return;
      this.follow();
      this.report(PAUSE_MS);
    };
  }
  report(pause) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.sent = `${performance.now()}`;
      this.tell({ id: this.sent, column: this.cuts.data.column, site: this.cuts.data.site, cutoffs: [...this.cuts.at] }, TELLINGS);
    }, pause);
  }
  // A report can be lost, to a session that does not know the plot yet: it is told again until it was heard; a server
  // that never hears it says what holds.
  tell(moved, times) {
    clearTimeout(this.again);
    if (this.sent !== moved.id || this.cuts.data.heard === moved.id) return;
    if (!times) {
      this.sent = null;
      return this.take(this.cuts.data);
    }
    this.send(moved);
    this.again = setTimeout(() => this.tell(moved, times - 1), AGAIN_MS);
  }
  placeLine(line, i) {
    const said = this.cuts.said(this.cuts.at[i]), [left, x, right] = [i - 1, i, i + 1].map((k) => this.x(this.cuts.at[k]));
    const [stroke, reach, pill, value] = line.children, { middle, from, to } = this.pills[i], y = 4, foot = this.drawing.height - BOTTOM;
    const place = (part, values) => { for (const [name, to] of Object.entries(values)) part.setAttribute(name, to); };
    // between two lines each reaches half of the way
    const reached = [(x - left) / 2, (right - x) / 2].map((half) => (half < FINGER ? half : FINGER));
    place(stroke, { points: `${middle},${y + 12} ${middle},${y + 26} ${x},${TOP - 9} ${x},${foot}` });
    place(reach, { x: x - reached[0], y: y + 24, width: reached[0] + reached[1], height: foot - y - 24 });
    place(pill, { x: from, y, width: to - from });
    place(value, { x: middle, y: y + 17 });
    value.textContent = said;
    this.nameLine(line, i);
  }
  // For those who hear a page; also while the plot is still being drawn.
  nameLine(line, i) {
    const { names } = this.cuts.data, said = this.cuts.said(this.cuts.at[i]);
    const [least, most] = this.cuts.limits(i), counts = this.cuts.counts(), held = {
      "aria-label": `Cut-off between ${names[i]} and ${names[i + 1]}`, "aria-valuemin": least, "aria-valuemax": most,
      "aria-valuenow": this.cuts.at[i],
      "aria-valuetext": `${said}: ${names.map((name, t) => `${name} ${many(counts[t])}`).join(", ")} scans`,
    };
    for (const [name, to] of Object.entries(held)) line.setAttribute(name, to);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cutoffs");
  root.panel ??= new Panel(root, (moved) => root.send(moved));
  root.send = (moved) => setTriggerValue("moved", moved);
  root.panel.take(data);
}
