// Several plots of the same scans, drawn by plotly.js as one figure: what is selected in one is selected in all, here at
// once and then on the server. Few scans are points; many are counted into cells, and the server finds who lies in a box.
const GAP = 92, LEFT = 78, RIGHT = 14, TOP = 14, FOOT = 76, HEIGHT = 324, NARROW = 720;
const INK = "#1F2933", MUTED = "#52606D", GRID = "#E1E7EC";
const TOOLS = [["select", "Box"], ["lasso", "Lasso"], ["zoom", "Zoom"]];

const make = (parent, kind, css, text) => {
  const made = document.createElement(kind);
  if (css) made.className = css;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};
const combined = (mode, before, found) => {
  const inside = new Set(found);
  if (mode === "add") return [...new Set([...before, ...found])];
  if (mode === "keep") return before.filter((i) => inside.has(i));
  if (mode === "drop") return before.filter((i) => !inside.has(i));
  return [...inside];
};

// Traces and layout for plotly.
class Drawing {
  constructor(data, width) {
    Object.assign(this, { data, width, across: width < NARROW ? 1 : 2 });
    this.down = Math.ceil(data.panels.length / this.across);
    this.height = this.down * HEIGHT;
    this.wide = (width - LEFT - RIGHT - (this.across - 1) * GAP) / this.across;
  }
  axis(letter, i) { return i ? `${letter}${i + 1}` : letter; }
  domains(i) {
    const column = i % this.across, row = Math.floor(i / this.across), inner = this.width - LEFT - RIGHT;
    const { wide } = this, x = column * (wide + GAP);
    const high = this.height - TOP - FOOT, tall = (high - (this.down - 1) * (FOOT + TOP)) / this.down, y = row * (tall + FOOT + TOP);
    return { x: [x / inner, (x + wide) / inner], y: [1 - (y + tall) / high, 1 - y / high] };
  }
  layout() {
    const layout = {
      width: this.width, height: this.height, margin: { l: LEFT, r: RIGHT, t: TOP, b: FOOT }, showlegend: false, hovermode: "closest",
      font: { family: this.data.font, size: 14, color: INK }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "#FFFFFF", annotations: [],
      hoverlabel: { font: { family: this.data.font, size: 14 } }, uirevision: this.data.axes, selectionrevision: this.data.version,
      newselection: { line: { color: this.data.selected, width: 1.5, dash: "solid" } }, boxmode: "overlay",
    };
    this.data.panels.forEach((panel, i) => {
      const { x, y } = this.domains(i), shared = { gridcolor: GRID, linecolor: MUTED, ticks: "outside", zeroline: false, showline: true };
      const sites = panel.sites && { tickvals: panel.sites.map((_, s) => s), ticktext: panel.sites, range: [-0.6, panel.sites.length - 0.4], showgrid: false, tickangle: panel.sites.length > 6 ? (this.wide / panel.sites.length < 24 ? 90 : 40) : 0 };
      const title = (text) => ({ text, standoff: 6, font: { size: 14 } });
      layout[`xaxis${i ? i + 1 : ""}`] = { ...shared, ...sites, domain: x, anchor: this.axis("y", i), title: title(panel.sites && panel.sites.length > 6 ? "" : panel.along) };
      layout[`yaxis${i ? i + 1 : ""}`] = { ...shared, domain: y, anchor: this.axis("x", i), title: title(panel.up) };
      if (panel.words) layout.annotations.push({
        text: panel.words, xref: `${this.axis("x", i)} domain`, yref: `${this.axis("y", i)} domain`, x: 0.5, y: 0.5, showarrow: false, font: { color: MUTED, size: 15 },
      });
    });
    return layout;
  }
  traces() { return this.data.panels.flatMap((panel, i) => [...this.scans(panel, i), ...this.boxes(panel, i), this.open(panel, i)]); }
  on(i) { return { xaxis: this.axis("x", i), yaxis: this.axis("y", i), showlegend: false }; }
  scans(panel, i) {
    if (panel.cells) return this.density(panel, i);
    const { codes, colours, names, shapes } = this.data, last = colours.length;
    // tiers are told by their shapes too, by those who see no colours
    const symbol = codes && shapes.length ? [...atob(codes.bdata)].map((code) => shapes[code.charCodeAt(0)]) : "circle";
    const scale = colours.flatMap((colour, k) => [[k / last, colour], [(k + 1) / last, colour]]);
    // of sites whose names are cut below the axis the whole name stands where the mouse rests
    const whole = panel.cut && [...atob(panel.cut.at.bdata)].map((code) => panel.cut.sites[code.charCodeAt(0)]);
    return [{
      ...this.on(i), type: "scattergl", mode: "markers", role: "scans", x: panel.x, y: panel.y, text: names, customdata: whole,
      marker: { size: 7, opacity: 0.75, symbol, color: codes, colorscale: scale, cmin: -0.5, cmax: last - 0.5 },
      selected: { marker: { size: 8, opacity: 1 } }, unselected: { marker: { size: 5, opacity: 0.4 } },
      hovertemplate: `%{text}<br>${whole ? "%{customdata}<br>" : ""}${panel.hover}<extra></extra>`,
    }];
  }
  density(panel, i) {
    const { counts, chosen, x0, dx, y0, dy } = panel.cells, place = { ...this.on(i), type: "heatmap", x0, dx, y0, dy, showscale: false };
    const said = `%{customdata:,} scans<br>${panel.hover}<extra></extra>`;
    const layer = (cells, scale) => ({ ...place, z: cells.map((row) => row.map((n) => (n ? Math.log10(1 + n) : null))), customdata: cells, colorscale: scale, hovertemplate: said, zmin: 0, hoverongaps: false });
    const layers = [layer(counts, chosen ? [[0, "#F2F5F7"], [1, "#9FB3C8"]] : [[0, "#E4EBF1"], [1, "#102A43"]])];
    if (chosen) layers.push(layer(chosen, [[0, "#F7C6CF"], [1, this.data.selected]]));
    // boxes and lassos are drawn over something that can be selected
    return [...layers, { ...this.on(i), type: "scatter", mode: "markers", x: [x0], y: [y0], marker: { opacity: 0 }, hoverinfo: "skip" }];
  }
  boxes(panel, i) {
    if (!panel.boxes) return [];
    const { at, low, q1, median, q3, high } = panel.boxes;
    return [{
      ...this.on(i), type: "box", x: at, lowerfence: low, q1, median, q3, upperfence: high, width: 0.7, hoverinfo: "skip",
      line: { color: MUTED, width: 1 }, fillcolor: "rgba(0,0,0,0)",
    }];
  }
  open(panel, i) {
    const at = panel.open ?? [null, null];
    return {
      ...this.on(i), type: "scatter", mode: "markers", x: [at[0]], y: [at[1]], cliponaxis: false, hoverinfo: "skip",
      marker: { symbol: "triangle-up", size: 15, color: this.data.open, line: { width: 1.5, color: INK } }, selected: { marker: { opacity: 1 } }, unselected: { marker: { opacity: 1 } },
    };
  }
}

