// Filters the source images by name, and orders them by the estimate of a method.
const controls = document.querySelector(".explorer-controls");
const list = document.querySelector(".explorer");
const items = [...list.children];
const search = document.getElementById("image-name");
const order = document.getElementById("image-order");
const count = document.getElementById("image-count");

const valueOf = (item) => JSON.parse(item.dataset.values)[order.value] ?? -Infinity;

function show() {
  const sorted = order.value ? [...items].sort((a, b) => valueOf(b) - valueOf(a)) : items;
  list.append(...sorted);
  const wanted = search.value.toLowerCase();
  for (const item of items) item.hidden = !item.dataset.name.toLowerCase().includes(wanted);
  count.textContent = `${items.filter((item) => !item.hidden).length} of ${items.length} shown`;
}

controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("input", show);
controls.hidden = false;
show();
