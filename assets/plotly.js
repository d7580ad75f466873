// Put before the scripts that draw with plotly: the one plotly.js of this tab, fetched from our own server when needed.
function plotly(address) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.tierscopePlotly ??= new Promise((ready, failed) => {
    const script = document.createElement("script");
    script.onload = () => ready(window.Plotly);
    script.onerror = () => { window.tierscopePlotly = undefined; script.remove(); failed(new Error("plotly.js did not come")); };
    script.src = new URL(address, document.baseURI).href;
    document.head.append(script);
  });
  return window.tierscopePlotly;
}
