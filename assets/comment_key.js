// A key puts the cursor into the comment; Enter and Escape take it out again, so that the other keys work.
// Listens from its first use until the page is closed: between two runs streamlit takes components away.
const field = () => document.querySelector('[class*="st-key-comment-"] input');
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;

function pressed(event) {
  const comment = field();
  if (!comment) return;
  if (event.target === comment && (event.key === "Enter" || event.key === "Escape")) {
    comment.blur();
  } else if (event.key.toLowerCase() === "t" && !typing(event.target)
             && !(event.ctrlKey || event.altKey || event.metaKey)) {
    event.preventDefault();
    comment.focus();
  }
}

export default function () {
  if (window.tierscopeCommentKey) return;
  window.tierscopeCommentKey = true;
  document.addEventListener("keydown", pressed);
}
