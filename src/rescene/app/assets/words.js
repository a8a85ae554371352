// The words that change from the source to the target, as they are typed. value: {source, target}.
rescene.words = ({ element, props, watch, boxes }) => {
  const { make } = rescene;

  // The longest common subsequence of words; the rest was taken out or put in.
  const compared = (from, to) => {
    const length = Array.from({ length: from.length + 1 }, () => new Array(to.length + 1).fill(0));
    for (let i = from.length - 1; i >= 0; i -= 1) {
      for (let j = to.length - 1; j >= 0; j -= 1) {
        length[i][j] = from[i] === to[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
      }
    }
    const parts = [];
    let [i, j] = [0, 0];
    while (i < from.length || j < to.length) {
      if (i < from.length && j < to.length && from[i] === to[j]) { parts.push(['span', to[j]]); i += 1; j += 1; }
      else if (i < from.length && (j === to.length || length[i + 1][j] >= length[i][j + 1])) { parts.push(['del', from[i]]); i += 1; }
      else { parts.push(['ins', to[j]]); j += 1; }
    }
    return parts;
  };

  const draw = ({ source = '', target = '' }) => {
    const [from, to] = [source, target].map((text) => text.trim().split(/\s+/).filter(Boolean));
    if (!from.length || !to.length) return element.replaceChildren();
    const parts = compared(from, to);
    if (parts.every(([tag]) => tag === 'span')) return element.replaceChildren(make('p', { class: 'rs-words rs-quiet' }, 'No word changes yet.'));
    return element.replaceChildren(make('p', { class: 'rs-words' }, ...parts.flatMap(([tag, word]) => [make(tag, {}, word), ' '])));
  };
  const typed = (name) => document.querySelector(`${boxes[name]} textarea`)?.value;
  document.addEventListener('input', (event) => {
    if (event.target.closest(Object.values(boxes).join())) draw({ source: typed('source'), target: typed('target') });
  });
  watch('value', () => draw(props.value || {}));
  draw(props.value || {});
};
