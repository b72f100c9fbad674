// Draws each of `diagrams` and leaves all as JSON in the page: PNG in base64, and the width to show it at.
// Labels are SVG text, not HTML: a canvas with HTML in it gives no picture away.
(async () => {
  mermaid.initialize({
    startOnLoad: false,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    state: { htmlLabels: false },
    class: { htmlLabels: false },
    theme: "default",
    // A label hides the line that it stands on.
    themeCSS: ".edgeLabel rect.background { opacity: 1 !important; fill: white !important; }",
    fontFamily: "sans-serif",
  });
  const drawn = [];
  for (const [i, text] of diagrams.entries()) {
    try {
      const { svg } = await mermaid.render(`diagram-${i}`, text);
      const holder = document.createElement("div");
      holder.innerHTML = svg;
      const element = holder.querySelector("svg");
      const [, , width, height] = element.getAttribute("viewBox").split(/\s+/).map(Number);
      element.setAttribute("width", width * 2);
      element.setAttribute("height", height * 2);
      element.style.maxWidth = "none";
      const image = new Image();
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(element))}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = Math.ceil(width * 2);
      canvas.height = Math.ceil(height * 2);
      const context = canvas.getContext("2d");
      // Dark pages of a reader would swallow dark lines.
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0);
      drawn.push({ width: Math.ceil(width), png: canvas.toDataURL("image/png").split(",")[1] });
    } catch (error) {
      drawn.push({ error: String(error?.message ?? error) });
    }
  }
  const out = document.createElement("pre");
  out.id = "drawn";
  out.textContent = JSON.stringify(drawn);
  document.body.replaceChildren(out);
})();