class Plots {
  constructor(root, send, { modes, mode }) {
    Object.assign(this, { root, send, chosen: [], tool: "select", mode, drawn: null, width: 0 });
    this.bar = make(root, "div", "bar");
    this.buttons(TOOLS, "tool", "Select or zoom");
    this.buttons(modes, "mode", "What a box, a lasso, a click or a search does");
    const selected = make(this.bar, "div", "selected");
    this.count = make(selected, "span", "count");
    this.count.setAttribute("role", "status");
    this.clear = make(selected, "button", "clear", "Clear");
    this.clear.type = "button";
    this.clear.disabled = true; // until it is known that something is selected
    this.clear.onclick = () => this.report([]);
    this.legend = make(this.bar, "div", "legend");
    this.plot = make(root, "div", "plot");
    this.plot.setAttribute("role", "img");
    new ResizeObserver(() => this.data && root.clientWidth !== this.width && this.draw()).observe(root);
  }
  buttons(choices, name, label) {
    const group = make(this.bar, "div", "group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    for (const [value, text] of choices) {
      const button = make(group, "button", "", text);
      button.type = "button";
      button.dataset[name] = value;
      button.setAttribute("aria-pressed", String(this[name] === value));
      button.onclick = () => {
        this[name] = value;
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
        if (name === "mode") this.root.hold("mode", value); // the search on the page obeys it too
        else if (this.drawn) window.Plotly.relayout(this.plot, { dragmode: value });
      };
    }
  }

