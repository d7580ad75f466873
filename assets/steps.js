// Every press of Previous and Next counts, by key and by mouse: while the page still draws, streamlit makes one of
// two presses of a button. What is sent is how far one went since the window was opened; the server moves by the rest.
// A report that is lost, because another one made the page run at the same moment, is sent again until the server has
// heard of it; what it has heard comes back with each run, and hearing it twice moves nobody.
// A tab that slept can come back to a new session of the server, which has heard of nothing: it counts from there on.
// Listens from its first use until the window is closed: between two runs streamlit takes components away.
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "") || target.isContentEditable;
const AGAIN_MS = 1500;
const shown = (name) => document.querySelector(`.st-key-${name} button`);

function report(kept) {
  clearTimeout(kept.again);
  if (kept.heard === kept.far || !kept.steps.some(({ name }) => shown(name))) return;
  kept.send("moved", { since: kept.since, far: kept.far });
  kept.again = setTimeout(() => report(kept), AGAIN_MS);
}

function go(kept, event, by) {
  event.preventDefault();
  event.stopImmediatePropagation(); // streamlit's own button would go one further
  if (event.repeat) return;
  kept.far += by;
  report(kept);
}

function pressed(event) {
  const kept = window.tierscopeSteps;
  const step = kept.steps.find(({ key }) => key.toLowerCase() === event.key?.toLowerCase());
  if (!step || !shown(step.name) || typing(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
  go(kept, event, step.by);
}

function clicked(event) {
  const kept = window.tierscopeSteps;
  const step = kept.steps.find(({ name }) => event.target.closest?.(`.st-key-${name} button`));
  if (step) go(kept, event, step.by);
}

const begun = (session) => ({ session, since: `${performance.timeOrigin} ${Math.random()}`, far: 0, heard: 0 });

export default function ({ data, setTriggerValue }) {
  if (!window.tierscopeSteps) {
    window.tierscopeSteps = begun(data.session);
    window.addEventListener("keydown", pressed, true);
    window.addEventListener("click", clicked, true);
  } else if (window.tierscopeSteps.session !== data.session) Object.assign(window.tierscopeSteps, begun(data.session));
  const kept = Object.assign(window.tierscopeSteps, { steps: data.steps, send: setTriggerValue });
  kept.heard = data.heard?.since === kept.since ? data.heard.far : 0;
  if (kept.heard === kept.far) clearTimeout(kept.again);
}
