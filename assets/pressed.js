// A chosen button looks so by its colour; this tells it to those who hear a page.
// Watches from its first use until the page is closed: between two runs streamlit takes components away.
const CHOICES = '.st-key-rating :is([class*="st-key-level-"], [class*="st-key-sure-"], [class*="st-key-artefact-"]) button';

function tell() {
  for (const button of document.querySelectorAll(CHOICES)) {
    const pressed = String(button.dataset.testid === "stBaseButton-primary");
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
}

export default function () {
  tell();
  if (window.tierscopePressed) return;
  window.tierscopePressed = new MutationObserver(tell);
  window.tierscopePressed.observe(document.body, { subtree: true, childList: true, attributeFilter: ["data-testid"] });
}
