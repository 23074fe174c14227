// Only comfort: everything can be read and reached without it.
(() => {
  "use strict";

  const copied = (text, button) => navigator.clipboard.writeText(text).then(
    () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); },
    () => { button.remove(); });

  const addCopier = (place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copier";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${place.textContent}`);
    button.addEventListener("click", () => copied(place.textContent, button));
    place.after(button);
  };

  // The parts of a page that are folded are printed, too, in browsers whose style cannot say so.
  const folded = [];
  const unfold = () => document.querySelectorAll("details:not([open])").forEach((one) => { folded.push(one); one.open = true; });
  const fold = () => folded.splice(0).forEach((one) => { one.open = false; });

  const addFinder = (filter) => {
    const finder = document.createElement("input");
    finder.type = "search";
    finder.className = "finder";
    finder.placeholder = "Find in the table";
    finder.setAttribute("aria-label", "Find in the table");
    const rows = [...document.querySelectorAll(".runs tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
    finder.addEventListener("input", () => {
      const wanted = finder.value.trim().toLowerCase();
      rows.forEach(([row, text]) => { row.hidden = !text.includes(wanted); });
    });
    filter.append(finder);
  };

  if (navigator.clipboard) document.querySelectorAll(".command, .fixes .place.copy").forEach(addCopier);
  document.querySelectorAll(".filter").forEach(addFinder);
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);
})();
