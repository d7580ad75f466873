// F fills the screen with the message of Present, and gives it back; Escape is the browser's own way out of it.
// Listens from its first use until the page is closed, and does nothing where there is no message.
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "") || target.isContentEditable;

function pressed(event) {
  if (event.key.toLowerCase() !== "f" || event.repeat || typing(event.target)) return;
  if (event.ctrlKey || event.altKey || event.metaKey || !document.querySelector(".st-key-present-screen")) return;
  event.preventDefault();
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

export default function () {
  if (window.tierscopeFullScreen) return;
  window.tierscopeFullScreen = true;
  window.addEventListener("keydown", pressed);
}
