// Results of this browser to put side by side. value: {chosen, job}. Custom event: compare.
rescene.chooser = ({ element, props, trigger, watch }) => {
  const { make, url, ask, history } = rescene;
  const shelf = make('div', { class: 'rs-cards' });
  const line = make('p', { class: 'rs-status rs-quiet', role: 'status' });
  const button = make('button', { type: 'button', class: 'rs-button rs-strong', onclick: () => trigger('compare') }, 'Compare');
  const row = make('div', { class: 'rs-row' }, button, line);
  const empty = make('div', { class: 'rs-empty' }, rescene.mark(), make('p', {}, 'Edit a video first. Its results appear here, to be put side by side.'));
  const place = make('div', { class: 'rs-page-place' });
  element.replaceChildren(empty, shelf, row, place);
  let turn = 0;

  const chosen = () => props.value?.chosen || [];
  const toggle = (id) => {
    const next = chosen().includes(id) ? chosen().filter((other) => other !== id) : [...chosen(), id];
    props.value = { ...(props.value || {}), chosen: next };
    trigger('change');
    mark();
  };
  const mark = () => {
    for (const card of shelf.children) card.setAttribute('aria-pressed', chosen().includes(card.dataset.job));
    button.disabled = !chosen().length;
  };

  const list = async () => {
    const jobs = await Promise.all(history.all().map(({ id }) => ask(`jobs/${id}`).catch(() => null)));
    const made = jobs.filter((job) => job && job.state === 'done' && job.settings.trim && job.files.includes('source'));
    shelf.replaceChildren(...made.map((job) => make('button', { type: 'button', class: 'rs-card', 'data-job': job.id, onclick: () => toggle(job.id) },
      rescene.still(url(`jobs/${job.id}/result`)), make('span', {}, `${job.title} · ${job.settings.method}`))));
    [empty.hidden, row.hidden] = [made.length > 0, !made.length];
    if (!turn) line.textContent = 'Choose the results of one clip.';
    mark();
  };

  const follow = async (id, own) => {
    while (own === turn && element.isConnected) {
      const job = await ask(`jobs/${id}`).catch(() => null);
      if (own !== turn) return;
      if (!job || ['failed', 'cancelled'].includes(job.state)) { line.textContent = job ? job.error || 'Cancelled.' : 'The page is gone.'; return; }
      if (job.state === 'done') {
        line.replaceChildren(make('a', { class: 'rs-button', href: url(`jobs/${id}/page?download`) }, 'Download the page'));
        const frame = make('iframe', { class: 'rs-frame', src: url(`jobs/${id}/page`), sandbox: 'allow-scripts', title: 'Comparison' });
        place.replaceChildren(frame);
        return;
      }
      line.textContent = job.state === 'waiting' ? 'Waiting' : `${job.stage}${job.total ? ` ${job.step} of ${job.total}` : ''}`;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  watch('value', () => { turn += 1; if (props.value?.job) follow(props.value.job, turn); });
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) list(); }).observe(element);
  list();
};
