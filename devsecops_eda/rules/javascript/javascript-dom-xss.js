const params = new URLSearchParams(location.search);
// ruleid: javascript-dom-xss
document.getElementById("name").innerHTML = params.get("name");
// ruleid: javascript-dom-xss
document.write("<p>" + location.hash + "</p>");
window.addEventListener("message", (event) => {
  // ruleid: javascript-dom-xss
  document.body.insertAdjacentHTML("beforeend", event.data);
});
// ok: javascript-dom-xss
document.getElementById("name").textContent = params.get("name");
// ok: javascript-dom-xss
document.getElementById("name").innerHTML = DOMPurify.sanitize(params.get("name"));
// ok: javascript-dom-xss
document.getElementById("name").innerHTML = "<b>none</b>";
