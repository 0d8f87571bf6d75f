// The basket in the customer's browser.
const params = new URLSearchParams(location.search);

function greet() {
  document.getElementById("customer").innerHTML = params.get("customer");
}

function total(articles) {
  return articles.reduce((sum, article) => sum + article.price, 0);
}

greet();
