/* Buttons that copy what another element shows: data-copy names its id. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const shown = document.getElementById(button.dataset.copy);
  const range = document.createRange();
  range.selectNodeContents(shown);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  // Without a secure context there is no clipboard: then it is selected, at least.
  if (!navigator.clipboard) return;
  await navigator.clipboard.writeText(shown.textContent.trim());
  button.textContent = button.dataset.copied;
});
