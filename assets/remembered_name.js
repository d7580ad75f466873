// Who works here is typed once a tab: a reload makes a new session of the server, which knows no name. The tab keeps it,
// not the address and not the disk beyond the tab; a new session is told until it knows it, and a name that it knew and
// knows no more was emptied, and is forgotten.
const NAME = "tierscope-person";
const TELLINGS = 3;
const kept = (change) => { try { return change(window.sessionStorage); } catch { return null; } };

export default function ({ data, setTriggerValue }) {
  if (window.tierscopePerson?.session !== data.session) window.tierscopePerson = { session: data.session, known: false, told: 0 };
  const tab = window.tierscopePerson;
  if (data.name) {
    tab.known = true;
    kept((store) => store.setItem(NAME, data.name));
  } else if (tab.known) {
    tab.known = false;
    kept((store) => store.removeItem(NAME));
  } else {
    const name = kept((store) => store.getItem(NAME));
    if (name && tab.told < TELLINGS) {
      tab.told += 1;
      setTriggerValue("name", name);
    }
  }
}
