// What is entered for a scan and not saved yet is kept by the browser's tab, too: the server holds it in its memory, and one
// that was started anew knows nothing of it and is told, until it knows. What a session of the server knew and knows no
// more was saved or taken away, and is forgotten. Of each form what was entered last is kept, and given back at its place alone.
const KEPT = "tierscope-entered-", TELLINGS = 3;
const kept = (change) => { try { return change(window.sessionStorage); } catch { return null; } };

export default function ({ data, setTriggerValue }) {
  const tabs = (window.tierscopeEntered ??= {}), { form, place, session, entered } = data, name = KEPT + form;
  if (tabs[form]?.session !== session || tabs[form].place !== place) tabs[form] = { session, place, known: false, told: 0 };
  const tab = tabs[form];
  if (Object.keys(entered).length) {
    tab.known = true;
    kept((store) => store.setItem(name, JSON.stringify({ place, entered })));
  } else if (tab.known) {
    tab.known = false;
    kept((store) => store.removeItem(name));
  } else {
    const before = kept((store) => JSON.parse(store.getItem(name)));
    if (before?.place === place && tab.told < TELLINGS) {
      tab.told += 1;
      setTriggerValue("entered", before);
    }
  }
}
