/* Ctrl + Enter runs the query; a field for each question mark comes and goes while one
   writes. Without this the server asks for the values. */
const sql = document.getElementById("query-sql");
const values = document.getElementById("query-values");
const field = document.getElementById("query-value");

/* Near enough to what PostgreSQL's scanner sees; the server counts for itself. */
const places = (text) => {
  const bare = text.replace(
    /\/\*[\s\S]*?\*\/|--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g,
    " ",
  );
  return (bare.match(/\?|%s\b/g) || []).length;
};

const show = () => {
  const wanted = Math.min(places(sql.value), 100);
  const there = values.querySelectorAll("input");
  for (let number = there.length; number < wanted; number += 1) {
    const made = field.content.cloneNode(true).firstElementChild;
    made.setAttribute("aria-label", `${made.dataset.label} ${number + 1}`);
    values.append(made);
  }
  for (let number = there.length; number > wanted; number -= 1) {
    there[number - 1].remove();
  }
  values.hidden = wanted === 0;
};

if (sql) {
  sql.addEventListener("input", show);
  show();
  sql.form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      sql.form.requestSubmit();
    }
  });
}
