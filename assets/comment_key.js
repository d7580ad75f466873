// A key puts the cursor into the comment; Enter and Escape take it out again, so that the other keys work.
export default function () {
  const field = () => document.querySelector('[class*="st-key-comment-"] input');
  const typing = (target) => target && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);
  const pressed = (event) => {
    if (event.target === field() && (event.key === "Enter" || event.key === "Escape")) {
      setTimeout(() => event.target.blur(), 0);
    } else if (event.key.toLowerCase() === "t" && !typing(event.target)
               && !(event.ctrlKey || event.altKey || event.metaKey) && field()) {
      event.preventDefault();
      field().focus();
    }
  };
  document.addEventListener("keydown", pressed, true);
  return () => document.removeEventListener("keydown", pressed, true);
}
