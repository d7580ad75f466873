// Who works here is typed once a tab: a reload makes a new session of the server, which knows no name. The tab keeps it,
// not the address and not the disk beyond the tab; a new session is told until it knows it, and a name that it knew and
// knows no more was emptied, and is forgotten. With the name the tab keeps when something was done in it last: after a
// long pause somebody else may hold the tablet, and is asked.
const NAME = "tierscope-person", AT = "tierscope-last-act";
const TELLINGS = 3;
const kept = (change) => { try { return change(window.sessionStorage); } catch { return null; } };
const idle = () => (Date.now() - Number(kept((store) => store.getItem(AT)) ?? Date.now())) / 1000;

export default function ({ data, setTriggerValue }) {
  if (window.tierscopePerson?.session !== data.session) {
    window.tierscopePerson = { session: data.session, known: false, told: 0, idle_s: idle() };
  }
  const tab = window.tierscopePerson;
  kept((store) => store.setItem(AT, Date.now()));
  if (data.name) {
    tab.known = true;
    kept((store) => store.setItem(NAME, data.name));
  } else if (tab.known || data.doubted) {
    tab.known = false;
    tab.told = TELLINGS;                         // heard, and answered by whoever is here now
    kept((store) => store.removeItem(NAME));
  } else {
    const name = kept((store) => store.getItem(NAME)) ?? "";
    if ((name || tab.idle_s > data.pause_s) && tab.told < TELLINGS) {
      tab.told += 1;
      setTriggerValue("name", { name, idle_s: tab.idle_s });
    }
  }
}
