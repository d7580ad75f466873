// A contact sheet: one button a scan. Texts are set as texts, never as markup; pictures load when they come near.
const element = (kind, css, text) => {
  const made = document.createElement(kind);
  if (css) made.className = css;
  if (text !== undefined) made.textContent = text;
  return made;
};

function tile(scan, root, open) {
  const button = element("button");
  button.type = "button";
  button.title = scan.title;
  button.dataset.scan = scan.id;
  button.style.setProperty("--tier", scan.colour);
  button.style.setProperty("--ink", scan.ink);
  if (scan.current) button.setAttribute("aria-current", "true");
  const none = () => element("span", "none", scan.why);
  if (scan.picture) {
    const image = element("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = "";
    image.onerror = () => image.replaceWith(none());
    image.src = root + scan.picture;
    button.append(image);
  } else button.append(none());
  const line = element("span", "line"), id = element("span", "id");
  id.append(element("bdi", "", scan.id));
  line.append(id);
  if (scan.more) line.append(element("span", "more", scan.more));
  line.append(element("span", "score", scan.score), element("span", "tier", scan.tier));
  button.append(line);
  button.onclick = () => open(scan.id);
  return button;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const sheet = parentElement.querySelector(".sheet");
  const now = JSON.stringify(data);
  if (sheet.dataset.now === now) return;
  sheet.dataset.now = now;
  sheet.classList.toggle("bare", data.bare);
  const root = new URL(data.root, document.baseURI).href;
  sheet.replaceChildren(...data.scans.map((scan) => tile(scan, root, (id) => setTriggerValue("opened", id))));
}
