// What a page of the book does by itself: its theme, its search, and widgets that move without a kernel. The scripts of
// the widgets stand above, in `bookViews`; their numbers come packed, as tools/views.py writes them.

// ---------------------------------------------------------------- widgets

/** What a widget's script takes for its kernel. A guess is answered here, since nobody else is there. */
class BookModel {
  constructor(state) {
    this.state = state;
    this.listeners = new Map();
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    this.state[name] = value;
  }
  save_changes() {}
  on(event, listener) {
    this.listeners.set(event, [...(this.listeners.get(event) || []), listener]);
  }
  off(event, listener) {
    this.listeners.set(event, (this.listeners.get(event) || []).filter((each) => each !== listener));
  }
  emit(event, ...content) {
    for (const listener of this.listeners.get(event) || []) listener(...content);
  }
  send({ value, why }) {
    const said = value === null ? "" : guessInWords(value, this.state.spec);
    const next = "Now read on: your guess will stand beside what was measured.";
    setTimeout(() => {
      this.set("state", { value, why: why.trim(), words: said, revealed: false, next });
      this.emit("msg:custom", { kind: "taken" });
      this.emit("change:state");
    });
  }
  reveal() {
    if (this.state.state.value === null) return;
    this.set("state", { ...this.state.state, revealed: true });
    this.emit("change:state");
  }
}

/** @param {string | number | number[]} value @param {object} spec as predictions.py has it @returns {string} */
function guessInWords(value, spec) {
  if (spec.kind === "choices") return value;
  if (spec.kind === "number") return `${shortNumber(value, 3)} ${spec.unit}`.trim();
  return `a curve from ${shortNumber(value[0], 2)} to ${shortNumber(value[value.length - 1], 2)}`;
}

/** @param {number} value @param {number} digits @returns {string} with powers as 10^{-3} */
function shortNumber(value, digits) {
  const [factor, power] = Number(value.toPrecision(digits)).toString().split("e");
  const raised = power && `10^{${Number(power)}}`;
  return (raised ? (factor === "1" ? raised : `${factor}×${raised}`) : factor).replaceAll("-", "\u2212");
}

/** @param {string} packed what `pack` in tools/views.py returned @returns {Promise<object>} the widget's traits */
async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const whole = new Uint8Array(await new Response(stream).arrayBuffer());
  const end = whole.indexOf(10); // of the line of JSON
  const head = JSON.parse(new TextDecoder().decode(whole.subarray(0, end)));
  let start = end + 1;
  for (const [path, length] of head.bytes) {
    let block = whole.slice(start, start + length);
    start += length;
    const last = path[path.length - 1];
    if (last === "numbers") block = interleaved(block);
    const place = path.slice(0, -1).reduce((inner, name) => inner[name], head.state);
    place[last] = new DataView(block.buffer);
  }
  return head.state;
}

/** @param {Uint8Array} planes all first bytes, all second ones, ... @returns {Uint8Array} float32, one after the other */
function interleaved(planes) {
  const count = planes.length / 4;
  const result = new Uint8Array(planes.length);
  for (let i = 0; i < count; i++) for (let k = 0; k < 4; k++) result[4 * i + k] = planes[k * count + i];
  return result;
}

async function enliven(view) {
  const model = new BookModel(await unpacked(view.querySelector("script").textContent));
  bookViews[view.dataset.kind].render({ model, el: view });
  view.dataset.live = "";
  if (view.dataset.kind === "predict") besideMeasured(view, model);
}

/** The guess stands beside what was measured, and stays as it is once that is seen. */
function besideMeasured(view, model) {
  const line = document.querySelector(`.your-guess[data-guess="${view.id}"]`);
  if (!line) return;
  const cover = line.closest("details");
  model.on("change:state", () => {
    const words = view.querySelector(".predict-done strong");
    line.hidden = !words;
    line.replaceChildren("Your guess: ", ...(words ? [words.cloneNode(true)] : []), ".");
    if (cover?.open && !model.get("state").revealed) model.reveal();
  });
  cover?.addEventListener("toggle", () => cover.open && model.reveal());
}

