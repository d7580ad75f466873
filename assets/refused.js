// A server that was started anew asks for its key again, and refuses a tab that was open before. Streamlit then speaks of
// HTTP and CORS; this says what to do. Its own words are hidden, not changed: they are streamlit's.
// Watches from its first use until the page is closed: without a server no component is drawn any more.
const SAID = "Tierscope was started anew since this page was opened, and asks for its key again. Open the address that "
  + "Tierscope printed when it was started; it ends in ?key=… (where TIERSCOPE_KEY is set, in that key). "
  + "This tab, and all others of this browser, then go on.";
const REFUSED = "HTTP status: 403";

function tell() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    const words = [...dialog.querySelectorAll("div, p")].filter((one) => one.textContent.includes(REFUSED)).pop();
    if (!words || words.style.display === "none") continue;
    words.style.display = "none";
    words.insertAdjacentElement("afterend", Object.assign(document.createElement("p"), { textContent: SAID }));
  }
}

export default function () {
  if (window.tierscopeRefused) return;
  window.tierscopeRefused = new MutationObserver(tell);
  window.tierscopeRefused.observe(document.body, { subtree: true, childList: true, characterData: true });
}
