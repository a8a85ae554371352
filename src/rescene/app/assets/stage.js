// The large picture: the clip with its timeline, the job while it runs, and what came of it.
// value: {source, trim, job}. Custom event: again.
rescene.stage = ({ element, props, trigger, watch, tab, empty }) => {
  const { make, url, ask, spoken, history } = rescene;
  const main = make('div', { class: 'rs-main' });
  const shelf = make('div', { class: 'rs-shelf' });
  element.replaceChildren(main, shelf);
  const downloads = { result: 'Download', adapter: 'Download the motion', settings: 'Settings' };
  let showing = '';
  let polling = 0;

  const set = (change, event) => {
    props.value = { ...(props.value || {}), ...change };
    if (event) trigger(event);
  };

  const showSource = () => {
    const source = props.value?.source;
    if (!source) return main.replaceChildren(make('div', { class: 'rs-empty rs-nothing' }, rescene.mark(), make('p', {}, empty)));
    const changed = (trim) => set({ trim, job: null }, 'change');
    const trim = props.value.trim || { start: 0, end: source.frames };
    main.replaceChildren(rescene.timeline({ source, trim, changed }));
  };

  // While a job waits or runs.
  const showRunning = (job) => {
    let card = main.querySelector('.rs-running');
    if (!card || card.dataset.job !== job.id) {
      const cancel = make('button', { type: 'button', class: 'rs-button rs-cancel', onclick: () => ask(`jobs/${job.id}/cancel`, { method: 'POST' }).then(show) }, 'Cancel');
      card = make('div', { class: 'rs-running', 'data-job': job.id },
        make('div', { class: 'rs-screen' }, make('img', { class: 'rs-preview', alt: 'The result while it forms' }), make('span', { class: 'rs-wait' })),
        make('progress', { max: 1 }), make('div', { class: 'rs-row' }, make('p', { class: 'rs-status', role: 'status' }), cancel));
      const source = props.value?.source;
      if (source) card.firstChild.style.aspectRatio = `${source.width} / ${source.height}`;
      card.firstChild.style.setProperty('--shape', source ? source.width / source.height : 1);
      main.replaceChildren(card);
    }
    const image = card.querySelector('img');
    if (job.preview && image.src !== job.preview) image.src = job.preview;
    image.hidden = !job.preview;
    card.querySelector('.rs-wait').textContent = job.preview ? '' : job.state === 'waiting' ? 'In the queue' : job.step ? 'At work' : 'Getting ready';
    // A training shows its curve and its samples instead, redrawn at each checkpoint.
    const made = samples(job).length;
    if (job.files.includes('curve') && card.dataset.made !== String(made)) {
      card.dataset.made = made;
      card.firstChild.replaceWith(learnt(job, made));
    }
    const bar = card.querySelector('progress');
    if (job.total) bar.value = job.step / job.total; else bar.removeAttribute('value');
    card.querySelector('.rs-status').textContent = status(job);
    card.querySelector('.rs-cancel').disabled = job.stopping;
  };

  const status = (job) => {
    if (job.stopping) return 'Stopping after this step';
    if (job.state === 'waiting') return job.ahead === 1 ? 'Waiting: 1 job before this one' : `Waiting: ${job.ahead} jobs before this one`;
    const left = job.seconds_left == null ? '' : ` · about ${spoken(job.seconds_left)} left`;
    return `${job.stage}${job.total ? ` ${job.step} of ${job.total}` : ''}${left}`;
  };

  // What a training has to show: the losses, and a sample for each checkpoint.
  const samples = (job) => job.files.filter((name) => name.startsWith('sample-'));
  const learnt = (job, at) => make('div', { class: 'rs-learnt' },
    make('img', { class: 'rs-curve', src: url(`jobs/${job.id}/curve?at=${at}`), alt: 'The losses over the steps' }),
    make('div', { class: 'rs-cards' }, ...samples(job).map((name) => make('figure', { class: 'rs-card' },
      rescene.film(url(`jobs/${job.id}/${name}`)), make('figcaption', {}, name.replace('sample-', 'after step '))))));

  const showDone = (job) => {
    const file = (name) => url(`jobs/${job.id}/${name}`);
    const seed = job.settings.fields?.seed;
    const buttons = make('div', { class: 'rs-row' },
      ...job.files.filter((name) => downloads[name]).map((name, at) => make('a', { class: at ? 'rs-button' : 'rs-button rs-strong', href: file(`${name}?download`) }, downloads[name])),
      job.again ? make('button', { type: 'button', class: 'rs-button', onclick: () => set({ again: job.id }, 'again') }, 'Again with another seed') : null,
      props.value?.source ? make('button', { type: 'button', class: 'rs-button rs-plain', onclick: () => { set({ job: null }); refresh(); } }, 'Back to the clip') : null);
    const facts = [job.name, job.facts, `made in ${spoken(job.seconds)}`, seed == null ? '' : `seed ${seed}`].filter(Boolean).join(' · ');
    main.replaceChildren(make('div', { class: 'rs-done', 'data-job': job.id },
      job.files.includes('result') ? rescene.player({ result: file('result'), source: job.files.includes('source') && file('source') }) : null,
      make('h3', {}, job.title), make('p', { class: 'rs-quiet' }, facts), buttons,
      job.files.includes('curve') ? learnt(job, 'end') : null));
    drawShelf();
  };

  const showEnded = (job) => {
    const text = job.state === 'cancelled' ? 'Cancelled. The model is free for the next job.' : job.error;
    main.replaceChildren(make('div', { class: 'rs-empty', role: 'alert', 'data-job': job.id }, make('p', {}, text),
      make('button', { type: 'button', class: 'rs-button', onclick: () => { set({ job: null }); refresh(); } }, 'Back')));
  };

  const show = (job) => {
    if (job.id !== props.value?.job) return;
    if (job.state === 'waiting' || job.state === 'running') return showRunning(job);
    if (showing === `${job.id} ${job.state}`) return;
    showing = `${job.id} ${job.state}`;
    trigger('change'); // What the next one costs has changed: nothing is before it any more.
    if (job.state === 'done') showDone(job); else showEnded(job);
  };

  const poll = async (id, turn) => {
    while (turn === polling && element.isConnected) {
      try {
        const job = await ask(`jobs/${id}`);
        if (turn !== polling) return;
        show(job);
        if (!['waiting', 'running'].includes(job.state)) return;
      } catch (error) {
        if (error.status === 404) { history.drop(id); set({ job: null }); return refresh(); }
      }
      await new Promise((resolve) => setTimeout(resolve, document.hidden ? 2000 : 400));
    }
  };

  // Small pictures of what this browser made before.
  const drawShelf = async () => {
    const known = history.all().filter((job) => job.tab === tab);
    const cards = await Promise.all(known.map(({ id }) => ask(`jobs/${id}`).catch((error) => { if (error.status === 404) history.drop(id); })));
    const done = cards.filter((job) => job && job.state === 'done');
    shelf.replaceChildren(...(done.length > 1 ? [make('h4', {}, 'Earlier results'), make('div', { class: 'rs-cards' }, ...done.map(shelfCard))] : []));
  };
  const shelfCard = (job) => make('button', { type: 'button', class: 'rs-card', 'aria-current': job.id === props.value?.job, title: job.title, onclick: () => { set({ job: job.id }); refresh(); } },
    job.files.includes('result') ? rescene.still(url(`jobs/${job.id}/result`)) : null, make('span', {}, job.title));

  const refresh = () => {
    const id = props.value?.job;
    polling += 1;
    showing = '';
    if (!id) { showSource(); return drawShelf(); }
    if (!history.all().some((job) => job.id === id)) { history.add(id, tab); main.scrollIntoView({ block: 'nearest', behavior: 'smooth' }); }
    return poll(id, polling);
  };
  watch('value', refresh);
  // A job that was at work when the tab was closed is shown again.
  const last = history.all().find((job) => job.tab === tab);
  if (last && !props.value?.job) {
    ask(`jobs/${last.id}`).then((job) => { if (['waiting', 'running'].includes(job.state)) { set({ job: job.id }); refresh(); } }).catch(() => {});
  }
  refresh();
};