async function enlivenAll() {
  for (const view of document.querySelectorAll(".view")) {
    try {
      await enliven(view);
    } catch (error) {
      console.error(error); // its picture stays
    }
  }
  document.documentElement.dataset.live = "";
  performance.mark("book-live");
  reachable();
}

// ---------------------------------------------------------------- the page

/** What can be scrolled can be reached by keyboard, and nothing else takes a stop. */
function reachable() {
  for (const box of document.querySelectorAll("pre, .katex-display, .scroll, figure:has(> img)")) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    if (wide) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

function theme() {
  const button = document.querySelector(".theme");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // A page that may keep nothing forgets it.
    }
    show();
  });
  system.addEventListener("change", show);
  show();
}

function menu() {
  const button = document.querySelector(".menu");
  const showCurrent = () => document.querySelector("#nav [aria-current]")?.scrollIntoView({ block: "nearest" });
  const toggle = (open) => {
    document.body.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) showCurrent();
  };
  showCurrent();
  button.addEventListener("click", () => toggle(button.getAttribute("aria-expanded") !== "true"));
  document.querySelector("#nav").addEventListener("click", (event) => event.target.closest("a") && toggle(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") !== "true") return;
    toggle(false);
    button.focus();
  });
}

// The bar has one line or more, by the page's width and the text's size; what hangs below it follows.
function bar() {
  const root = document.documentElement;
  const measured = ([entry]) => root.style.setProperty("--bar", `${entry.target.offsetHeight}px`);
  new ResizeObserver(measured).observe(document.querySelector(".bar"));
}

// The words of all pages come when somebody first wants to search.
function search() {
  const [form, input, found] = [".search", ".search input", ".found"].map((each) => document.querySelector(each));
  let index;
  const load = (name) =>
    new Promise((done, failed) => {
      const script = document.head.appendChild(document.createElement("script"));
      Object.assign(script, { src: `static/${name}`, onload: done, onerror: failed });
    });
  const prepare = () => {
    index ??= Promise.all([load("minisearch.js"), load("sections.js")]).then(() => {
      const fields = ["title", "text", "page", "code"];
      const made = new MiniSearch({ fields, storeFields: ["page", "title", "text"] });
      made.addAll(window.bookSections);
      return made;
    });
    return index;
  };
  const close = () => (found.hidden = true);
  const look = async () => {
    const words = input.value.trim();
    if (!words) return close();
    const boost = { title: 3, code: 0.5 }; // who looks for a word wants the text that speaks of it
    const results = (await prepare()).search(words, { prefix: true, fuzzy: 0.15, boost, combineWith: "AND" });
    if (input.value.trim() !== words) return;
    const list = document.createElement("ol");
    for (const result of results.slice(0, 12)) list.append(oneFound(result));
    found.replaceChildren(results.length ? list : "Nothing was found.");
    found.hidden = false;
  };
  input.addEventListener("focus", prepare, { once: true });
  input.addEventListener("input", look);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = found.querySelector("a");
    if (first && !found.hidden) location.href = first.href;
    else look();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  document.addEventListener("click", (event) => !form.contains(event.target) && close());
  found.addEventListener("click", (event) => event.target.closest("a") && close());
}

function oneFound({ id, page, title, text, terms }) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = id;
  link.textContent = title === page ? title : `${page} — ${title}`;
  const at = Math.max(0, ...terms.slice(0, 1).map((term) => text.toLowerCase().indexOf(term)));
  const words = item.appendChild(document.createElement("small"));
  words.textContent = `${at > 50 ? "…" : ""}${text.slice(Math.max(0, at - 50), at + 110)}…`;
  return item;
}

// Paper can't unfold anything.
function print() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });
}

theme();
bar();
menu();
search();
print();
reachable();
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
document.fonts?.ready.then(reachable);
enlivenAll();
