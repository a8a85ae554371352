// The clip before it is edited: it plays the part between two handles.
rescene.timeline = ({ source, trim, changed }) => {
  const { make } = rescene;
  const video = make('video', { src: rescene.url(`sources/${source.id}/video`), muted: true, loop: true, playsinline: true, autoplay: true });
  video.muted = true;
  const screen = make('div', { class: 'rs-screen' }, video);
  screen.style.aspectRatio = `${source.width} / ${source.height}`;
  screen.style.setProperty('--shape', source.width / source.height);
  const handle = (name, value) => make('input', { type: 'range', min: 0, max: source.frames, step: 1, value, class: `rs-handle rs-${name}`, 'aria-label': name === 'from' ? 'First frame' : 'Last frame' });
  const from = handle('from', trim.start);
  const to = handle('to', trim.end);
  const strip = make('div', { class: 'rs-strip' }, make('i', { class: 'rs-cut' }), make('i', { class: 'rs-kept' }), make('i', { class: 'rs-cut rs-last' }), from, to);
  strip.style.backgroundImage = `url("${rescene.url(`sources/${source.id}/strip`)}")`;
  const line = make('p', { class: 'rs-quiet' });

  const range = () => ({ start: Number(from.value), end: Number(to.value) });
  const draw = () => {
    const { start, end } = range();
    strip.style.setProperty('--from', `${(100 * start) / source.frames}%`);
    strip.style.setProperty('--to', `${(100 * end) / source.frames}%`);
    const kept = start || end < source.frames ? `frames ${start + 1} to ${end} of ${source.frames}` : `all ${source.frames} frames`;
    line.textContent = `${source.name} · ${kept} · ${((end - start) / source.fps).toFixed(2)} s · ${source.width} × ${source.height}`;
  };
  const move = (event) => {
    if (event.target === from) from.value = Math.min(from.value, to.value - 1);
    else to.value = Math.max(to.value, Number(from.value) + 1);
    video.pause();
    video.currentTime = (event.target === from ? range().start : range().end - 0.5) / source.fps;
    draw();
  };
  for (const each of [from, to]) {
    each.addEventListener('input', move);
    each.addEventListener('change', () => { changed(range()); video.play().catch(() => {}); });
  }
  video.addEventListener('timeupdate', () => {
    const { start, end } = range();
    if (!video.paused && (video.currentTime >= end / source.fps || video.currentTime < start / source.fps - 0.05)) video.currentTime = start / source.fps;
  });
  draw();
  return make('div', { class: 'rs-timeline' }, screen, strip, line);
};
