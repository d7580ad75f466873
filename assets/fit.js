// Makes the letters of a message on Present as much smaller as it needs to stand on the screen whole.
// Watches from its first use until the page is closed, and does nothing where there is no message.
const LEAST = 0.4, STEP = 0.04;

function over(main, screen) {
  if (main.scrollHeight > main.clientHeight + 1) return true;
  return [...screen.querySelectorAll(".ts-scroll")].some((table) => table.scrollWidth > table.clientWidth + 1);
}

function fit() {
  const screen = document.querySelector(".st-key-present-screen"), main = screen?.closest("[data-testid=stMain]");
  if (!main) return;
  const look = document.documentElement.style;
  let size = 1;
  look.setProperty("--ts-fit", size);
  while (over(main, screen) && size > LEAST) look.setProperty("--ts-fit", (size -= STEP).toFixed(2));
}

export default function () {
  if (window.tierscopeFits) return fit();
  window.tierscopeFits = true;
  new MutationObserver(fit).observe(document.body, { childList: true, subtree: true, characterData: true });
  window.addEventListener("resize", fit);
  document.addEventListener("fullscreenchange", fit);
  document.fonts?.addEventListener("loadingdone", fit);
  fit();
}
