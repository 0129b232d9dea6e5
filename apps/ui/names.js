// What gradio leaves without a name gets one that a screen reader can say, and every page has its own title.
(() => {
  const file = (address) => decodeURIComponent(address).split("/").pop().split(".")[0].replaceAll("-", " ");
  const name = () => {
    for (const button of document.querySelectorAll(".gallery-item:not([aria-label])")) {
      const media = button.querySelector("img, video");
      if (media && media.src) button.setAttribute("aria-label", `Example: ${file(media.src)}`);
    }
    for (const box of document.querySelectorAll(".empty[aria-label]:not([role])")) box.setAttribute("role", "img");
    // What is written from right to left is shown so, paragraph by paragraph.
    for (const box of document.querySelectorAll(".sq-text textarea:not([dir=auto])")) box.dir = "auto";
    const heading = document.querySelector(".sq-head h1")?.textContent;
    const title = heading === "seqcore" ? heading : `${heading} · seqcore`;
    if (heading && document.title !== title) document.title = title;
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; name(); });
  }).observe(document, { childList: true, subtree: true });
})();
