// A pasted line is looked for whole: sections that hold all its words come first, then those that hold some.
{
  const search = elasticlunr.Index.prototype.search;
  elasticlunr.Index.prototype.search = function (words, options) {
    const all = search.call(this, words, { ...options, bool: "AND" });
    const seen = new Set(all.map(({ ref }) => ref));
    const some = search.call(this, words, { ...options, bool: "OR" });
    return [...all, ...some.filter(({ ref }) => !seen.has(ref))];
  };
}
