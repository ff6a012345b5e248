// Adds a button beside everything that is worth copying. Without script, or
// without access to the clipboard, the text can still be selected.

const restore = 2000; // milliseconds after which the button offers again

function span(text, className) {
  const s = document.createElement("span");
  s.textContent = text;
  s.className = className;
  return s;
}

// A live region says what happened; the button's own text changes with it.
function addButton(code, status) {
  const button = document.createElement("button");
  const word = span("Copy", "");
  button.type = "button";
  button.className = "copy";
  button.append(word, span(" " + code.dataset.copy, "hidden"));
  let timer = 0;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      word.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      word.textContent = "Selected";
    }
    status.textContent = word.textContent + " " + code.dataset.copy;
    clearTimeout(timer);
    timer = setTimeout(() => { word.textContent = "Copy"; status.textContent = ""; }, restore);
  });
  code.after(button);
}

const all = document.querySelectorAll("[data-copy]");
if (all.length > 0) {
  const status = span("", "hidden");
  status.setAttribute("role", "status");
  document.querySelector("main").append(status);
  for (const code of all) addButton(code, status);
}
