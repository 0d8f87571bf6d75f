function show(list: HTMLElement, comment: { author: string; text: string }, total: number[]) {
  // ruleid: javascript-html-from-text
  list.innerHTML += `<li>${comment.author}: ${comment.text}</li>`;
  // ruleid: javascript-html-from-text
  list.insertAdjacentHTML("beforeend", "<li>" + comment.text + "</li>");
  // ok: javascript-html-from-text
  list.innerHTML = `<li>${escapeHtml(comment.text)}</li>`;
  // ok: javascript-html-from-text
  list.innerHTML = `<b>${total.length}</b>`;
  // ok: javascript-html-from-text
  list.textContent = `<li>${comment.text}</li>`;
  // ok: javascript-html-from-text
  list.innerHTML = "<li>none</li>";
}
