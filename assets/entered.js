// What is entered for a scan and not saved yet is kept by the browser's tab, too: what holds it on the server is gone with
// the server. A holder that knows nothing of what the tab has kept at its place is told, until it has heard; before that,
// whatever is entered meanwhile replaces nothing. What a holder knew and knows no more was saved or taken away, and is
// forgotten. Of each form what was entered last is kept, and given back at its place alone. The server learns of a comment
// when its field is left: until then the tab alone knows what is typed, letter by letter, and keeps it, also over a reload.
const KEPT = "tierscope-entered-", TELLINGS = 3;
const kept = (change) => { try { return change(window.sessionStorage); } catch { return null; } };
const read = (form) => kept((store) => JSON.parse(store.getItem(KEPT + form)));
const write = (form, one) => kept((store) => store.setItem(KEPT + form, JSON.stringify(one)));
const textAt = (entered, path) => path.reduce((part, name) => part?.[name], entered) ?? "";
const withText = (entered, [name, ...rest], text) =>
  ({ ...entered, [name]: rest.length ? withText(entered?.[name], rest, text) : text });

function typing({ target }) {
  for (const [form, tab] of Object.entries(window.tierscopeEntered)) {
    if (!target.closest?.(`[class*="st-key-comment-${form}-"]`)) continue;
    tab.typed = target.value;
    const { place, holder, path } = tab, now = read(form), one = now?.place === place ? now : { place, holder, entered: {} };
    write(form, { ...one, typed: true, entered: withText(one.entered, path, tab.typed) });
  }
}

function tabOf({ form, place, holder, path }) {
  if (!window.tierscopeEntered) document.addEventListener("input", typing, true);
  const tabs = (window.tierscopeEntered ??= {}), at = JSON.stringify([holder, place, path]);
  if (tabs[form]?.at !== at) tabs[form] = { at, holder, place, path, told: 0, reloaded: !tabs[form] };
  return tabs[form];
}

export default function ({ data, setTriggerValue }) {
  const { form, place, holder, heard, path } = data, tab = tabOf(data), before = read(form);
  if (textAt(data.entered, path) === tab.typed) delete tab.typed;
  const entered = tab.typed === undefined ? data.entered : withText(data.entered, path, tab.typed);
  const here = before?.place === place, known = [holder, heard].includes(before?.holder), left = tab.reloaded && before?.typed;
  tab.reloaded = false;
  if (here && (!known || left) && tab.told < TELLINGS) {
    tab.told += 1;
    setTriggerValue("entered", before);
  } else if (Object.keys(entered).length) {
    write(form, { place, holder, typed: tab.typed !== undefined, entered });
  } else if (here && known) {
    kept((store) => store.removeItem(KEPT + form));
  }
}
