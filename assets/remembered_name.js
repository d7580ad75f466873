// Who works here is typed once a tab: a reload makes a new session of the server, which knows no name. The tab keeps it,
// not the address and not the disk beyond the tab; a new session is told once, and a name that was emptied is forgotten.
const NAME = "tierscope-person";
const kept = (change) => { try { return change(window.sessionStorage); } catch { return null; } };

export default function ({ data, setTriggerValue }) {
  const told = window.tierscopeNameTold;
  window.tierscopeNameTold = true;
  if (data.name) kept((store) => store.setItem(NAME, data.name));
  else if (told) kept((store) => store.removeItem(NAME));
  else {
    const name = kept((store) => store.getItem(NAME));
    if (name) setTriggerValue("name", name);
  }
}
