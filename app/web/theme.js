// The colours that were chosen, light or dark, are put on before anything is drawn. A classic script, so that it runs first.
(function () {
  try {
    var chosen = JSON.parse(localStorage.getItem("ganymede.theme"));
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // no storage: the system's colours
  }
})();
