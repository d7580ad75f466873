// A flow diagram drawn by plotly.js; a click on a flow tells which one it was. plotly() comes from plotly.js beside.
const calm = (text) => text.replaceAll("<", "&lt;");

async function draw(plot, data) {
  const Plotly = await plotly(data.script);
  const { nodes, links } = data, width = plot.clientWidth;
  if (!width || !plot.isConnected) return;
  await Plotly.react(plot, [{
    type: "sankey", orientation: "h", arrangement: "fixed", valueformat: ",d", valuesuffix: " scans",
    node: { label: nodes.map((node) => calm(node.label)), color: nodes.map((node) => node.colour),
      x: nodes.map((node) => node.x), y: nodes.map((node) => node.y), pad: 18, thickness: 18, line: { width: 0 },
      hovertemplate: "%{label}: %{value}<extra></extra>" },
    link: { source: links.map((link) => link.from), target: links.map((link) => link.to), value: links.map((link) => link.scans),
      color: links.map((link) => link.colour), hovertemplate: "%{source.label} → %{target.label}: %{value}<extra></extra>" },
  }], { width, height: data.height, margin: { l: 8, r: 8, t: 8, b: 8 }, font: { family: data.font, size: 15, color: "#1F2933" },
    paper_bgcolor: "rgba(0,0,0,0)" }, { displayModeBar: false });
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_click", ({ points: [point] }) => {
    if (point.source !== undefined) plot.send({ from: point.source.index ?? point.source.pointNumber, to: point.target.index ?? point.target.pointNumber });
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const plot = parentElement.querySelector(".flows");
  plot.send = (flow) => setTriggerValue("chosen", flow);
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", data.alt);
  plot.style.minHeight = `${data.height}px`;
  const now = JSON.stringify(data);
  plot.observer ??= new ResizeObserver(() => plot.data_ && plot.clientWidth !== plot.drawnAt && (plot.drawnAt = plot.clientWidth, draw(plot, plot.data_)));
  plot.observer.observe(plot);
  if (plot.now === now) return;
  [plot.now, plot.data_, plot.drawnAt] = [now, data, plot.clientWidth];
  draw(plot, data).catch(() => { plot.textContent = "The plot's script could not be fetched from the server; the table beside it says the same."; });
}
