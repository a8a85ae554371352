// Source and result in step, with a divider between them that can be dragged.
rescene.player = ({ result, source }) => {
  const { make, icon, icons } = rescene;
  const settings = { muted: true, loop: true, playsinline: true, preload: 'auto' };
  const shown = make('video', { ...settings, src: result, class: 'rs-result' });
  const under = source && make('video', { ...settings, src: source, class: 'rs-source' });
  shown.muted = true;
  if (under) under.muted = true;
  const divider = make('input', { type: 'range', min: 0, max: 100, value: 50, step: 0.1, class: 'rs-divider', 'aria-label': 'Divider between source and result' });
  const screen = make('div', { class: 'rs-screen' }, under, shown);
  if (under) screen.append(make('span', { class: 'rs-tag rs-left' }, 'source'), make('span', { class: 'rs-tag rs-right' }, 'result'), make('i', { class: 'rs-line' }), divider);
  const play = make('button', { type: 'button', class: 'rs-play', 'aria-label': 'Play or pause' }, icon(icons.pause));
  const scrub = make('input', { type: 'range', min: 0, max: 1, step: 0.001, value: 0, class: 'rs-scrub', 'aria-label': 'Time' });
  const time = make('output', { class: 'rs-time' });
  const root = make('div', { class: 'rs-player' }, screen, make('div', { class: 'rs-bar' }, play, scrub, time));

  const place = () => screen.style.setProperty('--at', `${divider.value}%`);
  divider.addEventListener('input', place);
  place();
  const start = () => { shown.play().catch(() => {}); under?.play().catch(() => {}); };
  play.addEventListener('click', () => { if (shown.paused) start(); else { shown.pause(); under?.pause(); } });
  for (const event of ['play', 'pause']) {
    shown.addEventListener(event, () => play.replaceChildren(icon(shown.paused ? icons.play : icons.pause)));
  }
  scrub.addEventListener('input', () => {
    shown.pause();
    under?.pause();
    shown.currentTime = scrub.value * (shown.duration || 0);
  });
  shown.addEventListener('loadedmetadata', () => {
    screen.style.aspectRatio = `${shown.videoWidth} / ${shown.videoHeight}`;
    screen.style.setProperty('--shape', shown.videoWidth / shown.videoHeight);
  });

  // The result leads; the source follows, exactly when still and closely when playing.
  const follow = () => {
    if (!root.isConnected && root.dataset.shown) return;
    if (root.isConnected) root.dataset.shown = 'yes';
    if (shown.duration) {
      if (document.activeElement !== scrub || !shown.paused) scrub.value = shown.currentTime / shown.duration;
      time.value = `${shown.currentTime.toFixed(1)} / ${shown.duration.toFixed(1)} s`;
    }
    if (under && under.readyState && !under.seeking) {
      const apart = Math.abs(under.currentTime - shown.currentTime);
      if (apart > (shown.paused ? 0.005 : 0.12)) under.currentTime = shown.currentTime;
      if (under.paused !== shown.paused) shown.paused ? under.pause() : under.play().catch(() => {});
    }
    requestAnimationFrame(follow);
  };
  requestAnimationFrame(follow);
  start();
  return root;
};
