// A finger leaves nothing behind: what streamlit tells of a button while a mouse is on it would stay after a tap, because
// the button keeps the focus. It goes with the tap; what stands behind a question mark is opened by one and closed by the next.
// Watches from its first use until the page is closed.
const TIP = "[data-testid=stTooltipHoverTarget]", DOES = "[data-testid^=stBaseButton]";  // else it is a question mark
let before = null;

function leave(tip) {
  if (tip?.contains(document.activeElement)) document.activeElement.blur();
}

function pressed({ pointerType, target }) {
  before = null;
  if (pointerType !== "touch") return;
  const now = target.closest?.(TIP), had = document.activeElement?.closest?.(TIP);
  before = { now, open: Boolean(now && now === had) };
  if (had && had !== now) leave(had);
}

function tapped({ target }) {
  const { now, open } = before ?? {};
  before = null;
  if (now?.contains(target) && (open || target.closest(DOES))) setTimeout(leave, 0, now);
}

export default function () {
  if (window.tierscopeTouched) return;
  window.tierscopeTouched = true;
  document.addEventListener("pointerdown", pressed, true);
  document.addEventListener("click", tapped, true);
}
