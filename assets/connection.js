// Without a server: says so at once, and what is kept; streamlit says it late, and asks about the internet. Its own words
// are hidden, not changed, but those of a refusal, which refused.js speaks of.
// When the server is back the page runs anew as a whole: streamlit itself takes up parts alone, which a server that was
// started anew does not know, and every button of them would be dead.
// Watches from its first use until the page is closed: without a server no component is drawn any more.
const SAID = "Tierscope does not answer at the moment. What was saved is safe. Do not close or reload this page: it goes on "
  + "by itself, within a minute after Tierscope is back. If it "
  + "then asks for an address, ask whoever runs Tierscope for it.";
const BEGUN = " What you entered and did not save yet is kept on it.";
const AFTER_MS = 1000, REFUSED = "HTTP status: 403", OURS = "Connection error";
const LOOK = "position: fixed; inset: 0 0 auto; z-index: 1000003; padding: .7rem 1rem; background: #7a2e0e; color: #fff; "
  + "font: 600 1rem/1.35 'Source Sans', sans-serif; text-align: center;";
const connected = () => document.querySelector("[data-test-connection-state]")?.dataset.testConnectionState === "CONNECTED";

function tell() {
  const kept = window.tierscopeConnection;
  const dialogs = [...document.querySelectorAll("[role=dialog]")], refused = dialogs.some((one) => one.textContent.includes(REFUSED));
  for (const one of dialogs.filter((each) => each.textContent.includes(OURS))) {
    (one.closest("[data-testid=stDialog]") ?? one).style.display = refused ? "" : "none"; // the same one, whatever it says
  }
  if (refused) return kept.bar.remove();
  if (kept.bar.isConnected || performance.now() - kept.since < AFTER_MS) return;
  kept.bar.textContent = SAID + (document.querySelector(".st-key-rating") ? BEGUN : "");
  document.body.append(kept.bar);
}

function follow() {
  const kept = window.tierscopeConnection, here = connected();
  if (here === kept.here) return;
  kept.here = here;
  if (here) {
    clearInterval(kept.telling);
    kept.dialogs.disconnect();
    kept.bar.remove();
    kept.send("again", Date.now());
  } else {
    kept.since = performance.now();
    kept.telling = setInterval(tell, AFTER_MS / 4);
    kept.dialogs.observe(document.body, { subtree: true, childList: true, characterData: true });
  }
}

export default function ({ setTriggerValue }) {
  if (window.tierscopeConnection) return void (window.tierscopeConnection.send = setTriggerValue);
  const bar = Object.assign(document.createElement("div"), { className: "ts-away", role: "alert" });
  bar.style.cssText = LOOK;
  window.tierscopeConnection = { send: setTriggerValue, here: true, bar, dialogs: new MutationObserver(tell) };
  new MutationObserver(follow).observe(document.body, { subtree: true, attributeFilter: ["data-test-connection-state"] });
}
