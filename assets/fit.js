// Makes the letters of a message on Present as much smaller as it needs to stand on the screen whole, or those below
// its title as much larger as the screen has room for. Watches from its first use until the page is closed, and does
// nothing where there is no message.
const LEAST = 0.4, STEP = 0.04;
// Words alone, and words that stand beside a plot: below it (on a narrow screen) they would take its room.
const MOST = 1.5, BESIDE = 1.25, NARROW = 1000;

function over(main, screen) {
  if (main.scrollHeight > main.clientHeight + 1) return true;
  return [...screen.querySelectorAll(".ts-scroll")].some((table) => table.scrollWidth > table.clientWidth + 1);
}

// How many lines its tables have: larger letters shall not break those of a cell.
function lines(screen) {
  return [...screen.querySelectorAll("table")].reduce((all, one) => all + one.offsetHeight / parseFloat(getComputedStyle(one).fontSize), 0);
}

function fit() {
  const screen = document.querySelector(".st-key-present-screen"), main = screen?.closest("[data-testid=stMain]");
  if (!main) return;
  const look = document.documentElement.style;
  let size = 1, grown = 1;
  look.setProperty("--ts-fit", size);
  look.setProperty("--ts-grown", grown);
  while (over(main, screen) && size > LEAST) look.setProperty("--ts-fit", (size -= STEP).toFixed(2));
  if (size < 1) return;
  const before = lines(screen) + 0.5;
  const most = !screen.querySelector(".st-key-present-plot") ? MOST : window.innerWidth > NARROW ? BESIDE : 1;
  while (grown < most) {
    look.setProperty("--ts-grown", (grown += STEP).toFixed(2));
    if (over(main, screen) || lines(screen) > before) return look.setProperty("--ts-grown", (grown - STEP).toFixed(2));
  }
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
