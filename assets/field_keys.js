// Keys put the cursor into a field of the page; Enter and Escape take it out again, so that the other keys work.
// Listens from its first use until the page is closed: between two runs streamlit takes components away.
const FIELDS = { t: "st-key-comment-", g: "st-key-new-tag-" };
const field = (key) => document.querySelector(`[class*="${FIELDS[key]}"] input`);
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;

function pressed(event) {
  const key = event.key.toLowerCase();
  if (event.key === "Enter" || event.key === "Escape") {
    const own = Object.keys(FIELDS).map(field).find((one) => one && one === event.target);
    (own ?? event.target.closest?.(".st-key-rater-name input"))?.blur();
  } else if (key in FIELDS && field(key) && !typing(event.target)
             && !(event.ctrlKey || event.altKey || event.metaKey)) {
    event.preventDefault();
    field(key).focus();
  }
}

export default function () {
  if (window.tierscopeFieldKeys) return;
  window.tierscopeFieldKeys = true;
  document.addEventListener("keydown", pressed);
}
