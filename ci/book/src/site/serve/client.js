// Reloads this page when the site has been built again, and shows why it could not be. Only while the page is
// visible: a browser allows few connections to one server, and a reader has many tabs.
let stream, banner;
function show(error) {
  banner?.remove();
  banner = undefined;
  if (!error) return;
  banner = document.createElement("div");
  banner.id = "book-error";
  banner.setAttribute("role", "alert");
  banner.style.cssText = "position:fixed;inset:auto 0 0 0;z-index:9999;max-height:50vh;overflow:auto;padding:1rem 1.5rem;" +
    "background:#3b0d0c;color:#fff;font:14px/1.5 ui-monospace,monospace;border-top:4px solid #e5534b";
  const close = document.createElement("button");
  close.textContent = "Hide";
  close.style.cssText = "float:right;font:inherit;color:#000;background:#fff;border:0;border-radius:4px;padding:.2rem .6rem;cursor:pointer";
  close.onclick = () => show();
  const text = document.createElement("pre");
  text.style.cssText = "margin:.5rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;background:none;color:inherit";
  text.textContent = error;
  banner.append(close, "This page is not the newest: the book could not be built.", text);
  document.body.append(banner);
}
function connect() {
  if (stream || document.hidden) return;
  stream = new EventSource(events);
  stream.onmessage = (message) => {
    const now = JSON.parse(message.data);
    if (now.version === version) show(now.error);
    else { stream.close(); location.reload(); }
  };
}
function disconnect() {
  stream?.close();
  stream = undefined;
}
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
addEventListener("pagehide", disconnect);
addEventListener("pageshow", connect);
connect();
