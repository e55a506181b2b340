// Formulas to HTML with MathML inside, which screen readers read: [[displayed, TeX], ...] comes in as JSON, a list of
// texts goes out. The argument is KaTeX's folder. A formula that KaTeX doubts is an error.

const katex = require(`${process.argv[2]}/dist/katex.js`);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const html = formulas.map(([displayMode, tex]) =>
  katex.renderToString(tex, { displayMode, throwOnError: true, strict: "error", output: "htmlAndMathml" }),
);
process.stdout.write(JSON.stringify(html));
