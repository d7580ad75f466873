// Reads plotly.js while nothing else is to be done, so that the first plots stand sooner. The loader stands before this.
export default function ({ data }) {
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 1000));
  idle(() => plotly(data.script).catch(() => {})); // who draws tries again, and says what is wrong
}
