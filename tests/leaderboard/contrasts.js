// Least contrast of text with what is behind it, for each kind of element of a page (WCAG 2.1, relative luminance).
(() => {
  const parts = text => (text.match(/[\d.]+/g) || []).map(Number);
  const over = (top, under) => {
    const a = top[3] ?? 1;
    return top.slice(0, 3).map((x, i) => a * x + (1 - a) * under[i]);
  };
  const light = colour => {
    const [r, g, b] = colour.map(x => ((x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = of =>
    of ? over(parts(getComputedStyle(of).backgroundColor), ground(of.parentElement)) : [255, 255, 255];
  const found = {}, walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const of = walk.currentNode.parentElement, style = getComputedStyle(of), drawn = of instanceof SVGElement;
    if (!walk.currentNode.textContent.trim() || !of.getClientRects().length) continue;
    let under = ground(of);
    if (of.matches(".in-heat, .on-bar")) {
      const box = getComputedStyle(of.parentElement.querySelector("rect"));
      under = over([...parts(box.fill).slice(0, 3), parseFloat(box.fillOpacity)], under);
    }
    const at = ratio(over(parts(drawn ? style.fill : style.color), under), under);
    const name = `${of.tagName} .${of.getAttribute("class") ?? ""} in ${of.parentElement.getAttribute("class") ?? ""}`;
    found[name] = Math.min(found[name] ?? 99, at);
  }
  return found;
})()
