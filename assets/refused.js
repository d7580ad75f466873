// A server that was started anew asks for its key again, and refuses a tab that was open before. Streamlit then speaks of
// HTTP and CORS; this says what to do. Its own words are hidden, not changed: they are streamlit's.
// Watches from its first use until the page is closed: without a server no component is drawn any more.
const SAID = "Tierscope was started anew since this page was opened, and wants its address with the key once more. Ask "
  + "whoever runs Tierscope for that address, and open it in another tab of this browser: this page, and all others of this "
  + "browser, then go on by themselves. Do not close or reload this page. What was saved is safe.";
const BEGUN = " What you entered and did not save yet is kept on it."; // as the bar of connection.js says
const WHERE = " (For whoever runs it: Tierscope printed the address, which ends in ?key=…, when it was started. A key that was set "
  + "by TIERSCOPE_KEY is not printed; put that one there.)";
const REFUSED = "HTTP status: 403";

function tell() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    const words = [...dialog.querySelectorAll("div, p")].filter((one) => one.textContent.includes(REFUSED)).pop();
    if (!words || words.style.display === "none") continue;
    words.style.display = "none";
    const said = SAID + (document.querySelector(".st-key-rating") ? BEGUN : "") + WHERE;
    words.insertAdjacentElement("afterend", Object.assign(document.createElement("p"), { textContent: said }));
  }
}

export default function () {
  if (window.tierscopeRefused) return;
  window.tierscopeRefused = new MutationObserver(tell);
  window.tierscopeRefused.observe(document.body, { subtree: true, childList: true, characterData: true });
}
