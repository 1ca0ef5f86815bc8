/* What scrolls sideways can be reached by keyboard, and then scrolled. A tab's program counts when it is shown. */
document.addEventListener("DOMContentLoaded", () => {
  const seen = new ResizeObserver(entries => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const part of document.querySelectorAll("article pre, article .table-wrapper")) seen.observe(part);
});