  take(data) {
    const shown = this.chosen.join() === data.chosen.join();
    this.data = data;
    this.chosen = data.chosen;
    this.plot.setAttribute("aria-label", data.alt);
    this.legend.replaceChildren();
    for (const [colour, words, shape] of data.legend) {
      const entry = make(this.legend, "span"), mark = make(entry, "i", shape ? "shape" : "", shape);
      mark.style[shape ? "color" : "background"] = colour;
      mark.setAttribute("aria-hidden", "true"); // its words stand beside it
      entry.append(words);
    }
    // what is shown already is not painted again: plotly loses a click that comes meanwhile
    if (this.drawn !== data.version || this.width !== this.root.clientWidth) this.draw();
    else if (shown) this.say();
    else this.paint();
  }
  draw() {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => plotly(this.data.script).then((p) => this.drawAll(p), () => {
      this.plot.textContent = "The plots' script could not be fetched from the server. Load the page again.";
    }));
  }
  async drawAll(Plotly) {
    this.width = this.root.clientWidth;
    if (!this.width || !this.root.isConnected) return;
    const drawing = new Drawing(this.data, this.width), fresh = this.drawn === null, traces = drawing.traces();
    this.of_scans = traces.flatMap((trace, i) => (trace.role === "scans" ? [i] : []));
    for (const i of this.of_scans) traces[i].selectedpoints = this.marks();
    await Plotly.react(this.plot, traces, { ...drawing.layout(), dragmode: this.tool }, { displayModeBar: false, responsive: false, doubleClick: "reset" });
    this.drawn = this.data.version;
    if (fresh) this.listen();
    this.say();
  }
  listen() {
    this.plot.on("plotly_selected", (event) => event && this.selected(event));
    this.plot.on("plotly_click", (event) => this.clicked(event));
    this.plot.on("plotly_doubleclick", () => this.tool !== "zoom" && this.report([]));
  }
  marks() { return this.chosen.length ? this.chosen : null; }
  // Through all plots, whichever it was selected in; the outline goes, it belongs to one of them only.
  paint() {
    if (this.of_scans?.length) window.Plotly.update(this.plot, { selectedpoints: this.of_scans.map(() => this.marks()) }, { selections: [] }, this.of_scans);
    this.say();
  }
  say() {
    const many = this.data.names ? this.chosen.length : this.data.many;
    this.count.textContent = `${many.toLocaleString("en")} of ${this.data.all.toLocaleString("en")} selected`;
    this.clear.disabled = !many;
    Object.assign(this.root.dataset, { chosen: many, drawn: this.drawn });
  }
  // Plotly also tells of selections that were made here by program: those have no shape.
  selected(event) {
    const shape = event.range ?? event.lassoPoints;
    if (!shape) return;
    if (this.data.names) {
      const found = event.points.filter((p) => p.data.role === "scans").map((p) => p.pointIndex);
      this.report(combined(this.mode, this.chosen, found));
      return;
    }
    const [x, y] = ["x", "y"].map((letter) => Object.keys(shape).find((name) => name.startsWith(letter)));
    this.send("selected", { version: this.data.version, panel: Number(x.slice(1) || 1) - 1, kind: event.range ? "box" : "lasso", x: shape[x], y: shape[y], mode: this.mode });
  }
  clicked(event) {
    const points = (event?.points ?? []).filter((p) => p.data.role === "scans");
    if (points.length) this.report(combined(this.mode, this.chosen, [points[0].pointIndex]));
  }
  report(chosen) {
    if (this.data.names) {
      this.chosen = chosen;
      this.paint();
    }
    this.send("selected", { version: this.data.version, kind: "scans", chosen });
  }
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const root = parentElement.querySelector(".linked");
  root.plots ??= new Plots(root, (...what) => root.send(...what), data);
  Object.assign(root, { send: setTriggerValue, hold: setStateValue });
  root.plots.take(data);
}
