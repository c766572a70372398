// A form that begins something costly is sent once, however often its button is pressed.
const form = document.querySelector("form[data-once]");
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
// back from the next page: it may be sent again
addEventListener("pageshow", () => { delete form.dataset.sent; });
